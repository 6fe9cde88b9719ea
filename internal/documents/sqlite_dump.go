package documents

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"strings"

	"github.com/mivaa/mivaa/jobs"
)

// dumpedAtOnce is how many documents one statement reads: facts and profile may
// be long.
const dumpedAtOnce = 100

// Dump yields every document, in the order of their ids, so that a dump of a
// store that nobody changes is the same each time. It holds no transaction: of
// documents that come while it runs it yields those with an id ahead. An error
// is the last thing it yields.
func (s *SQLite) Dump(ctx context.Context) iter.Seq2[Full, error] {
	return func(yield func(Full, error) bool) {
		after := ""
		for {
			found, err := s.dump(ctx, after)
			if err != nil {
				yield(Full{}, s.explain("read documents", err))
				return
			}
			for _, f := range found {
				if err := s.told(ctx, &f); err != nil {
					yield(Full{}, s.explain("read what is told of document "+f.ID.String(), err))
					return
				}
				if !yield(f, nil) {
					return
				}
			}
			if len(found) < dumpedAtOnce {
				return
			}
			after = found[len(found)-1].ID.String()
		}
	}
}

func (s *SQLite) dump(ctx context.Context, after string) ([]Full, error) {
	return query(ctx, s.db.Reader(), scanFull, `
SELECT coalesce(record_key, ''), coalesce(dedup_key, ''),
	coalesce((SELECT password FROM document_secrets WHERE document_id = documents.id), ''),
	(SELECT group_concat(job_id) FROM document_replaced WHERE document_id = documents.id), `+columns+`
FROM documents WHERE id > ? ORDER BY id LIMIT ?`, after, dumpedAtOnce)
}

// more is a row of which the first columns were not asked for.
type more struct {
	scanner
	first []any
}

func (m more) Scan(dest ...any) error { return m.scanner.Scan(append(m.first, dest...)...) }

func scanFull(row scanner) (Full, error) {
	var f Full
	var replaced sql.NullString
	d, err := scan(more{row, []any{&f.RecordKey, &f.DedupKey, &f.Password, &replaced}})
	if err != nil {
		return f, err
	}
	f.Document = d
	for id := range strings.SplitSeq(replaced.String, ",") {
		if id == "" {
			continue
		}
		job, err := jobs.ParseID(id)
		if err != nil {
			return f, fmt.Errorf("document %s: %w: %w", d.ID, errUnreadable, err)
		}
		f.Replaced = append(f.Replaced, job)
	}
	return f, nil
}

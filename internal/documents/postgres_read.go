package documents

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/mivaa/mivaa/jobs"
)

// Get implements Store.
func (s *Postgres) Get(ctx context.Context, id jobs.ID) (Document, error) {
	op := "read document " + id.String()
	d, err := pgReadOne(ctx, s, op, postgresScan, `SELECT `+postgresColumns+` FROM jobs_schema.documents WHERE id = $1::uuid`, pgUUID(id))
	if errors.Is(err, pgx.ErrNoRows) {
		return d, fmt.Errorf("%s: %w", op, ErrNotFound)
	}
	return d, err
}

// List implements Store.
func (s *Postgres) List(ctx context.Context, f Filter) ([]Document, error) {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	args := []any{min(f.Limit, 1000), max(f.Offset, 0)}
	where := []string{"TRUE"}
	if text(f.Owner, maxKey) != nil {
		return nil, nil //nolint:nilerr // no document has such an owner, and the database takes no such text
	}
	if f.Owner != "" {
		args = append(args, f.Owner)
		where = append(where, fmt.Sprintf(`owner = $%d::text`, len(args)))
	}
	if f.After != nil {
		args = append(args, f.After.CreatedAt, pgUUID(f.After.ID))
		where = append(where, fmt.Sprintf(`(created_at, id) < ($%d::timestamptz, $%d::uuid)`, len(args)-1, len(args)))
	}
	found, err := pgRead(ctx, s, "list documents", postgresScan, `
SELECT id, content_job_id, owner, filename, source_sha256, source_size, media_type, metadata, options, NULL::json, NULL::json, created_at, updated_at
FROM jobs_schema.documents WHERE `+strings.Join(where, " AND ")+`
ORDER BY created_at DESC, id DESC LIMIT $1::bigint OFFSET $2::bigint`, args...)
	return found, err
}

// ByPrefix implements Store.
func (s *Postgres) ByPrefix(ctx context.Context, prefix string, limit int) ([]jobs.ID, error) {
	first, last, ok := idsWith(prefix)
	if !ok {
		return nil, nil
	}
	return pgRead(ctx, s, "find documents", pgScanID,
		`SELECT id FROM jobs_schema.documents WHERE id BETWEEN $1::uuid AND $2::uuid ORDER BY id LIMIT $3::bigint`, first, last, limit)
}

// idsWith returns the least and the greatest id that begin with a prefix; false
// if none does.
func idsWith(prefix string) (first, last string, ok bool) {
	const zeros, fs = "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"
	if len(prefix) > len(zeros) {
		return "", "", false
	}
	for i := range len(prefix) {
		if dash := zeros[i] == '-'; dash != (prefix[i] == '-') || !dash && !strings.ContainsRune("0123456789abcdefABCDEF", rune(prefix[i])) {
			return "", "", false
		}
	}
	return prefix + zeros[len(prefix):], prefix + fs[len(prefix):], true
}

// Content implements Store.
func (s *Postgres) Content(ctx context.Context, id jobs.ID) (Content, error) {
	op := "read content of " + id.String()
	c, err := pgReadOne(ctx, s, op, func(row pgx.CollectableRow) (Content, error) {
		c := Content{DocumentID: id}
		var job pgtype.UUID
		err := row.Scan(&job, &c.Complete)
		if job.Valid {
			c.JobID = job.Bytes
		}
		return c, err
	}, `SELECT job_id, complete FROM jobs_schema.document_content WHERE document_id = $1::uuid`, pgUUID(id))
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Content{DocumentID: id}, fmt.Errorf("%s: %w", op, ErrNotFound)
	case err == nil && c.JobID.IsZero():
		return c, fmt.Errorf("%s: %w", op, ErrNoContent)
	}
	return c, err
}

// FailedPages implements Store.
func (s *Postgres) FailedPages(ctx context.Context, job jobs.ID) ([]FailedPage, error) {
	const failed = `
SELECT CASE WHEN jobs_schema.step_field(data, 'page_number') ~ '^[0-9]{1,9}$' THEN jobs_schema.step_field(data, 'page_number')::integer ELSE seq END,
	coalesce(jobs_schema.step_field(data, 'error_code'), ''), coalesce(jobs_schema.step_field(data, 'error'), '')
FROM jobs_schema.job_steps WHERE job_id = $1::uuid AND ` + postgresFailedPage + ` ORDER BY seq`
	return pgRead(ctx, s, "read failed pages of job "+job.String(), func(row pgx.CollectableRow) (FailedPage, error) {
		var p FailedPage
		err := row.Scan(&p.PageNumber, &p.Code, &p.Error)
		return p, err
	}, failed, pgUUID(job))
}

// Recorded implements Store.
func (s *Postgres) Recorded(ctx context.Context, job jobs.ID) (int, error) {
	return pgReadOne(ctx, s, "read steps of job "+job.String(), pgx.RowTo[int],
		`SELECT coalesce(max(seq), 0) FROM jobs_schema.job_steps WHERE job_id = $1::uuid`, pgUUID(job))
}

// Password implements Store.
func (s *Postgres) Password(ctx context.Context, id jobs.ID) (string, error) {
	p, err := pgReadOne(ctx, s, "read secret of document "+id.String(), pgx.RowTo[string],
		`SELECT password FROM jobs_schema.document_secrets WHERE document_id = $1::uuid`, pgUUID(id))
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return p, err
}

func (s *Postgres) passwordOf(ctx context.Context, tx pgx.Tx, id jobs.ID) (string, error) {
	found, err := pgQuery(ctx, s, tx, pgx.RowTo[string], `SELECT password FROM jobs_schema.document_secrets WHERE document_id = $1::uuid`, pgUUID(id))
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0], nil
}

// sourcesAtOnce is how many sources one statement looks for.
const sourcesAtOnce = 1000

// SourcesInUse implements Store.
func (s *Postgres) SourcesInUse(ctx context.Context, sha256 []string) (map[string]bool, error) {
	used := map[string]bool{}
	for len(sha256) > 0 {
		n := min(len(sha256), sourcesAtOnce)
		// LIMIT keeps it from becoming a join, which would read the whole table.
		found, err := pgRead(ctx, s, "find sources in use", pgx.RowTo[string], `
SELECT sha256 FROM unnest($1::text[]) sha256
WHERE (SELECT TRUE FROM jobs_schema.documents WHERE source_sha256 = sha256 LIMIT 1)`, sha256[:n])
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			used[f] = true
		}
		sha256 = sha256[n:]
	}
	return used, nil
}

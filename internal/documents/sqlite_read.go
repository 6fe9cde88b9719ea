package documents

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/sqlite"
)

// querier is a transaction or the pool of readers.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

type scanner interface{ Scan(dest ...any) error }

// query reads all rows.
func query[T any](ctx context.Context, q querier, scan func(scanner) (T, error), stmt string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, stmt, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

func scanID(row scanner) (jobs.ID, error) {
	var s string
	if err := row.Scan(&s); err != nil {
		return jobs.ID{}, err
	}
	id, err := jobs.ParseID(s)
	if err != nil {
		return jobs.ID{}, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	return id, nil
}

func scanText(row scanner) (string, error) {
	var s string
	err := row.Scan(&s)
	return s, err
}

func exists(ctx context.Context, tx *sql.Tx, id jobs.ID) error {
	var one int
	err := tx.QueryRowContext(ctx, `SELECT 1 FROM documents WHERE id = ?`, id.String()).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// Get implements Store.
func (s *SQLite) Get(ctx context.Context, id jobs.ID) (Document, error) {
	d, err := scan(s.db.Reader().QueryRowContext(ctx, `SELECT `+columns+` FROM documents WHERE id = ?`, id.String()))
	return d, s.explain("read document "+id.String(), err)
}

// List implements Store.
func (s *SQLite) List(ctx context.Context, f Filter) ([]Document, error) {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	where, args := []string{"true"}, []any{}
	if f.Owner != "" {
		where, args = append(where, `owner = ?`), append(args, f.Owner)
	}
	if f.After != nil {
		where, args = append(where, `(created_at, id) < (?, ?)`), append(args, sqlite.FormatTime(f.After.CreatedAt), f.After.ID.String())
	}
	args = append(args, min(f.Limit, 1000), max(f.Offset, 0))
	found, err := query(ctx, s.db.Reader(), scan, `
SELECT id, content_job_id, owner, filename, source_sha256, source_size, media_type, metadata, options, '', NULL, created_at, updated_at
FROM documents WHERE `+strings.Join(where, " AND ")+`
ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?`, args...)
	for i := range found {
		found[i].Facts = nil
	}
	return found, s.explain("list documents", err)
}

// ByPrefix implements Store.
func (s *SQLite) ByPrefix(ctx context.Context, prefix string, limit int) ([]jobs.ID, error) {
	ids, err := query(ctx, s.db.Reader(), scanID, `
SELECT id FROM documents WHERE id >= lower(?1) AND id < lower(?1) || 'g' AND substr(id, 1, length(?1)) = lower(?1) ORDER BY id LIMIT ?2`, prefix, limit)
	return ids, s.explain("find documents", err)
}

// Content implements Store.
func (s *SQLite) Content(ctx context.Context, id jobs.ID) (Content, error) {
	var job sql.NullString
	c := Content{DocumentID: id}
	err := s.db.Reader().QueryRowContext(ctx, `SELECT job_id, complete FROM document_content WHERE document_id = ?`, id.String()).Scan(&job, &c.Complete)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return c, fmt.Errorf("read content of %s: %w", id, ErrNotFound)
	case err != nil:
		return c, s.explain("read content of "+id.String(), err)
	case !job.Valid:
		return c, fmt.Errorf("read content of %s: %w", id, ErrNoContent)
	}
	c.JobID, err = jobs.ParseID(job.String)
	return c, err
}

// FailedPages implements Store.
func (s *SQLite) FailedPages(ctx context.Context, job jobs.ID) ([]FailedPage, error) {
	pages, err := query(ctx, s.db.Reader(), func(row scanner) (FailedPage, error) {
		var p FailedPage
		err := row.Scan(&p.PageNumber, &p.Code, &p.Error)
		return p, err
	}, `
SELECT coalesce(data ->> '$.page_number', seq), coalesce(data ->> '$.error_code', ''), coalesce(data ->> '$.error', '')
FROM job_steps WHERE job_id = ? AND `+failedPage+` ORDER BY seq`, job.String())
	return pages, s.explain("read failed pages of job "+job.String(), err)
}

// Recorded implements Store.
func (s *SQLite) Recorded(ctx context.Context, job jobs.ID) (int, error) {
	var n int
	err := s.db.Reader().QueryRowContext(ctx, `SELECT coalesce(max(seq), 0) FROM job_steps WHERE job_id = ?`, job.String()).Scan(&n)
	return n, s.explain("read steps of job "+job.String(), err)
}

// Password implements Store.
func (s *SQLite) Password(ctx context.Context, id jobs.ID) (string, error) {
	p, err := passwordOf(ctx, s.db.Reader(), id)
	return p, s.explain("read secret of document "+id.String(), err)
}

func passwordOf(ctx context.Context, q querier, id jobs.ID) (string, error) {
	found, err := query(ctx, q, scanText, `SELECT password FROM document_secrets WHERE document_id = ?`, id.String())
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0], nil
}

func setPassword(ctx context.Context, tx *sql.Tx, id jobs.ID, password string) error {
	_, err := tx.ExecContext(ctx, `
INSERT INTO document_secrets (document_id, password) VALUES (?, ?)
ON CONFLICT (document_id) DO UPDATE SET password = excluded.password`, id.String(), password)
	return err
}

// SourcesInUse implements Store.
func (s *SQLite) SourcesInUse(ctx context.Context, sha256 []string) (map[string]bool, error) {
	used := map[string]bool{}
	for len(sha256) > 0 {
		n := min(len(sha256), 500)
		args := make([]any, n)
		for i := range n {
			args[i] = sha256[i]
		}
		found, err := query(ctx, s.db.Reader(), func(row scanner) (string, error) {
			var s string
			err := row.Scan(&s)
			return s, err
		}, `SELECT DISTINCT source_sha256 FROM documents WHERE source_sha256 IN (`+marks(n)+`)`, args...)
		if err != nil {
			return nil, s.explain("find sources in use", err)
		}
		for _, f := range found {
			used[f] = true
		}
		sha256 = sha256[n:]
	}
	return used, nil
}

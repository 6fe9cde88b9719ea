package documents

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/sqlite"
)

// Delete implements Store.
func (s *SQLite) Delete(ctx context.Context, id jobs.ID, by string) error {
	return s.delete(ctx, id, by, func(ctx context.Context, tx *sql.Tx) error { return exists(ctx, tx, id) })
}

// delete deletes a document if check returns nil: first the pages, some at a
// time, then what is left.
func (s *SQLite) delete(ctx context.Context, id jobs.ID, by string, check func(context.Context, *sql.Tx) error) error {
	var had []jobs.ID
	err := s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := check(ctx, tx); err != nil {
			return err
		}
		if err := s.cancelJobs(ctx, tx, id, jobs.ID{}, by); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE documents SET dedup_key = NULL WHERE id = ?`, id.String())
		if err != nil {
			return err
		}
		had, err = query(ctx, tx, scanID, `
SELECT id FROM background_jobs WHERE document_id = ?1
UNION SELECT content_job_id FROM documents WHERE id = ?1 AND content_job_id IS NOT NULL
UNION SELECT job_id FROM document_replaced WHERE document_id = ?1`, id.String())
		return err
	})
	for _, job := range had {
		if err == nil {
			err = s.dropSteps(ctx, job, `true`)
		}
	}
	if err == nil {
		err = s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
			if err := s.cancelJobs(ctx, tx, id, jobs.ID{}, by); err != nil {
				return err // somebody resumed one
			}
			// The rest goes by foreign keys and the triggers of the store below.
			_, err := tx.ExecContext(ctx, `DELETE FROM documents WHERE id = ?`, id.String())
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("delete document %s: %w", id, err)
	}
	return nil
}

// Cleanup implements Store.
func (s *SQLite) Cleanup(ctx context.Context, before time.Time, limit int) (int, error) {
	if err := errors.Join(s.dropReplaced(ctx), s.dropDeliveries(ctx)); err != nil || before.IsZero() {
		return 0, err
	}
	due := `updated_at < ?1 AND ` + noLiveJob("documents.id")
	at := sqlite.FormatTime(before)
	ids, err := query(ctx, s.db.Reader(), scanID, `SELECT id FROM documents WHERE `+due+` ORDER BY updated_at LIMIT ?2`, at, limit)
	if err != nil {
		return 0, s.explain("find documents to delete", err)
	}
	n := 0
	for _, id := range ids {
		err := s.delete(ctx, id, "retention", func(ctx context.Context, tx *sql.Tx) error {
			var one int
			return tx.QueryRowContext(ctx, `SELECT 1 FROM documents WHERE id = ?2 AND `+due, at, id.String()).Scan(&one)
		})
		switch {
		case errors.Is(err, sql.ErrNoRows): // it is not due any more
		case err != nil:
			return n, err
		default:
			n++
		}
	}
	return n, nil
}

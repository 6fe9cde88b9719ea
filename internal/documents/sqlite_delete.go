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

// Delete cancels the document's live jobs and deletes it with its jobs, their
// history and pages, and its secret. Its source goes with the next sweep of the
// blob store if no other document has it. ErrNotFound.
func (s *Store) Delete(ctx context.Context, id jobs.ID, by string) error {
	err := s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := exists(ctx, tx, id); err != nil {
			return err
		}
		if err := s.cancelJobs(ctx, tx, id, jobs.ID{}, by); err != nil {
			return err
		}
		return deleteDocument(ctx, tx, id)
	})
	if err != nil {
		return fmt.Errorf("delete document %s: %w", id, err)
	}
	return nil
}

// deleteDocument deletes the row. The rest goes by foreign keys and by the
// triggers of the store below.
func deleteDocument(ctx context.Context, tx *sql.Tx, id jobs.ID) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM documents WHERE id = ?`, id.String())
	return err
}

// Cleanup deletes at most limit documents that were last submitted, read again
// or published before a time and have no live job, and returns how many.
func (s *Store) Cleanup(ctx context.Context, before time.Time, limit int) (int, error) {
	due := `updated_at < ?1 AND ` + noLiveJob("documents.id")
	at := sqlite.FormatTime(before)
	ids, err := query(ctx, s.db.Reader(), scanID, `SELECT id FROM documents WHERE `+due+` ORDER BY updated_at LIMIT ?2`, at, limit)
	if err != nil {
		return 0, unavailable("find documents to delete", err)
	}
	n := 0
	for _, id := range ids {
		// Each in a transaction of its own: deleting many pages takes a while.
		err := s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
			var one int
			err := tx.QueryRowContext(ctx, `SELECT 1 FROM documents WHERE id = ?2 AND `+due, at, id.String()).Scan(&one)
			if err != nil {
				return err
			}
			return deleteDocument(ctx, tx, id)
		})
		switch {
		case errors.Is(err, sql.ErrNoRows): // it is not due any more
		case err != nil:
			return n, fmt.Errorf("delete document %s: %w", id, err)
		default:
			n++
		}
	}
	return n, nil
}

package documents

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/jobs"
)

// errNotDue: another process is at work on the document, has deleted it, or it
// came to life.
var errNotDue = errors.New("document is not due")

// Delete implements Store.
func (s *Postgres) Delete(ctx context.Context, id jobs.ID, by string) error {
	_, err := s.delete(ctx, id, by, func(ctx context.Context, tx pgx.Tx) ([]jobs.ID, error) {
		alive, err := s.lock(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		return alive, s.exists(ctx, tx, id)
	})
	return err
}

// delete deletes a document if begin, which locks it and returns its live jobs,
// has no error: first the pages, some at a time, then what is left. It returns
// whether it was this call that did.
func (s *Postgres) delete(ctx context.Context, id jobs.ID, by string, begin func(context.Context, pgx.Tx) ([]jobs.ID, error)) (bool, error) {
	var had []jobs.ID
	err := s.update(ctx, func(ctx context.Context, tx pgx.Tx) error {
		alive, err := begin(ctx, tx)
		if err != nil {
			return err
		}
		if err := s.cancel(ctx, tx, alive, by); err != nil {
			return err
		}
		if _, err := s.exec(ctx, tx, `UPDATE jobs_schema.documents SET dedup_key = NULL WHERE id = $1::uuid`, pgUUID(id)); err != nil {
			return err
		}
		had, err = pgQuery(ctx, s, tx, pgScanID, `
SELECT id FROM jobs_schema.background_jobs WHERE document_id = $1::uuid
UNION SELECT content_job_id FROM jobs_schema.documents WHERE id = $1::uuid AND content_job_id IS NOT NULL
UNION SELECT job_id FROM jobs_schema.document_replaced WHERE document_id = $1::uuid`, pgUUID(id))
		return err
	})
	for _, job := range had {
		if err == nil {
			err = s.dropSteps(ctx, job, `TRUE`)
		}
	}
	var n int64
	if err == nil {
		err = s.update(ctx, func(ctx context.Context, tx pgx.Tx) (err error) {
			n, err = s.deleteRow(ctx, tx, id, by)
			return err
		})
	}
	if err != nil {
		return false, fmt.Errorf("delete document %s: %w", id, err)
	}
	return n > 0, nil
}

// deleteRow deletes a document whose pages are gone, and returns 0 if another
// was faster.
func (s *Postgres) deleteRow(ctx context.Context, tx pgx.Tx, id jobs.ID, by string) (int64, error) {
	alive, err := s.lock(ctx, tx, id)
	if err != nil {
		return 0, err
	}
	if err := s.cancel(ctx, tx, alive, by); err != nil { // somebody resumed one
		return 0, err
	}
	// Those at their end go too, and someone may be about to change them.
	if _, err := s.exec(ctx, tx, `SELECT FROM jobs_schema.background_jobs WHERE document_id = $1::uuid ORDER BY id FOR UPDATE`, pgUUID(id)); err != nil {
		return 0, err
	}
	// The rest goes by foreign keys and the triggers of the store below.
	return s.exec(ctx, tx, `DELETE FROM jobs_schema.documents WHERE id = $1::uuid`, pgUUID(id))
}

// Cleanup implements Store. Processes that do it at the same time pass over the
// documents that another has begun with, and share what they find half done.
func (s *Postgres) Cleanup(ctx context.Context, before time.Time, limit int) (int, error) {
	if err := errors.Join(s.dropReplaced(ctx, jobs.ID{}), s.dropDeliveries(ctx)); err != nil || before.IsZero() {
		return 0, err
	}
	const due = `d.updated_at < $1::timestamptz
	AND NOT EXISTS (SELECT FROM jobs_schema.background_jobs WHERE document_id = d.id AND ` + postgresLive + `)`
	ids, err := pgRead(ctx, s, "find documents to delete", pgScanID,
		`SELECT d.id FROM jobs_schema.documents d WHERE `+due+` ORDER BY d.updated_at LIMIT $2::bigint`, before, limit)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, id := range ids {
		did, err := s.delete(ctx, id, "retention", func(ctx context.Context, tx pgx.Tx) ([]jobs.ID, error) {
			if got, err := s.tryLock(ctx, tx, id); err != nil || !got {
				return nil, errors.Join(err, errNotDue)
			}
			alive, err := s.lockJobs(ctx, tx, id)
			if err != nil {
				return nil, err
			}
			found, err := pgQuery(ctx, s, tx, pgScanID, `SELECT d.id FROM jobs_schema.documents d WHERE d.id = $2::uuid AND `+due, before, pgUUID(id))
			if err == nil && len(found) == 0 {
				err = errNotDue
			}
			return alive, err
		})
		switch {
		case errors.Is(err, errNotDue):
		case err != nil:
			return n, err
		case did:
			n++
		}
	}
	return n, nil
}

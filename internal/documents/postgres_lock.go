package documents

import (
	"context"
	"encoding/binary"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/jobs"
)

// The order of locks. Whoever ends a job locks the job's row, and its trigger
// then the document's: this order is the engine's and cannot be another. So all
// that is here locks
//
//  1. the document's advisory lock, by which submits afresh, reprocesses and
//     deletions of one document come one after the other;
//  2. the rows of its jobs, in the order of their ids;
//  3. the row of the document, by changing it.
//
// One transaction locks one document. Publish and SetFacts, which one attempt
// alone may do, begin with its job. A row that is held at step 2 cannot end, so
// what was read of the document after it holds until the transaction ends.

// documentLocks sets our advisory locks apart: they have two numbers, and the
// first is this.
const documentLocks = 0x646f6373

// documentLock is the second number: random bits of the id. Two documents that
// share it wait for each other and come to no harm.
func documentLock(id jobs.ID) int32 { return int32(binary.BigEndian.Uint32(id[12:])) } //nolint:gosec // bits

// lock takes steps 1 and 2 for the live jobs of a document and returns them.
func (s *Postgres) lock(ctx context.Context, tx pgx.Tx, id jobs.ID) ([]jobs.ID, error) {
	if _, err := s.exec(ctx, tx, `SELECT pg_advisory_xact_lock($1::integer, $2::integer)`, documentLocks, documentLock(id)); err != nil {
		return nil, err
	}
	return s.lockJobs(ctx, tx, id)
}

// lockJobs takes step 2. A statement of its own: it sees what the one before has
// waited for.
func (s *Postgres) lockJobs(ctx context.Context, tx pgx.Tx, id jobs.ID) ([]jobs.ID, error) {
	return pgQuery(ctx, s, tx, pgScanID, `
SELECT id FROM jobs_schema.background_jobs WHERE document_id = $1::uuid AND `+postgresLive+` ORDER BY id FOR UPDATE`, pgUUID(id))
}

// tryLock is step 1 without waiting: false where another process is at work on
// the document.
func (s *Postgres) tryLock(ctx context.Context, tx pgx.Tx, id jobs.ID) (bool, error) {
	var got bool
	err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1::integer, $2::integer)`, documentLocks, documentLock(id)).Scan(&got)
	return got, err
}

// cancel cancels jobs that are locked.
func (s *Postgres) cancel(ctx context.Context, tx pgx.Tx, ids []jobs.ID, by string) error {
	for _, id := range ids {
		if _, err := s.db.MoveTx(ctx, tx, id, jobs.Cancel, by); err != nil {
			return err
		}
	}
	return nil
}

func (s *Postgres) exists(ctx context.Context, tx pgx.Tx, id jobs.ID) error {
	found, err := pgQuery(ctx, s, tx, pgScanID, `SELECT id FROM jobs_schema.documents WHERE id = $1::uuid`, pgUUID(id))
	if err == nil && len(found) == 0 {
		err = ErrNotFound
	}
	return err
}

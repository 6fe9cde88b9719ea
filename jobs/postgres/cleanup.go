package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/jobs"
)

// One slice of a cleanup, so that nobody waits long behind it: jobs, and steps
// (a long document has thousands of them).
const (
	sliceJobs  = 500
	sliceSteps = 2000
)

// Cleanup implements jobs.Store. It deletes in slices, each a transaction;
// where one fails, what the others deleted is counted and the error returned.
// Rows that another one is about are passed over, so that any number of
// processes may clean up at once. Rows of instances that left before the time,
// and a day ago or more, and have nothing in work, go too.
func (s *Store) Cleanup(ctx context.Context, before time.Time, limit int) (int, error) {
	deleted := 0
	for deleted < limit {
		var n int
		err := s.inTx(ctx, "clean up jobs", func(ctx context.Context, tx pgx.Tx) (err error) {
			n, err = s.cleanup(ctx, tx, before, min(limit-deleted, sliceJobs))
			return err
		})
		if err != nil {
			return deleted, err
		}
		if n == 0 {
			break
		}
		deleted += n
	}
	if deleted > 0 {
		s.changed(jobs.HintChanged)
	}
	return deleted, s.forgetInstances(ctx, before)
}

// cleanup deletes one slice; a trigger deletes events and steps with the rows.
// The conditions are literally those of the indexes.
func (s *Store) cleanup(ctx context.Context, tx pgx.Tx, before time.Time, limit int) (int, error) {
	const ended = `
		SELECT * FROM (SELECT id, steps_done FROM jobs_schema.background_jobs
			WHERE status = 'completed' AND status_at < $1::timestamptz AND attempt > 0
			ORDER BY status_at, id LIMIT $2::bigint FOR UPDATE SKIP LOCKED) AS completed
		UNION ALL
		SELECT * FROM (SELECT id, steps_done FROM jobs_schema.background_jobs
			WHERE status <> 'processing' AND status <> 'completed' AND (status <> 'pending' OR status_at <> created_at) AND status = 'failed' AND status_at < $1::timestamptz AND attempt > 0
			ORDER BY status_at, id LIMIT $2::bigint FOR UPDATE SKIP LOCKED) AS failed
		UNION ALL
		SELECT * FROM (SELECT id, steps_done FROM jobs_schema.background_jobs
			WHERE status <> 'processing' AND status <> 'completed' AND (status <> 'pending' OR status_at <> created_at) AND status = 'interrupted' AND cause = 'cancelled' AND status_at < $1::timestamptz AND attempt > 0
			ORDER BY status_at, id LIMIT $2::bigint FOR UPDATE SKIP LOCKED) AS cancelled
		UNION ALL
		SELECT * FROM (SELECT id, steps_done FROM jobs_schema.background_jobs
			WHERE attempt = 0 AND (status IN ('completed', 'failed') OR (status = 'interrupted' AND cause = 'cancelled'))
			AND CASE status WHEN 'completed' THEN coalesce(completed_at, status_at) WHEN 'failed' THEN coalesce(failed_at, status_at)
				ELSE coalesce(interrupted_at, status_at) END < $1::timestamptz
			LIMIT $2::bigint FOR UPDATE SKIP LOCKED) AS by_hand`
	const remove = `DELETE FROM jobs_schema.background_jobs WHERE id = ANY($1::uuid[])`
	rows, err := tx.Query(ctx, s.SQL(ended), before, limit)
	if err != nil {
		return 0, err
	}
	var ids []jobs.ID
	total := 0
	var id jobs.ID
	var steps int
	_, err = pgx.ForEachRow(rows, []any{(*[16]byte)(&id), &steps}, func() error {
		if total += steps; len(ids) < limit && (len(ids) == 0 || total <= sliceSteps) {
			ids = append(ids, id)
		}
		return nil
	})
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	_, err = tx.Exec(ctx, s.SQL(remove), uuids(ids))
	return len(ids), err
}

func (s *Store) forgetInstances(ctx context.Context, before time.Time) error {
	const remove = `DELETE FROM jobs_schema.job_instances AS i WHERE i.state IN ('stopped', 'dead') AND i.seen_at < least($1::timestamptz, statement_timestamp() - interval '24 hours')
		AND NOT EXISTS (SELECT FROM jobs_schema.background_jobs AS j WHERE j.status = 'processing' AND j.instance_id = i.id)`
	return s.call(ctx, "clean up instances", func(ctx context.Context, q querier) error {
		_, err := q.Exec(ctx, s.SQL(remove), before)
		return err
	})
}

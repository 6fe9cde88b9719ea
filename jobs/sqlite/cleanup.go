package sqlite

import (
	"context"
	"database/sql"
	"time"
)

// One slice of a cleanup, so that nobody waits long behind it: jobs, and steps
// (a long document has thousands of them).
const (
	sliceJobs  = 500
	sliceSteps = 2000
)

// Cleanup implements jobs.Store. It deletes in slices, each a transaction;
// where one fails, what the others deleted is counted and the error returned.
// Rows of instances that left before the time, and a day ago or more, and have
// nothing in work, go too.
func (s *Store) Cleanup(ctx context.Context, before time.Time, limit int) (int, error) {
	const op = "clean up jobs"
	deleted := 0
	for deleted < limit {
		var n int
		err := s.do(ctx, op, func(b *batch) (err error) {
			n, err = b.cleanup(before, min(limit-deleted, sliceJobs))
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
	if day := s.now().Add(-rememberedInstances); before.After(day) {
		before = day
	}
	return deleted, s.forgetInstances(ctx, before)
}

// cleanup deletes one slice; a trigger deletes events and steps with the rows.
// The conditions are literally those of the indexes.
func (b *batch) cleanup(before time.Time, limit int) (int, error) {
	const ended = `
		SELECT rowid, steps_done FROM (SELECT rowid, steps_done FROM background_jobs INDEXED BY jobs_by_updated
			WHERE status <> 'processing' AND status = 'completed' AND updated_at < ?1 AND attempt > 0 LIMIT ?2)
		UNION ALL
		SELECT rowid, steps_done FROM (SELECT rowid, steps_done FROM background_jobs INDEXED BY jobs_by_updated
			WHERE status <> 'processing' AND status = 'failed' AND updated_at < ?1 AND attempt > 0 LIMIT ?2)
		UNION ALL
		SELECT rowid, steps_done FROM (SELECT rowid, steps_done FROM background_jobs INDEXED BY jobs_by_updated
			WHERE status <> 'processing' AND status = 'interrupted' AND cause = 'cancelled' AND updated_at < ?1 AND attempt > 0 LIMIT ?2)
		UNION ALL
		SELECT rowid, steps_done FROM (SELECT rowid, steps_done FROM background_jobs INDEXED BY jobs_ended_by_hand
			WHERE attempt = 0 AND (status IN ('completed', 'failed') OR (status = 'interrupted' AND cause = 'cancelled'))
			AND CASE status WHEN 'completed' THEN coalesce(completed_at, updated_at) WHEN 'failed' THEN coalesce(failed_at, updated_at)
				ELSE coalesce(interrupted_at, updated_at) END < ?1 LIMIT ?2)
		LIMIT ?2`
	const remove = `DELETE FROM background_jobs WHERE rowid IN (SELECT value FROM json_each(?))`
	var ids []int64
	total := 0
	err := b.each(ended, []any{FormatTime(before), limit}, func(rows *sql.Rows) error {
		var id int64
		var steps int
		if err := rows.Scan(&id, &steps); err != nil {
			return err
		}
		if total += steps; len(ids) == 0 || total <= sliceSteps {
			ids = append(ids, id)
		}
		return nil
	})
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	if _, err := b.exec(remove, rowidList(ids)); err != nil {
		return 0, err
	}
	b.changed = true
	return len(ids), nil
}

// rememberedInstances is how long people can look up who ran a job, at least.
const rememberedInstances = 24 * time.Hour

func (s *Store) forgetInstances(ctx context.Context, before time.Time) error {
	const remove = `DELETE FROM job_instances WHERE state IN ('stopped', 'dead') AND seen_at < ?
		AND NOT EXISTS (SELECT 1 FROM background_jobs INDEXED BY jobs_processing WHERE status = 'processing' AND instance_id = job_instances.id)
		RETURNING id`
	var gone []string
	err := s.do(ctx, "clean up instances", func(b *batch) (err error) {
		gone, err = column[string](b, remove, FormatTime(before))
		return err
	})
	if err != nil {
		return err
	}
	for _, id := range gone {
		if free, err := s.lockFree(id); err != nil || !free {
			continue // a process that was declared dead and still stands: its file goes with it
		}
		if err := s.removeLock(id); err != nil {
			return storeError("clean up instances", s.locks, err)
		}
	}
	return nil
}

package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"

	"github.com/mivaa/mivaa/jobs"
)

// Finish implements jobs.Store.
func (s *Store) Finish(ctx context.Context, outcomes ...jobs.Outcome) ([]jobs.Fence, error) {
	for _, o := range outcomes {
		if err := checkOutcome(o); err != nil {
			return nil, err
		}
	}
	if len(outcomes) == 0 {
		return nil, nil
	}
	var lost []jobs.Fence
	err := s.do(ctx, "finish jobs", func(b *batch) (err error) {
		lost, err = b.finish(outcomes)
		return err
	})
	if err != nil {
		return nil, err
	}
	return lost, nil
}

func checkOutcome(o jobs.Outcome) error {
	switch o.Status {
	case jobs.Completed, jobs.Failed, jobs.Pending:
		return nil
	case jobs.Interrupted:
		if o.Cause != "" {
			return nil
		}
		return fmt.Errorf("finish job %s: interrupted without a cause", o.Job)
	}
	return fmt.Errorf("finish job %s: an attempt cannot end as %q", o.Job, o.Status)
}

func (b *batch) finish(outcomes []jobs.Outcome) (lost []jobs.Fence, err error) {
	held, err := b.holding(outcomes)
	if err != nil {
		return nil, err
	}
	var completed []int64
	for i, o := range outcomes {
		switch row, ok := held[i]; {
		case ok && o.Status == jobs.Completed:
			completed = append(completed, row)
		case ok:
			if err := b.end(row, o); err != nil {
				return nil, err
			}
		default:
			ended, err := b.endedAlready(o)
			if err != nil {
				return nil, err
			}
			if !ended {
				lost = append(lost, o.Fence)
			}
		}
	}
	return lost, b.complete(completed)
}

// holding returns the rows of the attempts whose fence holds, by their place
// among the outcomes. An attempt that is named twice ends the first way.
func (b *batch) holding(outcomes []jobs.Outcome) (map[int]int64, error) {
	const query = `SELECT o.key, j.rowid FROM json_each(?) AS o CROSS JOIN background_jobs AS j
		ON j.id = substr(o.value, 1, 36) AND j.attempt = CAST(substr(o.value, 38) AS INTEGER) AND j.status = 'processing'
		ORDER BY o.key`
	list := make([]byte, 0, 44*len(outcomes)+2)
	list = append(list, '[')
	for i, o := range outcomes {
		if i > 0 {
			list = append(list, ',')
		}
		list = append(list, '"')
		list = append(list, o.Job.String()...)
		list = append(list, ' ')
		list = strconv.AppendInt(list, o.Attempt, 10)
		list = append(list, '"')
	}
	held := make(map[int]int64, len(outcomes))
	seen := make(map[int64]bool, len(outcomes))
	err := b.each(query, []any{string(append(list, ']'))}, func(rows *sql.Rows) error {
		var i int
		var row int64
		if err := rows.Scan(&i, &row); err != nil {
			return err
		}
		if !seen[row] {
			seen[row] = true
			held[i] = row
		}
		return nil
	})
	return held, err
}

// complete ends attempts that went well: two statements, however many.
func (b *batch) complete(rows []int64) error {
	const update = `UPDATE background_jobs SET status = 'completed', completed_at = ?1, updated_at = ?1, progress = 100, crashes = 0
		WHERE rowid IN (SELECT value FROM json_each(?2))`
	const insert = `INSERT INTO job_events (job_id, at, event, from_status, to_status, instance_id, attempt, steps_done)
		SELECT id, ?1, 'completed', 'processing', 'completed', instance_id, attempt, steps_done
		FROM background_jobs WHERE rowid IN (SELECT value FROM json_each(?2))`
	if len(rows) == 0 {
		return nil
	}
	list := rowidList(rows)
	if _, err := b.exec(update, b.at, list); err != nil {
		return err
	}
	b.changed = true
	_, err := b.exec(insert, b.at, list)
	return err
}

// end writes how any other attempt ended.
func (b *batch) end(row int64, o jobs.Outcome) error {
	const failed = `UPDATE background_jobs SET status = 'failed', failed_at = ?1, updated_at = ?1, failures = failures + 1, error = ?2, error_code = ?3
		WHERE rowid = ?4`
	const interrupted = `UPDATE background_jobs SET status = 'interrupted', interrupted_at = ?1, updated_at = ?1, interruptions = interruptions + 1,
			error = ?2, cause = ?3
		WHERE rowid = ?4`
	const retry = `UPDATE background_jobs SET status = 'pending', updated_at = ?1, failures = failures + NOT ?5, run_at = ?2, position = ?3
		WHERE rowid = ?4`
	const insert = `INSERT INTO job_events (job_id, at, event, from_status, to_status, cause, instance_id, attempt, detail, steps_done)
		SELECT id, ?, ?, 'processing', ?, ?, instance_id, attempt, ?, steps_done FROM background_jobs WHERE rowid = ?`
	var err error
	switch o.Status {
	case jobs.Failed:
		_, err = b.exec(failed, b.at, o.Error, o.FailureCode(), row)
	case jobs.Interrupted:
		_, err = b.exec(interrupted, b.at, o.Reason(), string(o.Cause), row)
	case jobs.Pending:
		runAt := b.now.Add(max(o.Delay, 0)).Truncate(timeUnit)
		var position any
		if position, err = b.placeOf(row, runAt); err == nil {
			_, err = b.exec(retry, b.at, FormatTime(runAt), position, row, o.Free)
		}
	}
	if err != nil {
		return err
	}
	b.changed = true
	event, detail := o.Event()
	_, err = b.exec(insert, b.at, event, string(o.Status), null(o.Cause), null(detail), row)
	return err
}

// endedAlready recognises an outcome that is given again because its answer
// was lost. The detail tells it from a recovery, which says how it knew.
func (b *batch) endedAlready(o jobs.Outcome) (bool, error) {
	const query = `SELECT 1 FROM job_events WHERE job_id = ? AND attempt = ? AND event = ?
		AND cause IS ? AND detail IS ? AND from_status = 'processing' LIMIT 1`
	event, detail := o.Event()
	var one int
	return b.get(query, []any{o.Job.String(), o.Attempt, event, null(o.Cause), null(detail)}, &one)
}

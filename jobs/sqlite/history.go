package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/mivaa/mivaa/jobs"
)

// mostRows is how many rows a reading method returns where no limit is given, and
// at most.
const mostRows = 1000

// event appends to the history, in the transaction of what it tells.
func (b *batch) event(e jobs.Event) (jobs.Event, error) {
	const insert = `INSERT INTO job_events (job_id, at, event, from_status, to_status, cause, instance_id, attempt, detail, steps_done)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	st, err := b.stmt(insert) //nolint:sqlclosecheck // the transaction closes it
	if err != nil {
		return e, err
	}
	res, err := st.ExecContext(noCancel, e.JobID.String(), b.at, e.Event, null(e.From), string(e.To), null(e.Cause), null(e.Instance), e.Attempt, null(e.Detail), e.Steps)
	if err != nil {
		return e, err
	}
	e.At = b.now.UTC().Truncate(timeUnit)
	e.ID, err = res.LastInsertId()
	return e, err
}

// Events implements jobs.Store.
func (s *Store) Events(ctx context.Context, id jobs.ID, after int64, limit int) ([]jobs.Event, error) {
	const ofOne = `SELECT id, job_id, at, event, from_status, to_status, cause, instance_id, attempt, detail, steps_done
		FROM job_events WHERE job_id = ? AND id > ? ORDER BY id LIMIT ?`
	const ofAll = `SELECT id, job_id, at, event, from_status, to_status, cause, instance_id, attempt, detail, steps_done
		FROM job_events WHERE id > ? ORDER BY id LIMIT ?`
	const op = "read events"
	if limit <= 0 {
		limit = mostRows
	}
	query, args := ofOne, []any{id.String(), after, limit}
	if id.IsZero() {
		query, args = ofAll, []any{after, limit}
	}
	var events []jobs.Event
	err := s.each(ctx, query, args, func(rows *sql.Rows) error {
		var e jobs.Event
		var job, at string
		var from, cause, instance, detail sql.NullString
		if err := rows.Scan(&e.ID, &job, &at, &e.Event, &from, &e.To, &cause, &instance, &e.Attempt, &detail, &e.Steps); err != nil {
			return err
		}
		e.From, e.Cause, e.Instance, e.Detail = jobs.Status(from.String), jobs.Cause(cause.String), instance.String, detail.String
		p := parser{}
		e.JobID, e.At = p.id("job_id", job), p.time("at", at)
		if p.err == nil {
			events = append(events, e)
		} else {
			s.skip(&scanError{row: fmt.Sprintf("event %d", e.ID), column: p.column, err: p.err})
		}
		return nil
	})
	if err != nil {
		return nil, s.fail(op, err)
	}
	return events, nil
}

// mostStepBytes bounds one answer of Steps.
const mostStepBytes = 16 << 20

// Steps implements jobs.Store.
func (s *Store) Steps(ctx context.Context, id jobs.ID, after, limit int) ([]jobs.Step, error) {
	const query = `SELECT seq, data FROM job_steps WHERE job_id = ? AND seq > ? ORDER BY seq LIMIT ?`
	const op = "read steps"
	if limit <= 0 {
		limit = mostRows
	}
	var steps []jobs.Step
	size, full := 0, false
	err := s.each(ctx, query, []any{id.String(), after, limit}, func(rows *sql.Rows) error {
		if full {
			return nil
		}
		var seq int
		var data sql.RawBytes
		if err := rows.Scan(&seq, &data); err != nil {
			return err
		}
		size += len(data)
		if full = len(steps) > 0 && size > mostStepBytes; full {
			return nil
		}
		steps = append(steps, jobs.Step{Seq: seq, Data: json.RawMessage(append([]byte(nil), data...))})
		return nil
	})
	if err != nil {
		return nil, s.fail(op, err)
	}
	return steps, nil
}

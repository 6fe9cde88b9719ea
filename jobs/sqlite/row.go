package sqlite

import (
	"database/sql"
	"encoding/json"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// jobColumns are those of jobs.Job, in the order that row scans them.
const jobColumns = `id, document_id, filename, status, progress, metadata, error,
	created_at, updated_at, started_at, completed_at, failed_at, interrupted_at,
	kind, payload, priority, run_at, attempt, failures, crashes, interruptions, cause, instance_id,
	idempotency_key, steps_done, steps_total, recovery, error_code, owner, position,
	max_failures, max_crashes, retry_delay_ms`

// row scans rows of background_jobs, one after another.
type row struct {
	id, filename, status, metadata, kind, payload        string
	document, reason, cause, instance, key, recovery     sql.NullString
	code, owner                                          sql.NullString
	created, updated, runAt                              string
	started, completed, failed, interrupted              sql.NullString
	progress, priority, failures, crashes, interruptions int
	stepsDone, stepsTotal                                int
	attempt                                              int64
	position, maxFailures, maxCrashes, retryDelay        sql.NullInt64
	dest                                                 []any
}

// newRow scans jobColumns, and behind them what else the query selects.
func newRow(more ...any) *row {
	r := &row{}
	r.dest = []any{
		&r.id, &r.document, &r.filename, &r.status, &r.progress, &r.metadata, &r.reason,
		&r.created, &r.updated, &r.started, &r.completed, &r.failed, &r.interrupted,
		&r.kind, &r.payload, &r.priority, &r.runAt, &r.attempt, &r.failures, &r.crashes, &r.interruptions, &r.cause, &r.instance,
		&r.key, &r.stepsDone, &r.stepsTotal, &r.recovery, &r.code, &r.owner, &r.position,
		&r.maxFailures, &r.maxCrashes, &r.retryDelay,
	}
	r.dest = append(r.dest, more...)
	return r
}

func (r *row) scan(rows *sql.Rows) (jobs.Job, error) {
	if err := rows.Scan(r.dest...); err != nil {
		return jobs.Job{}, err
	}
	j := jobs.Job{
		Filename:       r.filename,
		Status:         jobs.Status(r.status),
		Progress:       r.progress,
		Metadata:       json.RawMessage(r.metadata),
		Error:          r.reason.String,
		Kind:           r.kind,
		Payload:        json.RawMessage(r.payload),
		Priority:       r.priority,
		Attempt:        r.attempt,
		Failures:       r.failures,
		Crashes:        r.crashes,
		Interruptions:  r.interruptions,
		Cause:          jobs.Cause(r.cause.String),
		InstanceID:     r.instance.String,
		IdempotencyKey: r.key.String,
		StepsDone:      r.stepsDone,
		StepsTotal:     r.stepsTotal,
		Recovery:       jobs.Recovery(r.recovery.String),
		ErrorCode:      r.code.String,
		Owner:          r.owner.String,
		Position:       r.position.Int64,
		MaxFailures:    int(r.maxFailures.Int64),
		MaxCrashes:     int(r.maxCrashes.Int64),
		RetryDelayMS:   int(r.retryDelay.Int64),
	}
	p := parser{}
	j.ID = p.id("id", r.id)
	j.DocumentID = p.id("document_id", r.document.String)
	j.CreatedAt = p.time("created_at", r.created)
	j.UpdatedAt = p.time("updated_at", r.updated)
	j.StartedAt = p.time("started_at", r.started.String)
	j.CompletedAt = p.time("completed_at", r.completed.String)
	j.FailedAt = p.time("failed_at", r.failed.String)
	j.InterruptedAt = p.time("interrupted_at", r.interrupted.String)
	j.RunAt = p.time("run_at", r.runAt)
	if p.err != nil {
		return jobs.Job{}, unreadable(r.id, p.column, p.err)
	}
	return j, nil
}

func unreadable(id, column string, err error) error {
	return &scanError{row: "job " + id, column: column, err: err}
}

// parser keeps the first error.
type parser struct {
	column string
	err    error
}

func (p *parser) id(column, text string) jobs.ID {
	if text == "" || p.err != nil {
		return jobs.ID{}
	}
	id, err := jobs.ParseID(text)
	if err != nil {
		p.column, p.err = column, err
	}
	return id
}

func (p *parser) time(column, text string) time.Time {
	if text == "" || p.err != nil {
		return time.Time{}
	}
	t, err := ParseTime(text)
	if err != nil {
		p.column, p.err = column, err
	}
	return t
}

// jobs runs a query of jobColumns in the transaction.
func (b *batch) jobs(query string, args ...any) ([]jobs.Job, error) {
	var found []jobs.Job
	r := newRow()
	err := b.each(query, args, func(rows *sql.Rows) error {
		j, err := r.scan(rows)
		found = append(found, j)
		return err
	})
	return found, err
}

// job returns one job, or a refusal with ErrNotFound.
func (b *batch) job(id jobs.ID) (jobs.Job, error) {
	const query = `SELECT ` + jobColumns + ` FROM background_jobs WHERE id = ?`
	found, err := b.jobs(query, id.String())
	if err != nil {
		return jobs.Job{}, err
	}
	if len(found) == 0 {
		return jobs.Job{}, refuse(jobs.ErrNotFound)
	}
	return found[0], nil
}

// null turns empty text into NULL.
func null[T ~string](s T) any {
	if s == "" {
		return nil
	}
	return string(s)
}

// positive turns 0 into NULL.
func positive[T int | int64](n T) any {
	if n == 0 {
		return nil
	}
	return int64(n)
}

func nullID(id jobs.ID) any { return null(id.String()) }

// idList is the JSON array that json_each takes.
func idList(ids []jobs.ID) string {
	b := make([]byte, 0, 40*len(ids)+2)
	b = append(b, '[')
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, id.String()...)
		b = append(b, '"')
	}
	return string(append(b, ']'))
}

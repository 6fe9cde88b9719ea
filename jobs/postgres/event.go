package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/mivaa/mivaa/jobs"
)

const eventColumns = `id, job_id, at, event, from_status, to_status, cause, instance_id, attempt, detail, steps_done`

// scanEvent reads a row of eventColumns.
func scanEvent(row pgx.CollectableRow) (jobs.Event, error) {
	var e jobs.Event
	var at pgtype.Timestamptz
	var from, cause, instance, detail pgtype.Text
	err := row.Scan(&e.ID, (*[16]byte)(&e.JobID), &at, &e.Event, &from, (*string)(&e.To), &cause, &instance, &e.Attempt, &detail, &e.Steps)
	e.At = timeOf(at)
	e.From, e.Cause, e.Instance, e.Detail = jobs.Status(from.String), jobs.Cause(cause.String), instance.String, detail.String
	return e, err
}

// insertEvents appends to the history, in the transaction of what it tells, and
// returns the events in the order given, with their ids and times. An event
// without a time gets that of the statement.
func insertEvents(ctx context.Context, q querier, s *Store, events ...jobs.Event) ([]jobs.Event, error) {
	const insert = `
		INSERT INTO jobs_schema.job_events (job_id, at, event, from_status, to_status, cause, instance_id, attempt, detail, steps_done)
		SELECT job_id, coalesce(at, statement_timestamp()), event, from_status, to_status, cause, instance_id, attempt, detail, steps_done
		FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::text[], $10::integer[])
			WITH ORDINALITY AS given (job_id, at, event, from_status, to_status, cause, instance_id, attempt, detail, steps_done, n)
		ORDER BY n
		RETURNING ` + eventColumns
	if len(events) == 0 {
		return nil, nil
	}
	n := len(events)
	ids, times, attempts := make([]pgtype.UUID, n), make([]pgtype.Timestamptz, n), make([]int64, n)
	steps := make([]int32, n)
	words, from, to := make([]string, n), make([]pgtype.Text, n), make([]string, n)
	causes, instances, details := make([]pgtype.Text, n), make([]pgtype.Text, n), make([]pgtype.Text, n)
	for i, e := range events {
		ids[i], times[i], words[i], attempts[i] = uuidOf(e.JobID), timestamp(e.At), e.Event, e.Attempt
		from[i], to[i], causes[i] = null(e.From), string(e.To), null(e.Cause)
		steps[i] = int32(e.Steps) //nolint:gosec // the column's type
		instances[i], details[i] = null(e.Instance), null(clean(e.Detail))
	}
	rows, err := q.Query(ctx, s.SQL(insert), ids, times, words, from, to, causes, instances, attempts, details, steps)
	if err != nil {
		return nil, err
	}
	told, err := pgx.CollectRows(rows, scanEvent)
	if err != nil {
		return nil, err
	}
	if len(told) != n {
		return nil, fmt.Errorf("append %d events: %d written", n, len(told))
	}
	return told, nil
}

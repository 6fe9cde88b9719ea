package postgres

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/mivaa/mivaa/jobs"
)

// Finish implements jobs.Store: one statement, however many attempts end in
// whatever way. Only where some were lost a second one asks whether they had
// ended that way before.
func (s *Store) Finish(ctx context.Context, outcomes ...jobs.Outcome) ([]jobs.Fence, error) {
	for _, o := range outcomes {
		if err := checkOutcome(o); err != nil {
			return nil, err
		}
	}
	if len(outcomes) == 0 {
		return nil, nil
	}
	given := firstOfEach(outcomes)
	var lost []jobs.Fence
	ended := 0
	err := s.call(ctx, "finish jobs", func(ctx context.Context, q querier) error {
		held, err := s.end(ctx, q, given)
		if err != nil {
			return err
		}
		ended = len(held)
		lost, err = s.lost(ctx, q, outcomes, given, held)
		return err
	})
	if ended > 0 {
		s.changed(jobs.HintChanged)
	}
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

// firstOfEach returns the outcomes without those of an attempt that was named
// before, by id: two calls lock the rows that both name in the same order.
func firstOfEach(outcomes []jobs.Outcome) []jobs.Outcome {
	seen := make(map[jobs.Fence]bool, len(outcomes))
	first := make([]jobs.Outcome, 0, len(outcomes))
	for _, o := range outcomes {
		if !seen[o.Fence] {
			seen[o.Fence] = true
			first = append(first, o)
		}
	}
	slices.SortFunc(first, func(x, y jobs.Outcome) int { return bytes.Compare(x.Job[:], y.Job[:]) })
	return first
}

// end writes how attempts ended whose fences hold, and returns those.
func (s *Store) end(ctx context.Context, q querier, given []jobs.Outcome) (map[jobs.Fence]bool, error) {
	const allCompleted = `
		WITH ended AS (
			UPDATE jobs_schema.background_jobs AS j SET status = 'completed', progress = 100, crashes = 0,
				completed_at = greatest(statement_timestamp(), j.updated_at), updated_at = greatest(statement_timestamp(), j.updated_at),
				status_at = greatest(statement_timestamp(), j.updated_at)
			FROM unnest($1::uuid[], $2::bigint[]) AS g (id, attempt)
			WHERE j.id = g.id AND j.attempt = g.attempt AND j.status = 'processing'
			RETURNING j.id, j.attempt, j.updated_at, j.instance_id, j.steps_done
		), told AS (
			INSERT INTO jobs_schema.job_events (job_id, at, event, from_status, to_status, instance_id, attempt, steps_done)
			SELECT id, updated_at, 'completed', 'processing', 'completed', instance_id, attempt, steps_done FROM ended
		)
		SELECT id, attempt FROM ended`
	const anyWay = `
		WITH ended AS (
			UPDATE jobs_schema.background_jobs AS j SET status = g.status,
				updated_at = greatest(statement_timestamp(), j.updated_at), status_at = greatest(statement_timestamp(), j.updated_at),
				completed_at = CASE WHEN g.status = 'completed' THEN greatest(statement_timestamp(), j.updated_at) ELSE j.completed_at END,
				failed_at = CASE WHEN g.status = 'failed' THEN greatest(statement_timestamp(), j.updated_at) ELSE j.failed_at END,
				interrupted_at = CASE WHEN g.status = 'interrupted' THEN greatest(statement_timestamp(), j.updated_at) ELSE j.interrupted_at END,
				progress = CASE WHEN g.status = 'completed' THEN 100 ELSE j.progress END,
				crashes = CASE WHEN g.status = 'completed' THEN 0 ELSE j.crashes END,
				failures = j.failures + CASE WHEN g.status = 'failed' OR g.status = 'pending' AND NOT g.free THEN 1 ELSE 0 END,
				interruptions = j.interruptions + CASE WHEN g.status = 'interrupted' THEN 1 ELSE 0 END,
				error = CASE WHEN g.status IN ('failed', 'interrupted') THEN g.error END, error_code = g.code, cause = g.cause,
				run_at = CASE WHEN g.status = 'pending' THEN greatest(statement_timestamp(), j.updated_at) + g.delay ELSE j.run_at END,
				position = CASE WHEN g.status <> 'pending' THEN j.position
					WHEN g.delay = interval '0' THEN (SELECT jobs_schema.job_places(j.kind, j.priority, j.owner, 1)) END
			FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::interval[], $8::text[], $9::text[], $10::boolean[])
				AS g (id, attempt, status, error, code, cause, delay, event, detail, free)
			WHERE j.id = g.id AND j.attempt = g.attempt AND j.status = 'processing'
			RETURNING j.id, j.attempt, j.updated_at, j.instance_id, j.steps_done, g.status, g.event, g.cause, g.detail
		), told AS (
			INSERT INTO jobs_schema.job_events (job_id, at, event, from_status, to_status, cause, instance_id, attempt, detail, steps_done)
			SELECT id, updated_at, event, 'processing', status, cause, instance_id, attempt, detail, steps_done FROM ended
		)
		SELECT id, attempt FROM ended`
	a := outcomeColumns(given)
	var rows pgx.Rows
	var err error
	if a.allCompleted {
		rows, err = q.Query(ctx, s.SQL(allCompleted), a.ids, a.attempts)
	} else {
		rows, err = q.Query(ctx, s.SQL(anyWay), a.ids, a.attempts, a.statuses, a.errors, a.codes, a.causes, a.delays, a.events, a.details, a.free)
	}
	if err != nil {
		return nil, err
	}
	held := make(map[jobs.Fence]bool, len(given))
	var f jobs.Fence
	_, err = pgx.ForEachRow(rows, []any{(*[16]byte)(&f.Job), &f.Attempt}, func() error {
		held[f] = true
		return nil
	})
	return held, err
}

// columnsOfOutcomes are outcomes as the arrays that a statement takes.
type columnsOfOutcomes struct {
	allCompleted                   bool
	ids                            []pgtype.UUID
	attempts                       []int64
	statuses, events               []string
	errors, codes, causes, details []pgtype.Text
	delays                         []pgtype.Interval
	free                           []bool
}

func outcomeColumns(given []jobs.Outcome) columnsOfOutcomes {
	a := columnsOfOutcomes{allCompleted: true}
	for _, o := range given {
		a.ids, a.attempts = append(a.ids, uuidOf(o.Job)), append(a.attempts, o.Attempt)
		a.allCompleted = a.allCompleted && o.Status == jobs.Completed
	}
	if a.allCompleted {
		return a
	}
	for _, o := range given {
		event, detail := o.Event()
		var code, cause, reason pgtype.Text
		switch o.Status {
		case jobs.Failed:
			code, reason = notNull(o.FailureCode()), notNull(o.Error)
		case jobs.Interrupted:
			cause, reason = notNull(string(o.Cause)), notNull(o.Reason())
		}
		a.statuses, a.events = append(a.statuses, string(o.Status)), append(a.events, event)
		a.errors, a.codes, a.causes, a.details = append(a.errors, reason), append(a.codes, code), append(a.causes, cause), append(a.details, null(clean(detail)))
		a.free = append(a.free, o.Free)
		a.delays = append(a.delays, pgtype.Interval{Microseconds: max(o.Delay, 0).Microseconds(), Valid: true})
	}
	return a
}

// notNull is text for a column that must not be NULL.
func notNull(text string) pgtype.Text { return pgtype.Text{String: clean(text), Valid: true} }

// lost returns the attempts that did not end now, nor the same way before: those
// whose answer was lost are recognised by their events. The detail tells them
// from a recovery, which says how it knew.
func (s *Store) lost(ctx context.Context, q querier, outcomes, given []jobs.Outcome, held map[jobs.Fence]bool) ([]jobs.Fence, error) {
	const query = `SELECT o.nth FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[]) WITH ORDINALITY
			AS o (job, attempt, event, cause, detail, nth)
		WHERE EXISTS (SELECT FROM jobs_schema.job_events AS e WHERE e.job_id = o.job AND e.attempt = o.attempt AND e.event = o.event
			AND e.cause IS NOT DISTINCT FROM o.cause AND e.detail IS NOT DISTINCT FROM o.detail AND e.from_status = 'processing')`
	if len(held) == len(given) && len(given) == len(outcomes) {
		return nil, nil
	}
	var doubtful []jobs.Outcome
	ends := make(map[jobs.Fence]bool, len(held)) // by the first outcome of each that is named
	for _, o := range outcomes {
		if held[o.Fence] && !ends[o.Fence] {
			ends[o.Fence] = true
			continue
		}
		doubtful = append(doubtful, o)
	}
	ids, attempts := make([]pgtype.UUID, len(doubtful)), make([]int64, len(doubtful))
	events, causes, details := make([]string, len(doubtful)), make([]pgtype.Text, len(doubtful)), make([]pgtype.Text, len(doubtful))
	for i, o := range doubtful {
		var detail string
		events[i], detail = o.Event()
		ids[i], attempts[i], causes[i], details[i] = uuidOf(o.Job), o.Attempt, null(o.Cause), null(clean(detail))
	}
	rows, err := q.Query(ctx, s.SQL(query), ids, attempts, events, causes, details)
	if err != nil {
		return nil, err
	}
	before := make([]bool, len(doubtful))
	var nth int
	if _, err := pgx.ForEachRow(rows, []any{&nth}, func() error { before[nth-1] = true; return nil }); err != nil {
		return nil, err
	}
	var lost []jobs.Fence
	for i, o := range doubtful {
		if !before[i] {
			lost = append(lost, o.Fence)
		}
	}
	return lost, nil
}

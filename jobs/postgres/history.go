package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/jobs"
)

// mostRows is how many rows a reading method returns where no limit is given.
const mostRows = 1000

// Events implements jobs.Store. Of all jobs it returns those alone that no other
// can come before any more: a reader who goes on after the last one it saw
// misses none. So one that is in a transaction still open holds back those
// behind it.
func (s *Store) Events(ctx context.Context, id jobs.ID, after int64, limit int) ([]jobs.Event, error) {
	const ofOne = `SELECT ` + eventColumns + ` FROM jobs_schema.job_events WHERE job_id = $1::uuid AND id > $2::bigint ORDER BY id LIMIT $3::bigint`
	const ofAll = `SELECT ` + eventColumns + ` FROM jobs_schema.job_events WHERE id > $1::bigint AND id <= $2::bigint ORDER BY id LIMIT $3::bigint`
	if limit <= 0 {
		limit = mostRows
	}
	var events []jobs.Event
	err := s.call(ctx, "read events", func(ctx context.Context, q querier) error {
		query, args := ofOne, []any{uuidOf(id), after, limit}
		if id.IsZero() {
			settled, err := s.settled(ctx, q)
			if err != nil {
				return err
			}
			query, args = ofAll, []any{after, settled, limit}
		}
		rows, err := q.Query(ctx, s.SQL(query), args...)
		if err != nil {
			return err
		}
		events, err = pgx.AppendRows(events[:0], rows, scanEvent)
		return err
	})
	if err != nil {
		return nil, err
	}
	return events, nil
}

// settled returns an id up to which every event is committed or will never be.
// What it says holds for statements that begin afterwards: a transaction that it
// does not see at work has ended, and is seen by them. See the trigger of the
// table.
func (s *Store) settled(ctx context.Context, q querier) (int64, error) {
	const given = `SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM jobs_schema.job_events_id_seq`
	const open = `SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND classid = $1::text::regclass::oid`
	var last int64
	if err := q.QueryRow(ctx, s.SQL(given)).Scan(&last); err != nil {
		return 0, err
	}
	rows, err := q.Query(ctx, open, s.schema+".job_events")
	if err != nil {
		return 0, err
	}
	settled := last
	var low int64 // half of the id that a transaction began behind
	_, err = pgx.ForEachRow(rows, []any{&low}, func() error {
		settled = min(settled, last-int64(int32(last-low))) //nolint:gosec // it is the difference of the lower halves that counts
		return nil
	})
	return settled, err
}

// mostStepBytes bounds one answer of Steps.
const mostStepBytes = 16 << 20

// Steps implements jobs.Store. It asks for a few, and then for as many as will
// fill the answer: nobody knows how large they are.
func (s *Store) Steps(ctx context.Context, id jobs.ID, after, limit int) ([]jobs.Step, error) {
	const query = `SELECT seq, data FROM jobs_schema.job_steps WHERE job_id = $1::uuid AND seq > $2::bigint ORDER BY seq LIMIT $3::bigint`
	const few = 32
	if limit <= 0 {
		limit = mostRows
	}
	var steps []jobs.Step
	err := s.call(ctx, "read steps", func(ctx context.Context, q querier) error {
		steps = steps[:0]
		size, last := 0, after
		for ask := few; len(steps) < limit; {
			ask = min(ask, limit-len(steps))
			rows, err := q.Query(ctx, s.SQL(query), uuidOf(id), last, ask)
			if err != nil {
				return err
			}
			found, err := pgx.CollectRows(rows, scanStep)
			if err != nil {
				return err
			}
			for _, step := range found {
				if size += len(step.Data); len(steps) > 0 && size > mostStepBytes {
					return nil
				}
				steps, last = append(steps, step), step.Seq
			}
			if len(found) < ask {
				return nil
			}
			ask = 1 + (mostStepBytes-size)*len(steps)/max(size, 1)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return steps, nil
}

func scanStep(row pgx.CollectableRow) (jobs.Step, error) {
	var step jobs.Step
	err := row.Scan(&step.Seq, (*[]byte)(&step.Data))
	return step, err
}

package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/mivaa/mivaa/jobs"
)

var _ jobs.Console = (*Store)(nil)

// Bounds of Instances.
const (
	defaultInstances = 100
	mostInstances    = 1000
)

// instanceQuery selects instances with what they have in work.
const instanceQuery = `
	WITH work AS MATERIALIZED (SELECT instance_id, id FROM jobs_schema.background_jobs WHERE status = 'processing' ORDER BY id)
	SELECT id, host, pid, version, started_at, seen_at, lease_until, state, draining_since, coalesce(draining_reason, ''), slots, memory_bytes,
		ARRAY (SELECT work.id FROM work WHERE work.instance_id = i.id)
	FROM jobs_schema.job_instances AS i `

// Instances implements jobs.Console.
func (s *Store) Instances(ctx context.Context, limit int) ([]jobs.InstanceState, error) {
	const query = instanceQuery + `ORDER BY state IN ('live', 'stopping') DESC, started_at DESC, id LIMIT $1::bigint`
	if limit <= 0 {
		limit = defaultInstances
	}
	return s.instances(ctx, query, min(limit, mostInstances))
}

// InstancesByID implements jobs.Console.
func (s *Store) InstancesByID(ctx context.Context, ids ...string) ([]jobs.InstanceState, error) {
	const query = instanceQuery + `WHERE id = ANY($1::text[]) ORDER BY started_at DESC, id`
	var asked []string
	for _, id := range ids {
		if storable(id) {
			asked = append(asked, id)
		}
	}
	if len(asked) == 0 {
		return nil, nil
	}
	return s.instances(ctx, query, asked)
}

func (s *Store) instances(ctx context.Context, query string, arg any) ([]jobs.InstanceState, error) {
	var found []jobs.InstanceState
	err := s.call(ctx, "read instances", func(ctx context.Context, q querier) error {
		rows, err := q.Query(ctx, s.SQL(query), arg)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, scanInstance)
		return err
	})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found, nil
}

// scanInstance reads a row of instanceQuery.
func scanInstance(row pgx.CollectableRow) (jobs.InstanceState, error) {
	var i jobs.InstanceState
	var started, seen, lease, draining pgtype.Timestamptz
	var running []pgtype.UUID
	err := row.Scan(&i.ID, &i.Host, &i.PID, &i.Version, &started, &seen, &lease, &i.State, &draining, &i.DrainingReason, &i.Slots, &i.MemoryBytes, &running)
	i.StartedAt, i.SeenAt, i.LeaseUntil, i.DrainingSince = timeOf(started), timeOf(seen), timeOf(lease), timeOf(draining)
	i.Running = make([]jobs.ID, len(running))
	for k, id := range running {
		i.Running[k] = idOf(id)
	}
	return i, err
}

// Drain implements jobs.Console.
func (s *Store) Drain(ctx context.Context, reason string) error {
	const drain = `UPDATE jobs_schema.job_instances SET draining_since = coalesce(draining_since, statement_timestamp()), draining_reason = $1::text
		WHERE state IN ('live', 'stopping')`
	return s.setDraining(ctx, "drain instances", drain, null(clean(reason)))
}

// Undrain implements jobs.Console.
func (s *Store) Undrain(ctx context.Context) error {
	const undrain = `UPDATE jobs_schema.job_instances SET draining_since = NULL, draining_reason = NULL WHERE draining_since IS NOT NULL`
	return s.setDraining(ctx, "end the draining of instances", undrain)
}

func (s *Store) setDraining(ctx context.Context, op, query string, args ...any) error {
	err := s.call(ctx, op, func(ctx context.Context, q querier) error {
		_, err := q.Exec(ctx, s.SQL(query), args...)
		return err
	})
	if err == nil {
		s.changed(jobs.HintChanged)
	}
	return err
}

// Delete implements jobs.Console. Triggers take the history and the steps with
// the row, which is held from the moment its status is read.
func (s *Store) Delete(ctx context.Context, id jobs.ID) error {
	const hold = `SELECT status FROM jobs_schema.background_jobs WHERE id = $1::uuid FOR UPDATE`
	const remove = `DELETE FROM jobs_schema.background_jobs WHERE id = $1::uuid AND status <> 'processing'`
	err := s.inTx(ctx, "delete job "+id.String(), func(ctx context.Context, tx pgx.Tx) error {
		var status string
		err := tx.QueryRow(ctx, s.SQL(hold), uuidOf(id)).Scan(&status)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return refuse(jobs.ErrNotFound)
		case err != nil:
			return err
		case jobs.Status(status) == jobs.Processing:
			return refuse(&jobs.MoveError{ID: id, Move: "delete", Status: jobs.Processing})
		}
		_, err = tx.Exec(ctx, s.SQL(remove), uuidOf(id))
		return err
	})
	if err == nil {
		s.changed(jobs.HintChanged)
	}
	return err
}

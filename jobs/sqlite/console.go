package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/mivaa/mivaa/jobs"
)

var _ jobs.Console = (*Store)(nil)

// mostInstances bounds Instances.
const (
	defaultInstances = 100
	mostInstances    = 1000
)

const instanceColumns = `id, host, pid, version, started_at, seen_at, lease_until, state, draining_since, coalesce(draining_reason, ''), slots, memory_bytes`

// Instances implements jobs.Console.
func (s *Store) Instances(ctx context.Context, limit int) ([]jobs.InstanceState, error) {
	const query = `SELECT ` + instanceColumns + ` FROM job_instances
		ORDER BY state IN ('live', 'stopping') DESC, started_at DESC, id LIMIT ?`
	if limit <= 0 {
		limit = defaultInstances
	}
	return s.instances(ctx, query, min(limit, mostInstances))
}

// InstancesByID implements jobs.Console.
func (s *Store) InstancesByID(ctx context.Context, ids ...string) ([]jobs.InstanceState, error) {
	const query = `SELECT ` + instanceColumns + ` FROM job_instances
		WHERE id IN (SELECT value FROM json_each(?)) ORDER BY started_at DESC, id`
	if len(ids) == 0 {
		return nil, nil
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, fmt.Errorf("read instances: %w", err)
	}
	return s.instances(ctx, query, string(list))
}

func (s *Store) instances(ctx context.Context, query string, arg any) ([]jobs.InstanceState, error) {
	const op = "read instances"
	var found []jobs.InstanceState
	err := s.each(ctx, query, []any{arg}, func(rows *sql.Rows) error {
		i, err := scanInstance(rows)
		if s.skip(err) {
			return nil
		}
		found = append(found, i)
		return err
	})
	if err == nil {
		err = s.addRunning(ctx, found)
	}
	if err != nil {
		return nil, s.fail(op, err)
	}
	return found, nil
}

func scanInstance(rows *sql.Rows) (jobs.InstanceState, error) {
	i := jobs.InstanceState{Running: []jobs.ID{}}
	var started, seen, lease string
	var draining sql.NullString
	err := rows.Scan(&i.ID, &i.Host, &i.PID, &i.Version, &started, &seen, &lease, &i.State, &draining, &i.DrainingReason, &i.Slots, &i.MemoryBytes)
	if err != nil {
		return i, err
	}
	p := parser{}
	i.StartedAt, i.SeenAt, i.LeaseUntil = p.time("started_at", started), p.time("seen_at", seen), p.time("lease_until", lease)
	i.DrainingSince = p.time("draining_since", draining.String)
	if p.err != nil {
		return i, &scanError{row: "instance " + i.ID, column: p.column, err: p.err}
	}
	return i, nil
}

// addRunning notes with each instance what it has in work.
func (s *Store) addRunning(ctx context.Context, list []jobs.InstanceState) error {
	const query = `SELECT instance_id, id FROM background_jobs INDEXED BY jobs_processing WHERE status = 'processing' AND instance_id IS NOT NULL ORDER BY id`
	at := make(map[string]int, len(list))
	for i := range list {
		at[list[i].ID] = i
	}
	return s.each(ctx, query, nil, func(rows *sql.Rows) error {
		var instance, text string
		if err := rows.Scan(&instance, &text); err != nil {
			return err
		}
		i, known := at[instance]
		if !known {
			return nil
		}
		p := parser{}
		id := p.id("id", text)
		if p.err != nil {
			s.skip(unreadable(text, p.column, p.err))
			return nil //nolint:nilerr // skip has logged it
		}
		list[i].Running = append(list[i].Running, id)
		return nil
	})
}

// Drain implements jobs.Console.
func (s *Store) Drain(ctx context.Context, reason string) error {
	const drain = `UPDATE job_instances SET draining_since = coalesce(draining_since, ?), draining_reason = ? WHERE state IN ('live', 'stopping')`
	return s.do(ctx, "drain instances", func(b *batch) error {
		n, err := b.exec(drain, b.at, null(reason))
		b.changed = b.changed || n > 0
		return err
	})
}

// Undrain implements jobs.Console.
func (s *Store) Undrain(ctx context.Context) error {
	const undrain = `UPDATE job_instances SET draining_since = NULL, draining_reason = NULL WHERE draining_since IS NOT NULL`
	return s.do(ctx, "end the draining of instances", func(b *batch) error {
		n, err := b.exec(undrain)
		b.changed = b.changed || n > 0
		return err
	})
}

// Delete implements jobs.Console. Triggers take the history and the steps with
// the row.
func (s *Store) Delete(ctx context.Context, id jobs.ID) error {
	const remove = `DELETE FROM background_jobs WHERE id = ? AND status <> 'processing'`
	const status = `SELECT status FROM background_jobs WHERE id = ?`
	return s.do(ctx, "delete job "+id.String(), func(b *batch) error {
		n, err := b.exec(remove, id.String())
		if err != nil || n > 0 {
			b.changed = b.changed || n > 0
			return err
		}
		var is jobs.Status
		found, err := b.get(status, []any{id.String()}, &is)
		if err != nil {
			return err
		}
		if !found {
			return refuse(jobs.ErrNotFound)
		}
		return refuse(&jobs.MoveError{ID: id, Move: "delete", Status: is})
	})
}

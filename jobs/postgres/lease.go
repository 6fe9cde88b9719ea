package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/jobs"
)

// lookout finds the instances whose lease ran out: those that no lock proves
// dead. It trusts no clock but its own, and nothing it did not watch itself: a
// server that was down, a clock that jumps, or a machine that slept, makes
// nobody look dead.
type lookout struct {
	s    *Store
	self string
	next time.Time // of its next turn
	seen map[string]sighting
}

type sighting struct {
	renewal time.Time // the seen_at that was found
	first   time.Time // when
	last    time.Time // the latest look at it
}

// mostBlind is how long others may go unlooked at.
const mostBlind = time.Second

// forget is what follows a look that failed: whoever could not look does not
// know who was silent and who was not heard.
func (l *lookout) forget() { l.seen, l.next = nil, time.Now().Add(mostBlind/4) }

// turn looks at every other instance, when that is due.
func (l *lookout) turn(ctx context.Context, q querier) error {
	const look = `SELECT id, seen_at, lease_ms FROM jobs_schema.job_instances WHERE state IN ('live', 'stopping') AND id <> $1`
	if time.Now().Before(l.next) {
		return nil
	}
	rows, err := q.Query(ctx, l.s.SQL(look), l.self)
	if err != nil {
		return err
	}
	type other struct {
		ID      string
		SeenAt  time.Time
		LeaseMS int64
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[other])
	if err != nil {
		return err
	}
	now := time.Now()
	next, seen := mostBlind, map[string]sighting{}
	for _, o := range found {
		lease := time.Duration(o.LeaseMS) * time.Millisecond
		next = min(next, lease/8)
		look, silent := l.seen[o.ID].look(lease, o.SeenAt, now)
		seen[o.ID] = look
		if silent {
			if err := l.s.expire(ctx, q, o.ID, o.SeenAt, lease); err != nil {
				return err
			}
		}
	}
	l.seen, l.next = seen, now.Add(max(next, 25*time.Millisecond))
	return nil
}

// look records a look at an instance, and reports whether it was seen to be
// silent for its whole lease. A gap between two looks begins it anew: whoever
// slept may have slept together with the other.
func (was sighting) look(lease time.Duration, renewal, now time.Time) (sighting, bool) {
	if !was.renewal.Equal(renewal) || now.Sub(was.last) > lease/2 {
		return sighting{renewal: renewal, first: now, last: now}, false
	}
	was.last = now
	return was, now.Sub(was.first) >= lease
}

// expire is the verdict on an instance whose lease ran out, unless it was heard
// of meanwhile.
func (s *Store) expire(ctx context.Context, q querier, id string, seenAt time.Time, lease time.Duration) error {
	const verdict = `
		WITH dead AS (
			UPDATE jobs_schema.job_instances SET state = CASE state WHEN 'stopping' THEN 'stopped' ELSE 'dead' END, death = $3
			WHERE id = $1 AND state IN ('live', 'stopping') AND seen_at = $2 RETURNING id),
		unlocked AS (DELETE FROM jobs_schema.job_instance_locks l USING dead WHERE l.instance_id = dead.id)
		SELECT count(*) FROM dead`
	var n int
	err := q.QueryRow(ctx, s.SQL(verdict), id, seenAt, fmt.Sprintf("lease of %v ran out: not heard of since %s", lease, seenAt.UTC().Format(time.RFC3339))).Scan(&n)
	if err != nil || n == 0 {
		return err
	}
	s.log.Warn("instance is dead: its lease ran out", jobs.KeyInstance, id)
	s.changed(jobs.HintDied)
	return nil
}

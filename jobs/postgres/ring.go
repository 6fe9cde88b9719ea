package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/jobs"
)

const (
	// tryEvery is how often an instance tries its neighbour's lock.
	tryEvery = 250 * time.Millisecond
	// secondLook is how long at least a free lock waits for its verdict: several
	// times what a living process needs to notice that its session was ended and
	// to say so.
	secondLook = 300 * time.Millisecond
	// mostPatience is how long at most.
	mostPatience = 3 * time.Second
	// mostLate is how late a second look may come. One that is later is taken for
	// a first: on a machine that is so busy others are slow, too.
	mostLate = 100 * time.Millisecond
)

// patienceWith is how long others are to wait for an instance that needed a time
// to connect and take its lock: it may need as long the next time.
func patienceWith(took time.Duration) time.Duration {
	return min(max(secondLook, 3*took), mostPatience)
}

// Those whose lock can prove something: taken since the server started, by an
// instance that was heard of lately, or that let its whole lease run out and has
// given up its work by itself. A lock that gets free in between was given up by a
// server which lost sight of the client (settingsFor), and says nothing about
// the process.
const provable = `jobs_schema.job_instance_locks l JOIN jobs_schema.job_instances i ON i.id = l.instance_id
	WHERE l.server_start = pg_postmaster_start_time() AND i.state IN ('live', 'stopping')
	AND (i.seen_at > clock_timestamp() - i.lease_ms * interval '0.5 milliseconds'
		OR i.seen_at < clock_timestamp() - i.lease_ms * interval '1 millisecond')`

// What a verdict says. The cause of what it interrupts is a lost lease where it
// begins with "lease".
const (
	freeInTime  = "its session lock was free at two looks: the process is gone"
	freeTooLate = "lease ran out, and its session lock was free at two looks"
	freeAtStart = "its session lock was free when another instance started: the process is gone"
)

// A suspect is an instance whose lock was found free. Any sign of life after
// that (a renewal, a lock taken again or withdrawn) clears it.
type suspect struct {
	id         string
	generation int64
	seenAt     time.Time
	patience   time.Duration
}

// ring watches one neighbour, on one session.
type ring struct {
	c        *session
	next     time.Time // of its next turn
	suspects []suspect
}

func (r *ring) forget() {
	r.suspects, r.next = nil, time.Now().Add(tryEvery)
}

// turn does what is due: a try of the neighbour, or the second look at those
// found free. Where the neighbour is free all others are tried with it: those
// that it watched may have died beside it.
func (r *ring) turn(ctx context.Context, q querier) error {
	now := time.Now()
	if now.Before(r.next) {
		return nil
	}
	s := r.c.s
	suspects, late := r.suspects, now.Sub(r.next)
	r.suspects = nil
	if len(suspects) > 0 && late < mostLate {
		return s.declare(ctx, q, suspects, "")
	}
	r.next = now.Add(tryEvery)
	free, err := s.neighbourFree(ctx, q, r.c.id)
	if err != nil || !free {
		return err
	}
	suspects, err = s.suspects(ctx, q, r.c.id)
	if err != nil || len(suspects) == 0 {
		return err
	}
	found := time.Now()
	patience, err := s.patience(ctx, suspects)
	if err != nil {
		return err // who cannot connect now does not know who can
	}
	r.suspects, r.next = suspects, found.Add(patience)
	s.log.Debug("locks found free", jobs.KeyInstance, suspects[0].id, jobs.KeyCount, len(suspects), jobs.KeyTook, patience)
	return nil
}

// patience is how long the verdict on several waits: as long as any of them may
// need to come back, by what it needed before and by what connecting takes here
// and now.
func (s *Store) patience(ctx context.Context, suspects []suspect) (time.Duration, error) {
	began := time.Now()
	conn, err := s.connectDirect(ctx)
	if err != nil {
		return 0, err
	}
	closeConn(conn)
	wait := patienceWith(time.Since(began))
	for _, x := range suspects {
		wait = max(wait, min(x.patience, mostPatience))
	}
	return wait, nil
}

// neighbourFree tries the lock of the next higher id, of the lowest where there
// is none. The lock is taken and let go with the statement.
func (s *Store) neighbourFree(ctx context.Context, q querier, self string) (free bool, err error) {
	const try = `SELECT pg_try_advisory_xact_lock_shared(key) FROM (
		SELECT l.key FROM ` + provable + ` AND l.instance_id <> $1 ORDER BY l.instance_id < $1, l.instance_id LIMIT 1) AS neighbour`
	rows, err := q.Query(ctx, s.SQL(try), self)
	if err != nil {
		return false, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[bool])
	return len(found) > 0 && found[0], err
}

// suspects tries the locks of all others.
func (s *Store) suspects(ctx context.Context, q querier, self string) ([]suspect, error) {
	const try = `SELECT instance_id, generation, seen_at, patience_ms FROM (
		SELECT l.instance_id, l.generation, i.seen_at, l.patience_ms, pg_try_advisory_xact_lock_shared(l.key) AS free
		FROM ` + provable + ` AND l.instance_id <> $1 OFFSET 0) AS others WHERE free`
	rows, err := q.Query(ctx, s.SQL(try), self)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (x suspect, err error) {
		var patience int64
		err = row.Scan(&x.id, &x.generation, &x.seenAt, &patience)
		x.patience = time.Duration(patience) * time.Millisecond
		return x, err
	})
}

// declare is the verdict on those whose lock is still free and of whom nothing
// was heard since, on the session that had the first look. It holds the lock
// until the verdict is written, so that a process which takes its lock again
// either prevents the verdict or reads it. Of one that was stopping it says
// "stopped": that death charges nobody. What it says is death, or by itself where
// that is empty.
func (s *Store) declare(ctx context.Context, q querier, suspects []suspect, death string) error {
	const verdict = `
		WITH free AS (
			SELECT l.instance_id FROM ` + provable + ` AND l.instance_id = $1 AND l.generation = $2 AND i.seen_at = $3
			AND pg_try_advisory_xact_lock_shared(l.key)),
		dead AS (
			UPDATE jobs_schema.job_instances i SET state = CASE state WHEN 'stopping' THEN 'stopped' ELSE 'dead' END,
				death = CASE WHEN $4 <> '' THEN $4 WHEN i.seen_at < clock_timestamp() - i.lease_ms * interval '1 millisecond' THEN $6 ELSE $5 END
			FROM free WHERE i.id = free.instance_id AND i.state IN ('live', 'stopping') AND i.seen_at = $3 RETURNING i.id)
		DELETE FROM jobs_schema.job_instance_locks l USING dead WHERE l.instance_id = dead.id AND l.generation = $2`
	for _, x := range suspects {
		tag, err := q.Exec(ctx, s.SQL(verdict), x.id, x.generation, x.seenAt, death, freeInTime, freeTooLate)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			s.log.Debug("instance lives: it was heard of after its lock was found free", jobs.KeyInstance, x.id)
			continue
		}
		s.log.Warn("instance is dead: its session lock is free", jobs.KeyInstance, x.id)
		s.changed(jobs.HintDied)
	}
	return nil
}

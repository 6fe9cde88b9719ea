package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/puddle/v2"

	"github.com/mivaa/mivaa/jobs"
)

// States of an instance's row.
const (
	stateLive     = "live"
	stateStopping = "stopping" // its death charges no job with a crash
	stateStopped  = "stopped"  // left with nothing left behind, or died while it was stopping
	stateDead     = "dead"     // declared dead
)

// membership is a joined instance, and what Join returns.
type membership struct {
	s       *Store
	in      jobs.Instance
	session *session           // nil: leases alone decide
	stop    context.CancelFunc // of the looks without a session
	ended   chan struct{}
	once    sync.Once
	err     error
}

// Join implements jobs.Store.
func (s *Store) Join(ctx context.Context, in jobs.Instance) (io.Closer, error) {
	const op = "join" // without the id: a worker that tries again has the same trouble
	switch {
	case in.ID == "":
		return nil, errors.New("join: no instance id given")
	case in.Lease < time.Millisecond:
		return nil, fmt.Errorf("%s: no lease given", op)
	case s.life.Err() != nil:
		return nil, storeError(op, puddle.ErrClosedPool)
	}
	m := &membership{s: s, in: in}
	err := s.enrol(ctx, op, m)
	if code(err) == "23505" {
		return nil, fmt.Errorf("%s: an instance of that id is alive, or was", op)
	}
	if err != nil {
		return nil, s.fail(op, err)
	}
	s.proof.add(m)
	m.start()
	return m, nil
}

// enrol writes the instance's row, where locks work with its lock held.
func (s *Store) enrol(ctx context.Context, op string, m *membership) error {
	if !s.direct() {
		return s.call(ctx, op, func(ctx context.Context, q querier) error { return s.register(ctx, q, m.in, nil) })
	}
	m.session = newSession(s, m.in.ID, m.in.Lease)
	return m.session.stand(ctx, func(ctx context.Context, q querier) error {
		return s.register(ctx, q, m.in, m.session)
	})
}

func (s *Store) register(ctx context.Context, q querier, in jobs.Instance, lock *session) error {
	const insert = `
		WITH me AS (
			INSERT INTO jobs_schema.job_instances (id, host, pid, version, boot, started_at, seen_at, lease_until, lease_ms, state, slots)
			VALUES ($1, $2, $3, $4, $5, now(), now(), now() + $6::bigint * interval '1 millisecond', $6::bigint, 'live', $9::integer) RETURNING id)
		INSERT INTO jobs_schema.job_instance_locks (instance_id, key, generation, server_start, patience_ms)
		SELECT me.id, $7::bigint, 1, pg_postmaster_start_time(), $8::bigint FROM me WHERE $7::bigint IS NOT NULL`
	var key *int64
	var patience int64
	if lock != nil {
		key, patience = &lock.key, lock.patience.Milliseconds()
	}
	_, err := q.Exec(ctx, s.SQL(insert), in.ID, in.Host, in.PID, in.Version, in.Boot, in.Lease.Milliseconds(), key, patience, in.Slots)
	return err
}

func (m *membership) start() {
	if m.session != nil {
		m.session.start()
		return
	}
	ctx, cancel := context.WithCancel(m.s.life)
	m.stop, m.ended = cancel, make(chan struct{})
	go m.look(ctx)
}

// look watches leases through the pool, for an instance without a session.
func (m *membership) look(ctx context.Context) {
	defer close(m.ended)
	leases := lookout{s: m.s, self: m.in.ID}
	for {
		turn, cancel := context.WithTimeout(ctx, answerTimeout)
		err := leases.turn(turn, m.s.pool)
		cancel()
		if err != nil {
			m.s.log.Debug("cannot look for dead instances", jobs.KeyInstance, m.in.ID, jobs.KeyError, err)
			leases.forget()
		}
		if !sleep(ctx, time.Until(leases.next)) {
			return
		}
	}
}

// end gives up the proof of life and writes nothing.
func (m *membership) end() {
	if m.session != nil {
		m.session.end()
		return
	}
	m.stop()
	<-m.ended
}

// Close gives up the proof of life. An instance with nothing in work has
// stopped; the row of one that leaves jobs behind stays as it is, and they are
// recovered as those of a dead process.
func (m *membership) Close() error {
	m.once.Do(func() {
		if m.s.proof.member(m.in.ID) == nil {
			return // the store gave it up when it was closed
		}
		m.err = m.leave()
		m.s.proof.remove(m.in.ID)
		m.end()
	})
	return m.err
}

func (m *membership) leave() error {
	const stop = `
		WITH stopped AS (
			UPDATE jobs_schema.job_instances SET state = 'stopped', seen_at = now()
			WHERE id = $1 AND state IN ('live', 'stopping')
			AND NOT EXISTS (SELECT FROM jobs_schema.background_jobs WHERE status = 'processing' AND instance_id = $1) RETURNING id)
		DELETE FROM jobs_schema.job_instance_locks l USING stopped WHERE l.instance_id = stopped.id`
	return m.s.throughSession(context.Background(), "leave instance "+m.in.ID, m.in.ID, func(ctx context.Context, q querier) error {
		_, err := q.Exec(ctx, m.s.SQL(stop), m.in.ID)
		return err
	})
}

// throughSession runs fn on the instance's session, which is nobody else's and
// so always free. Where the session is broken or silent half of the time there
// is, fn runs on the pool instead: a process that has any way to say that it
// lives says it. fn may run twice, and at the same time.
func (s *Store) throughSession(ctx context.Context, op, instance string, fn func(ctx context.Context, q querier) error) error {
	if m := s.proof.member(instance); m != nil && m.session != nil {
		half, cancel := context.WithTimeout(ctx, firstHalf(ctx))
		err := m.session.call(half, fn)
		cancel()
		if err == nil || isRefusal(err) {
			return s.fail(op, err)
		}
	}
	return s.call(ctx, op, fn)
}

func firstHalf(ctx context.Context) time.Duration {
	if end, given := ctx.Deadline(); given {
		return min(answerTimeout, time.Until(end)/2)
	}
	return answerTimeout
}

// Renew implements jobs.Store. Both ways that a renewal takes write the same,
// so that it does not matter if both arrive.
func (s *Store) Renew(ctx context.Context, r jobs.Renewal) ([]jobs.Fence, error) {
	const renew = `
		WITH me AS (
			UPDATE jobs_schema.job_instances SET seen_at = clock_timestamp(), lease_until = clock_timestamp() + lease_ms * interval '1 millisecond',
				state = CASE WHEN $2 THEN 'stopping' ELSE state END, memory_bytes = CASE WHEN $5::bigint > 0 THEN $5::bigint ELSE memory_bytes END
			WHERE id = $1 AND state IN ('live', 'stopping') RETURNING id)
		SELECT 0 FROM me
		UNION ALL
		SELECT h.n::integer FROM unnest($3::uuid[], $4::bigint[]) WITH ORDINALITY AS h (job, attempt, n)
		WHERE NOT EXISTS (SELECT FROM jobs_schema.background_jobs j
			WHERE j.id = h.job AND j.attempt = h.attempt AND j.status = 'processing' AND j.instance_id = $1)`
	held, attempts := make([]pgtype.UUID, len(r.Held)), make([]int64, len(r.Held))
	for i, f := range r.Held {
		held[i], attempts[i] = pgtype.UUID{Bytes: f.Job, Valid: true}, f.Attempt
	}
	answers := make(chan []jobs.Fence, 2) // of the two ways
	err := s.throughSession(ctx, "renew instance "+r.Instance, r.Instance, func(ctx context.Context, q querier) error {
		rows, err := q.Query(ctx, s.SQL(renew), r.Instance, r.Stopping, held, attempts, r.Memory)
		if err != nil {
			return err
		}
		found, err := pgx.CollectRows(rows, pgx.RowTo[int])
		if err != nil {
			return err
		}
		var lost []jobs.Fence
		known := false
		for _, n := range found {
			if n == 0 {
				known = true
			} else {
				lost = append(lost, r.Held[n-1])
			}
		}
		if !known {
			return refuse(jobs.ErrInstanceGone)
		}
		select {
		case answers <- lost:
		default: // s.call repeats it: the first answer is as good
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return <-answers, nil
}

// bury looks at every registered instance but self and writes the state dead of
// those that are proved dead: see the package comment. It is the first part of
// Claim(Starting); afterwards the watch of the ring does the same by itself, and
// calls s.changed. A lease is left to that watch: at the start nobody has been
// watched for long enough.
func (s *Store) bury(ctx context.Context, self string) error {
	m := s.proof.member(self)
	if m == nil || m.session == nil {
		return nil
	}
	err := s.buryFrom(ctx, m.session)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		s.log.Warn("cannot look for dead instances at the start; the ring does so later", jobs.KeyInstance, self, jobs.KeyError, err)
	}
	return nil
}

// buryFrom takes both looks on one session.
func (s *Store) buryFrom(ctx context.Context, c *session) error {
	type look struct {
		suspects   []suspect
		generation int64
	}
	looked := make(chan look, 1)
	err := c.call(ctx, func(ctx context.Context, q querier) error {
		found, err := s.suspects(ctx, q, c.id)
		looked <- look{found, c.generation}
		return err
	})
	if err != nil {
		return err
	}
	first := <-looked
	if len(first.suspects) == 0 {
		return nil
	}
	patience, err := s.patience(ctx, first.suspects)
	if err != nil {
		return err
	}
	if !sleep(ctx, patience) {
		return ctx.Err()
	}
	return c.call(ctx, func(ctx context.Context, q querier) error {
		if first.generation != c.generation {
			return errNoSession // another session: what the last one saw is void
		}
		return s.declare(ctx, q, first.suspects, freeAtStart)
	})
}

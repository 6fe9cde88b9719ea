package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/jobs"
)

// session is the one connection of an instance: it holds the instance's lock,
// carries its renewals, and watches its neighbour. One goroutine owns it; others
// hand it what is to be done.
type session struct {
	s     *Store
	id    string
	lease time.Duration
	key   int64 // of the lock: random, so that it is nobody else's
	calls chan call
	up    atomic.Bool
	stop  context.CancelFunc
	ended chan struct{}

	mu        sync.Mutex
	interrupt context.CancelFunc // ends the present wait

	// Of the goroutine alone.
	conn       *pgx.Conn
	generation int64         // how often the lock was taken
	patience   time.Duration // how long others are to wait for it when its lock is free
	ill        bool          // its statements fail: said once
}

// A call is done on the connection, between two looks at the neighbour.
type call struct {
	fn   func(ctx context.Context, q querier) error
	done chan error
}

func newSession(s *Store, id string, lease time.Duration) *session {
	return &session{s: s, id: id, lease: lease, key: rand.Int64(), calls: make(chan call, 16), ended: make(chan struct{})}
}

// start hands a session that stands to its goroutine.
func (c *session) start() {
	ctx, cancel := context.WithCancel(c.s.life)
	c.stop = cancel
	c.up.Store(true)
	go c.run(ctx)
}

// end gives up the lock.
func (c *session) end() {
	c.stop()
	<-c.ended
}

func (c *session) run(ctx context.Context) {
	defer close(c.ended)
	for {
		err := c.serve(ctx)
		c.up.Store(false)
		closeConn(c.conn)
		if ctx.Err() != nil {
			return
		}
		c.s.log.Warn("session of the instance broke; taking its lock again", jobs.KeyInstance, c.id, jobs.KeyError, err)
		if !c.again(ctx) {
			return
		}
		c.up.Store(true)
	}
}

// serve watches, and does what it is called for, until the connection breaks.
// What was seen of others goes with the connection.
func (c *session) serve(ctx context.Context) error {
	ring, leases := ring{c: c}, lookout{s: c.s, self: c.id}
	for ctx.Err() == nil {
		err := c.do(ctx, ring.turn)
		if err == nil {
			err = c.do(ctx, leases.turn)
		}
		if c.conn.IsClosed() {
			return err
		}
		c.report(err)
		if err != nil { // nothing was seen
			ring.forget()
			leases.forget()
		}
		if err := c.wait(ctx, earlier(ring.next, leases.next)); err != nil {
			return err
		}
		for len(c.calls) > 0 {
			k := <-c.calls
			k.done <- c.do(ctx, k.fn)
			if c.conn.IsClosed() {
				return errNoSession
			}
		}
	}
	return ctx.Err()
}

// do runs statements on the connection. One that is not answered breaks it.
func (c *session) do(ctx context.Context, fn func(ctx context.Context, q querier) error) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	return fn(ctx, c.conn)
}

// wait is idle until a time, or until it is called. It reads meanwhile, so that
// it notices at once when the server ends the session.
func (c *session) wait(ctx context.Context, until time.Time) error {
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	c.mu.Lock()
	c.interrupt = cancel
	c.mu.Unlock()
	if len(c.calls) > 0 {
		return nil
	}
	_, err := c.conn.WaitForNotification(ctx)
	if c.conn.IsClosed() {
		return err
	}
	return nil
}

// call has something done on the connection. Where that takes longer than the
// context lasts, it may still be done, and nobody learns of it.
func (c *session) call(ctx context.Context, fn func(ctx context.Context, q querier) error) error {
	if !c.up.Load() {
		return errNoSession
	}
	k := call{fn: fn, done: make(chan error, 1)}
	select {
	case c.calls <- k:
	case <-ctx.Done():
		return ctx.Err()
	}
	c.mu.Lock()
	if c.interrupt != nil {
		c.interrupt()
	}
	c.mu.Unlock()
	select {
	case err := <-k.done:
		return err
	case <-c.ended:
		return errNoSession
	case <-ctx.Done():
		return ctx.Err()
	}
}

// refuse answers those who called while the session broke.
func (c *session) refuse() {
	for {
		select {
		case k := <-c.calls:
			k.done <- errNoSession
		default:
			return
		}
	}
}

// stand opens the connection, takes the lock, and only then writes the row:
// whoever sees the row of a living process finds the lock held.
func (c *session) stand(ctx context.Context, register func(ctx context.Context, q querier) error) (err error) {
	const take = `SELECT pg_advisory_lock($1)`
	began := time.Now()
	conn, err := c.s.connectFor(ctx, c.lease)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			closeConn(conn)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	var got bool
	if err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, c.key).Scan(&got); err != nil {
		return err
	}
	if !got {
		if err := c.evict(ctx, conn); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, take, c.key); err != nil {
			return err
		}
	}
	c.generation++
	c.patience = patienceWith(time.Since(began))
	if err := register(ctx, conn); err != nil {
		return err
	}
	c.conn = conn
	return nil
}

// evict ends what is left of the instance's own last session: a server that has
// not noticed yet that the connection is gone. Nobody else has that key, but for
// the moment of a look.
func (c *session) evict(ctx context.Context, conn *pgx.Conn) error {
	const end = `SELECT count(pg_terminate_backend(pid)) FROM pg_locks
		WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted AND pid <> pg_backend_pid()
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
		AND classid = ($1::bigint >> 32)::oid AND objid = ($1::bigint & 4294967295)::oid AND objsubid = 1`
	_, err := conn.Exec(ctx, end, c.key)
	return err
}

// again brings a broken session back, and reports whether the instance is still
// known to live. Meanwhile it says, through the pool, that its lock proves
// nothing, so that it cannot be taken for dead however long that takes.
func (c *session) again(ctx context.Context) bool {
	withdrawing, cancel := context.WithCancel(ctx)
	withdrawn := make(chan struct{})
	lost := c.generation
	go func() {
		defer close(withdrawn)
		c.withdraw(withdrawing, lost)
	}()
	defer func() { cancel(); <-withdrawn }()
	var pause time.Duration
	for {
		c.refuse()
		err := c.stand(ctx, c.enter)
		if err == nil {
			c.s.log.Info("session of the instance stands again", jobs.KeyInstance, c.id)
			return true
		}
		if isRefusal(err) { // its own row says that it is dead: Renew tells the engine
			c.s.log.Warn("instance is gone: it is not taken up again", jobs.KeyInstance, c.id)
			return false
		}
		c.s.log.Debug("session not back yet", jobs.KeyInstance, c.id, jobs.KeyError, err)
		pause = min(max(2*pause, 20*time.Millisecond), time.Second)
		if !sleep(ctx, pause) {
			return false
		}
	}
}

// withdraw takes the instance out of the ring until it has its lock again.
func (c *session) withdraw(ctx context.Context, generation int64) {
	const leave = `DELETE FROM jobs_schema.job_instance_locks WHERE instance_id = $1 AND generation = $2`
	// The pool's connections may have broken with the session: each is found
	// broken by a try, so that the first ones follow each other fast.
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		err := func() error {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			_, err := c.s.pool.Exec(ctx, c.s.SQL(leave), pgx.QueryExecModeExec, c.id, generation) // one round trip
			return err
		}()
		if err == nil || !sleep(ctx, pause) { // the server may be down
			return
		}
	}
}

// enter puts the instance back into the ring, unless it was declared dead.
func (c *session) enter(ctx context.Context, q querier) error {
	const enter = `
		WITH me AS (SELECT id FROM jobs_schema.job_instances WHERE id = $1 AND state IN ('live', 'stopping'))
		INSERT INTO jobs_schema.job_instance_locks (instance_id, key, generation, server_start, patience_ms)
		SELECT id, $2, $3, pg_postmaster_start_time(), $4 FROM me
		ON CONFLICT (instance_id) DO UPDATE SET generation = excluded.generation, server_start = excluded.server_start,
			patience_ms = excluded.patience_ms`
	tag, err := q.Exec(ctx, c.s.SQL(enter), c.id, c.key, c.generation, c.patience.Milliseconds())
	if err == nil && tag.RowsAffected() == 0 {
		err = refuse(fmt.Errorf("instance %s: %w", c.id, jobs.ErrInstanceGone))
	}
	return err
}

// report says once that the session's statements fail, and once that they do
// not any more.
func (c *session) report(err error) {
	switch {
	case err != nil && !c.ill:
		c.s.log.Warn("cannot look for dead instances", jobs.KeyInstance, c.id, jobs.KeyError, err)
	case err == nil && c.ill:
		c.s.log.Info("looking for dead instances again", jobs.KeyInstance, c.id)
	}
	c.ill = err != nil
}

// sleep waits, and reports whether the context outlived it.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

package postgres

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/mivaa/mivaa/internal/pgtest"
	"github.com/mivaa/mivaa/jobs"
)

// site is one schema with those who look at it from outside.
type site struct {
	testing.TB
	Config
	pool *pgxpool.Pool
	s    *Store // of nobody: for the names in statements
}

func newSite(tb testing.TB) *site {
	tb.Helper()
	url, schema := pgtest.Schema(tb)
	return siteAt(tb, url, schema)
}

func siteAt(tb testing.TB, url, schema string) *site {
	tb.Helper()
	e := &site{TB: tb, Config: Config{URL: url, Schema: schema}}
	e.s = e.open(e.Config)
	e.pool = e.s.pool
	return e
}

// open opens a store as a process of its own does.
func (e *site) open(c Config) *Store {
	e.Helper()
	c.Schema = e.Schema
	s, err := Open(context.Background(), c)
	if err != nil {
		e.Fatal(err)
	}
	e.Cleanup(func() {
		if err := s.Close(); err != nil {
			e.Error(err)
		}
	})
	return s
}

// node is a living instance with a store of its own, which renews its lease as
// an engine with work does.
type node struct {
	*site
	id     string
	s      *Store
	joined *membership
	gone   atomic.Bool // it was told that it is
	acked  atomic.Int64
	stop   context.CancelFunc
	ended  sync.WaitGroup
}

func (e *site) node(id string, lease time.Duration, change ...func(*Config)) *node {
	e.Helper()
	c := e.Config
	for _, f := range change {
		f(&c)
	}
	return e.nodeOn(e.open(c), id, lease)
}

func (e *site) nodeOn(s *Store, id string, lease time.Duration) *node {
	e.Helper()
	n := &node{site: e, id: id, s: s}
	n.joined = e.join(s, id, lease)
	ctx, cancel := context.WithCancel(context.Background())
	n.stop = cancel
	n.ended.Go(func() { n.renew(ctx, lease) })
	e.Cleanup(n.silence)
	return n
}

func (e *site) join(s *Store, id string, lease time.Duration) *membership {
	e.Helper()
	joined, err := s.Join(context.Background(), jobs.Instance{ID: id, Host: "host", PID: 1, Version: "test", Boot: "boot", Lease: lease})
	if err != nil {
		e.Fatal(err)
	}
	return joined.(*membership)
}

// silence ends the renewals.
func (n *node) silence() {
	n.stop()
	n.ended.Wait()
}

// kill lets go of all proof of life, as the end of a process does.
func (n *node) kill() {
	n.silence()
	n.s.proof.remove(n.id)
	n.joined.end()
}

func (n *node) renew(ctx context.Context, lease time.Duration) {
	for {
		func() {
			ctx, cancel := context.WithTimeout(ctx, lease/3)
			defer cancel()
			_, err := n.s.Renew(ctx, jobs.Renewal{Instance: n.id})
			switch {
			case errors.Is(err, jobs.ErrInstanceGone):
				n.gone.Store(true)
			case err == nil:
				n.acked.Add(1)
			}
		}()
		if !sleep(ctx, lease/5) {
			return
		}
	}
}

// up waits until the node's session stands.
func (n *node) up() {
	n.Helper()
	eventually(n, n.id+" has its lock", func() bool { return n.joined.session.up.Load() && n.locks(n.id) == 1 })
}

// renewed waits until each has renewed its lease from now on.
func renewed(nodes ...*node) {
	from := make([]int64, len(nodes))
	for i, n := range nodes {
		from[i] = n.acked.Load()
	}
	for i, n := range nodes { // the first may have been under way already
		eventually(n, n.id+" renews", func() bool { return n.acked.Load() >= from[i]+2 })
	}
}

// state returns an instance's state and how its death was proved.
func (e *site) state(id string) (state, death string) {
	e.Helper()
	e.row(`SELECT state, coalesce(death, '') FROM jobs_schema.job_instances WHERE id = $1`, []any{id}, &state, &death)
	return state, death
}

// locks counts the locks that an instance took since the server started.
func (e *site) locks(id string) (n int) {
	e.Helper()
	e.row(`SELECT count(*) FROM jobs_schema.job_instance_locks WHERE instance_id = $1 AND server_start = pg_postmaster_start_time()`, []any{id}, &n)
	return n
}

// generation returns how often the lock was taken, as the others see it.
func (n *node) generation() (g int64) {
	n.Helper()
	n.row(`SELECT coalesce(max(generation), 0) FROM jobs_schema.job_instance_locks WHERE instance_id = $1`, []any{n.id}, &g)
	return g
}

// row reads one row, however often the server goes meanwhile.
func (e *site) row(query string, args []any, to ...any) {
	e.Helper()
	var err error
	for range 100 {
		if err = e.pool.QueryRow(context.Background(), e.s.SQL(query), args...).Scan(to...); err == nil {
			return
		}
	}
	e.Fatal(err)
}

// dies waits until an instance is declared dead, and returns how.
func (e *site) dies(id string) (death string) {
	e.Helper()
	eventually(e, id+" is declared dead", func() bool {
		state, how := e.state(id)
		death = how
		return state != stateLive && state != stateStopping
	})
	return death
}

// alive fails if one of the nodes was taken for dead.
func alive(tb testing.TB, nodes ...*node) {
	tb.Helper()
	for _, n := range nodes {
		if state, death := n.state(n.id); state != stateLive || n.gone.Load() {
			tb.Errorf("%s lives and is %s (%s)", n.id, state, death)
		}
	}
}

// end ends the sessions of nodes at the server, all at once.
func (e *site) endSessions(nodes ...*node) {
	e.Helper()
	keys := make([]int64, len(nodes))
	for i, n := range nodes {
		keys[i] = n.joined.session.key
	}
	_, err := e.pool.Exec(e.Context(), `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'
		AND (classid::bigint << 32 | objid::bigint) = ANY ($1)`, keys)
	if err != nil {
		e.Fatal(err)
	}
}

// passes waits while a condition must hold.
func passes(tb testing.TB, d time.Duration, check func()) {
	tb.Helper()
	start := time.Now()
	eventually(tb, "time passes", func() bool {
		check()
		return time.Since(start) > d
	})
}

// eventually polls until cond holds.
func eventually(tb testing.TB, what string, cond func() bool) {
	tb.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			tb.Fatalf("not in time: %s", what)
		}
	}
}

// logbook is a logger whose lines a test reads.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

var _ io.Writer = (*logbook)(nil)

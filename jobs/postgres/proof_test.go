package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mivaa/mivaa/internal/faultproxy"
	"github.com/mivaa/mivaa/internal/pgtest"
	"github.com/mivaa/mivaa/jobs"
)

// through returns a URL that leads to a server through a proxy.
func through(tb testing.TB, serverURL string) (string, *faultproxy.Proxy) {
	tb.Helper()
	u, err := url.Parse(serverURL)
	if err != nil {
		tb.Fatal(err)
	}
	p := faultproxy.New(tb, u.Host)
	u.Host = p.Addr()
	return u.String(), p
}

// busy keeps the server and this process busy, as a queue under load does.
func (e *site) busy(n int) {
	e.Helper()
	pgtest.Exec(e, e.URL, `CREATE TABLE `+e.Schema+`.load (id bigserial PRIMARY KEY, data text)`)
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			for ctx.Err() == nil {
				_, _ = e.pool.Exec(ctx, `INSERT INTO `+e.Schema+`.load (data) SELECT repeat('x', 200) FROM generate_series(1, 200)`) // only to be busy
			}
		})
	}
	e.Cleanup(func() { cancel(); all.Wait() })
}

// The server ends the sessions of living processes, one and all, again and
// again: each takes its lock again in time.
func TestTerminatedBackendIsNoDeath(t *testing.T) {
	t.Parallel()
	e := newSite(t)
	e.busy(2)
	var nodes []*node
	for i := range 4 {
		nodes = append(nodes, e.node(fmt.Sprint("n", i), 5*time.Second))
	}
	way, proxy := through(t, e.URL)
	far := e.node("n4", 5*time.Second, func(c *Config) { c.URL, c.DirectURL = way, way })
	proxy.Delay(25 * time.Millisecond)         // it is slow to learn of its end, and to say that it lives
	const single, distant, together = 77, 8, 3 // together: of all five
	var took []time.Duration
	end := func(list ...*node) {
		before := make([]int64, len(list))
		for i, n := range list {
			n.up()
			before[i] = n.generation()
		}
		start := time.Now()
		e.endSessions(list...)
		for i, n := range list {
			eventually(t, n.id+" has its lock again", func() bool { return n.generation() > before[i] })
			took = append(took, time.Since(start))
		}
		passes(t, 50*time.Millisecond, func() {})
	}
	for i := range single {
		end(nodes[i%len(nodes)])
	}
	near := slices.Clone(took)
	for range distant {
		end(far)
	}
	nodes = append(nodes, far)
	for range together {
		end(nodes...)
	}
	passes(t, tryEvery+secondLook, func() {})
	alive(t, nodes...)
	slices.Sort(near)
	t.Logf("%d sessions ended; lock taken again nearby after p50 %v, max %v", len(took), near[len(near)/2], near[len(near)-1])
	nodes[1].kill() // they still watch
	e.dies("n1")
}

// A living process whose session was ended cannot connect again for long: it is
// spared, because it said so on another connection.
func TestSlowReturnIsNoDeath(t *testing.T) {
	t.Parallel()
	e := newSite(t)
	direct, proxy := through(t, e.URL)
	a := e.node("a", 10*time.Second)
	b := e.node("b", 10*time.Second, func(c *Config) { c.DirectURL = direct })
	passes(t, tryEvery, func() {})
	proxy.Hang()
	before := b.generation()
	e.endSessions(b)
	proxy.Cut() // it learns of the end; new connections hang
	passes(t, 3*(tryEvery+secondLook), func() {})
	alive(t, a, b)
	proxy.Resume()
	eventually(t, "b is back", func() bool { return b.generation() > before })
	alive(t, a, b)
	b.kill()
	e.dies("b")
}

// A living process is far away, and all its connections break at once: it is
// given as long as it needed to take its lock before, and more.
func TestFarAwayIsNoDeath(t *testing.T) {
	t.Parallel()
	e := newSite(t)
	way, proxy := through(t, e.URL)
	proxy.Delay(100 * time.Millisecond)
	const lease = 10 * time.Second
	a := e.node("a", lease)
	b := e.node("b", lease, func(c *Config) { c.URL, c.DirectURL = way, way })
	for range 3 {
		renewed(b)
		before := b.generation()
		proxy.Cut()
		eventually(t, "b is back", func() bool { return b.generation() > before })
		b.up()
		alive(t, a, b)
	}
	b.kill()
	e.dies("b")
}

// A connection is half-open: no end was told. The process takes another one, and
// ends its old session itself, of which the server knows nothing yet.
func TestHalfOpenIsNoDeath(t *testing.T) {
	t.Parallel()
	e := newSite(t)
	direct, proxy := through(t, e.URL)
	const lease = 3 * time.Second
	a := e.node("a", lease)
	b := e.node("b", lease, func(c *Config) { c.DirectURL = direct })
	before := b.generation()
	proxy.Hang()
	passes(t, lease+time.Second, func() { alive(t, a, b) }) // renewed through the pool
	b.joined.s.config.DirectURL = e.URL                     // another way leads there
	eventually(t, "b has its lock again", func() bool { return b.generation() > before })
	alive(t, a, b)
	renewed(b)
}

// The server loses sight of a client that is cut off, and gives its lock up: that
// proves nothing of the process, which is back within its lease.
func TestLockLostByCutOffIsNoDeath(t *testing.T) {
	t.Parallel()
	e := newSite(t)
	way, proxy := through(t, e.URL)
	const lease = 6 * time.Second
	a := e.node("a", lease)
	b := e.node("b", lease, func(c *Config) { c.URL, c.DirectURL = way, way })
	renewed(b)
	proxy.Hang()
	passes(t, lease*6/10, func() {})
	e.endSessions(b) // as tcp_keepalives_count has it end
	passes(t, tryEvery+secondLook+tryEvery, func() {})
	if state, death := e.state("b"); state != stateLive {
		t.Errorf("b is cut off for a moment, and %s: %s", state, death)
	}
	proxy.Resume()
	proxy.Cut()
	renewed(b)
	alive(t, a, b)
}

// Servers stop, crash and stay away, for longer than the leases: nobody is dead.
func TestOutageIsNoDeath(t *testing.T) {
	t.Parallel()
	const lease = 2 * time.Second
	server := pgtest.Start(t, "fsync=off")
	e := siteAt(t, server.URL(), "outage")
	var nodes []*node
	for i := range 5 {
		nodes = append(nodes, e.node(fmt.Sprint("n", i), lease))
	}
	leased := e.open(e.Config)
	leased.proof.direct = false
	nodes = append(nodes, e.nodeOn(leased, "leased", lease))
	patient := e.node("patient", time.Minute) // by proof it dies long before its lease ends
	for _, outage := range []struct {
		name string
		mode pgtest.Mode
		away time.Duration
	}{
		{"fast restart", pgtest.Fast, 0}, {"crash", pgtest.Immediate, 0}, {"fast restart again", pgtest.Fast, 0}, {"crash again", pgtest.Immediate, 0},
		{"away for longer than the lease", pgtest.Fast, lease + time.Second}, {"crashed and away", pgtest.Immediate, lease + time.Second},
	} {
		if err := server.Down(outage.mode); err != nil {
			t.Fatal(err)
		}
		passes(t, outage.away, func() {})
		if err := server.Up(); err != nil {
			t.Fatal(err)
		}
		for _, n := range nodes {
			if n.joined.session != nil {
				n.up()
			}
		}
		renewed(nodes...)
		passes(t, 2*tryEvery+secondLook, func() {})
		for _, n := range nodes {
			if state, death := n.state(n.id); state != stateLive || n.gone.Load() {
				t.Fatalf("%s: %s lives and is %s (%s)", outage.name, n.id, state, death)
			}
		}
	}
	patient.up()
	alive(t, patient)
	patient.kill() // they watch again
	if death := e.dies("patient"); strings.HasPrefix(death, "lease") {
		t.Errorf("death: %s", death)
	}
	nodes[5].silence()
	if death := e.dies("leased"); !strings.HasPrefix(death, "lease") {
		t.Errorf("death: %s", death)
	}
}

// All connections of a living process are cut at once, again and again.
func TestCutConnectionsAreNoDeath(t *testing.T) {
	t.Parallel()
	e := newSite(t)
	way, proxy := through(t, e.URL)
	a := e.node("a", 15*time.Second)
	b := e.node("b", 15*time.Second, func(c *Config) { c.URL, c.DirectURL = way, way })
	c := e.node("c", 15*time.Second, func(c *Config) { c.URL, c.DirectURL = way, way })
	for range 10 {
		proxy.Cut()
		passes(t, 200*time.Millisecond, func() {})
	}
	for _, n := range []*node{a, b, c} {
		n.up()
	}
	renewed(a, b, c)
	alive(t, a, b, c)
}

// The row says that the instance is dead: it does not take its lock again, and
// is told.
func TestDeclaredDeadStaysDead(t *testing.T) {
	t.Parallel()
	e := newSite(t)
	b := e.node("b", time.Minute)
	if _, err := e.pool.Exec(t.Context(), e.s.SQL(`WITH l AS (DELETE FROM jobs_schema.job_instance_locks) UPDATE jobs_schema.job_instances SET state = 'dead'`)); err != nil {
		t.Fatal(err)
	}
	e.endSessions(b)
	select {
	case <-b.joined.session.ended:
	case <-time.After(10 * time.Second):
		t.Error("its session goes on")
	}
	if n := e.locks("b"); n != 0 {
		t.Errorf("%d locks registered", n)
	}
	if _, err := b.s.Renew(t.Context(), jobs.Renewal{Instance: "b"}); err != jobs.ErrInstanceGone { //nolint:errorlint // it is that
		t.Errorf("Renew: %v", err)
	}
}

// A process is cut off while the server restarts, in order or by a crash of one of
// its sessions: that its lock is free then says nothing, to those who are back
// before it.
func TestRestartWhileCutOffIsNoDeath(t *testing.T) {
	t.Parallel()
	const lease = 10 * time.Second
	server := pgtest.Start(t, "fsync=off")
	e := siteAt(t, server.URL(), "cutoff")
	way, proxy := through(t, e.URL)
	a := e.node("a", lease)
	b := e.node("b", lease, func(c *Config) { c.URL, c.DirectURL = way, way })
	for name, restart := range map[string]func() error{
		"fast": func() error { return errors.Join(server.Down(pgtest.Fast), server.Up()) },
		"crash": func() error {
			var pid int
			e.row(`SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() LIMIT 1`, nil, &pid)
			process, err := os.FindProcess(pid)
			if err != nil {
				return err
			}
			return process.Kill()
		},
	} {
		a.up()
		b.up()
		renewed(a, b)
		passes(t, 2*tryEvery, func() {})
		before := a.acked.Load()
		proxy.Hang()
		if err := restart(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a is back", func() bool { return a.acked.Load() >= before+1 && a.locks("a") == 1 })
		passes(t, 2*tryEvery+secondLook, func() {})
		if state, death := e.state("b"); state != stateLive {
			t.Errorf("%s: b is %s: %s", name, state, death)
		}
		proxy.Resume()
		proxy.Cut()
	}
	b.up()
	renewed(a, b)
	alive(t, a, b)
}

//go:build unix

package faults

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/mivaa/mivaa/internal/faultproxy"
	"github.com/mivaa/mivaa/internal/pgtest"
	"github.com/mivaa/mivaa/jobs/postgres"
)

// Faults of the database server and of the way to it. None is of clocks: all
// times are the server's, and the store has no other source of them.
const (
	serverImmediate = "server stopped, immediate"
	serverFast      = "server stopped, fast"
	serverAway      = "server away beyond the lease"
	endAll          = "all backends terminated"
	endSome         = "some backends terminated"
	netCut          = "connections of a process cut"
	netCutAll       = "all connections cut"
	netHang         = "connections hang beyond the lease"
	netHangCut      = "connections hang, then are cut"
	netDelay        = "connections delayed"
	netDelayCut     = "connections delayed, then cut" // so that answers are lost
	serverFull      = "disk of the server full"
)

// aimed are the faults of one process's connections.
var aimed = map[string]bool{netCut: true, netHang: true, netHangCut: true, netDelay: true, netDelayCut: true}

const schema = "faults"

func (c *child) openPostgres(ctx context.Context) (store, error) {
	return postgres.Open(ctx, postgres.Config{URL: c.config.Path, Schema: c.config.Schema, Logger: c.log})
}

// server is a PostgreSQL store, each process behind a proxy of its own.
type server struct {
	pg      *pgtest.Server
	proxies []*faultproxy.Proxy // of the nodes, and the harness's
	db      *sql.DB
	disk    *disk // nil: it cannot be filled
	one     sync.Mutex
}

func newServer(t *testing.T) backend {
	t.Helper()
	dir, err := os.MkdirTemp("", "faults-disk-") //nolint:usetesting // reachable for user postgres
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s := &server{disk: mountDisk(t, dir)}
	s.pg = pgtest.StartIn(t, dir, "max_wal_size=128MB", "min_wal_size=32MB", "shared_buffers=64MB")
	for range nodes + 1 {
		s.proxies = append(s.proxies, faultproxy.New(t, s.pg.Addr()))
	}
	opened, err := s.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := opened.Close(); err != nil {
		t.Fatal(err)
	}
	if s.db, err = sql.Open("pgx", pgtest.With(s.pg.URL(), "search_path", schema)); err != nil {
		t.Fatal(err)
	}
	s.db.SetMaxIdleConns(-1) // one that was kept would be one that was ended meanwhile
	t.Cleanup(func() {
		if err := s.db.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// through returns the server's URL by a proxy.
func (s *server) through(n int) string {
	u, err := url.Parse(s.pg.URL())
	if err != nil {
		panic(err) // it was made a line ago
	}
	u.Host = s.proxies[n].Addr()
	return u.String()
}

func (s *server) child(node int) childConfig {
	return childConfig{Store: "postgres", Path: s.through(node), Schema: schema, Lease: s.lease()}
}

func (s *server) open(ctx context.Context) (store, error) {
	return postgres.Open(ctx, postgres.Config{URL: s.through(nodes), Schema: schema})
}

// lease is twice as long as on the embedded store: a death is proved by locks only
// within half of it, and that is to be tried too.
func (*server) lease() time.Duration { return 2 * time.Second }

// gap leaves a process time to be seen: a death that no lock proved is found only
// by one who lives longer than a lease.
func (*server) gap() time.Duration { return 280 * time.Millisecond }

func (s *server) sql() *sql.DB { return s.db }

func (s *server) guards() []string {
	const function = ` RETURNS trigger LANGUAGE plpgsql SET search_path = ` + schema + ` AS `
	return []string{
		`CREATE FUNCTION fault_moved()` + function + `'BEGIN INSERT INTO fault_violations VALUES (NEW.id, OLD.status, NEW.status, NEW.attempt); RETURN NULL; END'`,
		`CREATE TRIGGER fault_moves AFTER UPDATE OF status ON background_jobs FOR EACH ROW
			WHEN (OLD.status <> NEW.status AND ((OLD.status, NEW.status) NOT IN (` + legalChanges() + `) OR NEW.updated_at IS DISTINCT FROM ` + stamped + `))
			EXECUTE FUNCTION fault_moved()`,
		`CREATE FUNCTION fault_charged()` + function + `'BEGIN
			IF ` + strings.ReplaceAll(charged, "'", "''") + ` THEN
				INSERT INTO fault_violations VALUES (NEW.id, OLD.status, ''charged '' || coalesce(NEW.cause, ''''), NEW.attempt);
			END IF; RETURN NULL; END'`,
		`CREATE TRIGGER fault_charges AFTER UPDATE OF crashes ON background_jobs FOR EACH ROW
			WHEN (NEW.crashes > OLD.crashes) EXECUTE FUNCTION fault_charged()`,
		`CREATE FUNCTION fault_recorded()` + function + `'BEGIN
			INSERT INTO fault_steps SELECT id, NEW.seq, attempt, status FROM background_jobs WHERE id = NEW.job_id; RETURN NULL; END'`,
		`CREATE TRIGGER fault_records AFTER INSERT ON job_steps FOR EACH ROW EXECUTE FUNCTION fault_recorded()`,
	}
}

func (s *server) choices() []choice {
	own := []choice{
		{serverImmediate, 14}, {serverFast, 14}, {serverAway, 4}, {endAll, 30}, {endSome, 110},
		{netCut, 220}, {netCutAll, 30}, {netHang, 40}, {netHangCut, 30}, {netDelay, 60}, {netDelayCut, 60},
	}
	if s.disk != nil {
		own = append(own, choice{serverFull, 8})
	}
	return own
}

func (s *server) ownFault(kind string) bool {
	for _, c := range s.choices() {
		if c.kind == kind {
			return true
		}
	}
	return false
}

func (s *server) nodesOf(kind string) int {
	if aimed[kind] {
		return 1
	}
	return 0
}

func (s *server) inject(ctx context.Context, _ *run, f fault, on []*node) error {
	if len(on) > 0 {
		s.disconnect(ctx, f, s.proxies[on[0].number])
		return nil
	}
	s.one.Lock() // what is done to the server is done one at a time
	defer s.one.Unlock()
	switch f.Kind {
	case serverImmediate:
		return s.restart(ctx, pgtest.Immediate, 0)
	case serverFast:
		return s.restart(ctx, pgtest.Fast, 0)
	case serverAway:
		return s.restart(ctx, pgtest.Immediate, f.For)
	case endAll:
		return s.terminate(ctx, "true")
	case endSome:
		return s.terminate(ctx, "random() < 0.3")
	case netCutAll:
		for _, p := range s.proxies {
			p.Cut()
		}
	case serverFull:
		if err := s.disk.fill(); err != nil {
			return err
		}
		pause(ctx, f.For)
		return s.recover()
	}
	return nil
}

// mostDelay is each way. A living process whose session takes longer to come back
// than the second look waits may be succeeded: what is slower than this is a lost
// network.
const mostDelay = 10 * time.Millisecond

// disconnect breaks the way of one process to the server.
func (s *server) disconnect(ctx context.Context, f fault, p *faultproxy.Proxy) {
	defer p.Resume()
	switch f.Kind {
	case netCut:
		p.Cut()
	case netHang:
		p.Hang()
		pause(ctx, f.For) // then what was held back arrives
	case netHangCut:
		p.Hang()
		pause(ctx, f.For)
		p.Cut()
	case netDelay:
		p.Delay(time.Duration(f.Dice * float64(mostDelay)))
		pause(ctx, f.For)
	case netDelayCut:
		p.Delay(time.Duration(f.Dice * float64(mostDelay)))
		pause(ctx, f.For/3)
		p.Cut()
	}
}

func (s *server) restart(ctx context.Context, how pgtest.Mode, away time.Duration) error {
	if err := s.pg.Down(how); err != nil {
		return err
	}
	pause(ctx, away)
	return s.pg.Up()
}

// terminate ends sessions. The server may have no room for another just then.
func (s *server) terminate(ctx context.Context, which string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	_, err := s.pg.Terminate(ctx, which)
	return err
}

// recover gives the disk back. The server may have ended for want of it, and may
// be ending just now.
func (s *server) recover() error {
	if err := s.disk.free(); err != nil {
		return err
	}
	var err error
	for range 5 {
		if err = s.pg.Up(); err == nil {
			return nil
		}
	}
	return fmt.Errorf("after the disk was full: %w", err)
}

func (s *server) heal(*run) error {
	for _, p := range s.proxies {
		p.Resume()
	}
	return s.pg.Up()
}

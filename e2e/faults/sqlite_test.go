//go:build unix

package faults

import (
	"context"
	"database/sql"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs/sqlite"
)

// Faults of the embedded store.
const (
	diskFull  = "disk full"
	clockJump = "clock jump"
)

func (c *child) openSQLite(ctx context.Context) (store, error) {
	return sqlite.Open(ctx, sqlite.Config{Path: c.config.Path, Logger: c.log, Now: c.now})
}

// file is a SQLite store on a disk of its own, where one can be had.
type file struct {
	path string
	db   *sql.DB
	disk *disk // nil: it cannot be filled
	full sync.Mutex
}

func newFile(t *testing.T) backend {
	t.Helper()
	dir := t.TempDir()
	f := &file{disk: mountDisk(t, dir)}
	f.path = filepath.Join(dir, "data", "jobs.db")
	s, err := f.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if f.db, err = sql.Open("sqlite", "file:"+f.path+"?mode=rw&_pragma=busy_timeout(20000)"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.db.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func (f *file) child(int) childConfig {
	return childConfig{Store: "sqlite", Path: f.path, Lease: f.lease()}
}

func (*file) lease() time.Duration { return time.Second }

func (*file) gap() time.Duration { return 170 * time.Millisecond }

func (f *file) open(ctx context.Context) (store, error) {
	return sqlite.Open(ctx, sqlite.Config{Path: f.path})
}

func (f *file) sql() *sql.DB { return f.db }

func (f *file) guards() []string {
	return []string{`
		CREATE TRIGGER fault_moves AFTER UPDATE OF status ON background_jobs
		WHEN OLD.status <> NEW.status AND ((OLD.status, NEW.status) NOT IN (VALUES ` + legalChanges() + `)
			OR NEW.updated_at IS NOT ` + stamped + `)
		BEGIN INSERT INTO fault_violations VALUES (NEW.id, OLD.status, NEW.status, NEW.attempt); END`, `
		CREATE TRIGGER fault_charges AFTER UPDATE OF crashes ON background_jobs
		WHEN NEW.crashes > OLD.crashes AND (` + charged + `)
		BEGIN INSERT INTO fault_violations VALUES (NEW.id, OLD.status, 'charged ' || coalesce(NEW.cause, ''), NEW.attempt); END`, `
		CREATE TRIGGER fault_records AFTER INSERT ON job_steps
		BEGIN INSERT INTO fault_steps SELECT id, NEW.seq, attempt, status FROM background_jobs WHERE id = NEW.job_id; END`,
	}
}

func (f *file) choices() []choice {
	own := []choice{{clockJump, 60}}
	if f.disk != nil {
		own = append(own, choice{diskFull, 20})
	}
	return own
}

func (f *file) ownFault(kind string) bool { return kind == diskFull || kind == clockJump }

func (f *file) nodesOf(kind string) int {
	if kind == clockJump {
		return 1
	}
	return 0
}

// mostAhead bounds how far a clock jumps ahead: a job that is tried again later
// waits for the time that such a clock wrote.
const mostAhead = 5 * time.Second

func (f *file) inject(ctx context.Context, r *run, what fault, on []*node) error {
	if what.Kind == diskFull {
		f.full.Lock() // one at a time
		defer f.full.Unlock()
		if err := f.disk.fill(); err != nil {
			return err
		}
		pause(ctx, what.For)
		return f.disk.free()
	}
	offset := time.Duration(what.Dice * float64(2*mostAhead)).Round(time.Millisecond)
	if offset > mostAhead {
		offset = -100 * (offset - mostAhead)
	}
	if p := on[0].running(ctx); p != nil {
		p.tell("clock %v", offset)
	}
	return nil
}

func (f *file) heal(r *run) error {
	for _, n := range r.nodes {
		if p := n.running(r.t.Context()); p != nil {
			p.tell("clock 0s")
		}
	}
	return nil
}

package lifecycle

import (
	"context"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// manager notes what the service manager is told.
type manager struct {
	mu   sync.Mutex
	told []string
}

func (m *manager) systemd() *Systemd {
	return &Systemd{watchdog: 100 * time.Millisecond, notify: func(state string) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.told = append(m.told, state)
		return nil
	}}
}

func (m *manager) count(prefix string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, state := range m.told {
		if strings.HasPrefix(state, prefix) {
			n++
		}
	}
	return n
}

func (m *manager) index(prefix string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.IndexFunc(m.told, func(state string) bool { return strings.HasPrefix(state, prefix) })
}

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never came true: %s", what)
		}
	}
}

// The manager learns of the start when it is over, of the work, of the drain
// with room for it, and of the stop before anything is stopped.
func TestSystemdIsTold(t *testing.T) {
	t.Parallel()
	var m manager
	release := make(chan struct{})
	f := newFixture(t, release)
	f.Systemd, f.Drain = m.systemd(), time.Minute
	recovered := false
	f.Cleanup = func(context.Context) (int, error) { recovered = m.index("READY=1") < 0; return 0, nil }
	f.run(t)
	f.begin(t)
	if !recovered {
		t.Error("ready before recovery was over")
	}
	eventually(t, "the work is told", func() bool { return m.count("STATUS=1 job") > 0 })
	eventually(t, "signs of life", func() bool { return m.count("WATCHDOG=1") > 2 })
	before := m.count("EXTEND_TIMEOUT_USEC=")
	f.signals <- syscall.SIGTERM
	eventually(t, "room for the drain", func() bool { return m.count("EXTEND_TIMEOUT_USEC=10000000") > before+1 })
	eventually(t, "the drain is told", func() bool { return m.count("STATUS=Draining for 1m0s at most: 1 job") > 0 })
	close(release)
	if err := <-f.done; err != nil {
		t.Errorf("run: %v", err)
	}
	if ready, stopping := m.index("READY=1"), m.index("STOPPING=1"); ready < 0 || stopping < ready {
		t.Errorf("READY at %d, STOPPING at %d", ready, stopping)
	}
}

// That jobs wait for memory is told with the work, and that they do not any more.
func TestSystemdIsToldOfWaitingForMemory(t *testing.T) {
	t.Parallel()
	var m manager
	release := make(chan struct{})
	f := newFixture(t, release)
	var starved atomic.Bool
	f.Systemd, f.Starved = m.systemd(), starved.Load
	f.run(t)
	f.begin(t)
	starved.Store(true)
	eventually(t, "it is told", func() bool { return m.count("STATUS=1 job, waiting for memory") > 0 })
	before := m.count("STATUS=1 job")
	starved.Store(false)
	eventually(t, "it is over", func() bool { return m.count("STATUS=1 job") > before })
	close(release)
	f.signals <- syscall.SIGTERM
	if err := <-f.done; err != nil {
		t.Errorf("run: %v", err)
	}
}

// silent is a store that answers nothing any more once it is told so.
type silent struct {
	jobs.Store
	from chan struct{}
}

func (s *silent) List(ctx context.Context, f jobs.Filter) ([]jobs.Job, error) {
	select {
	case <-s.from:
		<-ctx.Done()
		return nil, ctx.Err()
	default:
		return s.Store.List(ctx, f)
	}
}

// A service whose store hangs gives no sign of life; one whose store fails does.
func TestHungStoreIsNoLife(t *testing.T) {
	t.Parallel()
	var m manager
	f := newFixture(t, nil)
	f.Systemd = m.systemd()
	f.Systemd.log = f.Log
	store := &silent{Store: f.store, from: make(chan struct{})}
	f.Service.Store = store
	f.run(t)
	eventually(t, "signs of life", func() bool { return m.count("WATCHDOG=1") > 1 })
	close(store.from)
	eventually(t, "the log says so", func() bool {
		return slices.ContainsFunc(f.log.lines(), func(l string) bool { return strings.Contains(l, "the store does not answer") })
	})
	signs := m.count("WATCHDOG=1")
	f.signals <- syscall.SIGTERM
	if err := <-f.done; err != nil {
		t.Errorf("run: %v", err)
	}
	if n := m.count("WATCHDOG=1"); n > signs {
		t.Errorf("%d signs of life of a service that hangs", n-signs)
	}
	if err := (&Service{Store: &failing{}}).hung(t.Context(), time.Minute); err != nil {
		t.Errorf("a store that fails hangs: %v", err)
	}
}

// failing is a store that is out of reach.
type failing struct{ jobs.Store }

func (*failing) List(context.Context, jobs.Filter) ([]jobs.Job, error) {
	return nil, jobs.ErrUnavailable
}

func TestSystemdSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Skipf("no unix sockets here: %v", err)
	}
	defer conn.Close()
	if s, err := NewSystemd(nil); s != nil || err != nil {
		t.Errorf("without a manager: %v, %v", s, err)
	}
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "30000000")
	s, err := NewSystemd(nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Status("2 jobs, 431/1321 pages")
	s.Status("2 jobs, 431/1321 pages") // known
	s.Ready()
	s.Extend(10 * time.Second)
	for _, want := range []string{"STATUS=Starting", "STATUS=2 jobs, 431/1321 pages", "READY=1", "EXTEND_TIMEOUT_USEC=10000000"} {
		buf := make([]byte, 200)
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(buf[:n]); got != want {
			t.Errorf("told %q, want %q", got, want)
		}
	}
	if s.every() > 15*time.Second || s.patience() > 15*time.Second {
		t.Errorf("every %v, patience %v of a watchdog of 30 s", s.every(), s.patience())
	}
	var nobody *Systemd
	nobody.Ready()
	nobody.Status("x")
	nobody.Stopping()
}

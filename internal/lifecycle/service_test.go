package lifecycle

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/sqlite"
)

// buffer is a log that several goroutines write.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) lines() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Split(strings.TrimRight(b.b.String(), "\n"), "\n")
}

// fakeServer notes what is asked of it.
type fakeServer struct {
	mu    sync.Mutex
	asked []string
	fail  chan error
	once  sync.Once
}

func newFakeServer() *fakeServer { return &fakeServer{fail: make(chan error)} }

func (s *fakeServer) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, what)
}

func (s *fakeServer) Serve() error { return <-s.fail }
func (s *fakeServer) Refuse()      { s.note("refuse") }

func (s *fakeServer) Close(context.Context) error {
	s.note("close")
	s.once.Do(func() { close(s.fail) })
	return nil
}

type fixture struct {
	*Service
	log     *buffer
	server  *fakeServer
	store   *sqlite.Store
	signals chan os.Signal
	ready   chan struct{}
	done    chan error
}

// newFixture is a service on a store of its own; its handler runs until it is
// told to stop, or released.
func newFixture(t *testing.T, release <-chan struct{}) *fixture {
	t.Helper()
	store, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "jobs.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	f := &fixture{log: &buffer{}, server: newFakeServer(), store: store, signals: make(chan os.Signal, 2), ready: make(chan struct{}), done: make(chan error, 1)}
	log := NewLogger(f.log, FormatText, 0, false, false)
	f.Service = &Service{
		Store: store, Server: f.server, Log: log, Narrator: NewNarrator(log), Grace: 10 * time.Second,
		Ready: func() { close(f.ready) },
		Worker: &jobs.Worker{Store: store, Handlers: map[string]jobs.Handler{"wait": func(_ context.Context, a *jobs.Attempt) error {
			select {
			case <-a.Stopping():
				return jobs.ErrStopping
			case <-release:
				return nil
			}
		}}},
	}
	return f
}

func (f *fixture) run(t *testing.T) {
	t.Helper()
	go func() { f.done <- f.Run(t.Context(), f.signals) }()
	select {
	case <-f.ready:
	case err := <-f.done:
		t.Fatalf("ended before it was ready: %v", err)
	}
}

// begin inserts a job and waits until it runs.
func (f *fixture) begin(t *testing.T) jobs.ID {
	t.Helper()
	inserted, err := f.store.Insert(t.Context(), jobs.NewJob{Kind: "wait", Filename: "a.pdf\nFORGED LINE"})
	if err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for len(f.Worker.Running()) == 0 {
		<-tick.C
	}
	return inserted[0].ID
}

func (f *fixture) contains(t *testing.T, want ...string) {
	t.Helper()
	lines := f.log.lines()
	at := 0
	for _, w := range want {
		i := slices.IndexFunc(lines[at:], func(l string) bool { return strings.HasPrefix(l, w) })
		if i < 0 {
			t.Fatalf("no line %q after line %d of:\n%s", w, at, strings.Join(lines, "\n"))
		}
		at += i + 1
	}
}

func TestServiceStopsInOrder(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.run(t)
	id := f.begin(t)
	f.signals <- syscall.SIGTERM
	if err := <-f.done; err != nil {
		t.Errorf("run: %v", err)
	}
	if got := strings.Join(f.server.asked, " "); got != "refuse close" {
		t.Errorf("asked of the server: %s", got)
	}
	f.contains(t, "🔄 Initializing job recovery service...", "✅ No interrupted jobs found", "📊 Job statistics: {'total': 0, 'pending': 0,",
		"🧹 Cleaned up 0 old jobs", "✅ Job recovery service initialized successfully",
		"📋 BACKGROUND JOB STARTED: "+id.String(), "   Document ID: none", "   Filename: a.pdf\uFFFDFORGED LINE", "   Started at: ",
		"🛑 SERVICE INTERRUPTION DETECTED: SIGTERM (graceful shutdown)", "🛑 Received signal 15 at ", "🛑 Initiating graceful shutdown...",
		"🛑 Any ongoing PDF processing jobs will be interrupted!", "🛑 Interrupting 1 active jobs:", "   - Job "+id.String(),
		strings.Repeat("=", 80), "🛑 SHUTDOWN INITIATED", "🛑 Shutdown time: ", strings.Repeat("=", 80),
		"🛑 SHUTDOWN WARNING: 1 jobs still processing:", "   - Job "+id.String()+": Document none, Started: ",
		"🛑 JOB INTERRUPTED: "+id.String(), "   Reason: Service shutdown or task cancellation", "   Duration before interruption: ",
		strings.Repeat("=", 80), "🛑 SHUTDOWN COMPLETE", strings.Repeat("=", 80))
}

// A second signal does not wait for the drain.
func TestSecondSignalExits(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	f := newFixture(t, release)
	f.Drain = time.Hour
	exited := make(chan int, 1)
	f.Exit = func(code int) { exited <- code; close(release) }
	f.Settle = 10 * time.Millisecond
	f.run(t)
	f.begin(t)
	f.signals <- syscall.SIGINT
	f.signals <- syscall.SIGHUP // with the first: no reason to hurry
	time.AfterFunc(50*time.Millisecond, func() { f.signals <- syscall.SIGINT })
	if code := <-exited; code != 130 {
		t.Errorf("exit %d, want 130", code)
	}
	if err := <-f.done; err != nil {
		t.Errorf("run: %v", err)
	}
	f.contains(t, "⏳ Draining: waiting up to 1h0m0s for 1 active jobs", "📋 BACKGROUND JOB FINISHED: ", "   Final status: completed")
}

// A signal during the start ends it, however long its parts would take.
func TestSignalDuringTheStart(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	cleaning := make(chan struct{})
	f.Cleanup = func(ctx context.Context) (int, error) {
		close(cleaning)
		<-ctx.Done()
		return 0, ctx.Err()
	}
	go func() { f.done <- f.Run(t.Context(), f.signals) }()
	<-cleaning
	f.signals <- syscall.SIGTERM
	if err := <-f.done; err != nil {
		t.Errorf("run: %v", err)
	}
	f.contains(t, "🛑 SERVICE INTERRUPTION DETECTED: SIGTERM (graceful shutdown)", "🛑 SHUTDOWN COMPLETE")
}

// A server that fails takes the service down in order, with its error.
func TestServerFailureStopsService(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.run(t)
	id := f.begin(t)
	f.server.fail <- errors.New("accept: too many open files")
	if err := <-f.done; err == nil || !strings.Contains(err.Error(), "too many open files") {
		t.Errorf("run: %v", err)
	}
	if j, err := jobs.Get(t.Context(), f.store, id); err != nil || j.Status != jobs.Interrupted {
		t.Errorf("job: %+v, %v", j, err)
	}
}

// A store that does not answer is a failed start, not an empty one.
func TestStartFailsWithoutStore(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	if err := f.store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Run(t.Context(), f.signals); !errors.Is(err, jobs.ErrUnavailable) {
		t.Errorf("run: %v, want %v", err, jobs.ErrUnavailable)
	}
}

func TestRecoveredLines(t *testing.T) {
	t.Parallel()
	log := &buffer{}
	n := NewNarrator(NewLogger(log, FormatText, 0, false, false))
	ids := []jobs.ID{jobs.NewID(), jobs.NewID(), jobs.NewID()}
	n.Recovered([]jobs.Event{
		{JobID: ids[0], Event: jobs.EventInterrupted, Cause: jobs.CauseCrash},
		{JobID: ids[1], Event: jobs.EventInterrupted, Cause: jobs.CauseCrash},
		{JobID: ids[2], Event: jobs.EventInterrupted, Cause: jobs.CauseLeaseLost},
		{JobID: ids[1], Event: jobs.EventFailed, Cause: jobs.CauseCrash},
	})
	want := []string{
		"🛑 Marked 2 jobs as interrupted due to: Service restart detected", "   - Job " + ids[0].String(), "   - Job " + ids[1].String(),
		"🛑 Marked 1 jobs as interrupted due to: Lease lost", "   - Job " + ids[2].String(),
		"❌ Gave up 1 jobs whose process died too often in a row:", "   - Job " + ids[1].String(),
	}
	if got := log.lines(); !slices.Equal(got, want) {
		t.Errorf("got:\n%s", strings.Join(got, "\n"))
	}
}

func TestLoggers(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	NewLogger(&b, FormatJSON, 0, false, false).Info("🧹 Cleaned up 3 old jobs", "n", 3)
	if got := b.String(); !strings.Contains(got, `"msg":"🧹 Cleaned up 3 old jobs"`) || !strings.Contains(got, `"n":3`) {
		t.Errorf("json: %s", got)
	}
	b.Reset()
	NewLogger(&b, FormatText, 0, false, false).With("instance", "a b").Warn("lease lost", "error", errors.New("no"))
	if got := b.String(); got != "lease lost instance=\"a b\" error=no\n" {
		t.Errorf("text: %q", got)
	}
	var terminal strings.Builder
	NewLogger(io.Writer(&terminal), FormatText, 0, true, false).Info("🛑 SHUTDOWN COMPLETE", "job", "x")
	if got := terminal.String(); !strings.HasSuffix(got, "🛑 SHUTDOWN COMPLETE\n") || got == "🛑 SHUTDOWN COMPLETE\n" {
		t.Errorf("terminal: %q", got)
	}
}

package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

func TestFollowJob(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	up := e.upload("followed")
	id := mustID(e, *up.JobID)
	j := e.claim(id)
	e.insert("another.pdf")

	l := e.listen(eventsURL(id), "Accept-Encoding", "gzip")
	if got := l.resp.Header.Get("Content-Type"); got != "text/event-stream" || l.resp.Header.Get("Content-Encoding") != "" {
		t.Errorf("the stream is %s, encoded %q", got, l.resp.Header.Get("Content-Encoding"))
	}
	hello, _ := l.next()
	if hello.event != "hello" || hello.data != `{"last_event_id":0}` || hello.id != 0 {
		t.Errorf("it begins with %+v", hello)
	}
	// The history, and then how the job is.
	progress, before := l.until("its progress", isEvent("progress"))
	if len(before) != 2 || decode[StatusEvent](e, before[0].data).Event != "accepted" || decode[StatusEvent](e, before[1].data).Event != "started" {
		t.Errorf("history: %+v", before)
	}
	if g := decode[JobGlance](e, progress.data); g.Status != "processing" || g.ID != id.String() || g.Filename != "followed.pdf" || progress.id != 0 {
		t.Errorf("progress is %+v", g)
	}
	// A page, and the progress that it makes.
	e.ok(e.store.Checkpoint(t.Context(), j.Fence(), 2, jobs.Step{Seq: 1, Data: record(1, "one").Encode()}))
	progress, before = l.until("progress after a page", isEvent("progress"))
	if g := decode[JobGlance](e, progress.data); g.StepsDone != 1 || g.StepsTotal != 2 || g.Progress != 50 {
		t.Errorf("progress is %+v", g)
	}
	if len(before) != 1 || before[0].event != "step" {
		t.Fatalf("before it: %+v", before)
	}
	if s := decode[StepEvent](e, before[0].data); s.Seq != 1 || *s.PageNumber != 1 || *s.Status != "ok" || s.JobID != id.String() {
		t.Errorf("step is %+v", s)
	}
	// Its end.
	e.ok(e.store.Checkpoint(t.Context(), j.Fence(), 2, jobs.Step{Seq: 2, Data: record(2, "two").Encode()}))
	e.finish(j, jobs.Outcome{Status: jobs.Completed})
	done, _ := l.until("its end", isEvent("status"))
	if s := decode[StatusEvent](e, done.data); s.Event != "completed" || s.Job.Status != "completed" || s.Job.Progress != 100 || s.ID != done.id || *s.FromStatus != "processing" {
		t.Errorf("the end is %+v", s)
	}
	// Who comes back hears nothing twice.
	l.close()
	again := e.listen(eventsURL(id), "Last-Event-ID", strconv.FormatInt(done.id, 10))
	_, before = again.until("its progress", isEvent("progress"))
	if len(before) != 1 || before[0].data != `{"last_event_id":`+strconv.FormatInt(done.id, 10)+`}` {
		t.Errorf("who comes back hears %+v", before)
	}
	// The pages that were recorded meanwhile, where they are asked for.
	pages := e.listen(eventsURL(id) + "?steps_after=1&after=" + strconv.FormatInt(done.id, 10))
	step, before := pages.until("the page", isEvent("step"))
	if s := decode[StepEvent](e, step.data); s.Seq != 2 || len(before) != 1 {
		t.Errorf("step is %+v, before it %+v", s, before)
	}
	for _, bad := range []string{"?after=-2", "?after=x", "?steps_after=x"} {
		e.problem(e.get(eventsURL(id)+bad), http.StatusBadRequest, codeInvalid)
	}
	// A job that is gone ends it.
	e.ok(deleteRow(e, id))
	bye, _ := again.until("the end", isEvent("bye"))
	if bye.data != `{"reason":"deleted"}` {
		t.Errorf("bye is %s", bye.data)
	}
	e.problem(e.get(eventsURL(jobs.NewID())), http.StatusNotFound, codeNotFound)
	e.problem(e.get(allEvents, "Last-Event-ID", "abc"), http.StatusBadRequest, codeInvalid)
	if head := e.send(http.MethodHead, allEvents, nil); head.StatusCode != http.StatusOK {
		t.Errorf("HEAD: %d", head.StatusCode)
	}
}

// TestFollowTellsEachPage: whoever comes while a job runs, with the number of the
// last page it knows, hears of each of the others.
func TestFollowTellsEachPage(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	const pages = 150
	j := e.in(jobs.Processing)
	var writer sync.WaitGroup
	writer.Go(func() {
		for n := 1; n <= pages; n++ {
			if err := e.store.Checkpoint(t.Context(), j.Fence(), pages, jobs.Step{Seq: n, Data: record(n, "a page").Encode()}); err != nil {
				t.Error(err)
			}
		}
	})
	var readers sync.WaitGroup
	for range 5 {
		known := e.job(j.ID).StepsDone
		l := e.listen(eventsURL(j.ID) + "?steps_after=" + strconv.Itoa(known))
		readers.Go(func() {
			missing := map[int]bool{}
			for seq := known + 1; seq <= pages; seq++ {
				missing[seq] = true
			}
			for len(missing) > 0 {
				h, ok := l.next()
				if !ok {
					t.Errorf("behind page %d it never hears of %v", known, missing)
					return
				}
				if h.event == "step" {
					delete(missing, decode[StepEvent](e, h.data).Seq)
				}
			}
		})
		e.eventually("some more pages", func() bool { return e.job(j.ID).StepsDone >= min(pages, known+20) })
	}
	writer.Wait()
	readers.Wait()
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.api.hub.beat = time.Millisecond
	l := e.listen(allEvents)
	for l.lines.Scan() {
		if l.lines.Text() == ":" {
			return
		}
	}
	t.Error("the stream ended without a heartbeat")
}

// deleteRow deletes a job as an operator would, who tells nobody.
func deleteRow(e *env, id jobs.ID) error {
	_, err := e.store.Cleanup(e.Context(), time.Now().Add(time.Hour), 1000)
	if _, gone := jobs.Get(e.Context(), e.store, id); err == nil && gone == nil {
		e.Fatalf("job %s is still there", id)
	}
	return err
}

func TestFollowAll(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	old := e.in(jobs.Failed)
	running := e.in(jobs.Processing)
	last, err := e.store.LastEvent(t.Context())
	e.ok(err)

	live := e.listen(allEvents)
	hello, _ := live.next()
	if hello.data != `{"last_event_id":`+strconv.FormatInt(last, 10)+`}` {
		t.Errorf("it begins with %+v, want %d", hello, last)
	}
	progress, before := live.until("what runs", isEvent("progress"))
	if g := decode[JobGlance](e, progress.data); g.ID != running.ID.String() || len(before) > 0 {
		t.Errorf("what runs: %+v after %+v", g, before)
	}
	fresh := e.insert("fresh.pdf")
	status, _ := live.until("the new job", isEvent("status"))
	if s := decode[StatusEvent](e, status.data); s.JobID != fresh.ID.String() || s.Event != "accepted" {
		t.Errorf("the new job is %+v", s)
	}
	e.ok(e.store.Checkpoint(t.Context(), running.Fence(), 4, jobs.Step{Seq: 1, Data: record(1, "one").Encode()}))
	progress, before = live.until("its progress", isEvent("progress"))
	if g := decode[JobGlance](e, progress.data); g.ID != running.ID.String() || g.Progress != 25 || len(before) > 0 {
		t.Errorf("progress is %+v after %+v", g, before)
	}
	// From the beginning; and behind an event of another database, from now on.
	whole := e.listen(allEvents + "?after=0")
	status, _ = whole.until("the first event", isEvent("status"))
	if s := decode[StatusEvent](e, status.data); s.JobID != old.ID.String() || s.Job.Status != "failed" {
		t.Errorf("the first event is %+v", s)
	}
	lost := e.listen(allEvents, "Last-Event-ID", "1000000")
	if hello, _ := lost.next(); hello.data != `{"last_event_id":`+strconv.FormatInt(last+1, 10)+`}` {
		t.Errorf("behind an id that was never given it begins with %+v", hello)
	}
	e.insert("later.pdf")
	lost.until("the job after that", isEvent("status"))
}

// TestStreamsEndWithTheService: each says why, and nothing goes on reading.
func TestStreamsEndWithTheService(t *testing.T) {
	t.Parallel()
	began := make(chan struct{}, 10)
	e := newEnv(t, func(c *Config) { c.Jobs = &watching{c.Jobs, began} })
	j := e.in(jobs.Processing)
	var streams []*listener
	for range 5 {
		streams = append(streams, e.listen(eventsURL(j.ID)), e.listen(allEvents))
	}
	if n := len(began); n != 1 {
		t.Errorf("%d watches for %d streams", n, len(streams))
	}
	e.api.Stop()
	for _, l := range streams {
		bye, _ := l.until("the end", isEvent("bye"))
		if bye.data != `{"reason":"stopping"}` {
			t.Errorf("bye is %s", bye.data)
		}
		if _, more := l.next(); more {
			t.Error("it goes on after bye")
		}
	}
	e.eventually("the feed ends", func() bool {
		e.api.hub.mu.Lock()
		defer e.api.hub.mu.Unlock()
		return e.api.hub.feed == nil && e.api.hub.streams == 0
	})
	e.problem(e.get(allEvents), http.StatusServiceUnavailable, codeStopping)
}

// TestFeedEndsWithItsLastClient, and a new one begins with the next.
func TestFeedEndsWithItsLastClient(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	a, b := e.listen(allEvents), e.listen(allEvents)
	a.until("hello", isEvent("hello"))
	b.until("hello", isEvent("hello"))
	e.api.hub.mu.Lock()
	f := e.api.hub.feed
	e.api.hub.mu.Unlock()
	a.close()
	e.insert("one.pdf")
	b.until("an event", isEvent("status"))
	select {
	case <-f.done:
		t.Fatal("the feed ended although somebody listens")
	default:
	}
	b.close()
	<-f.done
	c := e.listen(allEvents)
	c.until("hello", isEvent("hello"))
	e.insert("two.pdf")
	c.until("an event", isEvent("status"))
}

func TestMostStreams(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(c *Config) { c.MaxStreams = 2 })
	a := e.listen(allEvents)
	e.listen(allEvents)
	if p := e.problem(e.get(allEvents), http.StatusServiceUnavailable, codeBusy); !strings.Contains(p.Detail, "2 live streams") {
		t.Errorf("detail is %q", p.Detail)
	}
	a.close()
	e.eventually("there is room again", func() bool {
		e.api.hub.mu.Lock()
		defer e.api.hub.mu.Unlock()
		return e.api.hub.streams == 1
	})
	e.listen(allEvents).until("hello", isEvent("hello"))
}

// TestSlowClientIsCutOff: it costs a bounded number of rounds, and its comrades
// nothing.
func TestSlowClientIsCutOff(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	quick := e.listen(allEvents)
	quick.until("hello", isEvent("hello"))
	slow, err := e.api.hub.subscribe(t.Context(), jobs.ID{}) // and never reads
	e.ok(err)
	defer e.api.hub.leave(slow)
	n := 0
	e.eventually("it is cut off", func() bool {
		e.insert("more.pdf")
		n++
		select {
		case <-slow.cut:
			return true
		default:
			return false
		}
	})
	if slow.why != byeSlow || len(slow.frames) != backlog {
		t.Errorf("cut off because %q, with %d parcels", slow.why, len(slow.frames))
	}
	for range n {
		quick.until("each event", isEvent("status"))
	}
}

// blind is a store that never says that anything changed.
type blind struct{ Store }

func (blind) Watch(ctx context.Context) <-chan jobs.Hint {
	c := make(chan jobs.Hint)
	context.AfterFunc(ctx, func() { close(c) })
	return c
}

func TestFollowByPollingAlone(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(c *Config) { c.Jobs = blind{c.Jobs} })
	l := e.listen(allEvents)
	l.until("hello", isEvent("hello"))
	j := e.insert("polled.pdf")
	status, _ := l.until("the event", isEvent("status"))
	if s := decode[StatusEvent](e, status.data); s.JobID != j.ID.String() {
		t.Errorf("event is %+v", s)
	}
}

// sickly is a store whose history cannot be read while it is ill.
type sickly struct {
	Store
	mu  sync.Mutex
	err error
}

func (s *sickly) set(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *sickly) Events(ctx context.Context, id jobs.ID, after int64, limit int) ([]jobs.Event, error) {
	found, err := s.Store.Events(ctx, id, after, limit)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil { // also where it fell ill meanwhile
		return nil, s.err
	}
	return found, err
}

// TestDeadStoreIsNotSilence: clients are told, those who come later too, and
// miss nothing.
func TestDeadStoreIsNotSilence(t *testing.T) {
	t.Parallel()
	store := &sickly{}
	e := newEnv(t, func(c *Config) { store.Store, c.Jobs = c.Jobs, store })
	l := e.listen(allEvents)
	l.until("hello", isEvent("hello"))
	store.set(jobs.ErrUnavailable)
	j := e.insert("unseen.pdf")
	ill, before := l.until("the store is ill", isEvent("store"))
	if c := decode[Component](e, ill.data); c.Status != "unhealthy" || c.Detail == "" || len(before) > 0 {
		t.Errorf("told %+v after %+v", c, before)
	}
	late := e.listen(allEvents)
	late.until("the store is ill", isEvent("store"))
	store.set(nil)
	status, _ := l.until("the event", isEvent("status"))
	if s := decode[StatusEvent](e, status.data); s.JobID != j.ID.String() {
		t.Errorf("event is %+v", s)
	}
	well, _ := l.until("the store is well", isEvent("store"))
	if c := decode[Component](e, well.data); c.Status != "healthy" {
		t.Errorf("told %+v", c)
	}
}

// TestManyClients: however many listen, the store is watched and read by one.
func TestManyClients(t *testing.T) {
	t.Parallel()
	const clients = 200
	began := make(chan struct{}, clients)
	e := newEnv(t, func(c *Config) { c.Jobs = &watching{c.Jobs, began} })
	j := e.in(jobs.Processing)
	var all []*listener
	for i := range clients {
		path := allEvents
		if i%2 == 0 {
			path = eventsURL(j.ID)
		}
		all = append(all, e.listen(path))
	}
	e.finish(j, jobs.Outcome{Status: jobs.Completed})
	for i, l := range all {
		done := func(h heard) bool {
			return h.event == "status" && decode[StatusEvent](e, h.data).Event == jobs.EventCompleted
		}
		if h, _ := l.until("the job's end", done); h.id == 0 {
			t.Errorf("client %d: %+v", i, h)
		}
	}
	if n := len(began); n != 1 {
		t.Errorf("%d watches for %d clients", n, clients)
	}
}

func TestEncodeFrame(t *testing.T) {
	t.Parallel()
	f := statusFrame(jobs.Event{ID: 7, Event: jobs.EventFailed, To: jobs.Failed, Detail: "two\nlines"}, jobs.Job{})
	text := string(f.data)
	if !strings.HasPrefix(text, "id: 7\nevent: status\ndata: {") || !strings.HasSuffix(text, `"job":null}`+"\n\n") || strings.Count(text, "\n") != 4 {
		t.Errorf("frame is %q", text)
	}
	if !slices.Equal(helloFrame(3), []byte("event: hello\ndata: {\"last_event_id\":3}\n\n")) {
		t.Errorf("hello is %q", helloFrame(3))
	}
}

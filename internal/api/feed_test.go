package api

import (
	"bytes"
	"context"
	"log/slog"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mivaa/mivaa/jobs"
)

// hanging is a store that hangs, for as long as a caller has patience, until it
// is well.
type hanging struct {
	blind
	well chan struct{}
}

func (*hanging) LastEvent(context.Context) (int64, error) { return 0, nil }

func (*hanging) List(context.Context, jobs.Filter) ([]jobs.Job, error) { return nil, nil }

func (h *hanging) Events(ctx context.Context, _ jobs.ID, _ int64, _ int) ([]jobs.Event, error) {
	select {
	case <-h.well:
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TestHangingStoreIsAnnounced: within seconds, as is its recovery.
func TestHangingStoreIsAnnounced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &hanging{well: make(chan struct{})}
		h := &hub{store: store, log: slog.New(slog.DiscardHandler), most: 1, beat: heartbeat}
		sub, err := h.subscribe(t.Context(), jobs.ID{})
		if err != nil {
			t.Fatal(err)
		}
		defer h.leave(sub)
		hear := func(what string, within time.Duration) {
			t.Helper()
			began := time.Now()
			for frames := range sub.frames {
				if len(frames) > 0 && isStoreFrame(frames[0], what) {
					break
				}
			}
			if took := time.Since(began); took > within {
				t.Errorf("%s was told after %v", what, took)
			}
		}
		hear(unhealthy, 6*time.Second)
		close(store.well)
		hear(healthy, 2*time.Second)
	})
}

func isStoreFrame(f frame, status string) bool {
	return cmp.Equal(f.data, storeFrame(status, "").data) || status == unhealthy && cmp.Equal(f.data, storeFrame(unhealthy, problemOf(context.DeadlineExceeded).Detail).data)
}

// TestFollowJobBehindAnUnknownEvent: a page of before a backup was restored knows
// ids that were never given since. The job's history is told from its beginning.
func TestFollowJobBehindAnUnknownEvent(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	j := e.in(jobs.Processing)
	last, err := e.store.LastEvent(t.Context())
	e.ok(err)
	for name, l := range map[string]*listener{
		"header": e.listen(eventsURL(j.ID), "Last-Event-ID", "1000000"),
		"query":  e.listen(eventsURL(j.ID) + "?after=1000000"),
	} {
		if hello, _ := l.next(); hello.data != `{"last_event_id":0}` {
			t.Errorf("%s: it begins with %+v", name, hello)
		}
		_, before := l.until("its progress", isEvent("progress"))
		if len(before) != 2 || decode[StatusEvent](e, before[0].data).Event != "accepted" || before[1].id != last {
			t.Errorf("%s: history is %+v", name, before)
		}
		l.close()
	}
	live := e.listen(eventsURL(j.ID)+"?after=1000000", "Last-Event-ID", strconv.FormatInt(last, 10))
	if hello, _ := live.next(); hello.data != `{"last_event_id":`+strconv.FormatInt(last, 10)+`}` {
		t.Errorf("behind the last event it begins with %+v", hello)
	}
	e.finish(j, jobs.Outcome{Status: jobs.Completed})
	lost := e.listen(eventsURL(j.ID), "Last-Event-ID", "1000000")
	lost.until("its end", func(h heard) bool { return h.event == "status" && decode[StatusEvent](e, h.data).Event == "completed" })
}

// TestWhoComesLaterIsNotToldWhatWas: a page recorded before a client came is told
// to those who were there, and to the client as the progress it begins with.
func TestWhoComesLaterIsNotToldWhatWas(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	j := e.in(jobs.Processing)
	f := &feed{store: e.store, log: slog.New(slog.DiscardHandler), subs: map[*subscription]bool{}, known: map[jobs.ID]glance{}, steps: map[jobs.ID]int{}}
	come := func() *subscription {
		s := &subscription{feed: f, job: j.ID, frames: make(chan []frame, backlog), greeted: make(chan struct{}), cut: make(chan struct{}), fresh: true}
		f.add(s)
		return s
	}
	hears := func(who string, s *subscription, want ...string) {
		t.Helper()
		var got []string
		for len(s.frames) > 0 {
			for _, fr := range <-s.frames {
				event, _, _ := bytes.Cut(fr.data, []byte("\n"))
				got = append(got, string(event))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", who, diff)
		}
	}
	first := come()
	e.ok(f.look(t.Context()))
	hears("the first, greeted", first, "event: progress")
	e.ok(e.store.Checkpoint(t.Context(), j.Fence(), 2, jobs.Step{Seq: 1, Data: record(1, "one").Encode()}))
	second := come()
	e.ok(f.look(t.Context()))
	hears("the first", first, "event: step", "event: progress")
	hears("the second", second, "event: progress")
	e.ok(e.store.Checkpoint(t.Context(), j.Fence(), 2, jobs.Step{Seq: 2, Data: record(2, "two").Encode()}))
	e.ok(f.look(t.Context()))
	hears("the second, of the next page", second, "event: step", "event: progress")
}

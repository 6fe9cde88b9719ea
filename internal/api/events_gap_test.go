package api

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mivaa/mivaa/jobs"
)

// TestNoGapAndNoDouble: clients that come and go at random hear of a job exactly
// what its history holds, and one of all jobs what the whole history holds.
func TestNoGapAndNoDouble(t *testing.T) {
	t.Parallel()
	for name, open := range onStores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := open(t)
			noGapAndNoDouble(e)
		})
	}
}

func noGapAndNoDouble(e *env) {
	const followed, rounds = 4, 40
	var ids []jobs.ID
	for range followed {
		ids = append(ids, e.add("followed.pdf").ID)
	}
	stop := make(chan struct{})
	var writers, readers sync.WaitGroup
	for _, id := range ids {
		writers.Go(func() { e.churn(id, rounds) })
	}
	writers.Go(func() { // others, between whose events those are found
		for range followed * rounds {
			e.add("other.pdf")
		}
	})
	got := make([][]int64, followed+1)
	for i := range got {
		path := allEvents + "?after=0"
		if i < followed {
			path = eventsURL(ids[i])
		}
		readers.Go(func() { got[i] = e.restless(path, stop) })
	}
	writers.Wait()
	close(stop)
	readers.Wait()
	for i := range got {
		var id jobs.ID
		if i < followed {
			id = ids[i]
		}
		if diff := cmp.Diff(e.history(id), got[i]); diff != "" {
			e.Errorf("reader %d (-history +heard):\n%s", i, diff)
		}
	}
}

// churn cancels and resumes a job again and again.
func (e *env) churn(id jobs.ID, rounds int) {
	for range rounds {
		for _, m := range []jobs.Move{jobs.Cancel, jobs.Resume} {
			if _, err := e.api.jobs.Move(e.Context(), id, m, "test"); err != nil {
				e.Error(err)
				return
			}
		}
	}
}

// restless listens for a few events at a time, and comes back with the last id
// it saw. It ends when it is told to and has heard nothing new for a while.
func (e *env) restless(path string, stop <-chan struct{}) (got []int64) {
	last := ""
	for {
		stopped := false
		select {
		case <-stop:
			stopped = true
		default:
		}
		fresh := e.listenFor(path, last, 1+rand.IntN(30), stopped)
		got = append(got, fresh...)
		if len(got) > 0 {
			last = strconv.FormatInt(got[len(got)-1], 10)
		}
		if stopped && len(fresh) == 0 {
			return got
		}
	}
}

// listenFor hears up to n status events, and goes when none comes for a while.
func (e *env) listenFor(path, last string, n int, end bool) (ids []int64) {
	headers := []string{}
	if last != "" {
		headers = append(headers, "Last-Event-ID", last)
	}
	l := e.listen(path, headers...)
	defer l.close()
	quiet := time.AfterFunc(map[bool]time.Duration{false: 300 * time.Millisecond, true: 2 * time.Second}[end], l.cancel)
	defer quiet.Stop()
	for len(ids) < n {
		h, ok := l.next()
		if !ok {
			return ids
		}
		if h.event == "status" {
			ids = append(ids, h.id)
		}
	}
	return ids
}

func (e *env) history(id jobs.ID) (ids []int64) {
	e.Helper()
	for {
		after := int64(0)
		if len(ids) > 0 {
			after = ids[len(ids)-1]
		}
		events, err := e.api.jobs.Events(e.Context(), id, after, 1000)
		e.ok(err)
		if len(events) == 0 {
			return ids
		}
		for _, ev := range events {
			ids = append(ids, ev.ID)
		}
	}
}

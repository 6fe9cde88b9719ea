package webhook

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs"
)

func TestDelivered(t *testing.T) {
	t.Parallel()
	onBoth(t, func(e *env) {
		rec := e.receive(nil)
		done := e.completes(rec.URL + "/done?a=b")
		failed := e.ends(rec.URL+"/failed", jobs.Outcome{Status: jobs.Failed, Error: "it is <damaged> & \u2028 empty", Code: "damaged"})
		e.completes("") // nobody is to be told
		e.send()
		later := e.ends(rec.URL+"/stopped", jobs.Outcome{Status: jobs.Interrupted, Cause: jobs.CauseShutdown, Error: "stopped"})
		for id, want := range map[jobs.ID]string{done.ID: "job.completed", failed.ID: "job.failed", later.ID: "job.interrupted"} {
			e.eventually(want, func() bool { return e.delivery(id).Status == documents.DeliveryDelivered })
			if d := e.delivery(id); d.Attempts != 1 || d.DeliveredAt.IsZero() || d.LastError != "" || d.Event != want {
				e.Errorf("delivery: %+v", d)
			}
		}
		all := rec.received()
		if len(all) != 3 {
			e.Fatalf("%d requests", len(all))
		}
		for _, g := range all {
			if g.message.Type != "job."+string(g.message.Data.Status) || g.message.Timestamp.IsZero() || g.id == "" {
				e.Errorf("message: %+v", g)
			}
			if g.message.Data.JobID == failed.ID {
				if why := g.message.Data.Error; why == nil || *why != "it is <damaged> & \u2028 empty" || *g.message.Data.ErrorCode != "damaged" {
					e.Errorf("failed: %+v", g.message.Data)
				}
			}
		}
		stats, err := e.jobs.Statistics(e.Context())
		e.ok(err)
		if want := (jobs.Statistics{Total: 4, Completed: 2, Failed: 1, Interrupted: 1}); stats != want {
			e.Errorf("deliveries show up among the jobs: %+v", stats)
		}
	})
}

// What fails is tried again, each time under the same id, until it is taken.
func TestTriedAgain(t *testing.T) {
	t.Parallel()
	onBoth(t, func(e *env) {
		rec := e.receive(func(n int, w http.ResponseWriter, _ *http.Request) {
			if n < 3 {
				http.Error(w, "the database password is hunter2", http.StatusInternalServerError)
				return
			}
		})
		j := e.completes(rec.URL)
		var outcomes sync.Map
		e.send(func(s *Sender) { s.Sent = func(o string, _ time.Duration) { outcomes.Store(o, true) } })
		e.eventually("delivered", func() bool { return e.delivery(j.ID).Status == documents.DeliveryDelivered })
		all := rec.received()
		if len(all) != 3 || all[0].id != all[1].id || all[1].id != all[2].id {
			e.Errorf("requests: %+v", all)
		}
		if d := e.delivery(j.ID); d.Attempts != 3 {
			e.Errorf("delivery: %+v", d)
		}
		for _, o := range []string{SentFailed, SentDelivered} {
			e.eventually("the hook hears "+o, func() bool { _, ok := outcomes.Load(o); return ok })
		}
	})
}

func TestGivenUp(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]struct {
		attempts int
		why      string
	}{
		http.StatusGone:                {1, "410 Gone"},
		http.StatusInternalServerError: {4, "500 Internal Server Error"}, // one more than there are delays
		http.StatusFound:               {4, "redirects are not followed"},
		599:                            {4, "599"},
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			e := onSQLite(t)
			other := e.receive(nil)
			rec := e.receive(func(_ int, w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", other.URL)
				w.WriteHeader(status)
				fmt.Fprint(w, "hunter2")
			})
			j := e.completes(rec.URL + "/?token=hunter3")
			var log bytes.Buffer
			stop := e.send(func(s *Sender) { s.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
			e.eventually("given up", func() bool { return e.delivery(j.ID).Status == documents.DeliveryGivenUp })
			d := e.delivery(j.ID)
			if d.Attempts != want.attempts || d.LastStatus != status || !strings.Contains(d.LastError, want.why) || strings.Contains(d.LastError, "hunter") {
				t.Errorf("delivery: %+v", d)
			}
			if n := len(rec.received()); n != want.attempts {
				t.Errorf("%d requests", n)
			}
			if len(other.received()) > 0 {
				t.Error("a redirect was followed")
			}
			stop()
			if text := log.String(); !strings.Contains(text, "webhook given up") || !strings.Contains(text, j.ID.String()) || strings.Contains(text, "hunter") {
				t.Errorf("log: %s", text)
			}
		})
	}
}

// A receiver that asks to be left alone is.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	e := onSQLite(t)
	rec := e.receive(func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	j := e.completes(rec.URL)
	e.send()
	e.eventually("an attempt", func() bool { return e.delivery(j.ID).LastStatus != 0 })
	d := e.delivery(j.ID)
	if in := time.Until(d.NextAt); d.Status != documents.DeliveryPending || in < 55*time.Minute || in > 65*time.Minute {
		t.Errorf("due in %v: %+v", in, d)
	}
}

func TestNext(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "5": 5 * time.Second, " 7 ": 7 * time.Second, "-1": 0, "soon": 0, "1.5": 0, "99999999999999": 0,
		now.Add(time.Minute).Format(http.TimeFormat): time.Minute, now.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("Retry-After %q: %v, want %v", text, got, want)
		}
	}
	p, whole := usual(), time.Duration(0)
	for i, d := range p.delays {
		seen := map[time.Duration]bool{}
		for range 20 {
			got, again := p.next(i+1, 0)
			if !again || got < d*8/10 || got > d*12/10 {
				t.Errorf("after attempt %d: %v, %t, want about %v", i+1, got, again, d)
			}
			seen[got] = true
		}
		if len(seen) < 2 {
			t.Error("no two delays differ")
		}
		whole += d
	}
	if _, again := p.next(len(p.delays)+1, time.Hour); again || whole < 48*time.Hour || whole > 96*time.Hour {
		t.Errorf("given up after %v", whole)
	}
	if got, _ := p.next(1, 1000*time.Hour); got != longestDelay {
		t.Errorf("a receiver may ask for %v", got)
	}
	if p.hold < p.timeout+10*time.Second {
		t.Error("a delivery may be taken by another before its attempt is over")
	}
}

// A host that hangs holds up nobody else, however much waits for it.
func TestHangingHost(t *testing.T) {
	t.Parallel()
	onBoth(t, func(e *env) {
		released := make(chan struct{})
		hangs := e.receive(func(_ int, _ http.ResponseWriter, r *http.Request) {
			select {
			case <-released:
			case <-r.Context().Done():
			}
		})
		defer close(released)
		rec := e.receive(nil)
		for range 40 {
			e.completes(hangs.URL)
		}
		e.send()
		e.eventually("the host hangs", func() bool { return len(hangs.received()) >= mostPerHost })
		for range 20 {
			e.completes(rec.URL)
		}
		e.eventually("the others", func() bool { return len(rec.received()) == 20 })
		if n := len(hangs.received()); n >= 2*mostPerHost {
			e.Errorf("%d at once to one host", n)
		}
	})
}

// Several processes send from one store, and each delivery goes out once.
func TestManySenders(t *testing.T) {
	t.Parallel()
	onBoth(t, func(e *env) {
		rec := e.receive(nil)
		const senders, deliveries = 4, 60
		for range senders {
			e.send()
		}
		for range deliveries {
			e.completes(rec.URL)
		}
		e.eventually("all", func() bool {
			found, err := e.docs.Deliveries(e.Context(), jobs.ID{}, 1000)
			e.ok(err)
			for _, d := range found {
				if d.Status != documents.DeliveryDelivered {
					return false
				}
			}
			return len(found) == deliveries
		})
		ids := map[string]int{}
		for _, g := range rec.received() {
			ids[g.id]++
		}
		for id, n := range ids {
			if n != 1 {
				e.Errorf("%s was sent %d times", id, n)
			}
		}
		if len(ids) != deliveries {
			e.Errorf("%d arrived", len(ids))
		}
	})
}

// A sender that stops breaks off what hangs, quickly, and leaves it to the next
// one: nothing is lost, and it is the same delivery.
func TestStopped(t *testing.T) {
	t.Parallel()
	onBoth(t, func(e *env) {
		rec := e.receive(func(n int, _ http.ResponseWriter, r *http.Request) {
			if n == 1 {
				<-r.Context().Done()
			}
		})
		j := e.completes(rec.URL)
		stop := e.send()
		e.eventually("on its way", func() bool { return len(rec.received()) == 1 })
		began := time.Now()
		stop()
		if took := time.Since(began); took > 3*time.Second {
			e.Errorf("stopping took %v", took)
		}
		if d := e.delivery(j.ID); d.Status != documents.DeliveryPending || d.Attempts != 0 || !strings.Contains(d.LastError, "stopped") {
			e.Errorf("delivery: %+v", d)
		}
		e.send()
		e.eventually("delivered", func() bool { return e.delivery(j.ID).Status == documents.DeliveryDelivered })
		if all := rec.received(); len(all) != 2 || all[0].id != all[1].id {
			e.Errorf("requests: %+v", all)
		}
	})
}

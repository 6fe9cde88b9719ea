package postgres

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// await receives until a hint has all of want, and returns how long that took.
func await(tb testing.TB, ch <-chan jobs.Hint, want jobs.Hint) time.Duration {
	tb.Helper()
	began := time.Now()
	late := time.NewTimer(20 * time.Second)
	defer late.Stop()
	for {
		select {
		case h, open := <-ch:
			if !open {
				tb.Fatal("the channel is closed")
			}
			if h&want == want {
				return time.Since(began)
			}
		case <-late.C:
			tb.Fatalf("never heard %b", want)
		}
	}
}

// listener watches until the server knows that it listens.
func listener(tb testing.TB, q *queue, s *Store) <-chan jobs.Hint {
	tb.Helper()
	ch := s.Watch(tb.Context())
	await(tb, ch, jobs.HintChanged) // told when it stands
	return ch
}

// A person's move of a running job is heard in another process at once.
func TestMoveIsHeardElsewhere(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.join("a")
	ch := listener(t, q, q.again())
	q.insert(jobs.NewJob{})
	j := q.claim(params("a", 1))[0]
	best := time.Hour // of some: the machine may be busy with other tests
	for range 5 {
		if _, err := q.Move(t.Context(), j.ID, jobs.Interrupt, "tester"); err != nil {
			t.Fatal(err)
		}
		best = min(best, await(t, ch, jobs.HintMoved))
		if _, err := q.Move(t.Context(), j.ID, jobs.Resume, "tester"); err != nil {
			t.Fatal(err)
		}
		q.claim(params("a", 1))
	}
	if best > 100*time.Millisecond {
		t.Errorf("heard after %v at best", best)
	}
}

// A listener whose connection is cut is told to read again when it listens
// again, and then hears.
func TestListenerComesBack(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	ch := listener(t, q, q.again())
	q.exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = $1`, `LISTEN "`+q.channel()+`"`)
	await(t, ch, everything)
	q.exec(`SELECT pg_notify($1, 'x:m')`, q.channel())
	await(t, ch, jobs.HintMoved)
}

// What a caller's own transaction inserts is told when it is committed, in the
// inserting process too.
func TestInsertTxIsHeard(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	here, there := listener(t, q, q.Store), listener(t, q, q.again())
	tx := begin(t, q.pool)
	if _, err := q.InsertTx(t.Context(), tx, jobs.NewJob{Kind: "work"}); err != nil {
		t.Fatal(err)
	}
	select {
	case h := <-there:
		t.Errorf("heard %b before the commit", h)
	default:
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	await(t, here, jobs.HintChanged)
	await(t, there, jobs.HintChanged)
}

// The last change of a process that ends is still told.
func TestCloseTellsWhatWaits(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	ch := listener(t, q, q.again())
	s := q.again()
	s.changed(jobs.HintChanged)
	s.changed(jobs.HintMoved)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, ch, jobs.HintMoved)
}

// Where nothing can be heard, watchers look each second.
func TestWatchPolls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		life, die := context.WithCancel(t.Context())
		s := &Store{life: life, die: die}
		ch := s.Watch(t.Context())
		began := time.Now()
		for n := 1; n <= 3; n++ {
			if h := <-ch; h != jobs.HintChanged || time.Since(began) != time.Duration(n)*pollInterval {
				t.Errorf("heard %b after %v", h, time.Since(began))
			}
		}
		s.watchers.Close()
		die()
		s.workers.Wait()
	})
}

// However many changes, others are told at most once in noticeEvery, at once
// where none was told lately, and of each change.
func TestNoticesAreCoalesced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var o outgoing
		if !o.add(jobs.HintChanged, true) || o.add(jobs.HintMoved, true) {
			t.Error("the first to add is to send, and nobody else")
		}
		if h, wait, done := o.take(); h != everything || wait != 0 || done {
			t.Errorf("take: %b, %v, %v", h, wait, done)
		}
		if o.add(jobs.HintChanged, true) {
			t.Error("two send")
		}
		_, wait, done := o.take()
		if wait != noticeEvery || done {
			t.Errorf("take: %v, %v: want to wait", wait, done)
		}
		<-time.After(wait)
		if h, _, _ := o.take(); h != jobs.HintChanged {
			t.Errorf("take: %b", h)
		}
		<-time.After(noticeEvery)
		if _, _, done := o.take(); !done || !o.add(jobs.HintChanged, true) {
			t.Error("not done, or the next does not send")
		}
	})
}

// Progress is told later, and at once together with what is more than that.
func TestProgressIsToldLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var o outgoing
		o.add(jobs.HintChanged, true)
		o.take()
		o.add(jobs.HintChanged, false)
		if _, wait, _ := o.take(); wait != progressEvery {
			t.Errorf("progress waits %v", wait)
		}
		<-time.After(noticeEvery)
		o.add(jobs.HintMoved, true)
		select {
		case <-o.hurry:
		default:
			t.Error("the sender is not woken")
		}
		if h, wait, _ := o.take(); h != everything || wait != 0 {
			t.Errorf("take: %b, %v", h, wait)
		}
	})
}

func TestNotice(t *testing.T) {
	t.Parallel()
	var o outgoing
	for text, want := range map[string]jobs.Hint{
		payload(o.own(), everything): 0, payload("other", everything): everything, payload("", jobs.HintMoved): jobs.HintMoved,
		"a:c": jobs.HintChanged, "a:": 0, "a:z": everything, "": everything,
	} {
		if h := o.read(text); h != want {
			t.Errorf("%q: %b, want %b", text, h, want)
		}
	}
	for _, schema := range []string{"public", `"Odd one"`, strings.Repeat("ü", 40)} {
		if name := (&Store{schema: schema}).channel(); len(name) > 63 || strings.Contains(name, `"`) {
			t.Errorf("channel %q", name)
		}
	}
}

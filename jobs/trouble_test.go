package jobs_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

var errAway = fmt.Errorf("away: %w", jobs.ErrUnavailable)

// told is what a worker tells of its store: true, it fails; false, it answers.
type told struct {
	mu  sync.Mutex
	all []bool
}

func (d *told) hook(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = append(d.all, err != nil)
}

func (d *told) is(t *testing.T, when string, want ...bool) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Equal(d.all, want) {
		t.Errorf("%s: told %v, want %v", when, d.all, want)
	}
}

// sluggish is a store that refuses steps, and takes its time for it.
type sluggish struct {
	jobs.Store
	refuses atomic.Bool
}

func (s *sluggish) Checkpoint(ctx context.Context, f jobs.Fence, total int, steps ...jobs.Step) error {
	if s.refuses.Load() {
		<-time.After(10 * time.Second)
		return errAway
	}
	return s.Store.Checkpoint(ctx, f, total, steps...)
}

// A checkpoint that is refused late, as where a row is locked, is told of when it
// is refused, and not after as many tries as one that is refused at once.
func TestCheckpointsAreRefusedLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sluggish{Store: openStore(t)}
		s.refuses.Store(true)
		var d told
		w := &jobs.Worker{Store: s, Handlers: handler(func(ctx context.Context, a *jobs.Attempt) error { return a.Checkpoint(ctx, step(1)) })}
		w.Hooks.Trouble = d.hook
		start(t, w)
		id := insert(t, s, jobs.NewJob{Kind: kind}).ID
		<-time.After(15 * time.Second)
		d.is(t, "after the first refusal", true)
		s.refuses.Store(false)
		until(t, s, id, has(jobs.Completed))
		d.is(t, "after the outage", true, false)
	})
}

// The end of a handler that outlived its session cannot be written, while claims
// succeed: that is told once, and not each second.
func TestOutlivedEndIsToldOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &stubborn{Store: openStore(t)}
		var silent, refuses atomic.Bool
		s.renew = func(jobs.Renewal) error {
			if silent.Load() {
				return errAway
			}
			return nil
		}
		s.finish = func(ends []jobs.Outcome) error {
			if refuses.Load() && slices.ContainsFunc(ends, func(o jobs.Outcome) bool { return o.Attempt == 1 }) {
				return errAway
			}
			return nil
		}
		var d told
		release := make(chan struct{})
		w := &jobs.Worker{Store: s, Handlers: handler(func(_ context.Context, a *jobs.Attempt) error {
			if a.Job().Attempt == 1 {
				<-release
			}
			return nil
		})}
		w.Hooks.Trouble = d.hook
		start(t, w)
		id := insert(t, s, jobs.NewJob{Kind: kind}).ID
		until(t, s, id, has(jobs.Processing))
		silent.Store(true)
		<-time.After(25 * time.Second) // the lease is lost, and the handler still waited for
		silent.Store(false)
		until(t, s, id, has(jobs.Completed))
		d.is(t, "another session runs", true, false)
		refuses.Store(true)
		close(release)
		<-time.After(20 * time.Second)
		d.is(t, "the end is refused", true, false, true)
		refuses.Store(false)
		<-time.After(20 * time.Second)
		d.is(t, "the end is written", true, false, true, false)
	})
}

// bequeathing is a store that takes ends only of who will not wait for long, as
// the last try of a session that lost its lease.
type bequeathing struct {
	failing
}

func (b *bequeathing) Finish(ctx context.Context, ends ...jobs.Outcome) ([]jobs.Fence, error) {
	if _, last := ctx.Deadline(); !last {
		return nil, errAway
	}
	return b.Store.Finish(ctx, ends...)
}

// Do goes on under another instance after an outage, where nothing is left to do:
// that the store answers is told all the same.
func TestDoTellsThatTheStoreAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bequeathing{failing{Store: openStore(t)}}
		var d told
		w := &jobs.Worker{Store: b, Handlers: handler(func(context.Context, *jobs.Attempt) error { return nil })}
		w.Hooks.Trouble = d.hook
		id := insert(t, b, jobs.NewJob{Kind: kind}).ID
		b.renew.Store(true) // the first session lasts for two thirds of its lease
		if j, err := w.Do(t.Context(), id); err != nil || j.Status != jobs.Completed {
			t.Errorf("%+v, %v", j, err)
		}
		d.is(t, "done", true, false)
	})
}

// Renewals without an answer cost the lease each time, while all else goes on:
// that is told.
func TestRenewalsWithoutAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &failing{Store: openStore(t)}
		var d told
		w := &jobs.Worker{Store: f, Handlers: handler(func(ctx context.Context, _ *jobs.Attempt) error {
			<-ctx.Done()
			return ctx.Err()
		})}
		w.Hooks.Trouble = d.hook
		start(t, w)
		insert(t, f, jobs.NewJob{Kind: kind})
		<-time.After(time.Second)
		f.renew.Store(true)
		<-time.After(8 * time.Second)
		d.is(t, "without an answer", true)
		f.renew.Store(false)
		<-time.After(10 * time.Second)
		d.is(t, "with one", true, false)
	})
}

// hanging is a store whose first Finish hangs, whatever its context, and fails.
type hanging struct {
	failing
	hung atomic.Bool
}

func (h *hanging) Finish(ctx context.Context, ends ...jobs.Outcome) ([]jobs.Fence, error) {
	if h.hung.CompareAndSwap(false, true) {
		<-time.After(time.Minute)
		return nil, errAway
	}
	return h.Store.Finish(ctx, ends...)
}

// What fails for a session that has long ended is no trouble of the next one.
func TestTroubleEndsWithItsSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &hanging{failing: failing{Store: openStore(t)}}
		var d told
		w := &jobs.Worker{Store: h, Handlers: handler(func(context.Context, *jobs.Attempt) error { return nil })}
		w.Hooks.Trouble = d.hook
		start(t, w)
		insert(t, h, jobs.NewJob{Kind: kind})
		<-time.After(time.Second)
		h.renew.Store(true)
		<-time.After(12 * time.Second) // the lease is lost
		h.renew.Store(false)
		<-time.After(2 * time.Minute)
		d.is(t, "long after", true, false)
	})
}

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
		time.Sleep(10 * time.Second)
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
		time.Sleep(15 * time.Second)
		d.is(t, "after the first refusal", true)
		s.refuses.Store(false)
		until(t, s, id, has(jobs.Completed))
		d.is(t, "after the outage", true, false)
	})
}

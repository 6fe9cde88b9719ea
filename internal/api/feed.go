package api

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// feed reads, in rounds, what is new in the history and how the jobs are that
// somebody follows, and hands it to the subscriptions. It never waits for one.
type feed struct {
	store  Store
	log    *slog.Logger
	cancel context.CancelFunc
	done   chan struct{}
	ready  chan struct{} // closed when position is known, or err
	err    error
	wake   chan struct{} // a new subscription wants to be told
	users  int           // the hub's

	mu       sync.Mutex
	subs     map[*subscription]bool
	position int64 // the last event that was handed on
	ill      []frame

	// The goroutine's own.
	known   map[jobs.ID]glance // how the jobs are that somebody follows
	steps   map[jobs.ID]int    // their steps that were told
	audited time.Time
	began   time.Time // the part of a round that was the last to begin
	since   time.Time // the store has failed since; zero: it has not
}

const (
	// eventPage is how many events are read at once.
	eventPage = 1000
	// auditEvery is how often the jobs are looked at that nothing was heard of:
	// deletions, and changes by hand, tell no event.
	auditEvery = 10 * time.Second
	// illAfter is how long the store may fail before clients are told.
	illAfter = 2 * time.Second
	// mostRest is how long a round waits at most after one that failed.
	mostRest = 2 * time.Second
)

func newFeed(store Store, log *slog.Logger) *feed {
	ctx, cancel := context.WithCancel(context.Background())
	f := &feed{
		store: store, log: log, cancel: cancel, done: make(chan struct{}), ready: make(chan struct{}), wake: make(chan struct{}, 1),
		subs: map[*subscription]bool{}, known: map[jobs.ID]glance{}, steps: map[jobs.ID]int{},
	}
	go func() {
		defer close(f.done)
		f.run(ctx)
	}()
	return f
}

func (f *feed) failed() bool {
	select {
	case <-f.ready:
		return f.err != nil
	default:
		return false
	}
}

// run watches first and looks afterwards, so that nothing falls in between.
func (f *feed) run(ctx context.Context) {
	hints := f.store.Watch(ctx)
	f.position, f.err = f.lastEvent(ctx)
	close(f.ready)
	if f.err != nil {
		return
	}
	for {
		began := time.Now()
		err := f.round(ctx)
		if ctx.Err() != nil {
			return
		}
		f.note(ctx, err)
		if !f.rest(ctx, hints, restAfter(time.Since(began), err)) {
			return
		}
	}
}

// restAfter is how long to rest at least after a round: however much happens, two
// thirds of the time are left to others. Whether a store that failed answers
// again is asked sooner: clients wait to hear it.
func restAfter(took time.Duration, err error) time.Duration {
	least := max(restBetween, 2*took)
	if err != nil {
		return min(least, mostRest)
	}
	return least
}

func (f *feed) lastEvent(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return f.store.LastEvent(ctx)
}

// rest waits for a reason to look again, and for at least so long.
func (f *feed) rest(ctx context.Context, hints <-chan jobs.Hint, least time.Duration) bool {
	timer := time.NewTimer(least)
	defer timer.Stop()
	reread := time.NewTimer(rereadEvery)
	defer reread.Stop()
	select {
	case <-hints: // closed when ctx ends
	case <-f.wake:
	case <-reread.C:
	case <-ctx.Done():
		return false
	}
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// note tells clients, and the log, when the store cannot be read for a while,
// and when it can again: silence would look as if nothing happened. The time in
// which the store hung, before it failed, counts.
func (f *feed) note(ctx context.Context, err error) {
	if err != nil && f.since.IsZero() {
		f.since = f.began
	}
	switch {
	case err == nil && f.since.IsZero():
		return
	case err == nil:
		f.since = time.Time{}
		if f.sick() {
			f.log.LogAttrs(ctx, slog.LevelInfo, "live events: the store answers again")
			f.announce(nil, storeFrame(healthy, ""))
		}
	case time.Since(f.since) >= illAfter && !f.sick():
		f.log.LogAttrs(ctx, slog.LevelWarn, "live events: cannot read the store", slog.Any(keyError, err))
		ill := storeFrame(unhealthy, problemOf(err).Detail)
		f.announce([]frame{ill}, ill)
	}
}

func (f *feed) sick() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ill != nil
}

// announce sends a frame to everybody, and remembers what those who come later
// have to be told first.
func (f *feed) announce(ill []frame, now frame) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ill = ill
	for s := range f.subs {
		f.send(s, []frame{now})
	}
}

func (f *feed) add(s *subscription) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.subs[s] = true
	s.from = f.position
	if f.ill != nil {
		s.frames <- f.ill // empty until now
	}
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *feed) remove(s *subscription) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.subs, s)
}

// send hands frames to a subscription, or gives it up; f.mu is held.
func (f *feed) send(s *subscription, frames []frame) {
	if len(frames) == 0 {
		return
	}
	select {
	case s.frames <- frames:
	default:
		f.drop(s, byeSlow)
	}
}

// drop gives a subscription up; f.mu is held.
func (f *feed) drop(s *subscription, why string) {
	if f.subs[s] {
		delete(f.subs, s)
		s.why = why
		close(s.cut)
	}
}

package jobs_test

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// outage is a store that can be out of reach.
type outage struct {
	jobs.Store
	down atomic.Bool
}

func (o *outage) err() error {
	if o.down.Load() {
		return &jobs.StoreError{Op: "ask", Err: errors.New("no answer")}
	}
	return nil
}

func (o *outage) Join(ctx context.Context, in jobs.Instance) (io.Closer, error) {
	if err := o.err(); err != nil {
		return nil, err
	}
	return o.Store.Join(ctx, in)
}

func (o *outage) Renew(ctx context.Context, r jobs.Renewal) ([]jobs.Fence, error) {
	if err := o.err(); err != nil {
		return nil, err
	}
	return o.Store.Renew(ctx, r)
}

func (o *outage) Claim(ctx context.Context, p jobs.ClaimParams) (jobs.Claimed, error) {
	if err := o.err(); err != nil {
		return jobs.Claimed{}, err
	}
	return o.Store.Claim(ctx, p)
}

func (o *outage) Finish(ctx context.Context, outcomes ...jobs.Outcome) ([]jobs.Fence, error) {
	if err := o.err(); err != nil {
		return nil, err
	}
	return o.Store.Finish(ctx, outcomes...)
}

// A store that is away for longer than the lease is nobody's crash: the process
// lives, and says so when the store is back.
func TestOutageChargesNobody(t *testing.T) {
	t.Parallel()
	store := &outage{Store: openStore(t)}
	began, over := make(chan struct{}, 10), make(chan struct{}, 10)
	w := &jobs.Worker{Store: store, Lease: 300 * time.Millisecond, Policy: jobs.Policy{MaxCrashes: 1}, Handlers: map[string]jobs.Handler{
		kind: func(ctx context.Context, a *jobs.Attempt) error {
			if a.Job().Interruptions >= 3 {
				return nil
			}
			began <- struct{}{}
			<-ctx.Done()
			over <- struct{}{}
			return context.Cause(ctx)
		},
	}}
	inserted, err := store.Insert(t.Context(), jobs.NewJob{Kind: kind})
	if err != nil {
		t.Fatal(err)
	}
	start(t, w)
	receive := func(from <-chan struct{}) {
		t.Helper()
		select {
		case <-from:
		case <-time.After(20 * time.Second):
			t.Fatalf("job stays %+v", get(t, store, inserted[0].ID))
		}
	}
	for range 3 {
		receive(began)
		store.down.Store(true)
		receive(over) // the lease is lost
		store.down.Store(false)
	}
	j := until(t, store, inserted[0].ID, func(j jobs.Job) bool { return j.Ended() })
	if j.Crashes != 0 || j.Interruptions != 3 || j.Failures != 0 {
		t.Errorf("%d crashes, %d interruptions, %d failures", j.Crashes, j.Interruptions, j.Failures)
	}
	events, err := store.Events(t.Context(), j.ID, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e.Event == jobs.EventInterrupted && e.Cause != jobs.CauseLeaseLost {
			t.Errorf("interrupted by %s: %s", e.Cause, e.Detail)
		}
	}
}

// What a handler needs is out of reach for longer than its budget lasts.
func TestUnavailableSpendsNoBudget(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	var tries atomic.Int32
	start(t, &jobs.Worker{Store: store, Policy: jobs.Policy{MaxFailures: 2, Backoff: func(int) time.Duration { return time.Millisecond }},
		Handlers: map[string]jobs.Handler{kind: func(context.Context, *jobs.Attempt) error {
			if tries.Add(1) <= 10 {
				return &jobs.StoreError{Op: "read source", Err: errors.New("connection refused")}
			}
			return nil
		}}})
	inserted, err := store.Insert(t.Context(), jobs.NewJob{Kind: kind})
	if err != nil {
		t.Fatal(err)
	}
	if j := until(t, store, inserted[0].ID, func(j jobs.Job) bool { return j.Ended() }); j.Failures != 0 || j.Attempt != 11 {
		t.Errorf("%d failures, attempt %d", j.Failures, j.Attempt)
	}
}

package jobs_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// lossy is a store that loses the answers of the first claims that bring jobs.
type lossy struct {
	jobs.Store
	left atomic.Int32
	lost atomic.Int32 // jobs
}

func (l *lossy) Claim(ctx context.Context, p jobs.ClaimParams) (jobs.Claimed, error) {
	claimed, err := l.Store.Claim(ctx, p)
	if len(claimed.Jobs) > 0 && l.left.Add(-1) >= 0 {
		l.lost.Add(int32(len(claimed.Jobs)))
		return jobs.Claimed{}, &jobs.StoreError{Op: "claim jobs", Err: context.DeadlineExceeded}
	}
	return claimed, err
}

// A claim that was made and not answered leaves jobs with an instance that was
// not told of them. They are run by it, once, as the attempt they are.
func TestClaimWithoutAnswer(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	var ids []jobs.ID
	for range 12 {
		ids = append(ids, insert(t, s, jobs.NewJob{Kind: kind}).ID)
	}
	l := &lossy{Store: s}
	l.left.Store(2)
	var ran atomic.Int32
	start(t, &jobs.Worker{Store: l, Slots: 3, Lease: time.Minute, Handlers: map[string]jobs.Handler{
		kind: func(ctx context.Context, a *jobs.Attempt) error {
			ran.Add(1)
			return a.Checkpoint(ctx, step(1))
		},
	}})
	for _, id := range ids {
		if j := until(t, s, id, has(jobs.Completed)); j.Attempt != 1 || j.Interruptions != 0 {
			t.Errorf("%+v", j)
		}
	}
	if l.lost.Load() == 0 || ran.Load() != int32(len(ids)) {
		t.Errorf("%d jobs were claimed without an answer, %d handlers ran for %d jobs", l.lost.Load(), ran.Load(), len(ids))
	}
}

// So it is where the worker is for that job alone: it does not take itself for
// another that has it.
func TestDoWithoutAnswer(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	id := insert(t, s, jobs.NewJob{Kind: kind}).ID
	l := &lossy{Store: s}
	l.left.Store(1)
	w := &jobs.Worker{Store: l, Lease: time.Minute, Handlers: map[string]jobs.Handler{
		kind: func(ctx context.Context, a *jobs.Attempt) error { return a.Checkpoint(ctx, step(1)) },
	}}
	if j, err := w.Do(t.Context(), id); err != nil || j.Status != jobs.Completed || j.Attempt != 1 {
		t.Errorf("%+v, %v", j, err)
	}
	if l.lost.Load() != 1 {
		t.Errorf("%d jobs were claimed without an answer", l.lost.Load())
	}
}

package jobs_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// A kind's policy is in place of the common one, and a job's own budget before
// both.
func TestWorkerKeepsToBudgets(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	fails := func(context.Context, *jobs.Attempt) error { return errors.New("the weather") }
	soon := func(int) time.Duration { return time.Millisecond }
	start(t, &jobs.Worker{
		Store:    s,
		Policy:   jobs.Policy{MaxFailures: 2, Backoff: soon},
		Policies: map[string]jobs.Policy{"once": {MaxFailures: 1}, "slow": {MaxFailures: 3, Backoff: func(int) time.Duration { return time.Hour }}},
		Handlers: map[string]jobs.Handler{kind: fails, "once": fails, "slow": fails},
	})
	for _, c := range []struct {
		job  jobs.NewJob
		want int
	}{
		{jobs.NewJob{Kind: kind}, 2},
		{jobs.NewJob{Kind: kind, MaxFailures: 5}, 5},
		{jobs.NewJob{Kind: "once"}, 1},
		{jobs.NewJob{Kind: "once", MaxFailures: 2, RetryDelay: time.Millisecond}, 2},
		{jobs.NewJob{Kind: "slow", RetryDelay: time.Millisecond}, 3},
	} {
		if j := until(t, s, insert(t, s, c.job).ID, has(jobs.Failed)); j.Failures != c.want {
			t.Errorf("%+v failed %d times, want %d", c.job, j.Failures, c.want)
		}
	}
	j := until(t, s, insert(t, s, jobs.NewJob{Kind: "slow"}).ID, func(j jobs.Job) bool { return j.Failures == 1 })
	if wait := j.RunAt.Sub(j.UpdatedAt); wait < 59*time.Minute {
		t.Errorf("retried after %v, want the hour of its kind's policy", wait)
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		first    time.Duration
		failures int
		most     time.Duration
	}{
		{time.Second, 1, time.Second},
		{time.Second, 4, 8 * time.Second},
		{time.Second, 1000, 10 * time.Minute},
		{time.Hour, 1, time.Hour},
		{time.Hour, 5, time.Hour},
		{time.Millisecond, 3, 4 * time.Millisecond},
		{1, 1, 1},
	} {
		for range 100 {
			if d := jobs.BackoffFrom(c.first)(c.failures); d < c.most/2 || d > c.most {
				t.Fatalf("from %v after %d failures: %v, want %v or down to half of it", c.first, c.failures, d, c.most)
			}
		}
	}
}

// Two workers keep to a limit together, and a job that ends makes room.
func TestWorkersKeepToALimit(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	var running, most atomic.Int32
	var mu sync.Mutex
	limited := func(ctx context.Context, a *jobs.Attempt) error {
		n := running.Add(1)
		defer running.Add(-1)
		mu.Lock()
		most.Store(max(most.Load(), n))
		mu.Unlock()
		return a.Checkpoint(ctx, step(1))
	}
	for range 2 {
		start(t, &jobs.Worker{Store: s, Slots: 8, Limits: map[string]int{kind: 2}, Handlers: handler(limited)})
	}
	jobsOf := make([]jobs.NewJob, 60)
	for i := range jobsOf {
		jobsOf[i].Kind = kind
	}
	inserted, err := s.Insert(t.Context(), jobsOf...)
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range inserted {
		until(t, s, j.ID, has(jobs.Completed))
	}
	if most.Load() > 2 {
		t.Errorf("%d ran at once, the limit is 2", most.Load())
	}
}

// deaf never tells a worker what it has lost.
type deaf struct{ jobs.Store }

func (d *deaf) Renew(ctx context.Context, r jobs.Renewal) ([]jobs.Fence, error) {
	_, err := d.Store.Renew(ctx, r)
	return nil, err
}

// A write that comes too late is refused, and told: a checkpoint as well as an
// end.
func TestWorkerTellsOfRefusedWrites(t *testing.T) {
	t.Parallel()
	ways := map[string]func(context.Context, *jobs.Attempt) error{
		"checkpoint": func(ctx context.Context, a *jobs.Attempt) error {
			err := a.Checkpoint(ctx, step(1))
			if !errors.Is(err, jobs.ErrCancelled) {
				t.Errorf("late checkpoint: %v, want %v", err, jobs.ErrCancelled)
			}
			return err
		},
		"finish": func(context.Context, *jobs.Attempt) error { return nil },
	}
	for name, write := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openStore(t)
			running, moved, refused := make(chan struct{}), make(chan struct{}), make(chan jobs.Fence, 9)
			w := &jobs.Worker{Store: &deaf{s}, Handlers: handler(func(ctx context.Context, a *jobs.Attempt) error {
				close(running)
				<-moved
				return write(ctx, a)
			})}
			w.Hooks.Refused = func(f jobs.Fence) { refused <- f }
			r := start(t, w)
			id := insert(t, s, jobs.NewJob{Kind: kind}).ID
			<-running
			if _, err := s.Move(t.Context(), id, jobs.Cancel, "test"); err != nil {
				t.Fatal(err)
			}
			close(moved)
			if f := <-refused; f != (jobs.Fence{Job: id, Attempt: 1}) {
				t.Errorf("refused %v", f)
			}
			r.stop(t)
			if len(refused) > 0 {
				t.Errorf("told %d times more", len(refused))
			}
			if j := get(t, s, id); j.StepsDone != 0 || j.Status != jobs.Interrupted {
				t.Errorf("after the late write: %+v", j)
			}
		})
	}
}

// A move through the worker's own store is heard at once, not at the next
// renewal. The clock is the test's own: it stands while anything can happen.
func TestWorkerHearsOfAMoveAtOnce(t *testing.T) {
	t.Parallel()
	for _, m := range []jobs.Move{jobs.Cancel, jobs.Interrupt} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := openStore(t)
				heard := make(chan time.Time, 9)
				start(t, &jobs.Worker{Store: s, Handlers: handler(func(ctx context.Context, _ *jobs.Attempt) error {
					<-ctx.Done()
					heard <- time.Now()
					return context.Cause(ctx)
				})})
				id := insert(t, s, jobs.NewJob{Kind: kind}).ID
				until(t, s, id, has(jobs.Processing))
				moved := time.Now()
				if _, err := s.Move(t.Context(), id, m, "test"); err != nil {
					t.Fatal(err)
				}
				if took := (<-heard).Sub(moved); took > 10*time.Millisecond {
					t.Errorf("heard after %v", took)
				}
			})
		})
	}
}

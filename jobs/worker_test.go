package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

func TestWorkerCompletesJobs(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	var ran atomic.Int32
	start(t, &jobs.Worker{Store: s, Handlers: handler(func(ctx context.Context, a *jobs.Attempt) error {
		ran.Add(1)
		a.SetTotal(2)
		return errors.Join(a.Checkpoint(ctx, step(1)), a.Checkpoint(ctx, step(2)))
	})})
	var ids []jobs.ID
	for range 20 {
		ids = append(ids, insert(t, s, jobs.NewJob{Kind: kind}).ID)
	}
	for _, id := range ids {
		j := until(t, s, id, has(jobs.Completed))
		if j.Progress != 100 || j.StepsDone != 2 || j.StepsTotal != 2 || j.Attempt != 1 || j.CompletedAt.IsZero() {
			t.Errorf("completed job: %+v", j)
		}
	}
	if ran.Load() != 20 {
		t.Errorf("ran %d attempts of 20 jobs", ran.Load())
	}
}

func TestWorkerRetriesThenFails(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	start(t, &jobs.Worker{
		Store:  s,
		Policy: jobs.Policy{MaxFailures: 3, Backoff: func(int) time.Duration { return time.Millisecond }},
		Handlers: handler(func(context.Context, *jobs.Attempt) error {
			return jobs.WithCode("no_luck", errors.New("the weather"))
		}),
	})
	j := until(t, s, insert(t, s, jobs.NewJob{Kind: kind}).ID, has(jobs.Failed))
	if j.Failures != 3 || j.Attempt != 3 || j.Error != "the weather" || j.ErrorCode != "no_luck" {
		t.Errorf("failed job: %+v", j)
	}
	want := "[accepted started retrying started retrying started failed]"
	if got := fmt.Sprint(history(t, s, j.ID)); got != want {
		t.Errorf("history %s, want %s", got, want)
	}
}

func TestWorkerFailsAtOnce(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		most    int // failures
		timeout time.Duration
		handler jobs.Handler
		code    string
	}{
		"permanent": {handler: func(context.Context, *jobs.Attempt) error {
			return jobs.Permanent(jobs.WithCode("damaged", errors.New("no")))
		}, code: "damaged"},
		"payload": {handler: jobs.Handle(func(context.Context, *jobs.Attempt, int) error { return nil }), code: jobs.CodeInternal},
		"panic": {most: 1, handler: func(context.Context, *jobs.Attempt) error {
			panic("at the disco")
		}, code: jobs.CodeInternal},
		"timeout": {timeout: 10 * time.Millisecond, handler: func(ctx context.Context, _ *jobs.Attempt) error {
			<-ctx.Done()
			return ctx.Err()
		}, code: jobs.CodeTimeout},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openStore(t)
			start(t, &jobs.Worker{Store: s, Policy: jobs.Policy{MaxFailures: c.most}, Timeout: c.timeout, Handlers: handler(c.handler)})
			j := until(t, s, insert(t, s, jobs.NewJob{Kind: kind}).ID, has(jobs.Failed))
			if j.Attempt != 1 || j.ErrorCode != c.code || j.Error == "" || j.FailedAt.IsZero() {
				t.Errorf("failed job: %+v", j)
			}
		})
	}
}

// A stop interrupts the job after its last step, and the next worker goes on
// behind it.
func TestWorkerStopsAndResumes(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	const steps = 10
	reached := make(chan struct{})
	count := func(ctx context.Context, a *jobs.Attempt) error {
		a.SetTotal(steps)
		for seq := a.Done() + 1; seq <= steps; seq++ {
			if seq == 5 && a.Job().Attempt == 1 {
				close(reached)
				<-a.Stopping()
			}
			if err := a.Checkpoint(ctx, step(seq)); err != nil {
				return err
			}
		}
		return nil
	}
	id := insert(t, s, jobs.NewJob{Kind: kind}).ID
	first := start(t, &jobs.Worker{Store: s, Handlers: handler(count)})
	<-reached
	first.stop(t)
	j := get(t, s, id)
	if j.Status != jobs.Interrupted || j.Cause != jobs.CauseShutdown || j.StepsDone != 5 || j.Interruptions != 1 || j.Error != jobs.CauseShutdown.Reason() {
		t.Fatalf("interrupted job: %+v", j)
	}
	start(t, &jobs.Worker{Store: s, Handlers: handler(count)})
	j = until(t, s, id, has(jobs.Completed))
	if j.Attempt != 2 || j.Crashes != 0 || j.Failures != 0 {
		t.Errorf("resumed job: %+v", j)
	}
	recorded, err := s.Steps(t.Context(), id, 0, 100)
	if err != nil || len(recorded) != steps {
		t.Errorf("%d steps recorded (%v), want %d", len(recorded), err, steps)
	}
}

// A handler that ignores everything cannot keep the process: its attempt is
// fenced off, and what it writes later is refused.
func TestWorkerFencesOffTheDeaf(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t)
		running, wake, refused := make(chan struct{}), make(chan struct{}), make(chan error, 2)
		id := insert(t, s, jobs.NewJob{Kind: kind}).ID
		const grace = 20 * time.Second
		r := start(t, &jobs.Worker{Store: s, Grace: grace, Handlers: handler(func(_ context.Context, a *jobs.Attempt) error {
			close(running)
			<-wake
			refused <- a.Checkpoint(t.Context(), step(1))
			refused <- s.Checkpoint(t.Context(), a.Job().Fence(), 0, step(1))
			return nil
		})})
		<-running
		asked := time.Now()
		r.stop(t)
		if took := time.Since(asked); took > grace {
			t.Errorf("stopping took %v, the grace is %v", took, grace)
		}
		if j := get(t, s, id); j.Status != jobs.Interrupted || j.Cause != jobs.CauseShutdown {
			t.Errorf("abandoned job: %+v", j)
		}
		close(wake)
		for range 2 {
			if err := <-refused; !errors.Is(err, jobs.ErrLeaseLost) {
				t.Errorf("the zombie's write: %v, want %v", err, jobs.ErrLeaseLost)
			}
		}
		if j := get(t, s, id); j.StepsDone != 0 || j.Status != jobs.Interrupted {
			t.Errorf("after the zombie: %+v", j)
		}
	})
}

// Cancelling reaches a handler that waits by its context, and one that works
// by its next checkpoint.
func TestWorkerHearsOfCancel(t *testing.T) {
	t.Parallel()
	ways := map[string]jobs.Handler{
		"context": func(ctx context.Context, _ *jobs.Attempt) error {
			<-ctx.Done()
			return context.Cause(ctx)
		},
		"checkpoint": func(ctx context.Context, a *jobs.Attempt) error {
			for seq := 1; ; seq++ {
				if err := a.Checkpoint(context.WithoutCancel(ctx), step(seq)); err != nil {
					return err
				}
			}
		},
	}
	for name, h := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openStore(t)
			ended := make(chan error, 1)
			start(t, &jobs.Worker{Store: s, Handlers: handler(func(ctx context.Context, a *jobs.Attempt) error {
				err := h(ctx, a)
				ended <- err
				return err
			})})
			id := insert(t, s, jobs.NewJob{Kind: kind}).ID
			until(t, s, id, has(jobs.Processing))
			if _, err := s.Move(t.Context(), id, jobs.Cancel, "test"); err != nil {
				t.Fatal(err)
			}
			if err := <-ended; !errors.Is(err, jobs.ErrCancelled) {
				t.Errorf("handler heard %v, want %v", err, jobs.ErrCancelled)
			}
			j := get(t, s, id)
			if j.Status != jobs.Interrupted || j.Cause != jobs.CauseCancelled || j.Attempt != 2 {
				t.Errorf("cancelled job: %+v", j)
			}
		})
	}
}

// failing is a store of which parts can be switched off.
type failing struct {
	jobs.Store
	renew, finish, checkpoint atomic.Bool
}

func (f *failing) Renew(ctx context.Context, r jobs.Renewal) ([]jobs.Fence, error) {
	if f.renew.Load() {
		<-ctx.Done() // a store that hangs
		return nil, ctx.Err()
	}
	return f.Store.Renew(ctx, r)
}

func (f *failing) Finish(ctx context.Context, o ...jobs.Outcome) ([]jobs.Fence, error) {
	if f.finish.Load() {
		return nil, fmt.Errorf("finish: %w", jobs.ErrUnavailable)
	}
	return f.Store.Finish(ctx, o...)
}

func (f *failing) Checkpoint(ctx context.Context, fence jobs.Fence, total int, steps ...jobs.Step) error {
	if f.checkpoint.Load() {
		return fmt.Errorf("checkpoint: %w", jobs.ErrUnavailable)
	}
	return f.Store.Checkpoint(ctx, fence, total, steps...)
}

// A worker whose renewals are not acknowledged stops its work before its lease
// can end, and comes back as another instance. The clock is the test's own.
func TestWorkerGivesUpBeforeItsLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &failing{Store: openStore(t)}
		const lease = 15 * time.Second
		lost := make(chan time.Time, 1)
		start(t, &jobs.Worker{Store: f, Lease: lease, Handlers: handler(func(ctx context.Context, a *jobs.Attempt) error {
			if a.Job().Attempt > 1 {
				return nil
			}
			<-ctx.Done()
			if !errors.Is(context.Cause(ctx), jobs.ErrLeaseLost) {
				t.Errorf("cause %v, want %v", context.Cause(ctx), jobs.ErrLeaseLost)
			}
			lost <- time.Now()
			return ctx.Err()
		})})
		id := insert(t, f, jobs.NewJob{Kind: kind}).ID
		first := until(t, f, id, has(jobs.Processing)).InstanceID
		f.renew.Store(true)
		silent := time.Now()
		took := (<-lost).Sub(silent)
		if took < lease/3 || took >= lease {
			t.Errorf("gave up after %v, its lease is %v", took, lease)
		}
		f.renew.Store(false)
		j := until(t, f, id, has(jobs.Completed))
		if j.Attempt != 2 || j.InstanceID == first {
			t.Errorf("completed by attempt %d of instance %s (the first was %s)", j.Attempt, j.InstanceID, first)
		}
	})
}

// An outage while steps and outcomes are written costs time, not truth.
func TestWorkerOutlastsAnOutage(t *testing.T) {
	t.Parallel()
	f := &failing{Store: openStore(t)}
	f.checkpoint.Store(true)
	f.finish.Store(true)
	var troubles atomic.Int32
	begun := make(chan struct{})
	w := &jobs.Worker{Store: f, Handlers: handler(func(ctx context.Context, a *jobs.Attempt) error {
		close(begun)
		return a.Checkpoint(ctx, step(1))
	})}
	w.Hooks.Trouble = func(err error) {
		if err != nil {
			troubles.Add(1)
		}
		f.finish.Store(false)
	}
	start(t, w)
	id := insert(t, f, jobs.NewJob{Kind: kind}).ID
	<-begun
	f.checkpoint.Store(false)
	j := until(t, f, id, has(jobs.Completed))
	if j.Attempt != 1 || j.StepsDone != 1 || troubles.Load() == 0 {
		t.Errorf("after the outage: %+v, %d troubles told", j, troubles.Load())
	}
}

// A store that takes everything but a page, as one whose disk is full may, is told
// to fail, once, and to answer again, once.
func TestCheckpointsAloneFail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &failing{Store: openStore(t)}
		f.checkpoint.Store(true)
		told := make(chan error, 10)
		w := &jobs.Worker{Store: f, Handlers: handler(func(ctx context.Context, a *jobs.Attempt) error {
			return a.Checkpoint(ctx, step(1))
		})}
		w.Hooks.Trouble = func(err error) { told <- err }
		start(t, w)
		id := insert(t, f, jobs.NewJob{Kind: kind}).ID
		if err := <-told; !errors.Is(err, jobs.ErrUnavailable) {
			t.Errorf("told %v", err)
		}
		<-time.After(time.Minute) // renewals and claims succeed all the time
		f.checkpoint.Store(false)
		if j := until(t, f, id, has(jobs.Completed)); j.Attempt != 1 {
			t.Errorf("completed by attempt %d", j.Attempt)
		}
		if err := <-told; err != nil || len(told) > 0 {
			t.Errorf("told %v, and %d more", err, len(told))
		}
	})
}

func TestWorkerDrains(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	running, release := make(chan struct{}, 10), make(chan struct{})
	w := &jobs.Worker{Store: s, Slots: 1, Handlers: handler(func(context.Context, *jobs.Attempt) error {
		running <- struct{}{}
		<-release
		return nil
	})}
	start(t, w)
	first := insert(t, s, jobs.NewJob{Kind: kind}).ID
	<-running
	second := insert(t, s, jobs.NewJob{Kind: kind}).ID
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if w.Drain(short) {
		t.Error("drained while a job ran")
	}
	close(release)
	if !w.Drain(t.Context()) {
		t.Error("not drained")
	}
	until(t, s, first, has(jobs.Completed))
	if j := get(t, s, second); j.Status != jobs.Pending {
		t.Errorf("claimed while draining: %+v", j)
	}
}

// Do runs the one job and touches no other.
func TestDo(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	w := &jobs.Worker{Store: s, Handlers: handler(func(ctx context.Context, a *jobs.Attempt) error {
		return a.Checkpoint(ctx, step(1))
	})}
	other := insert(t, s, jobs.NewJob{Kind: kind}).ID
	in, err := w.Join(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	born := insert(t, s, jobs.NewJob{Kind: kind, Instance: in})
	if born.Status != jobs.Processing {
		t.Fatalf("born %+v", born)
	}
	waits := insert(t, s, jobs.NewJob{Kind: kind})
	for _, id := range []jobs.ID{born.ID, waits.ID} {
		j, err := w.Do(t.Context(), id)
		if err != nil || j.Status != jobs.Completed || j.StepsDone != 1 {
			t.Errorf("did %+v, %v", j, err)
		}
	}
	if j := get(t, s, other); j.Status != jobs.Pending {
		t.Errorf("the other job: %+v", j)
	}
}

func TestDoIsInterrupted(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	w := &jobs.Worker{Store: s, Handlers: handler(func(ctx context.Context, a *jobs.Attempt) error {
		cancel()
		<-a.Stopping()
		return a.Checkpoint(ctx, step(1))
	})}
	j, err := w.Do(ctx, insert(t, s, jobs.NewJob{Kind: kind}).ID)
	if err != nil || j.Status != jobs.Interrupted || j.Cause != jobs.CauseShutdown || j.StepsDone != 1 {
		t.Errorf("interrupted %+v, %v", j, err)
	}
}

func TestValidateReportsEverything(t *testing.T) {
	t.Parallel()
	err := (&jobs.Worker{Slots: -1, Policy: jobs.Policy{Recovery: "perhaps"}}).Validate()
	if joined, ok := err.(interface{ Unwrap() []error }); !ok || len(joined.Unwrap()) != 4 {
		t.Errorf("validate: %v, want four errors", err)
	}
	err = (&jobs.Worker{
		Store: openStore(t), Handlers: handler(nil),
		Policies: map[string]jobs.Policy{"a": {MaxFailures: -1}, "b": {Recovery: "perhaps"}},
		Limits:   map[string]int{"c": 0},
	}).Validate()
	for _, want := range []string{
		`worker: kind "a": MaxCrashes and MaxFailures must not be negative`,
		`worker: kind "b": unknown recovery "perhaps"`,
		`worker: the limit of kind "c" must be positive`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("validate: %v, want %q", err, want)
		}
	}
}

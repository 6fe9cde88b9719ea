package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// stubborn is a store whose calls a test may answer itself.
type stubborn struct {
	jobs.Store
	claim  func(context.Context, jobs.ClaimParams) (answered bool, _ jobs.Claimed, _ error)
	renew  func(jobs.Renewal) error
	finish func([]jobs.Outcome) error
	list   func() error
}

func (s *stubborn) Claim(ctx context.Context, p jobs.ClaimParams) (jobs.Claimed, error) {
	if s.claim != nil {
		if answered, c, err := s.claim(ctx, p); answered {
			return c, err
		}
	}
	return s.Store.Claim(ctx, p)
}

func (s *stubborn) Renew(ctx context.Context, r jobs.Renewal) ([]jobs.Fence, error) {
	if s.renew != nil {
		if err := s.renew(r); err != nil {
			return nil, err
		}
	}
	return s.Store.Renew(ctx, r)
}

func (s *stubborn) Finish(ctx context.Context, o ...jobs.Outcome) ([]jobs.Fence, error) {
	if s.finish != nil {
		if err := s.finish(o); err != nil {
			return nil, err
		}
	}
	return s.Store.Finish(ctx, o...)
}

func (s *stubborn) List(ctx context.Context, f jobs.Filter) ([]jobs.Job, error) {
	if s.list != nil {
		if err := s.list(); err != nil {
			return nil, err
		}
	}
	return s.Store.List(ctx, f)
}

// An operator takes a job from a handler that hangs, and the same worker claims
// it again: the zombie neither holds up a stop nor takes its successor along
// when it returns.
func TestZombieBesideItsSuccessor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t)
		release, began, told := make(chan struct{}), make(chan int64, 2), make(chan error, 1)
		w := &jobs.Worker{Store: s, Slots: 2, Handlers: handler(func(ctx context.Context, a *jobs.Attempt) error {
			began <- a.Job().Attempt
			if a.Job().Attempt == 1 {
				<-release
				return nil
			}
			<-ctx.Done()
			told <- context.Cause(ctx)
			return ctx.Err()
		})}
		r := start(t, w)
		id := insert(t, s, jobs.NewJob{Kind: kind}).ID
		<-began
		if _, err := s.Move(t.Context(), id, jobs.Interrupt, "test"); err != nil {
			t.Fatal(err)
		}
		<-began
		close(release)
		synctest.Wait()
		if n := len(w.Running()); n != 1 {
			t.Errorf("%d jobs run beside the zombie's end, want the successor", n)
		}
		if _, err := s.Move(t.Context(), id, jobs.Cancel, "test"); err != nil {
			t.Fatal(err)
		}
		if err := <-told; !errors.Is(err, jobs.ErrCancelled) {
			t.Errorf("the successor heard %v, want %v", err, jobs.ErrCancelled)
		}
		r.stop(t)
	})
}

// A claim that hangs keeps nobody from hearing of the stop, and Run returns
// within its grace.
func TestStopWhileClaimHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &stubborn{Store: openStore(t)}
		var hang atomic.Bool
		hung, end := make(chan struct{}), make(chan struct{})
		f.claim = func(context.Context, jobs.ClaimParams) (bool, jobs.Claimed, error) {
			if !hang.CompareAndSwap(true, false) {
				return false, jobs.Claimed{}, nil
			}
			close(hung)
			<-end
			return true, jobs.Claimed{}, jobs.ErrUnavailable
		}
		began, noticed := make(chan struct{}), make(chan time.Time, 1)
		const grace = 20 * time.Second
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		w := &jobs.Worker{Store: f, Slots: 2, Grace: grace, Handlers: handler(func(_ context.Context, a *jobs.Attempt) error {
			close(began)
			<-a.Stopping()
			noticed <- time.Now()
			return jobs.ErrStopping
		})}
		go func() { done <- w.Run(ctx) }()
		id := insert(t, f, jobs.NewJob{Kind: kind}).ID
		<-began
		hang.Store(true)
		<-hung
		asked := time.Now()
		cancel()
		if took := (<-noticed).Sub(asked); took > time.Second {
			t.Errorf("notice after %v", took)
		}
		if err := <-done; err != nil || time.Since(asked) > grace {
			t.Errorf("run: %v after %v, grace %v", err, time.Since(asked), grace)
		}
		close(end)
		if j := get(t, f, id); j.Status != jobs.Interrupted || j.Cause != jobs.CauseShutdown {
			t.Errorf("job: %+v", j)
		}
	})
}

// The engine's own errors, where nothing of the kind happened, are errors like
// any other: they never leave a job behind that nobody has, and cost a failure.
func TestForeignSentinelsAreFailures(t *testing.T) {
	t.Parallel()
	for _, sentinel := range []error{jobs.ErrCancelled, jobs.ErrLeaseLost, jobs.ErrStopping} {
		t.Run(sentinel.Error(), func(t *testing.T) {
			t.Parallel()
			s := openStore(t)
			start(t, &jobs.Worker{Store: s, Policy: jobs.Policy{MaxFailures: 1}, Handlers: handler(func(context.Context, *jobs.Attempt) error {
				return fmt.Errorf("a child: %w", sentinel)
			})})
			j := until(t, s, insert(t, s, jobs.NewJob{Kind: kind}).ID, has(jobs.Failed))
			if j.Attempt != 1 || j.Failures != 1 {
				t.Errorf("job: %+v", j)
			}
		})
	}
}

// A handler that ends its goroutine (as testing.T.FailNow does) ends its
// attempt with it.
func TestHandlerEndsItsGoroutine(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	start(t, &jobs.Worker{Store: s, Policy: jobs.Policy{MaxFailures: 1}, Handlers: handler(func(context.Context, *jobs.Attempt) error {
		runtime.Goexit()
		return nil
	})})
	until(t, s, insert(t, s, jobs.NewJob{Kind: kind}).ID, has(jobs.Failed))
}

// A worker that lost its lease and comes back has not started anew: pending
// jobs that wait for a person after a start are left alone. The history says
// that the lease was lost, not that the process died.
func TestRejoinIsNoStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &stubborn{Store: openStore(t)}
		var first string
		var silent atomic.Bool
		f.renew = func(r jobs.Renewal) error {
			if silent.Load() && r.Instance == first {
				return jobs.ErrUnavailable
			}
			return nil
		}
		began := make(chan struct{}, 9)
		w := &jobs.Worker{Store: f, Slots: 1, Handlers: handler(func(ctx context.Context, a *jobs.Attempt) error {
			began <- struct{}{}
			if a.Job().Attempt > 1 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		})}
		var err error
		if first, err = w.Join(t.Context()); err != nil {
			t.Fatal(err)
		}
		start(t, w)
		id := insert(t, f, jobs.NewJob{Kind: kind, Priority: 1}).ID
		<-began
		waiting := insert(t, f, jobs.NewJob{Kind: "other", Recovery: jobs.RecoveryManual}).ID
		silent.Store(true)
		until(t, f, id, has(jobs.Completed))
		if j := get(t, f, waiting); j.Status != jobs.Pending {
			t.Errorf("the pending job: %+v", j)
		}
		if got := fmt.Sprint(history(t, f, id)); got != "[accepted started interrupted:lease_lost resumed started completed]" {
			t.Errorf("history %s", got)
		}
	})
}

// An outcome that the store refuses does not hold up the others.
func TestRefusedOutcomeHoldsUpNobody(t *testing.T) {
	t.Parallel()
	f := &stubborn{Store: openStore(t)}
	var refusing atomic.Bool
	refusing.Store(true)
	f.finish = func(o []jobs.Outcome) error {
		for _, x := range o {
			if x.Status == jobs.Failed && refusing.Load() {
				return errors.New("invalid byte sequence")
			}
		}
		return nil
	}
	w := &jobs.Worker{Store: f, Slots: 2, Handlers: map[string]jobs.Handler{
		"bad":  func(context.Context, *jobs.Attempt) error { return jobs.Permanent(errors.New("\x00")) },
		"good": func(context.Context, *jobs.Attempt) error { return nil },
	}}
	start(t, w)
	bad := insert(t, f, jobs.NewJob{Kind: "bad"}).ID
	for range 5 {
		until(t, f, insert(t, f, jobs.NewJob{Kind: "good"}).ID, has(jobs.Completed))
	}
	refusing.Store(false)
	until(t, f, bad, has(jobs.Failed))
}

// Drain waits for a claim that is under way: nothing begins after it said true.
func TestDrainWaitsForTheClaim(t *testing.T) {
	t.Parallel()
	f := &stubborn{Store: openStore(t)}
	inClaim, goOn := make(chan struct{}), make(chan struct{})
	var armed atomic.Bool
	var once sync.Once
	f.claim = func(_ context.Context, p jobs.ClaimParams) (bool, jobs.Claimed, error) {
		if armed.Load() && p.Limit > 0 {
			once.Do(func() { close(inClaim); <-goOn })
		}
		return false, jobs.Claimed{}, nil
	}
	var began, drained atomic.Bool
	w := &jobs.Worker{Store: f, Slots: 1, Handlers: handler(func(context.Context, *jobs.Attempt) error {
		if drained.Load() {
			t.Error("a handler began after the drain")
		}
		began.Store(true)
		return nil
	})}
	start(t, w)
	armed.Store(true)
	id := insert(t, f, jobs.NewJob{Kind: kind}).ID
	<-inClaim
	said := make(chan bool)
	go func() { said <- w.Drain(t.Context()) }()
	close(goOn)
	if !<-said {
		t.Error("not drained")
	}
	drained.Store(true)
	if j := get(t, f, id); j.Status == jobs.Processing {
		t.Errorf("drained, and the job is %s", j.Status)
	}
}

// Do runs the job that was born its own, also when the store fails a read.
func TestDoOutlastsAFailedRead(t *testing.T) {
	t.Parallel()
	f := &stubborn{Store: openStore(t)}
	var failed atomic.Bool
	f.list = func() error {
		if failed.CompareAndSwap(false, true) {
			return jobs.ErrUnavailable
		}
		return nil
	}
	w := &jobs.Worker{Store: f, Handlers: handler(func(context.Context, *jobs.Attempt) error { return nil })}
	in, err := w.Join(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	born := insert(t, f, jobs.NewJob{Kind: kind, Instance: in})
	if j, err := w.Do(t.Context(), born.ID); err != nil || j.Status != jobs.Completed {
		t.Errorf("did %+v, %v", j, err)
	}
}

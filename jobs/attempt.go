package jobs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Handler runs one attempt of a job. What it returns decides how the attempt
// ends: nil completes the job, Permanent(err) fails it, any other error is
// tried again within the policy's budget; one that is ErrUnavailable (of this
// store, or of another that the handler needs) is tried again until it is not,
// and spends nothing. An error that Checkpoint returned is to be returned as it
// is, wrapped or not.
//
// The context is cancelled, with its cause, when the attempt is no longer the
// worker's (ErrLeaseLost, ErrCancelled), when it took too long (ErrTimeout),
// and at the end of the grace period when the worker stops (ErrStopping).
type Handler func(ctx context.Context, a *Attempt) error

// Attempt is one run of a job, in the hands of its handler. Its methods are
// safe for concurrent use.
type Attempt struct {
	job    Job
	worker *Worker
	notice *notice
	cancel context.CancelCauseFunc
	began  time.Time

	mu    sync.Mutex
	done  int
	total int
	lost  error // why it is not the worker's any more
	ended bool  // returned, lost or abandoned: it writes no more
}

// Job returns the row as it was claimed.
func (a *Attempt) Job() Job { return a.job }

// now returns the row with what was recorded since.
func (a *Attempt) now() Job {
	a.mu.Lock()
	defer a.mu.Unlock()
	j := a.job
	j.StepsDone = a.done
	j.StepsTotal = max(j.StepsTotal, a.total)
	return j
}

// Done returns how many steps are recorded: the handler goes on behind them.
func (a *Attempt) Done() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.done
}

// SetTotal says how many steps there will be. It is written with the next
// checkpoint.
func (a *Attempt) SetTotal(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.total = n
}

// Stopping returns a channel that is closed when the worker stops. A handler
// that waits for something long selects on it, records what it has and
// returns; Checkpoint says the same to one that does not.
func (a *Attempt) Stopping() <-chan struct{} { return a.notice.c }

// Left returns how much time there is before the context is cancelled because
// the worker stops; it is meaningful once Stopping is closed.
func (a *Attempt) Left() time.Duration { return a.notice.left() }

// Checkpoint records steps and the progress they make, durably and in one
// statement. With no steps it records the total alone. One call does all that
// a handler needs:
//
//   - nil: recorded.
//   - ErrStopping (a *StoppingError with the time left): recorded too, and the
//     worker is stopping. Return it; the job goes on later behind these steps.
//   - ErrCancelled, ErrLeaseLost: not recorded. The job is not this attempt's
//     any more. Return it.
//   - ErrStepGap: not recorded; the steps do not continue the recorded ones.
//
// While the store is out of reach it tries again for as long as ctx and the
// lease last.
func (a *Attempt) Checkpoint(ctx context.Context, steps ...Step) error {
	a.mu.Lock()
	ended, total := a.ended, a.total
	a.mu.Unlock()
	if ended {
		return ErrLeaseLost
	}
	if err := a.record(ctx, total, steps); err != nil {
		return err
	}
	if n := len(steps); n > 0 {
		a.mu.Lock()
		a.done = max(a.done, steps[n-1].Seq)
		a.mu.Unlock()
		if a.worker.Hooks.Recorded != nil {
			a.worker.Hooks.Recorded(a.now())
		}
	}
	if a.notice.given() {
		return &StoppingError{Left: a.notice.left()}
	}
	return nil
}

func (a *Attempt) record(ctx context.Context, total int, steps []Step) error {
	const longest = time.Second
	defer a.worker.trouble(a, nil)
	began := time.Now()
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, longest) {
		err := a.worker.Store.Checkpoint(ctx, a.job.Fence(), total, steps...)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, ErrLeaseLost):
			a.worker.refused(a.job.Fence())
			cause := a.whyLost(ctx)
			a.lose(cause)
			return cause
		case !errors.Is(err, ErrUnavailable):
			return fmt.Errorf("checkpoint job %s: %w", a.job.ID, err)
		}
		if time.Since(began) >= longest { // no hiccup
			a.worker.trouble(a, err)
		}
		if !sleep(ctx, wait) {
			return fmt.Errorf("checkpoint job %s: %w (%w)", a.job.ID, context.Cause(ctx), err)
		}
	}
}

// whyLost tells a cancelled job from one that another instance has.
func (a *Attempt) whyLost(ctx context.Context) error {
	j, err := Get(ctx, a.worker.Store, a.job.ID)
	if err == nil && j.Cause == CauseCancelled {
		return ErrCancelled
	}
	return ErrLeaseLost
}

// lose ends the attempt: its context is cancelled and it writes no more.
func (a *Attempt) lose(cause error) {
	a.mu.Lock()
	if !a.ended {
		a.ended, a.lost = true, cause
	}
	a.mu.Unlock()
	a.cancel(cause)
}

// lostTo returns why the attempt was not the worker's any more, or nil.
func (a *Attempt) lostTo() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.lost
}

// end marks the attempt as over and reports whether it was not before.
func (a *Attempt) end() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	first := !a.ended
	a.ended = true
	return first
}

// notice tells all attempts of a worker that it stops, and until when.
type notice struct {
	c        chan struct{}
	once     sync.Once
	deadline time.Time // written before c is closed
}

func newNotice() *notice { return &notice{c: make(chan struct{})} }

func (n *notice) give(deadline time.Time) {
	n.once.Do(func() {
		n.deadline = deadline
		close(n.c)
	})
}

func (n *notice) given() bool {
	select {
	case <-n.c:
		return true
	default:
		return false
	}
}

func (n *notice) left() time.Duration {
	if !n.given() {
		return 0
	}
	return max(0, time.Until(n.deadline))
}

// sleep waits, and reports false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Worker claims jobs from a Store and runs their handlers. Only Store and
// Handlers are required; every other zero value works. The exported fields are
// not to be changed once a method was called.
type Worker struct {
	Store    Store
	Handlers map[string]Handler // by kind; other kinds are left alone
	Slots    int                // attempts at once; 0: the number of CPUs that may be used
	Lease    time.Duration      // how long the instance may be silent where its death cannot be proved; 0: 15 s
	Grace    time.Duration      // how long stopping may take; 0: 20 s
	Timeout  time.Duration      // of one attempt; 0: none
	Policy   Policy
	Policies map[string]Policy // by kind, in place of Policy
	Limits   map[string]int    // by kind: how many at most run at once, on all machines together; every worker is to be given the same
	Version  string            // of the program, for people who look at job_instances
	Busy     func() bool       // asked before each claim; while it says true, jobs are left to others; nil: never
	Memory   func() int64      // bytes that the process and its children hold, asked with each renewal, for people who look at job_instances; nil: not said
	Logger   *slog.Logger      // nil: silent
	Hooks    Hooks

	mu        sync.Mutex
	joined    *session // between Join and the end of Run
	legacy    legacy   // of sessions that lost their lease
	rejoining bool
	draining  atomic.Bool
	troubles  troubles     // with the store
	turned    atomic.Int64 // when the claim loop began its turn; 0: there is no loop
}

// Validate reports everything that is wrong with the configuration.
func (w *Worker) Validate() error {
	var errs []error
	if w.Store == nil {
		errs = append(errs, errors.New("worker: Store is missing"))
	}
	if len(w.Handlers) == 0 {
		errs = append(errs, errors.New("worker: Handlers is empty"))
	}
	if w.Slots < 0 || w.Lease < 0 || w.Grace < 0 || w.Timeout < 0 {
		errs = append(errs, errors.New("worker: Slots, Lease, Grace and Timeout must not be negative"))
	}
	errs = append(errs, w.Policy.validate("worker"))
	for kind, p := range w.Policies {
		errs = append(errs, p.validate(fmt.Sprintf("worker: kind %q", kind)))
	}
	for kind, n := range w.Limits {
		if n < 1 {
			errs = append(errs, fmt.Errorf("worker: the limit of kind %q must be positive", kind))
		}
	}
	return errors.Join(errs...)
}

// Join makes the worker's instance known to the store and returns its id. Run
// and Do join by themselves; call it before them to insert a job with
// NewJob.Instance, or to learn early that the store is out of reach.
func (w *Worker) Join(ctx context.Context) (instance string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.joined == nil {
		if err := w.Validate(); err != nil {
			return "", err
		}
		s, err := w.newSession(ctx)
		if err != nil {
			return "", err
		}
		w.joined = s
	}
	return w.joined.instance.ID, nil
}

// Recover joins and makes the first pass: it finds the jobs of the dead, marks
// them, and puts back those that go on by themselves. Run begins with it where
// it was not called before; call it to know that it is done.
func (w *Worker) Recover(ctx context.Context) error {
	if _, err := w.Join(ctx); err != nil {
		return err
	}
	return w.current().recoverFirst(ctx)
}

// Run claims and runs jobs until ctx ends, then stops: it gives the attempts
// notice, cancels their contexts near the end of Grace, fences off those that
// ignore even that, and returns within Grace. It returns nil after a clean
// stop, and an error only if it could not begin, or could not write at the end
// how attempts ended.
func (w *Worker) Run(ctx context.Context) error {
	if err := w.Recover(ctx); err != nil {
		return err
	}
	for {
		err := w.current().run(ctx, nil)
		w.forget()
		if !errors.Is(err, ErrInstanceGone) {
			return err
		}
		w.rejoining = true
		if !w.rejoin(ctx) {
			w.bequeath(ctx)
			return nil
		}
	}
}

// Do runs one job and returns its row when nothing more happens to it, when
// another living instance has it (its status is then Processing), or when ctx
// ended. It claims and recovers no other job.
func (w *Worker) Do(ctx context.Context, id ID) (Job, error) {
	for again := false; ; again = true {
		if _, err := w.Join(ctx); err != nil {
			return Job{}, err
		}
		if again {
			w.answered()
		}
		err := w.current().run(ctx, &id)
		w.forget()
		if errors.Is(err, ErrInstanceGone) {
			w.bequeath(ctx)
		}
		if err == nil || errors.Is(err, ErrInstanceGone) && ctx.Err() != nil {
			break
		}
		if !errors.Is(err, ErrInstanceGone) {
			return Job{}, err
		}
	}
	return Get(context.WithoutCancel(ctx), w.Store, id)
}

// Leave undoes Join where neither Run nor Do follows it.
func (w *Worker) Leave() error {
	s := w.current()
	if s == nil {
		return nil
	}
	w.forget()
	if err := s.proof.Close(); err != nil {
		return fmt.Errorf("leave store: %w", err)
	}
	return nil
}

// Drain stops claiming for good and waits until no attempt runs any more and
// all outcomes are written (true), or until ctx ends (false). A death of the
// process from now on charges no job with a crash. Run goes on: end its context
// next.
func (w *Worker) Drain(ctx context.Context) bool {
	w.draining.Store(true)
	s := w.current()
	if s == nil {
		return true
	}
	s.renewNow()
	select {
	case s.turn <- struct{}{}: // a claim that was under way has started what it brought
		<-s.turn
	case <-ctx.Done():
		return false
	}
	for _, over := range []func() <-chan struct{}{s.idle, s.outbox.empty} {
		select {
		case <-over():
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// Turned returns when the worker last began to look for jobs, which it does each
// second, and at least each five seconds while the store fails; the zero time
// while it does not look at all, because it stops or joins anew. Of a program that
// is watched from outside this tells a loop that hangs from one that waits.
func (w *Worker) Turned() time.Time {
	if n := w.turned.Load(); n != 0 {
		return time.Unix(0, n)
	}
	return time.Time{}
}

// Running returns the jobs whose handlers run now, with the steps that they have
// recorded by now.
func (w *Worker) Running() []Job {
	s := w.current()
	if s == nil {
		return nil
	}
	return s.jobs()
}

func (w *Worker) current() *session {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.joined
}

func (w *Worker) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.joined = nil
}

// rejoin takes a new instance after the old one was lost. It does not give up
// before ctx ends (false): the store may be away for long.
func (w *Worker) rejoin(ctx context.Context) bool {
	for wait := 100 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, 5*time.Second) {
		err := w.settle(ctx)
		if err == nil {
			err = w.Recover(ctx)
		}
		if err == nil {
			w.answered()
			return true
		}
		w.trouble(byRejoin, err)
		if err := w.Leave(); err != nil { // it may be declared dead before the store answers
			w.trouble(byRejoin, err)
		}
		sleep(ctx, wait)
	}
	return false
}

// bequeath makes a last try to write what earlier sessions left behind; else
// others recover their jobs.
func (w *Worker) bequeath(ctx context.Context) {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.forWriting())
	defer cancel()
	if err := w.settle(last); err != nil {
		w.logger().Error("outcomes not written; their jobs are recovered by others", KeyError, err)
		_, proofs := w.legacy.take()
		w.leave(proofs)
	}
}

func (w *Worker) newSession(ctx context.Context) (*session, error) {
	in := Instance{ID: newInstanceID(), PID: os.Getpid(), Version: w.Version, Boot: BootID(), Lease: w.lease(), Slots: w.slots()}
	in.Host, _ = os.Hostname() // for people; unknown is no reason not to work
	proof, err := w.Store.Join(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("join store: %w", err)
	}
	s := &session{
		w: w, instance: in, proof: proof,
		log: w.logger().With(KeyInstance, in.ID), notice: newNotice(),
		again: w.rejoining, running: map[Fence]*Attempt{}, known: map[Fence]bool{}, freed: make(chan struct{}, 1), outbox: newOutbox(), turn: make(chan struct{}, 1),
		gone: make(chan struct{}), urgent: make(chan struct{}, 1), kinds: w.kinds(),
	}
	s.acked.Store(time.Now())
	return s, nil
}

func (w *Worker) kinds() []string {
	kinds := make([]string, 0, len(w.Handlers))
	for k := range w.Handlers {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	return kinds
}

func (w *Worker) slots() int {
	if w.Slots > 0 {
		return w.Slots
	}
	return runtime.GOMAXPROCS(0)
}

func (w *Worker) lease() time.Duration {
	if w.Lease > 0 {
		return w.Lease
	}
	return 15 * time.Second
}

func (w *Worker) grace() time.Duration {
	if w.Grace > 0 {
		return w.Grace
	}
	return 20 * time.Second
}

// forCancelled is the end of the grace period, in which contexts are cancelled.
func (w *Worker) forCancelled() time.Duration { return min(w.grace()/2, 5*time.Second) }

// forWriting is the very end of it, in which the last outcomes are written.
func (w *Worker) forWriting() time.Duration { return min(w.grace()/4, 2*time.Second) }

func (w *Worker) logger() *slog.Logger {
	if w.Logger != nil {
		return w.Logger
	}
	return slog.New(slog.DiscardHandler)
}

// refused tells of a write that came too late.
func (w *Worker) refused(f Fence) {
	if w.Hooks.Refused != nil {
		w.Hooks.Refused(f)
	}
}

// BootID names this start of the operating system, where it has a name: it is
// what Instance.Boot takes.
func BootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

package jobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// session is a worker's life under one instance id: from Join until it stops
// or loses its lease. Its loops are claim (claim.go), renew (renew.go) and
// finish (finish.go).
type session struct {
	w        *Worker
	instance Instance
	proof    io.Closer
	kinds    []string
	log      *slog.Logger
	notice   *notice

	again     bool // it follows one whose lease was lost: the service did not start
	recovered bool // the first pass is done; used before the loops start

	mu      sync.Mutex
	running map[Fence]*Attempt // by attempt: one that was taken away may still run beside its successor
	known   map[Fence]bool     // attempts that were begun, and whose end is not written
	waiting []chan struct{}    // closed when nothing runs
	freed   chan struct{}      // has a token when a slot became free
	outbox  *outbox            // how attempts ended, on the way to Finish
	turn    chan struct{}      // holds a token while a claim is under way
	doubt   doubt              // used with the token

	acked    atomic.Value  // time.Time of the last acknowledged renewal
	urgent   chan struct{} // asks for a renewal now
	lostOnce sync.Once
	gone     chan struct{} // closed when the lease is lost
	ill      atomic.Bool   // the store failed and has not answered since
	unknown  []string      // kinds already warned of
}

// recoverFirst makes the first pass of an instance, once.
func (s *session) recoverFirst(ctx context.Context) error {
	if s.recovered {
		return nil
	}
	p := s.params(nil)
	p.Starting = !s.again
	claimed, err := s.w.Store.Claim(ctx, p)
	if err != nil {
		return fmt.Errorf("recover jobs: %w", err)
	}
	s.recovered = true
	s.tell(claimed)
	return nil
}

// run does the work of one session. only, if given, is the one job it is for.
func (s *session) run(ctx context.Context, only *ID) error {
	// The loops outlive ctx: leases are renewed until the last result is written.
	life, die := context.WithCancel(context.WithoutCancel(ctx))
	defer die()
	defer context.AfterFunc(ctx, s.announce)() // also while a claim is waited for
	var attempts, loops sync.WaitGroup
	loops.Go(func() { s.renewLoop(life) })
	written := make(chan struct{})
	loops.Go(func() { defer close(written); s.finishLoop(life) })

	s.claimLoop(ctx, life, only, &attempts)

	err := s.stop(&attempts)
	if unwritten := s.flush(written); unwritten != nil {
		// A store that hangs is not waited for: its loops end with it.
		return errors.Join(err, unwritten, s.part())
	}
	die()
	loops.Wait()
	if e := s.part(); e != nil && err == nil {
		err = fmt.Errorf("leave store: %w", e)
	}
	return err
}

// part ends the instance. One whose lease was lost is kept until what it left
// behind is written.
func (s *session) part() error {
	if s.isGone() {
		s.w.legacy.add(s.proof)
		return nil
	}
	return s.leave()
}

// leave gives up the proof of life within what is left of the grace period.
func (s *session) leave() error {
	left := make(chan error, 1)
	go func() { left <- s.proof.Close() }()
	late := time.NewTimer(time.Until(s.notice.deadline.Add(s.w.forCancelled())))
	defer late.Stop()
	select {
	case err := <-left:
		return err
	case <-late.C:
		return fmt.Errorf("%w: no answer", ErrUnavailable)
	}
}

// start runs a claimed job's handler in a goroutine of its own.
func (s *session) start(life context.Context, j Job, attempts *sync.WaitGroup) {
	ctx, cancel := context.WithCancelCause(life)
	a := &Attempt{job: j, worker: s.w, notice: s.notice, cancel: cancel, began: time.Now(), done: j.StepsDone, total: j.StepsTotal}
	s.mu.Lock()
	s.running[j.Fence()], s.known[j.Fence()] = a, true
	s.mu.Unlock()
	if s.isGone() { // while it was claimed
		a.lose(ErrLeaseLost)
	}
	s.log.Debug("attempt started", KeyJob, j.ID, KeyAttempt, j.Attempt, KeyKind, j.Kind)
	if s.w.Hooks.Started != nil {
		s.w.Hooks.Started(j)
	}
	attempts.Go(func() {
		defer cancel(nil)
		if s.w.Timeout > 0 {
			var stop context.CancelFunc
			ctx, stop = context.WithTimeoutCause(ctx, s.w.Timeout, ErrTimeout)
			defer stop()
		}
		err := errors.New("handler ended its goroutine")
		defer func() { s.finished(ctx, a, err) }() // runtime.Goexit included
		err = s.call(ctx, a)
	})
}

// call runs the handler; a panic is an error of that attempt, never of the process.
func (s *session) call(ctx context.Context, a *Attempt) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("handler panicked", KeyJob, a.job.ID, KeyAttempt, a.job.Attempt, KeyError, p, KeyStack, string(debug.Stack()))
			err = fmt.Errorf("handler panicked: %v", p)
		}
	}()
	h, ok := s.w.Handlers[a.job.Kind]
	if !ok {
		return Permanent(fmt.Errorf("no handler for kind %q", a.job.Kind))
	}
	return h(ctx, a)
}

// tell passes on what a claim found.
func (s *session) tell(c Claimed) {
	if len(c.Recovered) > 0 && s.w.Hooks.Recovered != nil {
		s.w.Hooks.Recovered(c.Recovered)
	}
	for _, e := range c.Recovered {
		s.log.Debug("job recovered", KeyJob, e.JobID, KeyEvent, e.Event, KeyCause, e.Cause, KeyInstance, e.Instance)
	}
	var news []string
	for _, k := range c.UnknownKinds {
		if !slices.Contains(s.unknown, k) {
			s.unknown, news = append(s.unknown, k), append(news, k)
		}
	}
	if len(news) > 0 {
		s.log.Warn("pending jobs of kinds without a handler are left alone", KeyKind, news)
		if s.w.Hooks.Unknown != nil {
			s.w.Hooks.Unknown(news)
		}
	}
}

// report notes how the store answered one of the session's loops.
func (s *session) report(by string, err error) {
	if s.w.current() != s { // a call that hung for longer than the session: nobody would take back what it says
		return
	}
	if errors.Is(err, ErrInstanceGone) { // an answer too
		err = nil
	}
	s.ill.Store(err != nil)
	s.w.trouble(by, err)
}

func (s *session) jobs() []Job {
	s.mu.Lock()
	defer s.mu.Unlock()
	jobs := make([]Job, 0, len(s.running))
	for _, a := range s.running {
		jobs = append(jobs, a.now())
	}
	slices.SortFunc(jobs, func(a, b Job) int { return a.StartedAt.Compare(b.StartedAt) })
	return jobs
}

// idle returns a channel that is closed once nothing runs.
func (s *session) idle() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := make(chan struct{})
	if len(s.running) == 0 {
		close(c)
	} else {
		s.waiting = append(s.waiting, c)
	}
	return c
}

// remove takes an attempt off the running ones, which frees its slot.
func (s *session) remove(f Fence) {
	s.mu.Lock()
	delete(s.running, f)
	if len(s.running) == 0 {
		for _, c := range s.waiting {
			close(c)
		}
		s.waiting = nil
	}
	s.mu.Unlock()
	select {
	case s.freed <- struct{}{}:
	default:
	}
}

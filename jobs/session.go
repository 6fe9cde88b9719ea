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

// Keys of log attributes.
const (
	KeyJob      = "job"
	KeyInstance = "instance"
	KeyAttempt  = "attempt"
	KeyKind     = "kind"
	KeyStatus   = "status"
	KeyEvent    = "event"
	KeyCause    = "cause"
	KeyError    = "error"
	KeyCode     = "error_code"
	KeyTook     = "took"
	KeyCount    = "count"
	KeyStack    = "stack"
)

// pollEvery bounds how late a worker notices work, or a death, of which no
// hint reached it.
const pollEvery = time.Second

// session is a worker's life under one instance id: from Join until it stops
// or loses its lease. Its loops are claim (this file), renew (renew.go) and
// finish (finish.go).
type session struct {
	w        *Worker
	instance Instance
	proof    io.Closer
	policy   Policy
	kinds    []string
	log      *slog.Logger
	notice   *notice

	recovered bool // the first pass is done; used before the loops start

	mu      sync.Mutex
	running map[ID]*Attempt
	waiting []chan struct{} // closed when nothing runs
	freed   chan struct{}   // has a token when a slot became free
	outbox  *outbox         // how attempts ended, on the way to Finish

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
	p.Starting = true
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
	var attempts, loops sync.WaitGroup
	loops.Go(func() { s.renewLoop(life) })
	written := make(chan struct{})
	loops.Go(func() { defer close(written); s.finishLoop(life) })

	s.claimLoop(ctx, life, only, &attempts)

	err := s.stop(&attempts)
	if unwritten := s.flush(written); unwritten != nil {
		// A store that hangs is not waited for: its loops end with it.
		return errors.Join(err, unwritten)
	}
	die()
	loops.Wait()
	if e := s.proof.Close(); e != nil && err == nil {
		err = fmt.Errorf("leave store: %w", e)
	}
	return err
}

// claimLoop claims until ctx ends, the lease is lost, or the one job is over.
func (s *session) claimLoop(ctx, life context.Context, only *ID, attempts *sync.WaitGroup) {
	watch, unwatch := context.WithCancel(life)
	defer unwatch()
	hints := s.w.Store.Watch(watch)
	if only != nil {
		if j, err := Get(life, s.w.Store, *only); err == nil && j.InstanceID == s.instance.ID && j.Status == Processing {
			s.start(life, j, attempts) // it was inserted as ours
		}
	}
	pace := newPace()
	for ctx.Err() == nil && !s.isGone() {
		p := s.params(only)
		if s.w.draining.Load() {
			p.Limit = 0
		}
		claimed, err := s.w.Store.Claim(life, p)
		s.report(err)
		if errors.Is(err, ErrInstanceGone) {
			s.lose()
			return
		}
		s.tell(claimed)
		for _, j := range claimed.Jobs {
			s.start(life, j, attempts)
		}
		// Where all that was asked for came, more may wait: a free slot is news.
		full := len(claimed.Jobs) == p.Limit || only != nil
		if only != nil && s.isOver(life, *only) {
			return
		}
		s.await(ctx, hints, pace.next(len(claimed.Jobs), err, claimed.NextDue), full)
	}
}

// params is what the session may claim now.
func (s *session) params(only *ID) ClaimParams {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := ClaimParams{Instance: s.instance.ID, Kinds: s.kinds, Policy: s.policy}
	if only != nil {
		p.Only, p.Suspects = []ID{*only}, 1
		p.Limit = 1 - len(s.running)
		return p
	}
	if !s.recovered {
		return p
	}
	p.Limit = max(0, min(s.w.slots()-len(s.running), 2*s.w.slots()-s.outbox.unsaved()))
	p.Suspects = 1
	for _, a := range s.running {
		if a.job.Crashes > 0 && a.Done() == a.job.StepsDone {
			p.Suspects = 0 // one at a time, until it has recorded a step
		}
	}
	return p
}

// isOver reports whether the one job of the session needs it no more.
func (s *session) isOver(ctx context.Context, id ID) bool {
	if len(s.jobs()) > 0 || s.outbox.unsaved() > 0 {
		return false
	}
	j, err := Get(ctx, s.w.Store, id)
	if errors.Is(err, ErrNotFound) {
		return true
	}
	return err == nil && (j.Ended() || j.Status == Processing)
}

// await waits for a reason to claim again.
func (s *session) await(ctx context.Context, hints <-chan struct{}, p pause, full bool) {
	poll := time.NewTimer(p.poll)
	defer poll.Stop()
	quiet := time.NewTimer(p.quiet)
	defer quiet.Stop()
	var hint <-chan struct{} // not looked at before quiet is over
	freed := s.freed
	if !full {
		freed = nil // nobody waits in the queue, so a free slot is no news
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.gone:
			return
		case <-poll.C:
			return
		case <-freed:
			return
		case <-quiet.C:
			if s.free() {
				hint = hints
			}
		case <-hint:
			return
		}
	}
}

func (s *session) free() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.running) < s.w.slots()
}

// start runs a claimed job's handler in a goroutine of its own.
func (s *session) start(life context.Context, j Job, attempts *sync.WaitGroup) {
	ctx, cancel := context.WithCancelCause(life)
	a := &Attempt{job: j, store: s.w.Store, notice: s.notice, cancel: cancel, began: time.Now(), done: j.StepsDone, total: j.StepsTotal}
	s.mu.Lock()
	s.running[j.ID] = a
	s.mu.Unlock()
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
		err := s.call(ctx, a)
		s.finished(ctx, a, err)
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

// report tells once that the store fails, and once that it answers again.
func (s *session) report(err error) {
	if ill := err != nil && !errors.Is(err, ErrInstanceGone); s.ill.CompareAndSwap(!ill, ill) {
		if ill {
			s.log.Error("store does not answer", KeyError, err)
			s.w.trouble(err)
		} else {
			s.log.Info("store answers again")
			s.w.trouble(nil)
		}
	}
}

func (s *session) jobs() []Job {
	s.mu.Lock()
	defer s.mu.Unlock()
	jobs := make([]Job, 0, len(s.running))
	for _, a := range s.running {
		jobs = append(jobs, a.job)
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
func (s *session) remove(id ID) {
	s.mu.Lock()
	delete(s.running, id)
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

package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ended is an attempt whose handler returned, or was given up waiting for.
type ended struct {
	attempt *Attempt
	outcome Outcome
	took    time.Duration
}

// finished takes an attempt off the running ones and passes on its outcome.
func (s *session) finished(ctx context.Context, a *Attempt, err error) {
	lost := a.lostTo()
	first := a.end()
	took := time.Since(a.began)
	switch {
	case lost == nil && first:
		s.send(ended{a, s.judge(ctx, a, err), took})
	case errors.Is(lost, ErrLeaseLost) && s.isGone():
		// The session gave up by itself. If nobody has the job yet, this says
		// why it stopped; else the fence refuses it.
		s.send(ended{a, interruptedBy(a, CauseLeaseLost), took})
		lost = nil
	}
	s.remove(a.job.Fence())
	if lost == nil {
		return // ended, or abandoned before it returned
	}
	s.settle(a.job.Fence())
	s.log.Warn("attempt lost its job", KeyJob, a.job.ID, KeyAttempt, a.job.Attempt, KeyError, lost)
	if s.w.Hooks.Lost != nil {
		s.w.Hooks.Lost(a.job, lost, took)
	}
}

// send hands an outcome to the finish loop.
func (s *session) send(e ended) {
	if s.outbox.put(e) {
		return
	}
	if s.isGone() {
		s.w.legacy.add(nil, e)
	} else {
		s.log.Warn("attempt ended after its session; its job is recovered by others", KeyJob, e.attempt.job.ID, KeyAttempt, e.attempt.job.Attempt)
	}
}

// judge says how an attempt ended.
func (s *session) judge(ctx context.Context, a *Attempt, err error) Outcome {
	o := Outcome{Fence: a.job.Fence()}
	if err == nil {
		o.Status = Completed
		return o
	}
	cause := context.Cause(ctx)
	if s.notice.given() && (errors.Is(err, ErrStopping) || errors.Is(cause, ErrStopping)) {
		return interruptedBy(a, CauseShutdown)
	}
	o.Error, o.Code = err.Error(), Code(err)
	if errors.Is(cause, ErrTimeout) {
		o.Status, o.Code = Failed, CodeTimeout
		o.Error = fmt.Sprintf("%v after %v (%v)", ErrTimeout, s.w.Timeout, err)
		return o
	}
	var permanent *permanentError
	failures := a.job.Failures + 1
	policy := policyFor(s.w.Policies, s.w.Policy, a.job)
	if errors.Is(err, ErrUnavailable) && !errors.As(err, &permanent) {
		// What the handler needs is out of reach, for this job and for others:
		// that spends nobody's budget.
		o.Status, o.Delay, o.Free = Pending, policy.Backoff(unavailable), true
		return o
	}
	if errors.As(err, &permanent) || failures >= policy.MaxFailures {
		o.Status = Failed
		return o
	}
	o.Status, o.Delay = Pending, policy.Backoff(failures)
	return o
}

// unavailable is the failure whose delay a job waits for what is out of reach.
const unavailable = 4

func interruptedBy(a *Attempt, cause Cause) Outcome {
	return Outcome{Fence: a.job.Fence(), Status: Interrupted, Cause: cause, Error: cause.Reason()}
}

// mostOutcomes bounds one call of Finish.
const mostOutcomes = 1000

// finishLoop writes outcomes, all that wait in one call, until the session is
// over and the last one is written.
func (s *session) finishLoop(life context.Context) {
	for {
		batch := s.outbox.take(mostOutcomes)
		if batch == nil {
			return
		}
		s.write(life, batch)
	}
}

// write does not give up before the lease is lost or the session is over. A
// batch that is refused whole is written one by one, so that an outcome the
// store cannot take does not hold up the others.
func (s *session) write(life context.Context, batch []ended) {
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		lost, err := s.w.Store.Finish(life, outcomesOf(batch)...)
		s.report(byFinish, err)
		if err == nil {
			s.written(batch, lost)
			return
		}
		if len(batch) > 1 && !errors.Is(err, ErrUnavailable) {
			for _, e := range batch {
				s.write(life, []ended{e})
			}
			return
		}
		if s.isGone() {
			s.w.legacy.add(nil, batch...)
			s.outbox.done(len(batch))
			return
		}
		if !sleep(life, wait) {
			s.outbox.done(len(batch))
			s.log.Error("outcomes not written", KeyCount, len(batch), KeyError, err)
			return
		}
		if !errors.Is(err, ErrUnavailable) && s.outbox.unsaved() > len(batch) {
			s.outbox.back(batch) // behind the others: it must not hold them up
			return
		}
	}
}

func outcomesOf(batch []ended) []Outcome {
	outcomes := make([]Outcome, len(batch))
	for i, e := range batch {
		outcomes[i] = e.outcome
	}
	return outcomes
}

func (s *session) written(batch []ended, lost []Fence) {
	for _, e := range batch {
		s.settle(e.outcome.Fence)
	}
	s.w.tellEnds(batch, lost)
	s.outbox.done(len(batch)) // after the hooks, so that whoever waits for it has heard of all
	select {
	case s.freed <- struct{}{}:
	default:
	}
}

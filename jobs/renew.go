package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// renewLoop keeps the lease. Where no renewal is acknowledged for two thirds
// of it, the session gives up its work: before anyone else may take it.
func (s *session) renewLoop(life context.Context) {
	lease := s.instance.Lease
	busy := min(time.Second, lease/5) // an attempt learns within this that it was lost
	idle := lease / 3
	for {
		wait := busy // also while idle: a job may begin at any moment
		if left := s.untilUnsafe(); left <= 0 {
			s.log.Error("lease not renewed in time; giving up its work")
			s.lose()
			return
		} else if s.ill.Load() {
			wait = min(wait, busy, left)
		}
		timer := time.NewTimer(wait)
		select {
		case <-life.Done():
			timer.Stop()
			return
		case <-s.urgent:
			timer.Stop()
		case <-timer.C:
			if s.outbox.unsaved() == 0 && len(s.jobs()) == 0 && !s.ill.Load() && time.Since(s.acked.Load().(time.Time)) < idle {
				continue
			}
		}
		if errors.Is(s.renew(life), ErrInstanceGone) {
			s.log.Error("instance was declared dead by another; giving up its work")
			s.lose()
			return
		}
	}
}

// renewNow asks for a renewal at once, to say that the worker is stopping.
func (s *session) renewNow() {
	select {
	case s.urgent <- struct{}{}:
	default:
	}
}

// renew makes one renewal. It does not wait for an answer longer than the
// lease is safe, even if the store ignores its context.
func (s *session) renew(life context.Context) error {
	ctx, cancel := context.WithTimeout(life, max(0, min(s.instance.Lease/3, s.untilUnsafe())))
	defer cancel()
	type answer struct {
		lost []Fence
		err  error
	}
	answered := make(chan answer, 1)
	asked := time.Now()
	r := Renewal{Instance: s.instance.ID, Stopping: s.notice.given() || s.w.draining.Load(), Held: s.held(), Memory: s.w.memory()}
	// Not waited for where the store hangs: it ends with the store's call.
	go func() {
		lost, err := s.w.Store.Renew(ctx, r)
		answered <- answer{lost, err}
	}()
	select {
	case a := <-answered:
		s.report(byRenew, a.err)
		if a.err == nil {
			s.acked.Store(asked)
			s.drop(life, a.lost)
		}
		return a.err
	case <-ctx.Done():
		if life.Err() == nil { // else the session is over, and nobody waits for an answer
			s.report(byRenew, fmt.Errorf("renew lease: %w: no answer", ErrUnavailable))
		}
		return ctx.Err()
	}
}

// memory is what the worker says it holds; 0: nothing is said.
func (w *Worker) memory() int64 {
	if w.Memory == nil {
		return 0
	}
	return max(w.Memory(), 0)
}

// untilUnsafe is how long the work may go on without a renewal.
func (s *session) untilUnsafe() time.Duration {
	return time.Until(s.acked.Load().(time.Time).Add(s.instance.Lease * 2 / 3))
}

func (s *session) held() []Fence {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := make([]Fence, 0, len(s.running))
	for _, a := range s.running {
		held = append(held, a.job.Fence())
	}
	return held
}

// drop ends the attempts that the store says are lost. One that finished
// meanwhile is not running any more and is passed over.
func (s *session) drop(life context.Context, lost []Fence) {
	for _, f := range lost {
		s.mu.Lock()
		a := s.running[f]
		s.mu.Unlock()
		if a != nil {
			ctx, cancel := context.WithTimeout(life, s.instance.Lease/10)
			a.lose(a.whyLost(ctx))
			cancel()
		}
	}
}

// lose ends the session: everything it ran belongs to others now.
func (s *session) lose() {
	s.lostOnce.Do(func() {
		close(s.gone)
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, a := range s.running {
			a.lose(ErrLeaseLost)
		}
	})
}

func (s *session) isGone() bool {
	select {
	case <-s.gone:
		return true
	default:
		return false
	}
}

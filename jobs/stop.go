package jobs

import (
	"fmt"
	"sync"
	"time"
)

// stop ends the attempts: notice, then cancelled contexts, then the fence.
func (s *session) stop(attempts *sync.WaitGroup) error {
	s.announce()
	end := s.notice.deadline.Add(s.w.forCancelled())
	idle := s.idle()
	over := waitUntil(idle, s.notice.deadline)
	if !over {
		for _, a := range s.attempts() {
			a.cancel(ErrStopping)
		}
		over = waitUntil(idle, end.Add(-s.w.forWriting()))
	}
	if over {
		attempts.Wait()
	} else {
		s.abandon()
	}
	if s.isGone() {
		return ErrInstanceGone
	}
	return nil
}

// announce gives the attempts notice, and has a renewal say so.
func (s *session) announce() {
	s.notice.give(time.Now().Add(s.w.grace() - s.w.forCancelled()))
	s.renewNow() // a death from now on is a polite one
}

func waitUntil(c <-chan struct{}, deadline time.Time) bool {
	t := time.NewTimer(time.Until(deadline))
	defer t.Stop()
	select {
	case <-c:
		return true
	case <-t.C:
		return false
	}
}

// abandon fences off the attempts whose handlers ignore even their cancelled
// context. Their goroutines live on; what they write is refused.
func (s *session) abandon() {
	for _, a := range s.attempts() {
		if !a.end() {
			continue
		}
		s.log.Error("handler ignores its context; its attempt is fenced off", KeyJob, a.job.ID, KeyAttempt, a.job.Attempt)
		s.send(ended{a, interruptedBy(a, CauseShutdown), time.Since(a.began)})
	}
}

func (s *session) attempts() []*Attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*Attempt, 0, len(s.running))
	for _, a := range s.running {
		all = append(all, a)
	}
	return all
}

// flush waits for the last outcome, within what is left of the grace period.
func (s *session) flush(written <-chan struct{}) error {
	s.outbox.close()
	if waitUntil(written, s.notice.deadline.Add(s.w.forCancelled())) {
		return nil
	}
	return fmt.Errorf("%d outcomes could not be written before the grace period ended; their jobs are recovered at the next start", s.outbox.unsaved())
}

package jobs

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// A claim whose answer was lost may have been made all the same: then its jobs
// are processing in the name of this instance, and nobody runs them for as long
// as it lives. A doubt begins with a claim that failed. While it lasts, such
// strays are looked for and begun; it outlasts a lease, because what was sent
// may be carried out later than it was given up waiting for.
type doubt struct {
	until time.Time
	next  time.Time // of the next look
}

func (d *doubt) begin(lease time.Duration) {
	now := time.Now()
	d.until, d.next = now.Add(lease+pollEvery), now
}

func (d *doubt) due() bool {
	now := time.Now()
	return now.Before(d.until) && !now.Before(d.next)
}

// findStrays begins the attempts that the store gave to this instance and that
// it was not told of. It runs in the turn of a claim: no other brings any
// meanwhile.
func (s *session) findStrays(ctx, life context.Context, only *ID, attempts *sync.WaitGroup) error {
	if !s.doubt.due() {
		return nil
	}
	known := s.knownAttempts() // before the list: what ends meanwhile is no stray
	f := Filter{Status: Processing, Limit: 1000}
	if only != nil {
		f.IDs = []ID{*only}
	}
	for {
		found, err := s.w.Store.List(ctx, f)
		if err != nil {
			return fmt.Errorf("look for jobs of a claim without an answer: %w", err)
		}
		for _, j := range found {
			if j.InstanceID == s.instance.ID && !known[j.Fence()] {
				s.log.Warn("job of a claim whose answer was lost is begun", KeyJob, j.ID, KeyAttempt, j.Attempt)
				s.start(life, j, attempts)
			}
		}
		if len(found) < f.Limit {
			s.doubt.next = time.Now().Add(pollEvery)
			return nil
		}
		f.After = &found[len(found)-1]
	}
}

func (s *session) knownAttempts() map[Fence]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := make(map[Fence]bool, len(s.known))
	for f := range s.known {
		known[f] = true
	}
	return known
}

// settle forgets an attempt: its end is written, or it was not ours any more.
func (s *session) settle(f Fence) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, f)
}

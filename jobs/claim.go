package jobs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// claimLoop claims until ctx ends, the lease is lost, or the one job is over.
func (s *session) claimLoop(ctx, life context.Context, only *ID, attempts *sync.WaitGroup) {
	watch, unwatch := context.WithCancel(life)
	defer unwatch()
	hints, deaths := s.listen(s.w.Store.Watch(watch))
	if only != nil {
		for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
			j, err := Get(ctx, s.w.Store, *only)
			if err == nil && j.InstanceID == s.instance.ID && j.Status == Processing {
				s.start(life, j, attempts) // it was inserted as ours
			}
			if err == nil || errors.Is(err, ErrNotFound) || s.isGone() || !sleep(ctx, wait) {
				break
			}
		}
	}
	var pace pace
	defer s.w.turned.Store(0)
	for ctx.Err() == nil && !s.isGone() {
		s.w.turned.Store(time.Now().UnixNano())
		s.w.trouble(bySettle, s.w.settle(life)) // of a handler that outlived an earlier session
		claimed, full, err := s.claimAndStart(ctx, life, only, attempts)
		if errors.Is(err, ErrInstanceGone) {
			s.lose()
			return
		}
		if ctx.Err() != nil && err != nil {
			return
		}
		s.report(byClaim, err)
		if only != nil && s.isOver(life, *only) {
			return
		}
		s.await(ctx, hints, deaths, pace.next(len(claimed.Jobs), err, claimed.NextDue), full)
	}
}

// listen passes hints on to the claim loop, those of a death apart, and has those
// of a move renewed at once: the answer names the attempts that were lost by it.
func (s *session) listen(hints <-chan Hint) (work, deaths <-chan struct{}) {
	w, d := make(chan struct{}, 1), make(chan struct{}, 1)
	tell := func(c chan struct{}) {
		select {
		case c <- struct{}{}:
		default:
		}
	}
	go func() { // ends with the watch
		for h := range hints {
			if h&HintMoved != 0 && len(s.held()) > 0 {
				s.renewNow()
			}
			if h&HintDied != 0 {
				tell(d)
			}
			tell(w)
		}
	}()
	return w, d
}

// claimAndStart makes one claim and starts what it brought. full says that all
// that was asked for came: more may wait, and a free slot is news.
func (s *session) claimAndStart(ctx, life context.Context, only *ID, attempts *sync.WaitGroup) (claimed Claimed, full bool, err error) {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	if err := s.findStrays(ctx, life, only, attempts); err != nil {
		return claimed, false, err
	}
	p := s.params(only)
	if s.w.draining.Load() {
		p.Limit = 0
	}
	claimed, err = s.claim(ctx, life, p)
	if err != nil && !errors.Is(err, ErrInstanceGone) {
		s.doubt.begin(s.instance.Lease)
	}
	s.tell(claimed)
	for _, j := range claimed.Jobs {
		s.start(life, j, attempts)
	}
	return claimed, len(claimed.Jobs) == p.Limit || only != nil, err
}

// claim does not wait for a store that hangs once the session is to end. What
// such a claim still takes is recovered by others as that of a stopping instance.
func (s *session) claim(ctx, life context.Context, p ClaimParams) (Claimed, error) {
	type answer struct {
		claimed Claimed
		err     error
	}
	answered := make(chan answer, 1)
	go func() {
		claimed, err := s.w.Store.Claim(life, p)
		answered <- answer{claimed, err}
	}()
	select {
	case a := <-answered:
		return a.claimed, a.err
	case <-ctx.Done():
	case <-s.gone:
	}
	late := time.NewTimer(s.w.forWriting())
	defer late.Stop()
	select {
	case a := <-answered:
		return a.claimed, a.err
	case <-late.C:
		return Claimed{}, fmt.Errorf("claim jobs: %w: no answer", ErrUnavailable)
	}
}

// params is what the session may claim now.
func (s *session) params(only *ID) ClaimParams {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := ClaimParams{Instance: s.instance.ID, Kinds: s.kinds, Limits: s.w.Limits, Policy: s.w.Policy, Policies: s.w.Policies}
	if only != nil {
		p.Only, p.Suspects = []ID{*only}, 1
		p.Limit = max(0, 1-len(s.running))
		return p
	}
	if !s.recovered {
		return p
	}
	p.Limit = max(0, min(s.w.slots()-len(s.running), 2*s.w.slots()-s.outbox.unsaved()))
	if s.w.Busy != nil && s.w.Busy() {
		p.Limit = 0
	}
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
	return err == nil && (j.Ended() || j.Status == Processing && j.InstanceID != s.instance.ID) // as ours it is a stray
}

// await waits for a reason to claim again. A death is one at any moment, also
// while no slot is free: others may have some.
func (s *session) await(ctx context.Context, hints, deaths <-chan struct{}, p pause, full bool) {
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
		case <-deaths:
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

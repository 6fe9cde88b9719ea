package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// raceTests let two sides want the same job at the same moment, again and
// again: exactly one may have it. Half of them work through another handle,
// as another process.
var raceTests = []test{
	{"each job goes to exactly one of many claimers", func(e *env) {
		const n, claimers = 300, 6
		e.insertAll(make([]jobs.NewJob, n)...)
		var workers []*instance
		for k := range claimers {
			if k%2 == 0 {
				workers = append(workers, e.join(fmt.Sprint("w", k)))
			} else {
				workers = append(workers, e.process(fmt.Sprint("w", k)))
			}
		}
		var mu sync.Mutex
		took := map[jobs.ID]string{}
		together(claimers, func(k int) {
			for {
				got := workers[k].claim(k + 1)
				if len(got) == 0 {
					return
				}
				mu.Lock()
				for _, j := range got {
					if other, twice := took[j.ID]; twice {
						e.Errorf("%v claimed by %s and %s", j.ID, other, workers[k].id)
					}
					took[j.ID] = workers[k].id
				}
				mu.Unlock()
			}
		})
		if len(took) != n {
			e.Errorf("%d jobs claimed, want %d", len(took), n)
		}
		for id, who := range took {
			if j := e.get(id); j.InstanceID != who || j.Attempt != 1 {
				e.Errorf("claimed by %s, stored of %s at attempt %d", who, j.InstanceID, j.Attempt)
			}
		}
	}},
	{"inserting, claiming, recording and finishing at once: every job once, nothing lost", func(e *env) {
		const n, workers = 200, 4
		var done atomic.Int64
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				for range n / 2 / 5 {
					e.insertAll(make([]jobs.NewJob, 5)...)
				}
			})
		}
		for k := range workers {
			i := e.process(fmt.Sprint("w", k))
			wg.Go(func() {
				if !until(func() bool {
					for _, j := range i.claim(7) {
						if err := i.s.Checkpoint(e.Context(), j.Fence(), 2, pages(1, 2)...); err != nil {
							e.Errorf("Checkpoint: %v", err)
						}
						if lost, err := i.s.Finish(e.Context(), outcome(j.Fence(), jobs.Completed)); err != nil || len(lost) > 0 {
							e.Errorf("Finish: lost %v, %v", lost, err)
						}
						done.Add(1)
					}
					return done.Load() >= n
				}) {
					e.Errorf("%d of %d done", done.Load(), n)
				}
			})
		}
		wg.Wait()
		if st, err := e.Store.Statistics(e.Context()); err != nil || st.Completed != n || done.Load() != n {
			e.Errorf("%+v, %v; %d ended", st, err, done.Load())
		}
	}},
	{"cancel against finish: exactly one wins", func(e *env) {
		a := e.process("a")
		for round := range 40 {
			j := e.insert(jobs.NewJob{Recovery: jobs.RecoveryManual})
			f := a.claimOne(j.ID).Fence()
			var finished, cancelled bool
			together(2, func(k int) {
				if k == 0 {
					lost, err := a.s.Finish(e.Context(), outcome(f, jobs.Completed))
					if err != nil {
						e.Errorf("Finish: %v", err)
					}
					finished = len(lost) == 0
					return
				}
				_, err := e.Store.Move(e.Context(), j.ID, jobs.Cancel, "x")
				var refused *jobs.MoveError
				if err != nil && !errors.As(err, &refused) {
					e.Errorf("Move: %v", err)
				}
				cancelled = err == nil
			})
			want := jobs.Completed
			if cancelled {
				want = jobs.Interrupted
			}
			if now := e.get(j.ID); finished == cancelled || now.Status != want {
				e.Errorf("round %d: finished %v, cancelled %v, %s", round, finished, cancelled, now.Status)
			}
		}
	}},
	{"cancel against claim: the cancelled job is lost by whoever claimed it", func(e *env) {
		a := e.process("a")
		for range 40 {
			j := e.insert(jobs.NewJob{Recovery: jobs.RecoveryManual})
			var got []jobs.Job
			together(2, func(k int) {
				if k == 0 {
					got = a.claim(1)
				} else {
					e.move(j.ID, jobs.Cancel)
				}
			})
			now := e.get(j.ID)
			if now.Status != jobs.Interrupted || now.Cause != jobs.CauseCancelled {
				e.Errorf("%s by %q, want cancelled", now.Status, now.Cause)
			}
			if len(got) > 0 {
				e.is(a.s.Checkpoint(e.Context(), got[0].Fence(), 0, page(1)), jobs.ErrLeaseLost)
			}
		}
	}},
	{"cancel against checkpoint: what was acknowledged is there, what was refused is not", func(e *env) {
		a := e.process("a")
		for range 40 {
			j := e.insert(jobs.NewJob{Recovery: jobs.RecoveryManual})
			f := a.claimOne(j.ID).Fence()
			recorded := 0
			together(2, func(k int) {
				if k == 1 {
					e.move(j.ID, jobs.Cancel)
					return
				}
				for seq := 1; seq <= 20; seq++ {
					err := a.s.Checkpoint(e.Context(), f, 20, page(seq))
					if errors.Is(err, jobs.ErrLeaseLost) {
						return
					}
					e.ok(err)
					recorded = seq
				}
			})
			if now := e.get(j.ID); now.StepsDone != recorded || len(e.steps(j.ID)) != recorded || now.Cause != jobs.CauseCancelled {
				e.Errorf("%d steps acknowledged, %d counted, %d there, cause %q", recorded, now.StepsDone, len(e.steps(j.ID)), now.Cause)
			}
		}
	}},
	{"two that finish one attempt differently: exactly one wins, and its way stands", func(e *env) {
		a, b := e.process("a"), e.Again(e)
		handles := []jobs.Store{a.s, b}
		ways := []jobs.Status{jobs.Completed, jobs.Failed}
		for range 40 {
			j := e.insert(jobs.NewJob{})
			f := a.claimOne(j.ID).Fence()
			won := make([]bool, 2)
			together(2, func(k int) {
				lost, err := handles[k].Finish(e.Context(), outcome(f, ways[k]))
				e.ok(err)
				won[k] = len(lost) == 0
			})
			now := e.get(j.ID)
			if won[0] == won[1] || won[0] != (now.Status == jobs.Completed) {
				e.Errorf("won %v, and the job is %s", won, now.Status)
			}
		}
	}},
	{"two that finish one attempt alike: it is ended once", func(e *env) {
		a, b := e.process("a"), e.Again(e)
		handles := []jobs.Store{a.s, b}
		for range 20 {
			j := e.insert(jobs.NewJob{})
			f := a.claimOne(j.ID).Fence()
			together(2, func(k int) {
				if _, err := handles[k].Finish(e.Context(), outcome(f, jobs.Failed)); err != nil {
					e.Errorf("Finish: %v", err)
				}
			})
			if now := e.get(j.ID); now.Failures != 1 || len(e.events(j.ID)) != 3 {
				e.Errorf("%d failures, %d events, want 1 and 3", now.Failures, len(e.events(j.ID)))
			}
		}
	}},
	{"two persons cancel and resume at once: each move is legal where it lands", func(e *env) {
		for range 20 {
			j := e.inStatus(jobs.Interrupted)
			moves := []jobs.Move{jobs.Resume, jobs.Restart, jobs.Cancel, jobs.Resume}
			together(len(moves), func(k int) {
				_, err := e.Store.Move(e.Context(), j.ID, moves[k], "x")
				var refused *jobs.MoveError
				if err != nil && (!errors.As(err, &refused) || slices.Contains(refused.Allowed, moves[k])) {
					e.Errorf("%s: %v", moves[k], err)
				}
			})
			before := jobs.Status("")
			for _, ev := range e.events(j.ID) {
				if ev.From != before {
					e.Fatalf("history %+v: %s follows %s", e.events(j.ID), ev.From, before)
				}
				before = ev.To
			}
			e.move(j.ID, jobs.Cancel)
		}
	}},
	{"renewing against recovering: a job is its instance's or another's, never both", func(e *env) {
		for round := range 8 {
			j := e.insert(jobs.NewJob{})
			a := e.process(fmt.Sprint("a", round), lease(100*time.Millisecond))
			b := e.process(fmt.Sprint("b", round))
			got, err := a.s.Claim(e.Context(), jobs.ClaimParams{Instance: a.id, Kinds: []string{work}, Limit: 1, Suspects: 1})
			if errors.Is(err, jobs.ErrInstanceGone) || err == nil && len(got.Jobs) == 0 { // so slow a machine that its lease ran out before
				e.finish(outcome(b.claimOne(j.ID).Fence(), jobs.Completed))
				continue
			}
			e.ok(err)
			f := got.Jobs[0].Fence()
			e.pass(time.Duration(95+round) * time.Millisecond)
			var held bool
			var taken []jobs.Job
			together(2, func(k int) {
				if k == 0 {
					lost, err := a.s.Renew(e.Context(), jobs.Renewal{Instance: a.id, Held: []jobs.Fence{f}})
					if err != nil && !errors.Is(err, jobs.ErrInstanceGone) {
						e.Errorf("Renew: %v", err)
					}
					held = err == nil && len(lost) == 0 && a.s.Checkpoint(e.Context(), f, 0, page(1)) == nil
					return
				}
				taken = b.claim(1)
			})
			if held && len(taken) > 0 && taken[0].StepsDone == 0 {
				e.Errorf("round %d: renewed, recorded and taken, without the step", round)
			}
			if !held && len(taken) == 0 {
				eventually(e, "the other has it", func() bool { taken = b.claim(1); return len(taken) > 0 })
			}
			owner := f
			if len(taken) > 0 {
				owner = taken[0].Fence()
				e.is(a.s.Checkpoint(e.Context(), f, 0, page(1)), jobs.ErrLeaseLost)
			}
			e.finish(outcome(owner, jobs.Completed))
		}
	}},
	{"a status and its event are seen together", func(e *env) {
		const n = 60
		list := e.insertAll(make([]jobs.NewJob, n)...)
		a, reader := e.process("a"), e.Again(e)
		var wg sync.WaitGroup
		wg.Go(func() {
			for _, j := range a.claim(n) {
				if _, err := a.s.Finish(e.Context(), outcome(j.Fence(), jobs.Completed)); err != nil {
					e.Errorf("Finish: %v", err)
				}
			}
		})
		for _, j := range list {
			eventually(e, "the job is completed", func() bool { return e.getFrom(reader, j.ID).Status == jobs.Completed })
			evs, err := reader.Events(e.Context(), j.ID, 0, 10)
			e.ok(err)
			if len(evs) != 3 || evs[2].Event != jobs.EventCompleted {
				e.Errorf("completed, but the history is %+v", evs)
			}
		}
		wg.Wait()
	}},
}

package storetest

import (
	"slices"
	"sync"

	"github.com/mivaa/mivaa/jobs"
)

// limited sets how many jobs of the usual kind may be processing at once.
func limited(n int) func(*jobs.ClaimParams) {
	return func(p *jobs.ClaimParams) { p.Limits = map[string]int{work: n} }
}

// takes checks how many jobs a claim under a limit of two takes.
func (i *instance) takes(want int) []jobs.Job {
	i.Helper()
	got := i.claim(9, limited(2))
	if len(got) != want {
		i.Errorf("claimed %d jobs, want %d", len(got), want)
	}
	return got
}

var limitTests = []test{
	{"of a kind in Limits only so many are processing, of all instances together", func(e *env) {
		e.insertAll(make([]jobs.NewJob, 5)...)
		a, b := e.join("a"), e.process("b")
		held := a.takes(2)
		b.takes(0)
		e.finish(outcome(held[0].Fence(), jobs.Completed))
		b.takes(1)
		a.takes(0)
	}},
	{"a limit is that of its kind: others are claimed in its place, and in the order of the queue", func(e *env) {
		l := e.insertAll(jobs.NewJob{}, jobs.NewJob{}, jobs.NewJob{Kind: "other"}, jobs.NewJob{}, jobs.NewJob{Kind: "other"})
		got := e.join("a").claim(3, limited(1), func(p *jobs.ClaimParams) { p.Kinds = []string{work, "other"} })
		if want := []jobs.ID{l[0].ID, l[2].ID, l[4].ID}; !slices.Equal(ids(got), want) {
			e.Errorf("claimed %v, want %v", ids(got), want)
		}
	}},
	{"a limit below what is processing already claims nothing until enough have ended", func(e *env) {
		e.insertAll(make([]jobs.NewJob, 6)...)
		a := e.join("a")
		for k, j := range a.claim(4) {
			a.takes(0)
			e.finish(outcome(j.Fence(), []jobs.Status{jobs.Completed, jobs.Failed, jobs.Completed, jobs.Completed}[k]))
			if k == 2 {
				break
			}
		}
		a.takes(1)
	}},
	{"a limit counts suspects, and jobs that are named by Only", func(e *env) {
		list := e.insertAll(make([]jobs.NewJob, 3)...)
		victim := e.process("victim")
		victim.claim(2)
		victim.kill()
		a := e.process("a")
		a.recovers(nil, list[0].ID, list[1].ID)
		a.takes(2) // one innocent, one suspect, or both suspects
		for _, j := range list {
			if got := a.claim(9, limited(2), only(j.ID)); len(got) > 0 {
				e.Errorf("claimed %v beyond the limit", ids(got))
			}
		}
	}},
	{"jobs of the dead do not count once they are recovered", func(e *env) {
		list := e.insertAll(make([]jobs.NewJob, 3)...)
		victim := e.process("victim")
		victim.takes(2)
		victim.kill()
		a := e.process("a")
		a.recovers(limited(2), list[0].ID, list[1].ID)
		a.takes(2)
	}},
	{"instances that claim at once keep to the limit together", func(e *env) {
		const most = 3
		e.insertAll(make([]jobs.NewJob, 60)...)
		var all []*instance
		for _, name := range []string{"a", "b", "c", "d"} {
			all = append(all, e.process(name))
		}
		for range 10 {
			var mu sync.Mutex
			var held []jobs.Outcome
			together(len(all), func(k int) {
				for range 3 {
					got := all[k].claim(2, limited(most))
					mu.Lock()
					for _, j := range got {
						held = append(held, outcome(j.Fence(), jobs.Completed))
					}
					mu.Unlock()
				}
			})
			if len(held) != most {
				e.Fatalf("%d jobs are processing, want %d", len(held), most)
			}
			e.finish(held...)
		}
	}},
}

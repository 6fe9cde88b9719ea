package storetest

import (
	"encoding/json"
	"errors"
	"slices"

	"github.com/mivaa/mivaa/jobs"
)

// stale is a way in which a worker comes to hold a fence that holds no more.
type stale struct {
	name string
	// make returns such a fence and the instance that believes in it.
	make func(e *env) (*instance, jobs.Fence)
	// ended is how the attempt itself ended, where it did: the same Finish
	// given again is a repeat and no late write.
	ended jobs.Status
	// forgot says that the job has gone on since: a store may have forgotten
	// how that attempt ended, so it may call the repeat lost.
	forgot bool
	gone   bool // the instance was declared dead: Renew may say that instead
}

// ranOut makes a job whose instance died, recovered by another.
func ranOut(r jobs.Recovery, then func(e *env, a *instance, j jobs.Job)) func(e *env) (*instance, jobs.Fence) {
	return func(e *env) (*instance, jobs.Fence) {
		j := e.insert(jobs.NewJob{Recovery: r})
		victim := e.process("victim")
		got := victim.claimOne(j.ID)
		e.checkpoint(got.Fence(), 5, page(1))
		victim.kill()
		a := e.process("a")
		a.recovers(nil, j.ID)
		then(e, a, j)
		return victim, got.Fence()
	}
}

// afterwards makes a job that is claimed, a step in, and then loses its worker.
func afterwards(then func(e *env, i *instance, j jobs.Job)) func(e *env) (*instance, jobs.Fence) {
	return func(e *env) (*instance, jobs.Fence) {
		j := e.insert(jobs.NewJob{Recovery: jobs.RecoveryManual})
		i := e.join("holder")
		got := i.claimOne(j.ID)
		e.checkpoint(got.Fence(), 5, page(1))
		then(e, i, got)
		return i, got.Fence()
	}
}

func moved(moves ...jobs.Move) func(e *env, i *instance, j jobs.Job) {
	return func(e *env, _ *instance, j jobs.Job) {
		for _, m := range moves {
			e.move(j.ID, m)
		}
	}
}

func ended(s jobs.Status) func(e *env, i *instance, j jobs.Job) {
	return func(e *env, _ *instance, j jobs.Job) { e.finish(outcome(j.Fence(), s)) }
}

func claimedAgain(e *env, _ *instance, j jobs.Job) {
	next := e.join("next")
	next.claimOne(j.ID)
}

func stales() []stale {
	return []stale{
		{name: "of an older attempt, the job run by another", ended: jobs.Pending, forgot: true, make: afterwards(func(e *env, _ *instance, j jobs.Job) {
			e.finish(outcome(j.Fence(), jobs.Pending))
			e.join("other").claimOne(j.ID)
		})},
		{name: "of an older attempt, the job run by the same instance", ended: jobs.Pending, forgot: true, make: afterwards(func(e *env, i *instance, j jobs.Job) {
			e.finish(outcome(j.Fence(), jobs.Pending))
			i.claimOne(j.ID)
		})},
		{name: "of an older attempt, a later one completed", ended: jobs.Pending, forgot: true, make: afterwards(func(e *env, i *instance, j jobs.Job) {
			e.finish(outcome(j.Fence(), jobs.Pending))
			e.finish(outcome(i.claimOne(j.ID).Fence(), jobs.Completed))
		})},
		{name: "of an older attempt, a later one failed", ended: jobs.Pending, forgot: true, make: afterwards(func(e *env, i *instance, j jobs.Job) {
			e.finish(outcome(j.Fence(), jobs.Pending))
			e.finish(outcome(i.claimOne(j.ID).Fence(), jobs.Failed))
		})},
		{name: "after completed", make: afterwards(ended(jobs.Completed)), ended: jobs.Completed},
		{name: "after failed", make: afterwards(ended(jobs.Failed)), ended: jobs.Failed},
		{name: "after interrupted", make: afterwards(ended(jobs.Interrupted)), ended: jobs.Interrupted},
		{name: "after put back for another try", make: afterwards(ended(jobs.Pending)), ended: jobs.Pending},
		{name: "after cancel", make: afterwards(moved(jobs.Cancel))},
		{name: "after cancel and resume", make: afterwards(moved(jobs.Cancel, jobs.Resume))},
		{name: "after cancel and restart", make: afterwards(moved(jobs.Cancel, jobs.Restart))},
		{name: "after cancel and resume, run by another", make: afterwards(func(e *env, i *instance, j jobs.Job) {
			moved(jobs.Cancel, jobs.Resume)(e, i, j)
			claimedAgain(e, i, j)
		})},
		{name: "after interrupt by a person", make: afterwards(moved(jobs.Interrupt))},
		{name: "after interrupt and resume", make: afterwards(moved(jobs.Interrupt, jobs.Resume))},
		{name: "after interrupt and restart, run by another", make: afterwards(func(e *env, i *instance, j jobs.Job) {
			moved(jobs.Interrupt, jobs.Restart)(e, i, j)
			claimedAgain(e, i, j)
		})},
		{name: "after recovery to interrupted", gone: true, make: ranOut(jobs.RecoveryManual, func(*env, *instance, jobs.Job) {})},
		{name: "after recovery to pending", gone: true, make: ranOut(jobs.RecoveryAuto, func(*env, *instance, jobs.Job) {})},
		{name: "after recovery, run by another", gone: true, make: ranOut(jobs.RecoveryAuto, func(_ *env, a *instance, j jobs.Job) {
			a.claimOne(j.ID)
		})},
		{name: "after recovery, completed by another", gone: true, make: ranOut(jobs.RecoveryAuto, func(e *env, a *instance, j jobs.Job) {
			e.finish(outcome(a.claimOne(j.ID).Fence(), jobs.Completed))
		})},
		{name: "after recovery that failed the job", gone: true, make: func(e *env) (*instance, jobs.Fence) {
			j := e.insert(jobs.NewJob{})
			victim := e.process("victim")
			got := victim.claimOne(j.ID)
			victim.kill()
			e.process("a").recovers(func(p *jobs.ClaimParams) { p.Policy.MaxCrashes = 1 }, j.ID)
			if now := e.get(j.ID); now.Status != jobs.Failed {
				e.Fatalf("%s, want failed", now.Status)
			}
			return victim, got.Fence()
		}},
		{name: "of an attempt that has not begun", make: func(e *env) (*instance, jobs.Fence) {
			j := e.insert(jobs.NewJob{})
			i := e.join("early")
			f := i.claimOne(j.ID).Fence()
			f.Attempt++
			return i, f
		}},
		{name: "of a job nobody has claimed", make: func(e *env) (*instance, jobs.Fence) {
			return e.join("early"), e.insert(jobs.NewJob{}).Fence()
		}},
		{name: "of a job nobody has claimed, at attempt 1", make: func(e *env) (*instance, jobs.Fence) {
			return e.join("early"), jobs.Fence{Job: e.insert(jobs.NewJob{}).ID, Attempt: 1}
		}},
		{name: "of a job cancelled before anyone claimed it", make: func(e *env) (*instance, jobs.Fence) {
			j := e.insert(jobs.NewJob{})
			return e.join("early"), e.move(j.ID, jobs.Cancel).Fence()
		}},
		{name: "of a job that does not exist", make: func(e *env) (*instance, jobs.Fence) {
			return e.join("dreamer"), jobs.Fence{Job: jobs.NewID(), Attempt: 1}
		}},
		{name: "that is zero", make: func(e *env) (*instance, jobs.Fence) {
			e.insert(jobs.NewJob{})
			return e.join("zero"), jobs.Fence{}
		}},
	}
}

// fenceTests calls every method that takes a fence with every stale one: it
// must change nothing and report the loss.
func fenceTests() []test {
	var list []test
	for _, s := range stales() {
		list = append(list, test{"a fence " + s.name + " writes nothing and is reported lost", func(e *env) { lateWrites(e, s) }})
	}
	return append(list, fenceMore...)
}

func lateWrites(e *env, s stale) {
	i, f := s.make(e)
	before := e.dump()

	done := len(e.steps(f.Job))
	for name, steps := range map[string][]jobs.Step{
		"Checkpoint of the next step":       {page(done + 1)},
		"Checkpoint of a recorded step":     {page(1)},
		"Checkpoint of nothing but a total": nil,
		"Checkpoint with a gap":             {page(done + 5)},
		"Checkpoint of a step 0":            {page(0)},
		"Checkpoint with a gap within":      {page(done + 1), page(done + 3)},
		"Checkpoint of what is not JSON":    {{Seq: done + 1, Data: json.RawMessage("{")}},
	} {
		e.is(i.s.Checkpoint(e.Context(), f, 9, steps...), jobs.ErrLeaseLost)
		e.unchanged(before, name)
	}

	for _, to := range []jobs.Status{jobs.Completed, jobs.Failed, jobs.Interrupted, jobs.Pending} {
		lost, err := i.s.Finish(e.Context(), outcome(f, to))
		e.ok(err)
		if want := to != s.ended; want != slices.Contains(lost, f) && (want || !s.forgot) {
			e.Errorf("Finish as %s: lost %v, want it among them: %v", to, lost, want)
		}
		e.unchanged(before, "Finish as "+string(to))
	}

	lost, err := i.s.Renew(e.Context(), jobs.Renewal{Instance: i.id, Held: []jobs.Fence{f}})
	switch {
	case errors.Is(err, jobs.ErrInstanceGone) && s.gone:
	case err != nil:
		e.Errorf("Renew: %v", err)
	case !slices.Contains(lost, f):
		e.Errorf("Renew: lost %v, want %v among them", lost, f)
	}
	e.unchanged(before, "Renew")
}

var fenceMore = []test{
	{"Renew names the held attempts that are lost and only those", func(e *env) {
		list := e.insertAll(make([]jobs.NewJob, 4)...)
		i := e.join("a")
		var held []jobs.Fence
		for _, j := range i.claim(4) {
			held = append(held, j.Fence())
		}
		if lost, err := i.s.Renew(e.Context(), jobs.Renewal{Instance: "a", Held: held}); err != nil || len(lost) > 0 {
			e.Errorf("lost %v, %v: want none", lost, err)
		}
		e.move(list[1].ID, jobs.Cancel)
		e.move(list[3].ID, jobs.Interrupt)
		lost, err := i.s.Renew(e.Context(), jobs.Renewal{Instance: "a", Held: held})
		e.ok(err)
		if len(lost) != 2 || !slices.Contains(lost, held[1]) || !slices.Contains(lost, held[3]) {
			e.Errorf("lost %v, want %v and %v", lost, held[1], held[3])
		}
	}},
	{"an attempt of another instance is not one's own", func(e *env) {
		j := e.insert(jobs.NewJob{})
		f := e.join("a").claimOne(j.ID).Fence()
		b := e.process("b")
		lost, err := b.s.Renew(e.Context(), jobs.Renewal{Instance: "b", Held: []jobs.Fence{f}})
		e.ok(err)
		if !slices.Contains(lost, f) {
			e.Errorf("lost %v, want %v: it is another instance's", lost, f)
		}
	}},
	{"Finish ends the attempts that hold and returns exactly the others", func(e *env) {
		list := e.insertAll(make([]jobs.NewJob, 5)...)
		i := e.join("a")
		got := i.claim(4)
		e.move(list[1].ID, jobs.Cancel)
		unknown := jobs.Fence{Job: jobs.NewID(), Attempt: 1}
		lost, err := i.s.Finish(e.Context(),
			outcome(got[0].Fence(), jobs.Completed), outcome(got[1].Fence(), jobs.Completed), outcome(unknown, jobs.Failed),
			outcome(got[2].Fence(), jobs.Failed), outcome(list[4].Fence(), jobs.Interrupted), outcome(got[3].Fence(), jobs.Interrupted))
		e.ok(err)
		if len(lost) != 3 || !slices.Contains(lost, got[1].Fence()) || !slices.Contains(lost, unknown) || !slices.Contains(lost, list[4].Fence()) {
			e.Errorf("lost %v", lost)
		}
		for k, want := range []jobs.Status{jobs.Completed, jobs.Interrupted, jobs.Failed, jobs.Interrupted, jobs.Pending} {
			if j := e.get(list[k].ID); j.Status != want {
				e.Errorf("job %d is %s, want %s", k, j.Status, want)
			}
		}
		if j := e.get(list[1].ID); j.Cause != jobs.CauseCancelled {
			e.Errorf("the cancelled job's cause is %s", j.Cause)
		}
	}},
	{"a second, different end of an attempt is lost", func(e *env) {
		for _, first := range []jobs.Status{jobs.Completed, jobs.Failed, jobs.Interrupted, jobs.Pending} {
			for _, second := range []jobs.Status{jobs.Completed, jobs.Failed, jobs.Interrupted, jobs.Pending} {
				if first == second {
					continue
				}
				j := e.insert(jobs.NewJob{Recovery: jobs.RecoveryManual})
				i := e.join("of " + j.ID.String())
				f := i.claim(1, only(j.ID))[0].Fence()
				e.finish(outcome(f, first))
				before := e.dump()
				lost, err := e.Store.Finish(e.Context(), outcome(f, second))
				if err != nil || !slices.Contains(lost, f) {
					e.Errorf("%s, then %s: lost %v, %v", first, second, lost, err)
				}
				e.unchanged(before, string(first)+", then "+string(second))
			}
		}
	}},
}

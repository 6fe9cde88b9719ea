package storetest

import (
	"slices"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// lease gives an instance a lease that a test can wait for.
func lease(d time.Duration) func(*jobs.Instance) {
	return func(in *jobs.Instance) { in.Lease = d }
}

// silent makes an instance that has claimed jobs, does not die, and is not
// heard of until its lease has run out and another recovered its jobs.
func (e *env) silent(list ...jobs.NewJob) (late, other *instance, held []jobs.Job, told []jobs.Event) {
	e.Helper()
	made := e.insertAll(list...)
	late = e.process("late", lease(time.Second))
	held = late.claim(len(list))
	if len(held) != len(list) {
		e.Fatalf("claimed %d, want %d", len(held), len(list))
	}
	other = e.process("other")
	told = other.recovers(nil, ids(made)...)
	return late, other, held, told
}

var renewTests = []test{
	{"an instance that renews keeps its jobs for longer than its lease", func(e *env) {
		j := e.insert(jobs.NewJob{})
		const d = 2 * time.Second // long enough for a machine that stutters
		a := e.process("a", lease(d))
		f := a.claimOne(j.ID).Fence()
		b := e.process("b")
		start := time.Now()
		eventually(e, "one and a half leases pass", func() bool {
			lost, err := a.s.Renew(e.Context(), jobs.Renewal{Instance: "a", Held: []jobs.Fence{f}})
			if err != nil || len(lost) > 0 {
				e.Fatalf("lost %v, %v after %v", lost, err, time.Since(start))
			}
			if got := b.claimed(1); len(got.Recovered) > 0 || len(got.Jobs) > 0 {
				e.Fatalf("recovered %v, claimed %v after %v", got.Recovered, ids(got.Jobs), time.Since(start))
			}
			return time.Since(start) > d*3/2
		})
		e.finish(outcome(f, jobs.Completed))
	}},
	{"an instance that is silent for longer than its lease loses its jobs: lease_lost, and a crash is charged", func(e *env) {
		_, other, held, told := e.silent(jobs.NewJob{}, jobs.NewJob{Recovery: jobs.RecoveryManual})
		auto, manual := e.get(held[0].ID), e.get(held[1].ID)
		if auto.Status != jobs.Pending || auto.Crashes != 1 || manual.Status != jobs.Interrupted || manual.Crashes != 1 ||
			manual.Cause != jobs.CauseLeaseLost || manual.Error != jobs.CauseLeaseLost.Reason() {
			e.Errorf("auto %+v\nmanual %+v", auto, manual)
		}
		for _, j := range held {
			if !slices.ContainsFunc(told, func(ev jobs.Event) bool {
				return ev.JobID == j.ID && ev.Event == jobs.EventInterrupted && ev.Cause == jobs.CauseLeaseLost && ev.Instance == "late"
			}) {
				e.Errorf("Recovered %+v does not tell of %v", told, j.ID)
			}
		}
		if got := other.claim(9); !slices.Equal(ids(got), []jobs.ID{auto.ID}) {
			e.Errorf("claimed %v, want %v", ids(got), auto.ID)
		}
	}},
	{"ErrInstanceGone for one that renews too late, and its writes are refused", func(e *env) {
		late, _, held, _ := e.silent(jobs.NewJob{})
		before := e.dump()
		f := held[0].Fence()
		_, err := late.s.Renew(e.Context(), jobs.Renewal{Instance: "late", Held: []jobs.Fence{f}})
		e.is(err, jobs.ErrInstanceGone)
		e.is(late.s.Checkpoint(e.Context(), f, 0, page(1)), jobs.ErrLeaseLost)
		lost, err := late.s.Finish(e.Context(), outcome(f, jobs.Completed))
		if err != nil || !slices.Contains(lost, f) {
			e.Errorf("Finish: lost %v, %v", lost, err)
		}
		e.unchanged(before, "one that came too late")
	}},
	{"an instance that is gone claims nothing", func(e *env) {
		late, other, _, _ := e.silent(jobs.NewJob{})
		if got, err := late.s.Claim(e.Context(), late.params(9)); err == nil && len(got.Jobs) > 0 {
			e.Errorf("claimed %v: nobody would recover it", ids(got.Jobs))
		}
		if got := other.claim(9); len(got) != 1 {
			e.Errorf("another claimed %d, want the one", len(got))
		}
	}},
	{"one that came too late joins again under a new id and works on", func(e *env) {
		late, _, held, _ := e.silent(jobs.NewJob{})
		again := e.joinOn(late.s, "late-again")
		got := again.claimOne(held[0].ID)
		if lost, err := again.s.Renew(e.Context(), jobs.Renewal{Instance: again.id, Held: []jobs.Fence{got.Fence()}}); err != nil || len(lost) > 0 {
			e.Errorf("lost %v, %v", lost, err)
		}
		e.finish(outcome(got.Fence(), jobs.Completed))
	}},
	{"ErrInstanceGone for one whose death was proved", func(e *env) {
		j := e.insert(jobs.NewJob{})
		victim := e.process("victim")
		f := victim.claimOne(j.ID).Fence()
		victim.kill()
		e.process("a").recovers(nil, j.ID)
		_, err := victim.s.Renew(e.Context(), jobs.Renewal{Instance: "victim", Held: []jobs.Fence{f}})
		e.is(err, jobs.ErrInstanceGone)
	}},
	{"ErrInstanceGone for one that never joined", func(e *env) {
		_, err := e.Store.Renew(e.Context(), jobs.Renewal{Instance: "nobody"})
		e.is(err, jobs.ErrInstanceGone)
	}},
	{"Renew of nothing held is fine", func(e *env) {
		a := e.join("a")
		if lost, err := a.s.Renew(e.Context(), jobs.Renewal{Instance: "a"}); err != nil || len(lost) > 0 {
			e.Errorf("lost %v, %v", lost, err)
		}
	}},
	{"the death of an instance that said it is stopping charges no crash, whichever way it is found", func(e *env) {
		for name, die := range map[string]func(i *instance){
			"killed": (*instance).kill,
			"silent": func(*instance) {},
		} {
			j := e.insert(jobs.NewJob{Recovery: jobs.RecoveryManual})
			i := e.process(name, lease(time.Second))
			f := i.claimOne(j.ID).Fence()
			if _, err := i.s.Renew(e.Context(), jobs.Renewal{Instance: name, Stopping: true, Held: []jobs.Fence{f}}); err != nil {
				e.Errorf("%s: %v", name, err)
			}
			die(i)
			e.process("after "+name).recovers(nil, j.ID)
			if now := e.get(j.ID); now.Status != jobs.Interrupted || now.Crashes != 0 {
				e.Errorf("%s: %s with %d crashes, want interrupted with none", name, now.Status, now.Crashes)
			}
		}
	}},
	{"an instance that is stopping still writes", func(e *env) {
		j := e.insert(jobs.NewJob{})
		a := e.join("a")
		f := a.claimOne(j.ID).Fence()
		lost, err := a.s.Renew(e.Context(), jobs.Renewal{Instance: "a", Stopping: true, Held: []jobs.Fence{f}})
		if err != nil || len(lost) > 0 {
			e.Errorf("lost %v, %v", lost, err)
		}
		e.checkpoint(f, 0, page(1))
		e.finish(outcome(f, jobs.Interrupted))
	}},
}

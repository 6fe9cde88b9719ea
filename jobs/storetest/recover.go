package storetest

import (
	"slices"

	"github.com/mivaa/mivaa/jobs"
)

var recoverTests = []test{
	{"a dead instance's job is marked interrupted, cause crash, and one stamped auto becomes pending", func(e *env) {
		j := e.insert(jobs.NewJob{})
		victim := e.process("victim")
		got := victim.claimOne(j.ID)
		e.checkpoint(got.Fence(), 5, pages(1, 2)...)
		victim.kill()
		a := e.process("a")
		told := a.recovers(nil, j.ID)
		now := e.get(j.ID)
		if now.Status != jobs.Pending || now.Crashes != 1 || now.Failures != 0 || now.StepsDone != 2 || now.InterruptedAt.IsZero() ||
			now.Error != "" || now.Cause != "" || now.ErrorCode != "" || now.Position == 0 {
			e.Errorf("got %+v", now)
		}
		e.tells(told, j.ID, jobs.EventInterrupted, jobs.CauseCrash, "victim")
		evs := e.events(j.ID)
		if n := len(evs); n != 4 || evs[2].Event != jobs.EventInterrupted || evs[2].Instance != "victim" || evs[2].Attempt != got.Attempt ||
			evs[3].Event != jobs.EventResumed || evs[3].From != jobs.Interrupted || evs[3].To != jobs.Pending || evs[3].Cause == jobs.CauseOperator {
			e.Errorf("history %+v, want accepted, started, interrupted, resumed", evs)
		}
		again := a.claimOne(j.ID)
		if again.Attempt <= got.Attempt || again.StepsDone != 2 || len(e.steps(j.ID)) != 2 {
			e.Errorf("claimed again as %+v", again)
		}
		e.checkpoint(again.Fence(), 0, pages(3, 5)...)
		e.finish(outcome(again.Fence(), jobs.Completed))
	}},
	{"one stamped manual stays interrupted, with its reason, until a person resumes it", func(e *env) {
		j := e.insert(jobs.NewJob{Recovery: jobs.RecoveryManual})
		victim := e.process("victim")
		victim.claimOne(j.ID)
		victim.kill()
		a := e.process("a")
		told := a.recovers(nil, j.ID)
		now := e.get(j.ID)
		if now.Status != jobs.Interrupted || now.Cause != jobs.CauseCrash || now.Error != jobs.CauseCrash.Reason() || now.Crashes != 1 || now.InterruptedAt.IsZero() {
			e.Errorf("got %+v", now)
		}
		e.tells(told, j.ID, jobs.EventInterrupted, jobs.CauseCrash, "victim")
		if got := a.claim(9); len(got) > 0 {
			e.Errorf("claimed %v", ids(got))
		}
		e.move(j.ID, jobs.Resume)
		a.claimOne(j.ID)
	}},
	{"the job's stamp decides, never the policy of the process that recovers", func(e *env) {
		auto, manual := e.insert(jobs.NewJob{}), e.insert(jobs.NewJob{Recovery: jobs.RecoveryManual})
		victim := e.process("victim")
		victim.claim(2)
		victim.kill()
		a := e.process("a")
		a.recovers(func(p *jobs.ClaimParams) { p.Policy.Recovery = jobs.RecoveryManual }, auto.ID, manual.ID)
		if x, y := e.get(auto.ID), e.get(manual.ID); x.Status != jobs.Pending || y.Status != jobs.Interrupted {
			e.Errorf("auto is %s, manual is %s", x.Status, y.Status)
		}
	}},
	{"recovery looks at every kind, known or not", func(e *env) {
		j := e.insert(jobs.NewJob{Kind: "other"})
		victim := e.process("victim")
		victim.claim(1, func(p *jobs.ClaimParams) { p.Kinds = []string{"other"} })
		victim.kill()
		e.process("a").recovers(nil, j.ID)
	}},
	{"jobs of living instances and pending jobs are never touched, by however many starts and deaths", func(e *env) {
		list := e.insertAll(make([]jobs.NewJob, 4)...)
		alive, here := e.process("alive"), e.join("here")
		f := []jobs.Fence{alive.claimOne(list[0].ID).Fence(), here.claimOne(list[1].ID).Fence()}
		e.checkpoint(f[0], 3, page(1))
		victim := e.process("victim")
		victim.claimOne(list[2].ID)
		want := []jobs.Job{e.get(list[0].ID), e.get(list[1].ID), e.get(list[3].ID)}
		victim.kill()
		start := func(p *jobs.ClaimParams) { p.Starting = true }
		e.process("starts").recovers(start, list[2].ID)
		e.process("starts-too").recovers(start)
		for _, before := range want {
			now := e.get(before.ID)
			if now.Status != before.Status || now.Attempt != before.Attempt || now.InstanceID != before.InstanceID || !now.UpdatedAt.Equal(before.UpdatedAt) {
				e.Errorf("got %+v, want %+v", now, before)
			}
		}
		e.finish(outcome(f[0], jobs.Completed), outcome(f[1], jobs.Completed))
	}},
	{"each death is found by one: many recover at once and each job is told of once", func(e *env) {
		list := e.insertAll(make([]jobs.NewJob, 20)...)
		var victims []*instance
		for _, name := range []string{"v1", "v2"} {
			v := e.process(name)
			v.claim(10)
			victims = append(victims, v)
		}
		for _, v := range victims {
			v.kill()
		}
		told := make([][]jobs.Event, 3)
		together(len(told), func(k int) {
			i := e.process("r" + string(rune('0'+k)))
			told[k] = i.recovers(nil, ids(list)...)
		})
		for _, j := range list {
			n := 0
			for _, ev := range slices.Concat(told...) {
				if ev.JobID == j.ID {
					n++
				}
			}
			if now := e.get(j.ID); n != 1 || now.Crashes != 1 || now.Status != jobs.Pending {
				e.Errorf("told of %d times, %d crashes, %s: want 1, 1, pending", n, now.Crashes, now.Status)
			}
		}
	}},
	{"Recovered is what stands in the history, oldest first", func(e *env) {
		list := e.insertAll(make([]jobs.NewJob, 5)...)
		victim := e.process("victim")
		victim.claim(5)
		victim.kill()
		told := e.process("a").recovers(nil, ids(list)...)
		if len(told) != 5 {
			e.Errorf("%d events, want 5", len(told))
		}
		for k, ev := range told {
			if k > 0 && ev.ID <= told[k-1].ID {
				e.Errorf("event %d after %d", ev.ID, told[k-1].ID)
			}
			stored := e.events(ev.JobID)
			if at := slices.IndexFunc(stored, func(x jobs.Event) bool { return x.ID == ev.ID }); at < 0 || !sameEvent(stored[at], ev) {
				e.Errorf("told %+v, stored %+v", ev, stored)
			}
		}
	}},
	{"a job whose process died MaxCrashes times in a row is failed, with its history", func(e *env) {
		j := e.insert(jobs.NewJob{})
		var last []jobs.Event
		for n := 1; n <= 3; n++ {
			victim := e.process("victim" + string(rune('0'+n)))
			if got := victim.claimOne(j.ID); got.Crashes != n-1 {
				e.Errorf("claimed with %d crashes, want %d", got.Crashes, n-1)
			}
			victim.kill()
			last = e.process("after"+string(rune('0'+n))).recovers(nil, j.ID)
		}
		now := e.get(j.ID)
		if now.Status != jobs.Failed || now.Crashes != 3 || now.Failures != 0 || now.ErrorCode != jobs.CodeCrashed || now.Error == "" ||
			now.FailedAt.IsZero() || now.Cause != "" {
			e.Errorf("got %+v", now)
		}
		e.tells(last, j.ID, jobs.EventInterrupted, jobs.CauseCrash, "victim3")
		if !slices.ContainsFunc(last, func(ev jobs.Event) bool {
			return ev.JobID == j.ID && ev.Event == jobs.EventFailed && ev.From == jobs.Interrupted && ev.To == jobs.Failed
		}) {
			e.Errorf("Recovered %+v, want the failure among them", last)
		}
		var words []string
		for _, ev := range e.events(j.ID) {
			words = append(words, ev.Event)
		}
		want := []string{"accepted", "started", "interrupted", "resumed", "started", "interrupted", "resumed", "started", "interrupted", "failed"}
		if !slices.Equal(words, want) {
			e.Errorf("history %v, want %v", words, want)
		}
		e.move(j.ID, jobs.Resume)
		if got := e.process("last").claimOne(j.ID); got.Crashes != 0 {
			e.Errorf("%d crashes after a person's resume, want 0", got.Crashes)
		}
	}},
	{"a job that records a step between its deaths is never failed", func(e *env) {
		j := e.insert(jobs.NewJob{})
		for n := 1; n <= 6; n++ {
			victim := e.process("victim" + string(rune('0'+n)))
			e.checkpoint(victim.claimOne(j.ID).Fence(), 0, page(n))
			victim.kill()
			e.process("after"+string(rune('0'+n))).recovers(nil, j.ID)
			if now := e.get(j.ID); now.Status != jobs.Pending || now.Crashes != 1 {
				e.Fatalf("death %d: %s with %d crashes, want pending with 1", n, now.Status, now.Crashes)
			}
		}
	}},
	{"one at a time the guilty is found and the innocent are cleared", func(e *env) {
		list := e.insertAll(make([]jobs.NewJob, 4)...)
		guilty := list[1].ID
		one := func(p *jobs.ClaimParams) { p.Suspects = 1 }
		deaths := 0
		for round := 0; e.get(guilty).Status != jobs.Failed; round++ {
			if round > 20 {
				e.Fatal("the guilty is not failed after 20 rounds")
			}
			i := e.process("p" + string(rune('a'+round)))
			i.recovers(nil, ids(list)...)
			fatal := false
			for { // the process runs what it is given until the guilty kills it
				got := i.claim(9, one)
				if len(got) == 0 {
					break
				}
				fatal = slices.Contains(ids(got), guilty)
				if fatal {
					break
				}
				for _, j := range got {
					e.checkpoint(j.Fence(), 0, page(j.StepsDone+1))
					e.finish(outcome(j.Fence(), jobs.Completed))
				}
			}
			if fatal {
				deaths++
				i.kill()
			}
		}
		if deaths != 3 {
			e.Errorf("the guilty killed %d processes, want 3", deaths)
		}
		for _, j := range list {
			if now := e.get(j.ID); j.ID != guilty && (now.Status != jobs.Completed || now.Crashes != 0) {
				e.Errorf("an innocent is %s with %d crashes", now.Status, now.Crashes)
			}
		}
	}},
	{"a reboot charges no crash: the dead instance's boot is not the present one", func(e *env) {
		j := e.insert(jobs.NewJob{Recovery: jobs.RecoveryManual})
		victim := e.process("victim", func(in *jobs.Instance) { in.Boot = "before the reboot" })
		victim.claimOne(j.ID)
		victim.kill()
		e.process("a").recovers(nil, j.ID)
		if now := e.get(j.ID); now.Status != jobs.Interrupted || now.Crashes != 0 {
			e.Errorf("%s with %d crashes, want interrupted with none", now.Status, now.Crashes)
		}
	}},
	{"a job interrupted by shutdown goes on by the next claim if it is auto, uncharged, and waits if it is manual", func(e *env) {
		auto, manual := e.insert(jobs.NewJob{}), e.insert(jobs.NewJob{Recovery: jobs.RecoveryManual})
		a := e.process("a")
		for _, j := range a.claim(2) {
			e.checkpoint(j.Fence(), 3, page(1))
			e.finish(outcome(j.Fence(), jobs.Interrupted))
		}
		if now := e.get(auto.ID); now.Status != jobs.Interrupted {
			e.Errorf("%s before any claim, want interrupted", now.Status)
		}
		e.ok(a.joined.Close())
		a.dead = true
		got := e.process("b").claim(9)
		if len(got) != 1 || got[0].ID != auto.ID || got[0].Crashes != 0 || got[0].Failures != 0 || got[0].StepsDone != 1 || got[0].Attempt != 2 {
			e.Errorf("claimed %+v, want %v at attempt 2", got, auto.ID)
		}
		if now := e.get(manual.ID); now.Status != jobs.Interrupted || now.Cause != jobs.CauseShutdown {
			e.Errorf("manual is %s by %q", now.Status, now.Cause)
		}
	}},
	{"what an instance gave up because it stops is left to others", func(e *env) {
		j := e.insert(jobs.NewJob{})
		a := e.join("a")
		e.finish(outcome(a.claimOne(j.ID).Fence(), jobs.Interrupted))
		for range 2 {
			if got := a.claim(9); len(got) > 0 {
				e.Errorf("its own instance claimed %v again", ids(got))
			}
		}
		if now := e.get(j.ID); now.Status != jobs.Interrupted || now.Cause != jobs.CauseShutdown {
			e.Errorf("%s by %q after its own instance's claims, want interrupted by shutdown", now.Status, now.Cause)
		}
		e.process("b").claimOne(j.ID)
	}},
	{"closing an instance does not touch its jobs; others recover them", func(e *env) {
		j := e.insert(jobs.NewJob{})
		a := e.process("a")
		b := e.process("b")
		a.claimOne(j.ID)
		before := e.dump()
		e.ok(a.joined.Close())
		a.dead = true
		e.unchanged(before, "closing an instance")
		b.recovers(nil, j.ID)
		b.claimOne(j.ID)
	}},
	{"the death of an instance without jobs changes nothing", func(e *env) {
		e.insert(jobs.NewJob{})
		e.process("victim").kill()
		before := e.dump()
		e.process("a").claimed(0)
		e.unchanged(before, "the death of an idle instance")
	}},
}

// tells checks that a claim told of a job's recovery.
func (e *env) tells(told []jobs.Event, id jobs.ID, event string, cause jobs.Cause, of string) {
	e.Helper()
	if !slices.ContainsFunc(told, func(ev jobs.Event) bool {
		return ev.JobID == id && ev.Event == event && ev.Cause == cause && ev.Instance == of &&
			ev.From == jobs.Processing && ev.To == jobs.Interrupted && !ev.At.IsZero() && ev.ID > 0
	}) {
		e.Errorf("Recovered %+v, want %s of %s, cause %s, instance %s", told, event, id, cause, of)
	}
}

func sameEvent(a, b jobs.Event) bool {
	same := a.At.Equal(b.At)
	a.At = b.At
	return same && a == b
}

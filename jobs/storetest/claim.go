package storetest

import (
	"slices"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

var claimTests = []test{
	{"the order is priority, then position", func(e *env) {
		var in []jobs.NewJob
		for _, p := range []int{0, 5, -5, 5, 0, 100} {
			in = append(in, jobs.NewJob{Priority: p})
		}
		out := e.insertAll(in...)
		want := []jobs.ID{out[5].ID, out[1].ID, out[3].ID, out[0].ID, out[4].ID, out[2].ID}
		a := e.join("a")
		got := slices.Concat(ids(a.claim(2)), ids(a.claim(1)), ids(a.claim(9)))
		if !slices.Equal(got, want) {
			e.Errorf("claimed %v, want %v", got, want)
		}
	}},
	{"a claim takes at most Limit jobs, and what it takes is the caller's alone", func(e *env) {
		e.insertAll(make([]jobs.NewJob, 5)...)
		a, b := e.join("a"), e.process("b")
		first, second := a.claim(2), b.claim(9)
		if len(first) != 2 || len(second) != 3 || len(a.claim(9)) != 0 {
			e.Errorf("claimed %d and %d, want 2 and the other 3", len(first), len(second))
		}
		for _, j := range first {
			if slices.Contains(ids(second), j.ID) {
				e.Errorf("%v claimed twice", j.ID)
			}
		}
	}},
	{"a claimed job is processing with the attempt raised by one, started now, of this instance", func(e *env) {
		j := e.insert(jobs.NewJob{})
		a, b := e.join("a"), e.join("b")
		for attempt, i := range []*instance{a, b, a} {
			before := e.get(j.ID)
			got := i.claimOne(j.ID)
			stored := e.get(j.ID)
			for _, x := range []jobs.Job{got, stored} {
				if x.Status != jobs.Processing || x.Attempt != int64(attempt)+1 || x.InstanceID != i.id ||
					x.StartedAt.Before(before.UpdatedAt) || x.UpdatedAt.Before(x.StartedAt) {
					e.Errorf("claimed as %+v after %+v", x, before)
				}
			}
			if ev := e.lastEvent(j.ID); ev.Event != jobs.EventStarted || ev.From != jobs.Pending || ev.To != jobs.Processing ||
				ev.Instance != i.id || ev.Attempt != got.Attempt || ev.At.IsZero() {
				e.Errorf("event %+v, want started", ev)
			}
			e.finish(jobs.Outcome{Fence: got.Fence(), Status: jobs.Pending, Error: "again", Code: "x"})
		}
	}},
	{"a claim carries payload, metadata and what earlier attempts left", func(e *env) {
		j := e.insert(jobs.NewJob{Payload: []byte(`{"n":1}`), Metadata: []byte(`{"m":2}`), Filename: "f"})
		a := e.join("a")
		got := a.claimOne(j.ID)
		e.checkpoint(got.Fence(), 4, pages(1, 2)...)
		e.finish(outcome(got.Fence(), jobs.Pending))
		got = a.claimOne(j.ID)
		if !sameJSON(got.Payload, j.Payload) || !sameJSON(got.Metadata, j.Metadata) || got.Filename != "f" ||
			got.StepsDone != 2 || got.StepsTotal != 4 || got.Failures != 1 {
			e.Errorf("claimed %+v", got)
		}
		if stored := e.get(j.ID); stored.StepsDone != got.StepsDone || stored.Progress != got.Progress {
			e.Errorf("claimed %+v, stored %+v", got, stored)
		}
	}},
	{"only the kinds asked for are claimed; others are left and named once each", func(e *env) {
		e.insertAll(jobs.NewJob{Kind: "x"}, jobs.NewJob{Kind: "y"}, jobs.NewJob{Kind: "x"}, jobs.NewJob{Kind: "z"})
		known := e.insert(jobs.NewJob{})
		got := e.join("a").claimed(9)
		if !slices.Equal(ids(got.Jobs), []jobs.ID{known.ID}) {
			e.Errorf("claimed %v, want %v", ids(got.Jobs), known.ID)
		}
		slices.Sort(got.UnknownKinds)
		if !slices.Equal(got.UnknownKinds, []string{"x", "y", "z"}) {
			e.Errorf("unknown kinds %v, want x, y, z", got.UnknownKinds)
		}
		if st, err := e.Store.Statistics(e.Context()); err != nil || st.Pending != 4 {
			e.Errorf("%+v (%v), want 4 pending", st, err)
		}
		b := e.join("b")
		all := func(p *jobs.ClaimParams) { p.Kinds = []string{"x", "y", "z", work} }
		if got := b.claimed(9, all); len(got.Jobs) != 4 || len(got.UnknownKinds) != 0 {
			e.Errorf("claimed %d, unknown %v: want all 4 by who knows them", len(got.Jobs), got.UnknownKinds)
		}
	}},
	{"jobs of a kind that nobody knows do not stand in the way of others", func(e *env) {
		e.insertAll(slices.Repeat([]jobs.NewJob{{Kind: "unknown", Priority: 10}}, 300)...)
		j := e.insert(jobs.NewJob{})
		e.join("a").claimOne(j.ID)
	}},
	{"limit 0 recovers and claims nothing", func(e *env) {
		waiting := e.insert(jobs.NewJob{})
		victim := e.process("victim")
		held := victim.claimOne(waiting.ID)
		other := e.insert(jobs.NewJob{})
		victim.kill()
		a := e.process("a")
		a.recovers(nil, held.ID)
		for _, id := range []jobs.ID{held.ID, other.ID} {
			if j := e.get(id); j.Status != jobs.Pending {
				e.Errorf("job is %s, want pending", j.Status)
			}
		}
	}},
	{"of suspects, jobs with a crash on them, at most Suspects are claimed", func(e *env) {
		suspects := e.insertAll(make([]jobs.NewJob, 3)...)
		victim := e.process("victim")
		victim.claim(3)
		victim.kill()
		a := e.process("a")
		a.recovers(nil, ids(suspects)...)
		innocent := e.insertAll(make([]jobs.NewJob, 2)...)
		at := func(n int) func(*jobs.ClaimParams) { return func(p *jobs.ClaimParams) { p.Suspects = n } }
		count := func(got []jobs.Job) (guilty int) {
			for _, j := range got {
				if j.Crashes > 0 {
					guilty++
				}
			}
			return guilty
		}
		if got := a.claim(9, at(1)); len(got) != 3 || count(got) != 1 {
			e.Errorf("claimed %d, %d of them suspects, want 1 and the %d innocent", len(got), count(got), len(innocent))
		}
		if got := a.claim(9, at(0)); len(got) != 0 {
			e.Errorf("claimed %d suspects with Suspects 0", len(got))
		}
		if got := a.claim(9, at(2)); len(got) != 2 {
			e.Errorf("claimed %d suspects, want the other 2", len(got))
		}
	}},
	{"Only: recover and claim these jobs and no other", func(e *env) {
		list := e.insertAll(make([]jobs.NewJob, 6)...)
		victim := e.process("victim")
		victim.claim(2)
		victim.kill()
		a := e.process("a")
		mine := []jobs.ID{list[1].ID, list[4].ID}
		a.recovers(only(mine...), list[1].ID)
		if j := e.get(list[0].ID); j.Status != jobs.Processing || j.InstanceID != "victim" {
			e.Errorf("a dead instance's other job is %s of %q: it was not to be touched", j.Status, j.InstanceID)
		}
		got := ids(a.claim(9, only(mine...)))
		if len(got) != 2 || !slices.Contains(got, mine[0]) || !slices.Contains(got, mine[1]) {
			e.Errorf("claimed %v, want %v", got, mine)
		}
		a.recovers(nil, list[0].ID) // what was left is still found by the next
	}},
	{"Only leaves an interrupted job alone that is not among them", func(e *env) {
		list := e.insertAll(make([]jobs.NewJob, 2)...)
		a := e.join("a")
		for _, j := range a.claim(2) {
			e.finish(outcome(j.Fence(), jobs.Interrupted))
		}
		got := e.join("b").claim(9, only(list[1].ID))
		if len(got) != 1 || got[0].ID != list[1].ID {
			e.Errorf("claimed %v, want %v", ids(got), list[1].ID)
		}
		if j := e.get(list[0].ID); j.Status != jobs.Interrupted {
			e.Errorf("the other job is %s, want interrupted", j.Status)
		}
	}},
	{"an instance told to drain claims nothing, and is told so; others claim", func(e *env) {
		j := e.insert(jobs.NewJob{})
		a, b := e.join("a"), e.process("b")
		if a.claimed(0).Draining {
			e.Error("draining, before it was told to")
		}
		e.Drain(e, "a")
		if got := a.claimed(9); !got.Draining || len(got.Jobs) > 0 {
			e.Errorf("draining %v, claimed %v", got.Draining, ids(got.Jobs))
		}
		if got := b.claimed(9); got.Draining || !slices.Equal(ids(got.Jobs), []jobs.ID{j.ID}) {
			e.Errorf("the other: draining %v, claimed %v", got.Draining, ids(got.Jobs))
		}
	}},
	{"an instance that drains goes on with the jobs it has", func(e *env) {
		j := e.insert(jobs.NewJob{})
		a := e.join("a")
		got := a.claimOne(j.ID)
		e.Drain(e, "a")
		if lost, err := a.s.Renew(e.Context(), jobs.Renewal{Instance: "a", Held: []jobs.Fence{got.Fence()}}); err != nil || len(lost) > 0 {
			e.Errorf("renewal: %v, %v", lost, err)
		}
		e.checkpoint(got.Fence(), 0, page(1))
		e.finish(outcome(got.Fence(), jobs.Completed))
	}},
	{"NextDue is how long until the next RunAt", func(e *env) {
		a := e.join("a")
		if got := a.claimed(9); got.NextDue != 0 {
			e.Errorf("NextDue %v with nothing ahead, want 0", got.NextDue)
		}
		now := e.insert(jobs.NewJob{}).CreatedAt
		e.insertAll(jobs.NewJob{RunAt: now.Add(2 * time.Hour)}, jobs.NewJob{RunAt: now.Add(time.Hour)})
		if got := a.claimed(9); got.NextDue <= 30*time.Minute || got.NextDue > time.Hour {
			e.Errorf("NextDue %v, want a little under an hour", got.NextDue)
		}
	}},
	{"a job that comes due while none is claimed is claimed by who asks again after NextDue", func(e *env) {
		a := e.join("a")
		now := e.insert(jobs.NewJob{}).CreatedAt
		a.claim(1)
		j := e.insert(jobs.NewJob{RunAt: now.Add(300 * time.Millisecond)})
		eventually(e, "the job is due", func() bool {
			got := a.claimed(1)
			if len(got.Jobs) == 1 {
				return got.Jobs[0].ID == j.ID
			}
			if got.NextDue <= 0 {
				e.Fatal("not claimed, and NextDue 0: nobody would ask again")
			}
			return false
		})
	}},
	{"with no kinds, nothing is claimed", func(e *env) {
		e.insert(jobs.NewJob{})
		if got := e.join("a").claim(9, func(p *jobs.ClaimParams) { p.Kinds = nil }); len(got) > 0 {
			e.Errorf("claimed %v", ids(got))
		}
	}},
}

package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// ofConsole is a sentence about what an operator's pages ask. A store that is no
// jobs.Console passes over it.
func ofConsole(run func(e *env, c jobs.Console)) func(e *env) {
	return func(e *env) { run(e, e.console()) }
}

func (e *env) state(c jobs.Console, id string) jobs.InstanceState {
	e.Helper()
	found, err := c.InstancesByID(e.Context(), id)
	e.ok(err)
	if len(found) != 1 {
		e.Fatalf("%d instances %q, want 1", len(found), id)
	}
	return found[0]
}

func (e *env) count(c jobs.Console, f jobs.Filter, most int) int {
	e.Helper()
	n, err := c.Count(e.Context(), f, most)
	e.ok(err)
	return n
}

var consoleTests = slices.Concat(narrowTests, instanceTests, drainTests, countTests, deleteTests, figureTests)

// narrowTests are about what lists are narrowed by, and about what events tell.
var narrowTests = []test{
	{"lists are narrowed by cause, error code and instance, in every order and page by page", func(e *env) {
		var failed, interrupted, cancelled []jobs.ID
		for k := range 9 {
			j := e.join(fmt.Sprintf("i%d", k)).claimOne(e.insert(jobs.NewJob{Recovery: jobs.RecoveryManual}).ID)
			switch k % 3 {
			case 0:
				e.finish(outcome(j.Fence(), jobs.Failed))
				failed = append(failed, j.ID)
			case 1:
				e.finish(outcome(j.Fence(), jobs.Interrupted))
				interrupted = append(interrupted, j.ID)
			default:
				e.move(j.ID, jobs.Cancel)
				cancelled = append(cancelled, j.ID)
			}
		}
		e.insert(jobs.NewJob{})
		for _, o := range jobs.Orders() {
			for _, f := range []jobs.Filter{{Order: o}, {Order: o, Limit: 2}} {
				all := func(what string, f jobs.Filter, want []jobs.ID) {
					e.Helper()
					got := e.pages(f)
					if again := e.list(jobs.Filter{IDs: want, Order: o}); !slices.Equal(got, again) {
						e.Errorf("%s, %s by %d: %v, want %v", what, o, f.Limit, got, again)
					}
				}
				byCause, byCode := f, f
				byCause.Cause = jobs.CauseShutdown
				all("shutdown", byCause, interrupted)
				byCause.Cause = jobs.CauseCancelled
				all("cancelled", byCause, cancelled)
				byCause.Status = jobs.Interrupted
				all("interrupted and cancelled", byCause, cancelled)
				byCode.ErrorCode = "broken"
				all("broken", byCode, failed)
			}
		}
		e.selects("no such cause", jobs.Filter{Cause: jobs.CauseLeaseLost})
		e.selects("no such code", jobs.Filter{ErrorCode: "%"})
		e.selects("a cause of failed", jobs.Filter{Cause: jobs.CauseShutdown, Status: jobs.Failed})
		e.selects("a cause and a code", jobs.Filter{Cause: jobs.CauseShutdown, ErrorCode: "broken"})
		e.selects("no such instance", jobs.Filter{Instance: "none"})
		e.selects("a code and an id", jobs.Filter{ErrorCode: "broken", IDs: []jobs.ID{failed[0], interrupted[0]}}, failed[0])
	}},
	{"a list of an instance has what it runs and what it last ran", ofConsole(func(e *env, _ jobs.Console) {
		a, b := e.join("a"), e.join("b")
		j, k, l := e.insert(jobs.NewJob{}), e.insert(jobs.NewJob{}), e.insert(jobs.NewJob{})
		a.claimOne(j.ID)
		e.finish(outcome(a.claimOne(k.ID).Fence(), jobs.Completed))
		b.claimOne(l.ID)
		e.selects("a", jobs.Filter{Instance: "a"}, j.ID, k.ID)
		e.selects("b", jobs.Filter{Instance: "b"}, l.ID)
		e.selects("a, completed", jobs.Filter{Instance: "a", Status: jobs.Completed}, k.ID)
	})},
	{"Search is part of the filename, in any case, or the beginning of the id, and no sign in it means anything", func(e *env) {
		names := []string{"Annual Report.pdf", "annual_report%.PDF", `back\slash.pdf`, "star*[a].pdf", "ÜBERSICHT ärzte.pdf", "übersicht.pdf", "quote'd.pdf", "x.pdf"}
		made := map[string]jobs.ID{}
		for _, name := range names {
			made[name] = e.insert(jobs.NewJob{Filename: name}).ID
		}
		for search, want := range map[string][]string{
			"report": names[:2], "REPORT": names[:2], "annual report": names[:1], "annual_": names[1:2], "%": names[1:2], "t%": names[1:2],
			`\`: names[2:3], `k\s`: names[2:3], "*": names[3:4], "[a]": names[3:4], "r*[": names[3:4], "?": nil, ".*": nil, "a_n": nil,
			"'": names[6:7], "x.p": names[7:], "Übersicht": names[4:6], "übersicht ÄRZTE": names[4:5], "ü": names[4:6], "ü*": nil, "nowhere": nil,
			"\x00": nil, "pdf\x00": nil, ".pdf": names,
		} {
			var ids []jobs.ID
			for _, name := range want {
				ids = append(ids, made[name])
			}
			e.selects(fmt.Sprintf("%q", search), jobs.Filter{Search: search}, ids...)
			for _, id := range ids {
				e.selects(fmt.Sprintf("%q of one", search), jobs.Filter{Search: search, IDs: []jobs.ID{id}}, id)
			}
		}
		id := made["x.pdf"]
		for _, n := range []int{1, 8, 9, 14, 36} {
			text := id.String()[:n]
			for _, t := range []string{text, strings.ToUpper(text)} {
				if got := e.list(jobs.Filter{Search: t}); !slices.Contains(got, id) {
					e.Errorf("%q: %v is not among %v", t, id, got)
				}
			}
		}
		e.selects("not within the id", jobs.Filter{Search: id.String()[20:]})
	}},
	{"an endless Search is an error, and never everything", ofConsole(func(e *env, c jobs.Console) {
		f := jobs.Filter{Search: strings.Repeat("a", 100_000)}
		if got, err := e.Store.List(e.Context(), f); err == nil {
			e.Errorf("List: %d jobs and no error", len(got))
		}
		if n, err := c.Count(e.Context(), f, 10); err == nil {
			e.Errorf("Count: %d and no error", n)
		}
	})},
	{"every event tells how many steps were recorded when it happened", func(e *env) {
		want := map[jobs.ID][]int{}
		check := func(j jobs.Job, more ...int) {
			e.Helper()
			want[j.ID] = append(want[j.ID], more...)
			var got []int
			for _, ev := range e.events(j.ID) {
				got = append(got, ev.Steps)
			}
			if !slices.Equal(got, want[j.ID]) {
				e.Errorf("steps %v, want %v: %+v", got, want[j.ID], e.events(j.ID))
			}
		}
		a := e.process("a")
		j, k := e.insert(jobs.NewJob{Recovery: jobs.RecoveryManual}), e.insert(jobs.NewJob{})
		f := a.claim(1, only(j.ID))[0].Fence()
		check(j, 0, 0)
		e.checkpoint(f, 9, pages(1, 3)...)
		e.finish(outcome(f, jobs.Interrupted))
		check(j, 3)
		e.move(j.ID, jobs.Resume)
		f = a.claim(1, only(j.ID))[0].Fence()
		check(j, 3, 3)
		e.checkpoint(f, 9, pages(4, 5)...)
		e.finish(outcome(f, jobs.Pending))
		check(j, 5)
		a.claim(1, only(j.ID))
		e.move(j.ID, jobs.Cancel)
		check(j, 5, 5)
		e.move(j.ID, jobs.Restart)
		check(j, 0)
		f = a.claim(1, only(j.ID))[0].Fence()
		e.checkpoint(f, 1, pages(1, 1)...)
		e.finish(outcome(f, jobs.Completed))
		check(j, 0, 1)
		f = a.claim(1, only(k.ID))[0].Fence()
		e.checkpoint(f, 9, pages(1, 7)...)
		a.kill()
		e.process("b").recovers(nil, k.ID)
		check(k, 0, 0, 7, 7)
	}},
}

// pages lists everything that a filter selects, page by page.
func (e *env) pages(f jobs.Filter) (all []jobs.ID) {
	e.Helper()
	for {
		got, err := e.Store.List(e.Context(), f)
		e.ok(err)
		if len(got) == 0 {
			return all
		}
		all = append(all, ids(got)...)
		f.After = &got[len(got)-1]
	}
}

var instanceTests = []test{
	{"Instances tells what each said when it joined and renewed, and what it runs", ofConsole(func(e *env, c jobs.Console) {
		a := e.joinOn(e.Store, "a", func(in *jobs.Instance) { in.Slots, in.Host, in.PID, in.Version = 4, "alpha", 77, "v1" })
		got := e.state(c, "a")
		if got.Host != "alpha" || got.PID != 77 || got.Version != "v1" || got.Slots != 4 || got.State != jobs.InstanceLive || got.MemoryBytes != 0 ||
			got.StartedAt.IsZero() || got.SeenAt.Before(got.StartedAt) || !got.LeaseUntil.After(got.SeenAt) || !got.DrainingSince.IsZero() || got.Running == nil || len(got.Running) > 0 {
			e.Errorf("joined: %+v", got)
		}
		e.insertAll(make([]jobs.NewJob, 3)...)
		claimed := a.claim(2)
		for _, memory := range []int64{5 << 30, 0} { // which says nothing
			if _, err := a.s.Renew(e.Context(), jobs.Renewal{Instance: "a", Memory: memory}); err != nil {
				e.Fatal(err)
			}
		}
		got = e.state(c, "a")
		if got.MemoryBytes != 5<<30 {
			e.Errorf("memory %d, want what it said", got.MemoryBytes)
		}
		if same := slices.Equal(sorted(got.Running), sorted(ids(claimed))); !same {
			e.Errorf("running %v, want %v", got.Running, ids(claimed))
		}
		e.finish(outcome(claimed[0].Fence(), jobs.Completed))
		if got = e.state(c, "a"); len(got.Running) != 1 || got.Running[0] != claimed[1].ID {
			e.Errorf("running %v, want %v", got.Running, claimed[1].ID)
		}
		if _, err := a.s.Renew(e.Context(), jobs.Renewal{Instance: "a", Stopping: true}); err != nil {
			e.Fatal(err)
		}
		if got = e.state(c, "a"); got.State != jobs.InstanceStopping {
			e.Errorf("state %s, want stopping", got.State)
		}
	})},
	{"Instances has the living before the others, the newest first, and remembers those that ended", ofConsole(func(e *env, c jobs.Console) {
		dead, gone := e.process("dead"), e.process("gone")
		j := e.insert(jobs.NewJob{})
		dead.claimOne(j.ID)
		for _, id := range []string{"old", "new"} {
			e.pass(3 * time.Millisecond)
			e.process(id)
		}
		gone.dead = true
		e.ok(gone.joined.Close())
		dead.kill()
		e.instances[2].recovers(nil, j.ID)
		e.clean(e.later().Add(time.Hour), 1000) // a cleanup of all there is
		found, err := c.Instances(e.Context(), 0)
		e.ok(err)
		var order []string
		for _, i := range found {
			order = append(order, i.ID)
		}
		order = slices.DeleteFunc(order, func(id string) bool { return !slices.Contains([]string{"new", "old", "dead", "gone"}, id) })
		if len(order) != 4 || order[0] != "new" || order[1] != "old" {
			e.Errorf("order %v, want new, old and the two that ended", order)
		}
		if s := e.state(c, "dead"); s.State != jobs.InstanceDead {
			e.Errorf("killed: %s", s.State)
		}
		if s := e.state(c, "gone"); s.State != jobs.InstanceStopped {
			e.Errorf("closed: %s", s.State)
		}
		if two, err := c.Instances(e.Context(), 2); err != nil || len(two) != 2 {
			e.Errorf("limit 2: %d, %v", len(two), err)
		}
		none, err := c.InstancesByID(e.Context(), "nobody", "")
		if err != nil || len(none) > 0 {
			e.Errorf("unknown ids: %v, %v", none, err)
		}
		if none, err = c.InstancesByID(e.Context()); err != nil || len(none) > 0 {
			e.Errorf("no ids: %v, %v", none, err)
		}
	})},
}

func sorted(ids []jobs.ID) []string {
	list := make([]string, len(ids))
	for k, id := range ids {
		list[k] = id.String()
	}
	slices.Sort(list)
	return list
}

var drainTests = []test{
	{"Drain stops the claims of the living and of nobody who comes later; what runs goes on; Undrain ends it", ofConsole(func(e *env, c jobs.Console) {
		a := e.process("a")
		list := e.insertAll(make([]jobs.NewJob, 4)...)
		running := a.claimOne(list[0].ID)
		e.ok(c.Drain(e.Context(), "deploy 7"))
		if got := a.claimed(9); len(got.Jobs) > 0 || !got.Draining {
			e.Errorf("claimed %v, draining %v", ids(got.Jobs), got.Draining)
		}
		s := e.state(c, "a")
		if s.DrainingSince.IsZero() || s.DrainingReason != "deploy 7" || s.State != jobs.InstanceLive {
			e.Errorf("draining: %+v", s)
		}
		e.checkpoint(running.Fence(), 1, pages(1, 1)...)
		e.finish(outcome(running.Fence(), jobs.Completed))
		b := e.process("b")
		b.claimOne(list[1].ID)
		if s := e.state(c, "b"); !s.DrainingSince.IsZero() {
			e.Errorf("who came later drains: %+v", s)
		}
		e.pass(3 * time.Millisecond)
		e.ok(c.Drain(e.Context(), "deploy 8"))
		if again := e.state(c, "a"); !again.DrainingSince.Equal(s.DrainingSince) || again.DrainingReason != "deploy 8" {
			e.Errorf("drained again: %+v, before %+v", again, s)
		}
		if got := b.claim(9); len(got) > 0 {
			e.Errorf("claimed %v while it drains", ids(got))
		}
		for range 2 {
			e.ok(c.Undrain(e.Context()))
		}
		if s := e.state(c, "a"); !s.DrainingSince.IsZero() || s.DrainingReason != "" {
			e.Errorf("after Undrain: %+v", s)
		}
		if got := a.claim(9); len(got) != 2 {
			e.Errorf("claimed %v, want the two that waited", ids(got))
		}
	})},
	{"Drain and Undrain are told to watchers of every handle", ofConsole(func(e *env, c jobs.Console) {
		e.join("a")
		hints := e.Again(e).Watch(e.Context())
		for _, move := range []struct {
			name string
			do   func() error
		}{
			{"Drain", func() error { return c.Drain(e.Context(), "") }},
			{"Undrain", func() error { return c.Undrain(e.Context()) }},
		} {
			e.settle(hints)
			e.ok(move.do())
			select {
			case <-hints:
			case <-time.After(patience):
				e.Errorf("%s: nobody was told", move.name)
			}
		}
	})},
}

var countTests = []test{
	{"Count counts what List selects, and stops at most", ofConsole(func(e *env, c jobs.Console) {
		e.insertAll(slices.Repeat([]jobs.NewJob{{Kind: "x", Filename: "a.pdf"}, {Kind: "y", Filename: "b.pdf", Owner: "alice"}}, 10)...)
		for range 3 {
			e.inStatus(jobs.Failed)
		}
		after := e.insert(jobs.NewJob{})
		for _, f := range []jobs.Filter{
			{}, {Status: jobs.Pending}, {Status: jobs.Failed}, {Status: jobs.Completed}, {Kind: "x"}, {Owner: "alice"}, {Search: "B.P"}, {ErrorCode: "broken"},
			{Cause: jobs.CauseCrash}, {Cause: jobs.CauseCrash, Status: jobs.Failed}, {IDs: []jobs.ID{after.ID, jobs.NewID()}}, {IDPrefix: after.ID.String()[:20]}, {Kind: "x", Search: "b"},
		} {
			want := len(e.list(f))
			if got := e.count(c, f, 1000); got != want {
				e.Errorf("%+v: %d, want %d", f, got, want)
			}
			if got := e.count(c, f, 2); got != min(want, 2) {
				e.Errorf("%+v, at most 2: %d, want %d", f, got, min(want, 2))
			}
			if got := e.count(c, f, 0); got != min(want, 1) {
				e.Errorf("%+v, at most 0: %d, want %d", f, got, min(want, 1))
			}
			f.After, f.Offset, f.Limit = &after, 2, 1
			if got := e.count(c, f, 1000); got != want {
				e.Errorf("After, Offset and Limit: %d, want %d", got, want)
			}
		}
	})},
	{"Groups counts what ended badly by its reason, the largest first, with the latest error", ofConsole(func(e *env, c jobs.Console) {
		end := func(out jobs.Outcome, n int) (last jobs.Job) {
			for range n {
				j := e.insert(jobs.NewJob{Recovery: jobs.RecoveryManual, Filename: out.Error + ".pdf"})
				o := out
				o.Fence = e.join("of "+j.ID.String()).claim(1, only(j.ID))[0].Fence()
				e.finish(o)
				e.pass(3 * time.Millisecond)
				last = e.get(j.ID)
			}
			return last
		}
		end(jobs.Outcome{Status: jobs.Failed, Code: "damaged", Error: "first"}, 1)
		latest := end(jobs.Outcome{Status: jobs.Failed, Code: "damaged", Error: "last"}, 2)
		end(jobs.Outcome{Status: jobs.Failed, Code: "too_large", Error: "large"}, 1)
		end(jobs.Outcome{Status: jobs.Interrupted, Cause: jobs.CauseShutdown, Error: "stopped"}, 2)
		end(jobs.Outcome{Status: jobs.Completed}, 4)
		e.insert(jobs.NewJob{})
		all, err := c.Groups(e.Context(), jobs.Filter{})
		e.ok(err)
		if len(all) != 3 {
			e.Fatalf("%d groups, want 3: %+v", len(all), all)
		}
		g := all[0]
		if g.Status != jobs.Failed || g.ErrorCode != "damaged" || g.Cause != "" || g.Count != 3 || g.Error != "last" || !g.Last.Equal(latest.FailedAt) || !g.First.Before(g.Last) {
			e.Errorf("the largest: %+v", g)
		}
		if g := all[1]; g.Status != jobs.Interrupted || g.Cause != jobs.CauseShutdown || g.ErrorCode != "" || g.Count != 2 || g.Error != "stopped" {
			e.Errorf("the second: %+v", g)
		}
		for _, n := range []struct {
			f    jobs.Filter
			want int
		}{
			{jobs.Filter{Status: jobs.Failed}, 2}, {jobs.Filter{Status: jobs.Completed}, 0}, {jobs.Filter{Cause: jobs.CauseShutdown}, 1}, {jobs.Filter{ErrorCode: "damaged"}, 1},
			{jobs.Filter{Search: "LARGE"}, 1}, {jobs.Filter{Kind: "none"}, 0}, {jobs.Filter{IDs: []jobs.ID{latest.ID}}, 1}, {jobs.Filter{Cause: "none"}, 0},
		} {
			if got, err := c.Groups(e.Context(), n.f); err != nil || len(got) != n.want {
				e.Errorf("%+v: %d groups, want %d; %v", n.f, len(got), n.want, err)
			}
		}
		if got, err := c.Groups(e.Context(), jobs.Filter{Search: "first"}); err != nil || len(got) != 1 || got[0].Count != 1 || got[0].Error != "first" {
			e.Errorf("narrowed: %+v, %v", got, err)
		}
	})},
}

var deleteTests = []test{
	{"Delete takes a job with its history and steps, in every status but processing", ofConsole(func(e *env, c jobs.Console) {
		for _, st := range jobs.Statuses() {
			j := e.inStatus(st)
			if st == jobs.Processing {
				e.checkpoint(j.Fence(), 3, pages(1, 2)...)
				err := c.Delete(e.Context(), j.ID)
				refused, ok := errors.AsType[*jobs.MoveError](err)
				if !ok || refused.Status != jobs.Processing || len(refused.Allowed) > 0 || refused.ID != j.ID {
					e.Errorf("processing: %v", err)
				}
				if e.get(j.ID).Status != jobs.Processing || len(e.steps(j.ID)) != 2 || len(e.events(j.ID)) == 0 {
					e.Error("the processing job has lost something")
				}
				continue
			}
			e.ok(c.Delete(e.Context(), j.ID))
			if left := e.list(jobs.Filter{IDs: []jobs.ID{j.ID}}); len(left) > 0 || len(e.events(j.ID)) > 0 || len(e.steps(j.ID)) > 0 {
				e.Errorf("%s: it left %v, %d events, %d steps", st, left, len(e.events(j.ID)), len(e.steps(j.ID)))
			}
			e.is(c.Delete(e.Context(), j.ID), jobs.ErrNotFound)
		}
		e.is(c.Delete(e.Context(), jobs.NewID()), jobs.ErrNotFound)
		e.is(c.Delete(e.Context(), jobs.ID{}), jobs.ErrNotFound)
	})},
	{"Delete keeps the steps that are a document's content, and takes others", ofConsole(func(e *env, c jobs.Console) {
		content, plain := e.running(), e.running()
		for _, j := range []jobs.Job{content, plain} {
			e.checkpoint(j.Fence(), 3, pages(1, 3)...)
			e.finish(outcome(j.Fence(), jobs.Completed))
		}
		e.Document(e, jobs.NewID(), content.ID)
		e.ok(c.Delete(e.Context(), content.ID))
		e.ok(c.Delete(e.Context(), plain.ID))
		if kept, gone := e.seqs(content.ID, 0, 10), e.seqs(plain.ID, 0, 10); !slices.Equal(kept, []int{1, 2, 3}) || len(gone) > 0 {
			e.Errorf("content has steps %v, the other %v", kept, gone)
		}
	})},
	{"of a Delete and a claim at once, one has the job", ofConsole(func(e *env, c jobs.Console) {
		a := e.process("a")
		for range 20 {
			j := e.insert(jobs.NewJob{})
			var refused error
			var got []jobs.Job
			together(2, func(k int) {
				if k == 0 {
					refused = c.Delete(e.Context(), j.ID)
				} else {
					got = a.claim(1, only(j.ID))
				}
			})
			_, moved := errors.AsType[*jobs.MoveError](refused)
			if left := e.list(jobs.Filter{IDs: []jobs.ID{j.ID}}); refused == nil && (len(left) > 0 || len(got) > 0) || refused != nil && (!moved || len(left) != 1) {
				e.Fatalf("Delete: %v; claimed %v, left %v", refused, ids(got), left)
			}
		}
	})},
}

var figureTests = []test{
	{"Figures counts what happened in each span, and nothing twice", ofConsole(func(e *env, c jobs.Console) {
		a := e.join("a")
		var last time.Time
		for range 3 {
			j := a.claimOne(e.insert(jobs.NewJob{}).ID)
			e.checkpoint(j.Fence(), 4, pages(1, 4)...)
			e.pass(20 * time.Millisecond)
			e.finish(outcome(j.Fence(), jobs.Completed))
			last = e.get(j.ID).CompletedAt
		}
		for range 2 {
			e.inStatus(jobs.Failed)
		}
		e.inStatus(jobs.Interrupted)
		e.cancelledJob()
		e.finish(outcome(a.claimOne(e.insert(jobs.NewJob{}).ID).Fence(), jobs.Pending))
		for _, span := range []struct {
			every time.Duration
			n     int
		}{{time.Second, 400}, {time.Minute, 10}, {time.Hour, 2}, {24 * time.Hour, 2}} {
			from := last.Add(-time.Duration(span.n-1) * span.every / 2)
			for range 2 { // the second time from memory
				got, err := c.Figures(e.Context(), from, span.every, span.n)
				e.ok(err)
				sum := e.sum(got, from, span.every, span.n)
				if sum.Accepted != 8 || sum.Completed != 3 || sum.Failed != 2 || sum.Retried != 1 || sum.Steps != 12 ||
					sum.Interruptions[jobs.CauseShutdown] != 1 || sum.Interruptions[jobs.CauseCancelled] != 1 || len(sum.Interruptions) != 2 || sum.Starts != 4 {
					e.Errorf("%d of %v: %+v", span.n, span.every, sum)
				}
			}
		}
		whole, err := c.Figures(e.Context(), last.Truncate(time.Hour).Add(-time.Hour), time.Hour, 3)
		e.ok(err)
		for _, f := range whole {
			ran := f.RunP50 >= 0.02 && f.RunP95 >= f.RunP50 && f.WaitP95 >= f.WaitP50 && f.RunP95 < 600
			if f.Completed > 0 && !ran || f.Completed == 0 && (f.RunP95 != 0 || f.WaitP95 != 0) {
				e.Errorf("times of %+v", f)
			}
		}
	})},
	{"a span holds what happened from its beginning on and before its end", ofConsole(func(e *env, c jobs.Console) {
		j := e.insert(jobs.NewJob{})
		at := j.CreatedAt.Truncate(time.Second)
		for _, s := range []struct {
			from time.Time
			want int
		}{{at.Add(-time.Second), 0}, {at, 1}, {at.Add(999 * time.Millisecond), 1}, {at.Add(time.Second), 0}, {at.AddDate(-20, 0, 0), 0}, {at.AddDate(20, 0, 0), 0}} {
			got, err := c.Figures(e.Context(), s.from, time.Second, 1)
			if err != nil || len(got) != 1 || got[0].Accepted != s.want || !got[0].At.Equal(s.from.Truncate(time.Second)) || got[0].Interruptions == nil {
				e.Errorf("from %v: %+v, %v; want %d", s.from, got, err, s.want)
			}
		}
	})},
	{"Figures of no spans, of too many, or of no length are an error", ofConsole(func(e *env, c jobs.Console) {
		for _, s := range []struct {
			every time.Duration
			n     int
		}{{time.Minute, 0}, {time.Minute, 401}, {time.Minute, -1}, {0, 10}, {-time.Minute, 10}, {1500 * time.Millisecond, 10}} {
			if got, err := c.Figures(e.Context(), time.Now(), s.every, s.n); err == nil {
				e.Errorf("%d of %v: %d figures and no error", s.n, s.every, len(got))
			}
		}
	})},
	{"nothing that a console asks is answered by a store that is closed", ofConsole(func(e *env, c jobs.Console) {
		e.ok(e.Store.Close())
		for name, ask := range map[string]func() error{
			"Instances":     func() error { _, err := c.Instances(e.Context(), 1); return err },
			"InstancesByID": func() error { _, err := c.InstancesByID(e.Context(), "a"); return err },
			"Drain":         func() error { return c.Drain(e.Context(), "x") },
			"Undrain":       func() error { return c.Undrain(e.Context()) },
			"Count":         func() error { _, err := c.Count(e.Context(), jobs.Filter{}, 1); return err },
			"Groups":        func() error { _, err := c.Groups(e.Context(), jobs.Filter{}); return err },
			"Delete":        func() error { return c.Delete(e.Context(), jobs.NewID()) },
			"Figures":       func() error { _, err := c.Figures(e.Context(), time.Now(), time.Second, 1); return err },
		} {
			if err := ask(); !errors.Is(err, jobs.ErrUnavailable) {
				e.Errorf("%s: %v, want ErrUnavailable", name, err)
			}
		}
	})},
}

// sum adds figures up, after a look at whether they are the spans asked for.
func (e *env) sum(list []jobs.Figure, from time.Time, every time.Duration, n int) jobs.Figure {
	e.Helper()
	if len(list) != n {
		e.Fatalf("%d figures, want %d", len(list), n)
	}
	sum := jobs.Figure{Interruptions: map[jobs.Cause]int{}}
	for k, f := range list {
		if want := from.UTC().Truncate(every).Add(time.Duration(k) * every); !f.At.Equal(want) {
			e.Fatalf("figure %d is of %v, want %v", k, f.At, want)
		}
		sum.Accepted += f.Accepted
		sum.Completed += f.Completed
		sum.Failed += f.Failed
		sum.Retried += f.Retried
		sum.Starts += f.Starts
		sum.Steps += f.Steps
		for cause, n := range f.Interruptions {
			sum.Interruptions[cause] += n
		}
	}
	return sum
}

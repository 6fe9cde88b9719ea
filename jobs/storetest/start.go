package storetest

import (
	"slices"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

func starting(p *jobs.ClaimParams) { p.Starting = true }

// startTests are about the first claim of an instance, on an embedded store
// and on any other.
var startTests = []test{
	{"alone on an embedded store, a start interrupts pending jobs stamped manual, and no others", func(e *env) {
		manual, auto := e.insert(jobs.NewJob{Recovery: jobs.RecoveryManual}), e.insert(jobs.NewJob{})
		a := e.process("a")
		got := a.claimed(0, starting)
		if now := e.get(auto.ID); now.Status != jobs.Pending {
			e.Errorf("the auto one is %s, want pending", now.Status)
		}
		now := e.get(manual.ID)
		if !e.Embedded {
			if now.Status != jobs.Pending {
				e.Errorf("%s, want pending: the store is not embedded", now.Status)
			}
			return
		}
		if now.Status != jobs.Interrupted || now.Cause == "" || now.Cause == jobs.CauseCancelled || now.Error == "" ||
			now.InterruptedAt.IsZero() || now.Crashes != 0 || now.Attempt != 0 {
			e.Errorf("got %+v, want interrupted, uncharged", now)
		}
		if !slices.ContainsFunc(got.Recovered, func(ev jobs.Event) bool {
			return ev.JobID == manual.ID && ev.Event == jobs.EventInterrupted && ev.From == jobs.Pending && ev.To == jobs.Interrupted
		}) {
			e.Errorf("Recovered %+v does not tell", got.Recovered)
		}
		e.move(manual.ID, jobs.Resume)
		if got := ids(a.claim(9)); len(got) != 2 {
			e.Errorf("claimed %v, want both", got)
		}
	}},
	{"only a first claim does: any other leaves pending jobs alone", func(e *env) {
		j := e.insert(jobs.NewJob{Recovery: jobs.RecoveryManual})
		e.process("a").claimed(0)
		if now := e.get(j.ID); now.Status != jobs.Pending {
			e.Errorf("%s, want pending", now.Status)
		}
	}},
	{"where another instance is alive, a start leaves pending jobs alone", func(e *env) {
		j := e.insert(jobs.NewJob{Recovery: jobs.RecoveryManual})
		e.process("alive")
		e.process("a").claimed(0, starting)
		if now := e.get(j.ID); now.Status != jobs.Pending {
			e.Errorf("%s, want pending", now.Status)
		}
	}},
	{"where the others are dead, a start is alone", func(e *env) {
		if !e.Embedded {
			e.Skip("of embedded stores only")
		}
		j := e.insert(jobs.NewJob{Recovery: jobs.RecoveryManual})
		e.process("dead").kill()
		e.process("a").claimed(0, starting)
		if now := e.get(j.ID); now.Status != jobs.Interrupted {
			e.Errorf("%s, want interrupted", now.Status)
		}
	}},
	{"a start leaves a pending job alone that a person put back", func(e *env) {
		resumed, restarted := e.inStatus(jobs.Failed), e.inStatus(jobs.Interrupted)
		requeued := e.insert(jobs.NewJob{Recovery: jobs.RecoveryManual})
		e.move(resumed.ID, jobs.Resume)
		e.move(restarted.ID, jobs.Restart)
		e.move(requeued.ID, jobs.Restart)
		lonely := e.alone()
		lonely.claimed(0, starting)
		for _, id := range []jobs.ID{resumed.ID, restarted.ID, requeued.ID} {
			if now := e.get(id); now.Status != jobs.Pending {
				e.Errorf("%s, want pending", now.Status)
			}
		}
	}},
	{"a start leaves a pending job alone that is not due", func(e *env) {
		now := e.insert(jobs.NewJob{Kind: "probe"}).CreatedAt
		j := e.insert(jobs.NewJob{Recovery: jobs.RecoveryManual, RunAt: now.Add(time.Hour)})
		e.process("a").claimed(0, starting)
		if now := e.get(j.ID); now.Status != jobs.Pending {
			e.Errorf("%s, want pending", now.Status)
		}
	}},
	{"a start with Only leaves other pending jobs alone", func(e *env) {
		j := e.insert(jobs.NewJob{Recovery: jobs.RecoveryManual})
		mine := e.insert(jobs.NewJob{})
		e.process("a").claimed(0, starting, only(mine.ID))
		if now := e.get(j.ID); now.Status != jobs.Pending {
			e.Errorf("%s, want pending", now.Status)
		}
	}},
	{"in auto, a pending job stays pending through any number of starts", func(e *env) {
		list := e.insertAll(make([]jobs.NewJob, 3)...)
		before := e.dump()
		for n := range 5 {
			i := e.process("start" + string(rune('0'+n)))
			i.claimed(0, starting)
			i.kill()
		}
		e.unchanged(before, "a start")
		if got := e.process("worker").claim(9); !slices.Equal(ids(got), ids(list)) {
			e.Errorf("claimed %v, want %v", ids(got), ids(list))
		}
	}},
}

// alone ends every instance the test has, and makes one more.
func (e *env) alone() *instance {
	e.Helper()
	for _, i := range e.instances {
		if !i.dead {
			i.dead = true
			e.ok(i.joined.Close())
		}
	}
	return e.process("alone")
}

// handTests are about rows that people insert with the guide's columns alone.
var handTests = []test{
	{"a pending row by hand is a job: it is claimed, stamped, recorded and finished", func(e *env) {
		for _, policy := range []jobs.Recovery{jobs.RecoveryAuto, jobs.RecoveryManual} {
			id := jobs.NewID()
			e.Row(e, Row{ID: id, Filename: "by hand.pdf", Status: jobs.Pending})
			row := e.get(id)
			if row.Filename != "by hand.pdf" || row.Attempt != 0 || row.Recovery != "" || row.CreatedAt.IsZero() {
				e.Errorf("read as %+v", row)
			}
			a := e.join("a-" + string(policy))
			got := a.claim(1, func(p *jobs.ClaimParams) { p.Kinds, p.Policy.Recovery = []string{row.Kind}, policy })
			if len(got) != 1 || got[0].ID != id || got[0].Attempt != 1 || got[0].Recovery != policy {
				e.Fatalf("claimed %+v, want %v, stamped %s", got, id, policy)
			}
			if !sameJSON(got[0].Payload, []byte(`{}`)) || !sameJSON(got[0].Metadata, []byte(`{}`)) {
				e.Errorf("payload %s, metadata %s", got[0].Payload, got[0].Metadata)
			}
			e.checkpoint(got[0].Fence(), 2, pages(1, 2)...)
			e.finish(outcome(got[0].Fence(), jobs.Completed))
			if now := e.get(id); now.Status != jobs.Completed || now.Recovery != policy {
				e.Errorf("got %+v", now)
			}
		}
	}},
	{"rows by hand are claimed beside others, after what was there before", func(e *env) {
		doc := jobs.NewID()
		e.Document(e, doc, jobs.ID{})
		first := e.insert(jobs.NewJob{})
		id := jobs.NewID()
		e.Row(e, Row{ID: id, DocumentID: doc, Filename: "f", Status: jobs.Pending})
		row := e.get(id)
		got := e.join("a").claim(9, func(p *jobs.ClaimParams) { p.Kinds = append(p.Kinds, row.Kind) })
		if !slices.Contains(ids(got), id) || !slices.Contains(ids(got), first.ID) || row.DocumentID != doc {
			e.Errorf("claimed %v, want %v and %v; document %v", ids(got), first.ID, id, row.DocumentID)
		}
	}},
	{"a processing row by hand, of no instance, is recovered and charged to nobody; the policy stamps it", func(e *env) {
		for policy, want := range map[jobs.Recovery]jobs.Status{jobs.RecoveryAuto: jobs.Pending, jobs.RecoveryManual: jobs.Interrupted} {
			id := jobs.NewID()
			e.Row(e, Row{ID: id, Filename: "f", Status: jobs.Processing, Progress: 40})
			told := e.process("a-"+string(policy)).recovers(func(p *jobs.ClaimParams) { p.Policy.Recovery = policy }, id)
			now := e.get(id)
			if now.Status != want || now.Crashes != 0 || now.InterruptedAt.IsZero() {
				e.Errorf("%s: got %+v, want %s, uncharged", policy, now, want)
			}
			if !slices.ContainsFunc(told, func(ev jobs.Event) bool { return ev.JobID == id && ev.Event == jobs.EventInterrupted }) {
				e.Errorf("%s: Recovered %+v does not tell", policy, told)
			}
		}
	}},
	{"rows by hand in every other status stay as they are, and are listed and counted", func(e *env) {
		rows := []Row{
			{ID: jobs.NewID(), Filename: "c", Status: jobs.Completed, Progress: 100},
			{ID: jobs.NewID(), Filename: "c0", Status: jobs.Completed},
			{ID: jobs.NewID(), Filename: "f", Status: jobs.Failed, Error: "by hand", Progress: 50},
			{ID: jobs.NewID(), Filename: "f0", Status: jobs.Failed},
			{ID: jobs.NewID(), Filename: "i", Status: jobs.Interrupted, Error: "by hand"},
			{ID: jobs.NewID(), Filename: "i0", Status: jobs.Interrupted},
		}
		for _, r := range rows {
			e.Row(e, r)
		}
		before := e.dump()
		a := e.process("a")
		a.claimed(9, starting)
		a.claimed(9)
		e.unchanged(before, "a claim")
		for _, r := range rows {
			if now := e.get(r.ID); now.Status != r.Status || now.Error != r.Error || now.Progress != r.Progress || now.Filename != r.Filename {
				e.Errorf("got %+v, want %+v", now, r)
			}
		}
		if st, err := e.Store.Statistics(e.Context()); err != nil || st != (jobs.Statistics{Total: 6, Completed: 2, Failed: 2, Interrupted: 2}) {
			e.Errorf("%+v, %v", st, err)
		}
	}},
	{"a person moves rows by hand like any others", func(e *env) {
		for _, from := range jobs.Statuses() {
			for _, m := range jobs.Moves() {
				id := jobs.NewID()
				e.Row(e, Row{ID: id, Filename: "f", Status: from})
				to, legal := m.Target(from)
				now, err := e.Store.Move(e.Context(), id, m, "tester")
				if legal && (err != nil || now.Status != to) || !legal && err == nil {
					e.Errorf("%s of a %s row: %s, %v; want %s, legal %v", m, from, now.Status, err, to, legal)
				}
			}
		}
	}},
	{"rows by hand in an illegal status are refused", func(e *env) {
		id := jobs.NewID()
		e.Row(e, Row{ID: id, Filename: "f", Status: jobs.Pending})
		if err := e.Set(id, "running"); err == nil {
			e.Error("a sixth status was accepted")
		}
	}},
}

package storetest

import (
	"slices"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// clean deletes and returns how many jobs went.
func (e *env) clean(before time.Time, limit int) int {
	e.Helper()
	n, err := e.Store.Cleanup(e.Context(), before, limit)
	e.ok(err)
	return n
}

// cancelledJob makes a job that a person cancelled.
func (e *env) cancelledJob() jobs.Job {
	e.Helper()
	return e.move(e.inStatus(jobs.Pending).ID, jobs.Cancel)
}

// later returns a time of the store's clock behind everything written so far.
func (e *env) later() time.Time {
	e.Helper()
	e.pass(5 * time.Millisecond)
	j := e.insert(jobs.NewJob{Kind: "clock"})
	e.pass(5 * time.Millisecond)
	return j.CreatedAt
}

var cleanupTests = []test{
	{"deletes what was completed, failed or cancelled before a time, and nothing else", func(e *env) {
		var old []jobs.ID
		for _, s := range []jobs.Status{jobs.Completed, jobs.Failed} {
			old = append(old, e.inStatus(s).ID)
		}
		old = append(old, e.cancelledJob().ID)
		var kept []jobs.ID
		for _, s := range []jobs.Status{jobs.Pending, jobs.Processing, jobs.Interrupted} {
			kept = append(kept, e.inStatus(s).ID)
		}
		resumed := e.inStatus(jobs.Failed)
		e.move(resumed.ID, jobs.Resume)
		kept = append(kept, resumed.ID)
		at := e.later()
		for _, s := range []jobs.Status{jobs.Completed, jobs.Failed} {
			kept = append(kept, e.inStatus(s).ID)
		}
		kept = append(kept, e.cancelledJob().ID)

		if n := e.clean(at, 1000); n != len(old) {
			e.Errorf("deleted %d, want %d", n, len(old))
		}
		for _, id := range old {
			if got := e.list(jobs.Filter{IDs: []jobs.ID{id}}); len(got) > 0 || len(e.events(id)) > 0 {
				e.Errorf("%v is still there, with %d events", id, len(e.events(id)))
			}
		}
		for _, id := range kept {
			if now := e.get(id); len(e.events(id)) == 0 {
				e.Errorf("%s job lost its events", now.Status)
			}
		}
		if n := e.clean(at, 1000); n != 0 {
			e.Errorf("deleted %d more", n)
		}
	}},
	{"what counts is when it ended, not when it began", func(e *env) {
		j := e.running()
		at := e.later()
		e.finish(outcome(j.Fence(), jobs.Completed))
		if n := e.clean(at, 1000); n != 0 {
			e.Errorf("deleted %d, want 0: it ended after", n)
		}
	}},
	{"steps go with their job, except those that are a document's content", func(e *env) {
		content, plain := e.running(), e.running()
		for _, j := range []jobs.Job{content, plain} {
			e.checkpoint(j.Fence(), 3, pages(1, 3)...)
			e.finish(outcome(j.Fence(), jobs.Completed))
		}
		doc := jobs.NewID()
		e.Document(e, doc, content.ID)
		if n := e.clean(e.later(), 1000); n != 2 {
			e.Errorf("deleted %d, want both jobs", n)
		}
		if got := e.seqs(content.ID, 0, 10); !slices.Equal(got, []int{1, 2, 3}) {
			e.Errorf("the content has steps %v, want 1 to 3", got)
		}
		if got := e.seqs(plain.ID, 0, 10); len(got) > 0 {
			e.Errorf("steps %v of a deleted job are left", got)
		}
	}},
	{"a job of a document whose content is another job's loses its steps", func(e *env) {
		doc := jobs.NewID()
		e.Document(e, doc, jobs.ID{})
		var made []jobs.ID
		for range 2 {
			j := e.insert(jobs.NewJob{DocumentID: doc})
			f := e.join("of "+j.ID.String()).claim(1, only(j.ID))[0].Fence()
			e.checkpoint(f, 2, pages(1, 2)...)
			e.finish(outcome(f, jobs.Completed))
			made = append(made, j.ID)
		}
		e.Document(e, doc, made[1])
		e.clean(e.later(), 1000)
		if old, now := e.seqs(made[0], 0, 10), e.seqs(made[1], 0, 10); len(old) != 0 || len(now) != 2 {
			e.Errorf("old steps %v, content steps %v", old, now)
		}
	}},
	{"at most limit are deleted in one call, the rest by the next", func(e *env) {
		e.insertAll(make([]jobs.NewJob, 25)...)
		for _, j := range e.join("a").claim(25) {
			e.finish(outcome(j.Fence(), jobs.Completed))
		}
		at := e.later()
		for _, want := range []int{10, 10, 5, 0} {
			if n := e.clean(at, 10); n != want {
				e.Errorf("deleted %d, want %d", n, want)
			}
		}
		if n := len(e.list(jobs.Filter{})); n != 1 {
			e.Errorf("%d jobs left, want the clock's", n)
		}
	}},
	{"an idempotency key is free again once its job is deleted", func(e *env) {
		in := jobs.NewJob{IdempotencyKey: "k", Owner: "alice"}
		first := e.insert(in)
		e.finish(outcome(e.join("a").claimOne(first.ID).Fence(), jobs.Completed))
		e.clean(e.later(), 10)
		if again := e.insert(in); again.ID == first.ID || again.Status != jobs.Pending {
			e.Errorf("got %v %s, want a new job", again.ID, again.Status)
		}
	}},
	{"while jobs are claimed and finished, cleanup takes none that is not its own", func(e *env) {
		at := e.later()
		a := e.process("a")
		e.insertAll(make([]jobs.NewJob, 40)...)
		together(2, func(k int) {
			for range 40 {
				if k == 0 {
					e.clean(at, 5)
					continue
				}
				for _, j := range a.claim(1) {
					if lost, err := a.s.Finish(e.Context(), outcome(j.Fence(), jobs.Completed)); err != nil || len(lost) > 0 {
						e.Errorf("lost %v, %v", lost, err)
					}
				}
			}
		})
		if n := len(e.list(jobs.Filter{Status: jobs.Completed})); n != 40 {
			e.Errorf("%d completed jobs left, want 40", n)
		}
	}},
}

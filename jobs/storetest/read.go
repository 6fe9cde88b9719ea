package storetest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// seqs returns the numbers of the steps that are read.
func (e *env) seqs(id jobs.ID, after, limit int) []int {
	e.Helper()
	got, err := e.Store.Steps(e.Context(), id, after, limit)
	e.ok(err)
	var out []int
	for _, s := range got {
		out = append(out, s.Seq)
	}
	return out
}

func (e *env) ahead(id jobs.ID) int {
	e.Helper()
	n, err := e.Store.Ahead(e.Context(), id)
	e.ok(err)
	return n
}

var readTests = []test{
	{"Steps are those above after, in order, at most limit", func(e *env) {
		j, other := e.running(), e.running()
		e.checkpoint(j.Fence(), 0, pages(1, 9)...)
		e.checkpoint(other.Fence(), 0, pages(1, 4)...)
		for _, c := range []struct {
			after, limit int
			want         []int
		}{{0, 3, []int{1, 2, 3}}, {3, 3, []int{4, 5, 6}}, {7, 100, []int{8, 9}}, {9, 5, nil}, {100, 5, nil}} {
			if got := e.seqs(j.ID, c.after, c.limit); !slices.Equal(got, c.want) {
				e.Errorf("after %d, limit %d: %v, want %v", c.after, c.limit, got, c.want)
			}
		}
		if got := e.seqs(jobs.NewID(), 0, 9); len(got) > 0 {
			e.Errorf("steps %v of a job that is not there", got)
		}
	}},
	{"Steps beyond the first are at most 16 MiB, so that paging is always possible", func(e *env) {
		j := e.running()
		size := func(mib int) json.RawMessage { return json.RawMessage(`"` + strings.Repeat("x", mib<<20-2) + `"`) }
		for seq, mib := range []int{5, 5, 5, 5, 17, 1} {
			e.checkpoint(j.Fence(), 0, jobs.Step{Seq: seq + 1, Data: size(mib)})
		}
		for _, c := range []struct {
			after int
			want  []int
		}{{0, []int{1, 2, 3}}, {3, []int{4}}, {4, []int{5}}, {5, []int{6}}} {
			if got := e.seqs(j.ID, c.after, 100); !slices.Equal(got, c.want) {
				e.Errorf("after %d: %v, want %v", c.after, got, c.want)
			}
		}
	}},
	{"Events are those above an id, oldest first, of one job or of all, at most limit", func(e *env) {
		x, y := e.insert(jobs.NewJob{}), e.insert(jobs.NewJob{})
		e.join("a").claim(2)
		e.move(x.ID, jobs.Cancel)
		all, err := e.Store.Events(e.Context(), jobs.ID{}, 0, 100)
		e.ok(err)
		if len(all) != 5 {
			e.Fatalf("%d events, want 5", len(all))
		}
		var ofX []jobs.Event
		for k, ev := range all {
			if k > 0 && (ev.ID <= all[k-1].ID || ev.At.Before(all[k-1].At)) {
				e.Errorf("%+v after %+v", ev, all[k-1])
			}
			if ev.JobID == x.ID {
				ofX = append(ofX, ev)
			} else if ev.JobID != y.ID {
				e.Errorf("event of %v", ev.JobID)
			}
		}
		check := func(what string, id jobs.ID, after int64, limit int, want []jobs.Event) {
			e.Helper()
			got, err := e.Store.Events(e.Context(), id, after, limit)
			e.ok(err)
			if !slices.EqualFunc(got, want, sameEvent) {
				e.Errorf("%s: got %+v, want %+v", what, got, want)
			}
		}
		check("of one", x.ID, 0, 100, ofX)
		check("of one, above", x.ID, ofX[0].ID, 100, ofX[1:])
		check("of one, some", x.ID, ofX[0].ID, 1, ofX[1:2])
		check("of all, above", jobs.ID{}, all[1].ID, 2, all[2:4])
		check("above the last", jobs.ID{}, all[4].ID, 100, nil)
		check("of a job that is not there", jobs.NewID(), 0, 100, nil)
	}},
	{"the history of a job is whole: each change of its status, each from where the last one led", func(e *env) {
		j := e.insert(jobs.NewJob{Recovery: jobs.RecoveryManual})
		a := e.join("a")
		e.finish(outcome(a.claimOne(j.ID).Fence(), jobs.Pending))
		e.finish(outcome(a.claimOne(j.ID).Fence(), jobs.Interrupted))
		e.move(j.ID, jobs.Resume)
		e.finish(outcome(a.claimOne(j.ID).Fence(), jobs.Failed))
		e.move(j.ID, jobs.Restart)
		a.claimOne(j.ID)
		e.move(j.ID, jobs.Interrupt)
		e.move(j.ID, jobs.Cancel)
		e.move(j.ID, jobs.Resume)
		e.finish(outcome(a.claimOne(j.ID).Fence(), jobs.Completed))
		var words []string
		var last jobs.Event
		for _, ev := range e.events(j.ID) {
			words = append(words, ev.Event)
			if ev.From != last.To || ev.At.Before(last.At) || ev.Attempt < last.Attempt {
				e.Errorf("%+v after %+v", ev, last)
			}
			last = ev
		}
		want := []string{"accepted", "started", "retrying", "started", "interrupted", "resumed", "started", "failed", "restarted",
			"started", "interrupted", "interrupted", "resumed", "started", "completed"}
		if !slices.Equal(words, want) {
			e.Errorf("history %v\nwant    %v", words, want)
		}
	}},
	{"Ahead counts the jobs that would be claimed before a pending one", func(e *env) {
		now := e.insert(jobs.NewJob{}).CreatedAt
		l := e.insertAll(jobs.NewJob{}, jobs.NewJob{Priority: 5}, jobs.NewJob{}, jobs.NewJob{Priority: -1}, jobs.NewJob{Priority: 9, RunAt: now.Add(time.Hour)})
		for k, want := range []int{2, 0, 3, 4} {
			if got := e.ahead(l[k].ID); got != want {
				e.Errorf("job %d: %d ahead, want %d", k, got, want)
			}
		}
		a := e.join("a")
		a.claim(2)
		if got := e.ahead(l[2].ID); got != 1 {
			e.Errorf("%d ahead once two are claimed, want 1", got)
		}
	}},
	{"Ahead is 0 for a job that is not pending", func(e *env) {
		e.insertAll(make([]jobs.NewJob, 3)...)
		for _, s := range []jobs.Status{jobs.Processing, jobs.Completed, jobs.Failed, jobs.Interrupted} {
			if got := e.ahead(e.inStatus(s).ID); got != 0 {
				e.Errorf("%s: %d ahead, want 0", s, got)
			}
		}
	}},
	{"Ahead stops counting at 10,000", func(e *env) {
		for range 11 {
			e.insertAll(make([]jobs.NewJob, 1000)...)
		}
		if got := e.ahead(e.insert(jobs.NewJob{}).ID); got != 10_000 {
			e.Errorf("%d ahead, want 10000", got)
		}
	}},
	{"Statistics counts jobs by status", func(e *env) {
		if st, err := e.Store.Statistics(e.Context()); err != nil || st != (jobs.Statistics{}) {
			e.Errorf("of none: %+v, %v", st, err)
		}
		for k, s := range jobs.Statuses() {
			for range k + 1 {
				e.inStatus(s)
			}
		}
		st, err := e.Store.Statistics(e.Context())
		if want := (jobs.Statistics{Total: 15, Pending: 1, Processing: 2, Completed: 3, Failed: 4, Interrupted: 5}); err != nil || st != want {
			e.Errorf("%+v, %v, want %+v", st, err, want)
		}
	}},
	{"Statistics stay right through every way a status changes", func(e *env) {
		count := map[jobs.Status]int{}
		for _, from := range jobs.Statuses() {
			for _, m := range jobs.Moves() {
				j := e.inStatus(from)
				to, legal := m.Target(from)
				if legal {
					e.move(j.ID, m)
				} else {
					to = from
				}
				count[to]++
			}
		}
		st, err := e.Store.Statistics(e.Context())
		want := jobs.Statistics{Total: 20, Pending: count[jobs.Pending], Processing: count[jobs.Processing],
			Completed: count[jobs.Completed], Failed: count[jobs.Failed], Interrupted: count[jobs.Interrupted]}
		if err != nil || st != want {
			e.Errorf("%+v, %v, want %+v", st, err, want)
		}
	}},
	{"times are in UTC, whole enough to compare, and the same however they are read", func(e *env) {
		j := e.inStatus(jobs.Completed)
		listed, err := e.Store.List(e.Context(), jobs.Filter{Status: jobs.Completed})
		e.ok(err)
		if len(listed) != 1 || !reflect.DeepEqual(listed[0], j) {
			e.Errorf("listed %+v, got %+v", listed, j)
		}
		for name, at := range map[string]time.Time{"created_at": j.CreatedAt, "updated_at": j.UpdatedAt, "started_at": j.StartedAt, "completed_at": j.CompletedAt, "run_at": j.RunAt} {
			if at.IsZero() || at.Location() != time.UTC {
				e.Errorf("%s is %v", name, at)
			}
			if d := time.Since(at).Abs(); d > 24*time.Hour {
				e.Errorf("%s is %v from now: %s", name, d, fmt.Sprint(at))
			}
		}
	}},
}

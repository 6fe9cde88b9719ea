package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// work is the kind of job that tests use where the kind does not matter.
const work = "work"

// patience is how long a test waits for what must happen. It is only ever
// spent by a store that is wrong, so it can be long.
const patience = 30 * time.Second

// env is one test with its database.
type env struct {
	testing.TB
	Harness
	open      func(tb testing.TB) Harness // for tests that need a second database
	mu        sync.Mutex
	instances []*instance
}

func newEnv(tb testing.TB, open func(tb testing.TB) Harness) *env {
	tb.Helper()
	return &env{TB: tb, Harness: open(tb), open: open}
}

// until waits until cond holds, and reports whether it came to hold. Tests
// wait for conditions and never for time, so that they are fast on a fast
// machine and right on a slow one.
func until(cond func() bool) bool {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			return false
		}
	}
	return true
}

// eventually fails the test when cond does not come to hold.
func eventually(tb testing.TB, what string, cond func() bool) {
	tb.Helper()
	if !until(cond) {
		tb.Fatalf("not within %v: %s", patience, what)
	}
}

// pass lets the store's clock move on by d, which no store is asked for: our
// clock runs as fast as its own.
func (e *env) pass(d time.Duration) {
	e.Helper()
	start := time.Now()
	eventually(e, "time passes", func() bool { return time.Since(start) > d })
}

func (e *env) ok(err error) {
	e.Helper()
	if err != nil {
		e.Fatalf("unexpected error: %v", err)
	}
}

// is checks that err is the one that the contract names.
func (e *env) is(err, want error) {
	e.Helper()
	if !errors.Is(err, want) {
		e.Errorf("got error %v, want %v", err, want)
	}
}

// insertAll inserts jobs of the usual kind where they name none.
func (e *env) insertAll(list ...jobs.NewJob) []jobs.Job {
	e.Helper()
	for k := range list {
		if list[k].Kind == "" {
			list[k].Kind = work
		}
	}
	got, err := e.Store.Insert(e.Context(), list...)
	e.ok(err)
	if len(got) != len(list) {
		e.Fatalf("Insert of %d jobs returned %d", len(list), len(got))
	}
	return got
}

func (e *env) insert(j jobs.NewJob) jobs.Job {
	e.Helper()
	return e.insertAll(j)[0]
}

func (e *env) get(id jobs.ID) jobs.Job {
	e.Helper()
	return e.getFrom(e.Store, id)
}

func (e *env) getFrom(s jobs.Store, id jobs.ID) jobs.Job {
	e.Helper()
	j, err := jobs.Get(e.Context(), s, id)
	e.ok(err)
	return j
}

func (e *env) checkpoint(f jobs.Fence, total int, steps ...jobs.Step) {
	e.Helper()
	e.ok(e.Store.Checkpoint(e.Context(), f, total, steps...))
}

// finish ends attempts that must all hold.
func (e *env) finish(out ...jobs.Outcome) {
	e.Helper()
	lost, err := e.Store.Finish(e.Context(), out...)
	e.ok(err)
	if len(lost) > 0 {
		e.Fatalf("Finish lost %v", lost)
	}
}

func (e *env) move(id jobs.ID, m jobs.Move) jobs.Job {
	e.Helper()
	j, err := e.Store.Move(e.Context(), id, m, "tester")
	e.ok(err)
	return j
}

func (e *env) steps(id jobs.ID) []jobs.Step {
	e.Helper()
	steps, err := e.Store.Steps(e.Context(), id, 0, 1000)
	e.ok(err)
	return steps
}

func (e *env) events(id jobs.ID) []jobs.Event {
	e.Helper()
	var all []jobs.Event
	var after int64
	for {
		page, err := e.Store.Events(e.Context(), id, after, 1000)
		e.ok(err)
		if len(page) == 0 {
			return all
		}
		all = append(all, page...)
		after = page[len(page)-1].ID
	}
}

// lastEvent returns the newest line of a job's history.
func (e *env) lastEvent(id jobs.ID) jobs.Event {
	e.Helper()
	all := e.events(id)
	if len(all) == 0 {
		e.Fatalf("job %v has no history", id)
	}
	return all[len(all)-1]
}

// inStatus makes a job and brings it to a status, through an instance of its
// own so that nobody else's claims are in the way.
func (e *env) inStatus(s jobs.Status) jobs.Job {
	e.Helper()
	j := e.insert(jobs.NewJob{Recovery: jobs.RecoveryManual})
	if s == jobs.Pending {
		return j
	}
	i := e.join("maker-" + j.ID.String())
	got := i.claim(1, only(j.ID))
	if len(got) != 1 {
		e.Fatalf("claimed %d jobs, want the one of Only", len(got))
	}
	switch s {
	case jobs.Completed, jobs.Failed, jobs.Interrupted:
		e.finish(outcome(got[0].Fence(), s))
	}
	return e.get(j.ID)
}

// outcome ends an attempt with a status, complete with what each status needs.
func outcome(f jobs.Fence, s jobs.Status) jobs.Outcome {
	out := jobs.Outcome{Fence: f, Status: s}
	switch s {
	case jobs.Failed, jobs.Pending:
		out.Error, out.Code = "it broke", "broken"
	case jobs.Interrupted:
		out.Cause, out.Error = jobs.CauseShutdown, jobs.CauseShutdown.Reason()
	}
	return out
}

func only(list ...jobs.ID) func(*jobs.ClaimParams) {
	return func(p *jobs.ClaimParams) { p.Only = list }
}

// together runs n calls of f at once and waits for them.
func together(n int, f func(k int)) {
	var wg sync.WaitGroup
	gate := make(chan struct{})
	for k := range n {
		wg.Go(func() {
			<-gate
			f(k)
		})
	}
	close(gate)
	wg.Wait()
}

// page is a step with data of its own.
func page(seq int) jobs.Step {
	return jobs.Step{Seq: seq, Data: json.RawMessage(fmt.Sprintf(`{"page":%d}`, seq))}
}

func pages(from, to int) []jobs.Step {
	var list []jobs.Step
	for seq := from; seq <= to; seq++ {
		list = append(list, page(seq))
	}
	return list
}

func ids(list []jobs.Job) []jobs.ID {
	out := make([]jobs.ID, len(list))
	for k, j := range list {
		out[k] = j.ID
	}
	return out
}

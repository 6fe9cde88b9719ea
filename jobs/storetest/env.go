package storetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
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

// instance is one joined instance and the handle it works through.
type instance struct {
	*env
	id     string
	s      jobs.Store
	joined io.Closer
	dead   bool
}

// join makes an instance on the test's own handle.
func (e *env) join(id string, change ...func(*jobs.Instance)) *instance {
	e.Helper()
	return e.joinOn(e.Store, id, change...)
}

// process makes an instance on a handle of its own.
func (e *env) process(id string, change ...func(*jobs.Instance)) *instance {
	e.Helper()
	return e.joinOn(e.Again(e), id, change...)
}

func (e *env) joinOn(s jobs.Store, id string, change ...func(*jobs.Instance)) *instance {
	e.Helper()
	in := jobs.Instance{ID: id, Host: "host", PID: 1, Version: "test", Boot: "boot-1", Lease: time.Hour}
	for _, c := range change {
		c(&in)
	}
	joined, err := s.Join(e.Context(), in)
	e.ok(err)
	i := &instance{env: e, id: id, s: s, joined: joined}
	e.mu.Lock()
	e.instances = append(e.instances, i)
	e.mu.Unlock()
	e.Cleanup(func() {
		if !i.dead {
			i.dead = true
			_ = joined.Close() // the handle may be closed already
		}
	})
	return i
}

// kill ends the instance as kill -9 does.
func (i *instance) kill() {
	i.Helper()
	i.dead = true
	i.Kill(i, i.joined)
}

// params is a claim of everything that the tests insert.
func (i *instance) params(limit int) jobs.ClaimParams {
	return jobs.ClaimParams{
		Instance: i.id, Kinds: []string{work}, Limit: limit, Suspects: limit,
		Policy: jobs.Policy{Recovery: jobs.RecoveryAuto, MaxCrashes: 3, MaxFailures: 4, Backoff: jobs.Backoff},
	}
}

func (i *instance) claimed(limit int, change ...func(*jobs.ClaimParams)) jobs.Claimed {
	i.Helper()
	p := i.params(limit)
	for _, c := range change {
		c(&p)
	}
	got, err := i.s.Claim(i.Context(), p)
	i.ok(err)
	return got
}

func (i *instance) claim(limit int, change ...func(*jobs.ClaimParams)) []jobs.Job {
	i.Helper()
	return i.claimed(limit, change...).Jobs
}

// claimOne claims the job that must be next.
func (i *instance) claimOne(want jobs.ID) jobs.Job {
	i.Helper()
	got := i.claim(1)
	if len(got) != 1 || got[0].ID != want {
		i.Fatalf("claimed %v, want the job %v", ids(got), want)
	}
	return got[0]
}

// recovers lets the instance recover, without claiming, until the jobs are no
// longer processing: a store may take a second look before it calls an
// instance dead. It returns what the claims reported.
func (i *instance) recovers(change func(*jobs.ClaimParams), dead ...jobs.ID) []jobs.Event {
	i.Helper()
	var events []jobs.Event
	eventually(i, "jobs of the dead are recovered", func() bool {
		got := i.claimed(0, func(p *jobs.ClaimParams) {
			if change != nil {
				change(p)
			}
		})
		events = append(events, got.Recovered...)
		if len(got.Jobs) > 0 {
			i.Fatalf("a claim with limit 0 claimed %v", ids(got.Jobs))
		}
		return !slices.ContainsFunc(dead, func(id jobs.ID) bool { return i.get(id).Status == jobs.Processing })
	})
	return events
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

// dump is everything a Store shows, one line a row, to compare before and
// after. Lines of one kind come in a fixed order.
func (e *env) dump() string {
	e.Helper()
	var b strings.Builder
	line := func(v any) {
		text, err := json.Marshal(v)
		e.ok(err)
		fmt.Fprintf(&b, "%s\n", text)
	}
	f := jobs.Filter{Order: jobs.OldestFirst, Limit: 1000}
	for {
		list, err := e.Store.List(e.Context(), f)
		e.ok(err)
		if len(list) == 0 {
			break
		}
		for _, j := range list {
			line(j)
			for _, s := range e.steps(j.ID) {
				line(s)
			}
		}
		f.After = &list[len(list)-1]
	}
	for _, ev := range e.events(jobs.ID{}) {
		line(ev)
	}
	return b.String()
}

// unchanged fails when the dump is no longer the one taken before.
func (e *env) unchanged(before, after string) {
	e.Helper()
	if d := diff(before, e.dump()); d != "" {
		e.Errorf("%s changed something:\n%s", after, d)
	}
}

// diff returns the lines that differ, or "".
func diff(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	var out strings.Builder
	for k := range max(len(a), len(b)) {
		var x, y string
		if k < len(a) {
			x = a[k]
		}
		if k < len(b) {
			y = b[k]
		}
		if x != y {
			fmt.Fprintf(&out, "- %s\n+ %s\n", x, y)
		}
		if out.Len() > 4000 {
			break
		}
	}
	return out.String()
}

// sameJSON compares values, not bytes: a database may keep JSON parsed.
func sameJSON(a, b json.RawMessage) bool {
	parse := func(text json.RawMessage) (v any, err error) {
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber() // or large numbers would lose digits here
		return v, d.Decode(&v)
	}
	x, err1 := parse(a)
	y, err2 := parse(b)
	return err1 == nil && err2 == nil && reflect.DeepEqual(x, y)
}

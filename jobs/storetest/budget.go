package storetest

import (
	"fmt"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// dies lets processes die of a job until it is failed or has died most times,
// and returns how often it was.
func (e *env) dies(j jobs.Job, most int, change func(*jobs.ClaimParams)) int {
	e.Helper()
	for n := 1; n <= most; n++ {
		victim := e.process(fmt.Sprint("victim-", n, "-", j.ID))
		if got := victim.claim(1, change, only(j.ID)); len(got) != 1 {
			e.Fatalf("death %d: claimed %v, want %v", n, ids(got), j.ID)
		}
		victim.kill()
		e.process(fmt.Sprint("after-", n, "-", j.ID)).recovers(change, j.ID)
		if e.get(j.ID).Status == jobs.Failed {
			return n
		}
	}
	return most
}

func budgets(j jobs.Job) [3]int { return [3]int{j.MaxFailures, j.MaxCrashes, j.RetryDelayMS} }

var budgetTests = []test{
	{"a job's own MaxCrashes decides, not the policy's", func(e *env) {
		few, many := e.insert(jobs.NewJob{MaxCrashes: 1}), e.insert(jobs.NewJob{MaxCrashes: 5})
		none := func(*jobs.ClaimParams) {}
		if n := e.dies(few, 4, none); n != 1 || e.get(few.ID).ErrorCode != jobs.CodeCrashed {
			e.Errorf("failed after %d deaths, want 1: %+v", n, e.get(few.ID))
		}
		if n := e.dies(many, 4, none); n != 4 || e.get(many.ID).Status != jobs.Pending {
			e.Errorf("%s after %d deaths of 5", e.get(many.ID).Status, n)
		}
	}},
	{"the policy of a kind is in place of the common one, and a job's own budget before both", func(e *env) {
		byKind := func(p *jobs.ClaimParams) {
			p.Kinds = []string{work, "frail"}
			p.Policies = map[string]jobs.Policy{"frail": {MaxCrashes: 1}}
		}
		for want, in := range map[int]jobs.NewJob{1: {Kind: "frail"}, 2: {Kind: "frail", MaxCrashes: 2}, 3: {}} {
			if n := e.dies(e.insert(in), 4, byKind); n != want {
				e.Errorf("%+v failed after %d deaths, want %d", in, n, want)
			}
		}
	}},
	{"the stamp of a row by hand is that of its kind's policy", func(e *env) {
		manual := func(p *jobs.ClaimParams) {
			p.Kinds = []string{"extract", work}
			p.Policies = map[string]jobs.Policy{"extract": {Recovery: jobs.RecoveryManual}}
		}
		id := jobs.NewID()
		e.Row(e, Row{ID: id, Filename: "by hand", Status: jobs.Pending})
		other := e.insert(jobs.NewJob{})
		for _, j := range e.join("a").claim(2, manual) {
			if want := map[jobs.ID]jobs.Recovery{id: jobs.RecoveryManual, other.ID: jobs.RecoveryAuto}[j.ID]; j.Recovery != want || e.get(j.ID).Recovery != want {
				e.Errorf("claimed with %q, stored %q, want %q", j.Recovery, e.get(j.ID).Recovery, want)
			}
		}
	}},
	{"a job's budgets stay, whatever becomes of it", func(e *env) {
		j := e.insert(jobs.NewJob{MaxFailures: 9, MaxCrashes: 8, RetryDelay: 1500 * time.Millisecond})
		want := [3]int{9, 8, 1500}
		check := func(what string, now jobs.Job) {
			if budgets(now) != want {
				e.Errorf("%s: %v, want %v", what, budgets(now), want)
			}
		}
		check("inserted", j)
		a := e.join("a")
		got := a.claimOne(j.ID)
		check("claimed", got)
		e.finish(outcome(got.Fence(), jobs.Pending))
		got = a.claimOne(j.ID)
		check("retried", got)
		e.checkpoint(got.Fence(), 0, page(1))
		e.finish(outcome(got.Fence(), jobs.Failed))
		check("resumed", e.move(j.ID, jobs.Resume))
		check("cancelled", e.move(j.ID, jobs.Cancel))
		check("restarted", e.move(j.ID, jobs.Restart))
		check("in the end", e.get(j.ID))
	}},
	{"a job without budgets has none of its own", func(e *env) {
		j := e.insert(jobs.NewJob{})
		if budgets(j) != [3]int{} || budgets(e.get(j.ID)) != [3]int{} {
			e.Errorf("inserted with %v, stored with %v", budgets(j), budgets(e.get(j.ID)))
		}
	}},
}

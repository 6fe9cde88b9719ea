package storetest

import (
	"io"
	"slices"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// instance is one joined instance and the handle it works through.
type instance struct {
	*env
	id     string
	s      jobs.Store
	joined io.Closer
	dead   bool
}

// join makes an instance on the test's own handle.
func (e *env) join(id string) *instance {
	e.Helper()
	return e.joinOn(e.Store, id)
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

package jobs_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/mivaa/mivaa/jobs"
)

// A worker that is busy leaves jobs to others, and takes the next by itself when
// it is not any more. What it runs goes on, and the dead are found meanwhile.
func TestBusyWorkerLeavesJobsToOthers(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	var busy atomic.Bool
	var asked atomic.Int32
	release := make(chan struct{})
	start(t, &jobs.Worker{Store: s, Slots: 2,
		Busy: func() bool { asked.Add(1); return busy.Load() },
		Handlers: handler(func(context.Context, *jobs.Attempt) error {
			busy.Store(true) // with the first
			<-release
			return nil
		}),
	})
	first := insert(t, s, jobs.NewJob{Kind: kind})
	until(t, s, first.ID, func(jobs.Job) bool { return busy.Load() }) // its handler runs
	looked := asked.Load()
	until(t, s, first.ID, func(jobs.Job) bool { return asked.Load() > looked+1 }) // no claim of before is under way
	second := insert(t, s, jobs.NewJob{Kind: kind})
	before := asked.Load()
	until(t, s, second.ID, func(j jobs.Job) bool {
		if j.Status != jobs.Pending {
			t.Fatalf("a busy worker took the job: %+v", j)
		}
		return asked.Load() > before+1 // it has looked twice
	})
	close(release)
	until(t, s, first.ID, has(jobs.Completed))
	busy.Store(false)
	until(t, s, second.ID, has(jobs.Completed))
}

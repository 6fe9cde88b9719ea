package jobs_test

import (
	"context"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// People see how many jobs a worker runs at once, what it runs, and what it
// says that it holds.
func TestWorkerTellsOfItself(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	j := insert(t, s, jobs.NewJob{Kind: kind})
	running := make(chan struct{})
	start(t, &jobs.Worker{
		Store: s, Slots: 3, Version: "v9", Memory: func() int64 { return 123 << 20 }, Lease: time.Second,
		Handlers: handler(func(ctx context.Context, _ *jobs.Attempt) error {
			close(running)
			<-ctx.Done()
			return ctx.Err()
		}),
	})
	<-running
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		list, err := s.Instances(t.Context(), 0)
		if err != nil || len(list) != 1 {
			t.Fatalf("%d instances, %v", len(list), err)
		}
		i := list[0]
		if i.Slots != 3 || i.Version != "v9" || len(i.Running) != 1 || i.Running[0] != j.ID {
			t.Fatalf("instance %+v", i)
		}
		if i.MemoryBytes == 123<<20 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("it never said what it holds: %+v", i)
		}
	}
}

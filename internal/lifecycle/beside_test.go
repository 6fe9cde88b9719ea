package lifecycle

import (
	"context"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/mivaa/mivaa/jobs"
)

// What runs beside begins when the service is ready and has ended when Run
// returns; hooks that the worker came with are called beside the log's.
func TestBeside(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	close(release)
	f := newFixture(t, release)
	began, ended := make(chan struct{}), atomic.Bool{}
	f.Beside = append(f.Beside, func(ctx context.Context) {
		close(began)
		<-ctx.Done()
		ended.Store(true)
	})
	started := make(chan jobs.Job, 1)
	f.Worker.Hooks.Started = func(j jobs.Job) { started <- j }
	f.run(t)
	<-began
	inserted, err := f.store.Insert(t.Context(), jobs.NewJob{Kind: "wait"})
	if err != nil {
		t.Fatal(err)
	}
	if j := <-started; j.ID != inserted[0].ID {
		t.Errorf("started %v", j.ID)
	}
	f.signals <- syscall.SIGTERM
	if err := <-f.done; err != nil {
		t.Error(err)
	}
	if !ended.Load() {
		t.Error("it outlived the service")
	}
	if log := strings.Join(f.log.lines(), "\n"); !strings.Contains(log, "BACKGROUND JOB STARTED") {
		t.Errorf("the log does not tell of the job:\n%s", log)
	}
}

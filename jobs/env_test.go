package jobs_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/sqlite"
)

const kind = "count"

func openStore(t testing.TB) *sqlite.Store {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "jobs.db"))
}

func openAt(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// runner is a worker that runs until stop.
type runner struct {
	*jobs.Worker
	cancel context.CancelFunc
	done   chan error
}

func start(t *testing.T, w *jobs.Worker) *runner {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &runner{Worker: w, cancel: cancel, done: make(chan error, 1)}
	go func() { r.done <- w.Run(ctx) }()
	t.Cleanup(func() { cancel(); r.wait(t) })
	return r
}

func (r *runner) stop(t *testing.T) {
	t.Helper()
	r.cancel()
	r.wait(t)
}

func (r *runner) wait(t *testing.T) {
	t.Helper()
	select {
	case err, ok := <-r.done:
		if ok && err != nil {
			t.Errorf("run: %v", err)
		}
		if ok {
			close(r.done)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("worker did not stop")
	}
}

func insert(t *testing.T, s jobs.Store, n ...jobs.NewJob) jobs.Job {
	t.Helper()
	got, err := s.Insert(t.Context(), n...)
	if err != nil {
		t.Fatal(err)
	}
	return got[0]
}

func get(t *testing.T, s jobs.Store, id jobs.ID) jobs.Job {
	t.Helper()
	j, err := jobs.Get(t.Context(), s, id)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// until waits for a condition on a job.
func until(t *testing.T, s jobs.Store, id jobs.ID, cond func(jobs.Job) bool) jobs.Job {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for {
		j := get(t, s, id)
		if cond(j) {
			return j
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("job stays %+v", j)
		}
	}
}

func has(status jobs.Status) func(jobs.Job) bool {
	return func(j jobs.Job) bool { return j.Status == status }
}

func history(t *testing.T, s jobs.Store, id jobs.ID) []string {
	t.Helper()
	events, err := s.Events(t.Context(), id, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, e := range events {
		word := e.Event
		if e.Cause != "" {
			word += ":" + string(e.Cause)
		}
		words = append(words, word)
	}
	return words
}

func handler(h jobs.Handler) map[string]jobs.Handler { return map[string]jobs.Handler{kind: h} }

func step(seq int) jobs.Step {
	return jobs.Step{Seq: seq, Data: json.RawMessage(fmt.Sprintf(`{"n":%d}`, seq))}
}

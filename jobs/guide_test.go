package jobs_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// The examples in this file are the calls of the guide's Python service, one
// for one. docs/guide-calls.md shows their middle parts and says how they
// differ from what they stand for.

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// leftBehind makes a job that a process had in work when it died, and that
// waits for a person.
func leftBehind(ctx context.Context, store jobs.Store, handlers map[string]jobs.Handler) jobs.ID {
	dead := &jobs.Worker{Store: store, Handlers: handlers}
	instance, err := dead.Join(ctx)
	must(err)
	inserted, err := store.Insert(ctx, jobs.NewJob{Kind: "read", Filename: "document.pdf", Recovery: jobs.RecoveryManual, Instance: instance})
	must(err)
	must(dead.Leave()) // its lock is free, as if the process had been killed
	return inserted[0].ID
}

func reading() map[string]jobs.Handler {
	return map[string]jobs.Handler{"read": func(context.Context, *jobs.Attempt) error { return nil }}
}

// await initialize_job_recovery()
func Example_initializeJobRecovery() {
	ctx := context.Background()
	store, closeStore := exampleStore(ctx)
	defer closeStore()
	handlers := reading()
	leftBehind(ctx, store, handlers)

	worker := &jobs.Worker{Store: store, Handlers: handlers, Hooks: jobs.Hooks{
		Recovered: func(events []jobs.Event) {
			for _, e := range events {
				fmt.Println(e.Event, "because of", e.Cause)
			}
		},
	}}
	err := worker.Recover(ctx) // marks the jobs of dead processes; puts back those that go on by themselves
	must(err)
	stats, err := store.Statistics(ctx)
	must(err)
	deleted, err := store.Cleanup(ctx, time.Now().AddDate(0, 0, -7), 1000)
	must(err)

	fmt.Println(stats.Interrupted, "interrupted,", deleted, "cleaned up")
	must(worker.Leave()) // a service goes on with worker.Run(ctx)
	// Output:
	// interrupted because of crash
	// 1 interrupted, 0 cleaned up
}

// await job_recovery.persist_job(job_id, document_id, filename, status, metadata, progress)
func Example_persistJob() {
	ctx := context.Background()
	store, closeStore := exampleStore(ctx)
	defer closeStore()

	// status="pending"
	inserted, err := store.Insert(ctx, jobs.NewJob{
		Kind: "read", Filename: "document.pdf", Metadata: json.RawMessage(`{"title":"My Document"}`),
	})
	must(err)

	// status="processing", progress=50
	handler := func(ctx context.Context, a *jobs.Attempt) error {
		a.SetTotal(2)
		for seq := a.Done() + 1; seq <= 2; seq++ {
			if err := a.Checkpoint(ctx, jobs.Step{Seq: seq, Data: json.RawMessage(`"page"`)}); err != nil {
				return err
			}
			now, err := jobs.Get(ctx, store, a.Job().ID)
			if err != nil {
				return err
			}
			fmt.Println(now.Status, now.Progress)
		}
		return nil // status="completed"; an error would be status="failed", or another try
	}

	worker := &jobs.Worker{Store: store, Handlers: map[string]jobs.Handler{"read": handler}}
	done, err := worker.Do(ctx, inserted[0].ID)
	must(err)
	fmt.Println(done.Status, done.Progress, string(done.Metadata))
	// Output:
	// processing 50
	// processing 99
	// completed 100 {"title":"My Document"}
}

// await job_recovery.get_interrupted_jobs()
func Example_getInterruptedJobs() {
	ctx := context.Background()
	store, closeStore := exampleStore(ctx)
	defer closeStore()
	id := leftBehind(ctx, store, reading())
	worker := &jobs.Worker{Store: store, Handlers: reading()}
	must(worker.Recover(ctx))
	must(worker.Leave())

	interrupted, err := store.List(ctx, jobs.Filter{Status: jobs.Interrupted, Order: jobs.OldestFirst})
	must(err)
	for _, j := range interrupted {
		fmt.Printf("Job was interrupted: %s: %s\n", j.Filename, j.Error)
	}

	fmt.Println(len(interrupted) == 1 && interrupted[0].ID == id)
	// Output:
	// Job was interrupted: document.pdf: Service restart detected
	// true
}

// await job_recovery.get_job_status(job_id)
func Example_getJobStatus() {
	ctx := context.Background()
	store, closeStore := exampleStore(ctx)
	defer closeStore()
	inserted, err := store.Insert(ctx, jobs.NewJob{Kind: "read", Filename: "document.pdf"})
	must(err)
	id := inserted[0].ID

	job, err := jobs.Get(ctx, store, id) // jobs.ErrNotFound: there is none
	must(err)
	fmt.Println(job.Status, job.Progress)

	_, err = jobs.Get(ctx, store, jobs.NewID())
	fmt.Println(err)
	// Output:
	// pending 0
	// job not found
}

// await job_recovery.mark_job_interrupted(job_id, reason)
func Example_markJobInterrupted() {
	ctx := context.Background()
	store, closeStore := exampleStore(ctx)
	defer closeStore()
	id := leftBehind(ctx, store, reading())

	job, err := store.Move(ctx, id, jobs.Interrupt, "ada") // jobs.Cancel: nothing but a person resumes it
	must(err)
	fmt.Println(job.Status, job.Cause, job.Error)

	_, err = store.Move(ctx, id, jobs.Interrupt, "ada")
	fmt.Println(strings.Replace(err.Error(), id.String(), "X", 1))
	// Output:
	// interrupted operator Released by operator
	// cannot interrupt job X: it is interrupted, which allows: resume, restart, cancel
}

// await job_recovery.mark_all_processing_as_interrupted(reason)
func Example_markAllProcessingAsInterrupted() {
	ctx := context.Background()
	store, closeStore := exampleStore(ctx)
	defer closeStore()
	leftBehind(ctx, store, reading())
	living := &jobs.Worker{Store: store, Handlers: reading()}
	instance, err := living.Join(ctx)
	must(err)
	_, err = store.Insert(ctx, jobs.NewJob{Kind: "read", Filename: "living.pdf", Instance: instance})
	must(err)

	// At a start: those of the dead, and nobody else's.
	worker := &jobs.Worker{Store: store, Handlers: reading()}
	err = worker.Recover(ctx)
	must(err)

	show := func() {
		list, err := store.List(ctx, jobs.Filter{Order: jobs.OldestFirst})
		must(err)
		for _, j := range list {
			fmt.Printf("%s %s %q\n", j.Filename, j.Status, j.Cause)
		}
	}
	show()

	// By a person: all that run, whoever runs them.
	running, err := store.List(ctx, jobs.Filter{Status: jobs.Processing})
	must(err)
	for _, j := range running {
		if _, err := store.Move(ctx, j.ID, jobs.Interrupt, "ada"); err != nil {
			fmt.Println(err) // it ended meanwhile
		}
	}

	show()
	must(worker.Leave())
	must(living.Leave())
	// Output:
	// document.pdf interrupted "crash"
	// living.pdf processing ""
	// document.pdf interrupted "crash"
	// living.pdf interrupted "operator"
}

// await job_recovery.cleanup_old_jobs(days=7)
func Example_cleanupOldJobs() {
	ctx := context.Background()
	store, closeStore := exampleStore(ctx)
	defer closeStore()
	inserted, err := store.Insert(ctx, jobs.NewJob{Kind: "read"})
	must(err)
	worker := &jobs.Worker{Store: store, Handlers: reading()}
	_, err = worker.Do(ctx, inserted[0].ID)
	must(err)

	deleted, err := store.Cleanup(ctx, time.Now().AddDate(0, 0, -7), 1000) // 1000: at most so many at once
	must(err)
	fmt.Println(deleted, "of last week")

	deleted, err = store.Cleanup(ctx, time.Now().Add(time.Hour), 1000)
	must(err)
	fmt.Println(deleted, "of today")
	// Output:
	// 0 of last week
	// 1 of today
}

// await job_recovery.get_job_statistics()
func Example_getJobStatistics() {
	ctx := context.Background()
	store, closeStore := exampleStore(ctx)
	defer closeStore()
	_, err := store.Insert(ctx, jobs.NewJob{Kind: "read"}, jobs.NewJob{Kind: "read"})
	must(err)

	stats, err := store.Statistics(ctx)
	must(err)
	fmt.Printf("%+v\n", stats)
	// Output:
	// {Total:2 Pending:2 Processing:0 Completed:0 Failed:0 Interrupted:0}
}

// What the page of the guide's calls shows as Go is code of this file, and each
// of the guide's calls is on it.
func TestGuideCalls(t *testing.T) {
	t.Parallel()
	read := func(name string) string {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	page, source := read("../docs/guide-calls.md"), read("guide_test.go")
	blocks := regexp.MustCompile("(?ms)^```go\n(.*?)^```").FindAllStringSubmatch(page, -1)
	if len(blocks) != 8 {
		t.Errorf("%d blocks of Go, want one for each of the eight calls", len(blocks))
	}
	flat := regexp.MustCompile(`(?m)^\s+`)
	for _, b := range blocks {
		if !strings.Contains(flat.ReplaceAllString(source, ""), flat.ReplaceAllString(b[1], "")) {
			t.Errorf("not in guide_test.go:\n%s", b[1])
		}
	}
	for _, call := range []string{
		"initialize_job_recovery", "persist_job", "get_interrupted_jobs", "get_job_status",
		"mark_job_interrupted", "mark_all_processing_as_interrupted", "cleanup_old_jobs", "get_job_statistics",
	} {
		if !strings.Contains(page, "`"+call+"(") {
			t.Errorf("%s is not on the page", call)
		}
	}
}

package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/sqlite"
)

// exampleStore opens a store in a folder that is removed at the end.
func exampleStore(ctx context.Context) (*sqlite.Store, func()) {
	dir, err := os.MkdirTemp("", "jobs-example-")
	if err != nil {
		panic(err)
	}
	store, err := sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(dir, "jobs.db")})
	if err != nil {
		panic(err)
	}
	return store, func() { store.Close(); os.RemoveAll(dir) }
}

// ended waits until nothing more happens to a job by itself.
func ended(ctx context.Context, store jobs.Store, id jobs.ID) jobs.Job {
	changes := store.Watch(ctx)
	for {
		j, err := jobs.Get(ctx, store, id)
		if err != nil {
			panic(err)
		}
		if j.Ended() {
			return j
		}
		select {
		case <-changes:
		case <-time.After(time.Second):
		}
	}
}

// A whole program: a store, a handler, a worker, a job.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	store, closeStore := exampleStore(ctx)
	defer closeStore()

	worker := &jobs.Worker{Store: store, Handlers: map[string]jobs.Handler{
		"greet": func(_ context.Context, a *jobs.Attempt) error {
			fmt.Println("hello from attempt", a.Job().Attempt)
			return nil
		},
	}}
	done := make(chan error)
	go func() { done <- worker.Run(ctx) }()

	inserted, err := store.Insert(ctx, jobs.NewJob{Kind: "greet"})
	if err != nil {
		panic(err)
	}
	fmt.Println(ended(ctx, store, inserted[0].ID).Status)

	stop()
	fmt.Println(<-done)
	// Output:
	// hello from attempt 1
	// completed
	// <nil>
}

// A payload with a type of its own.
func ExampleHandle() {
	type mail struct{ To, Subject string }

	ctx := context.Background()
	store, closeStore := exampleStore(ctx)
	defer closeStore()
	worker := &jobs.Worker{Store: store, Handlers: map[string]jobs.Handler{
		"mail": jobs.Handle(func(_ context.Context, _ *jobs.Attempt, m mail) error {
			fmt.Printf("%q to %s\n", m.Subject, m.To)
			return nil
		}),
	}}
	job, err := jobs.New("mail", mail{To: "ada@example.org", Subject: "Engines"})
	if err != nil {
		panic(err)
	}
	inserted, err := store.Insert(ctx, job)
	if err != nil {
		panic(err)
	}
	done, err := worker.Do(ctx, inserted[0].ID)
	fmt.Println(done.Status, err)
	// Output:
	// "Engines" to ada@example.org
	// completed <nil>
}

// A handler records each unit of work and begins behind what is recorded. The
// first attempt is interrupted after two of three; the second does the third.
func ExampleAttempt_Checkpoint() {
	ctx, interrupt := context.WithCancel(context.Background())
	store, closeStore := exampleStore(context.Background())
	defer closeStore()

	pages := []string{"one", "two", "three"}
	handlers := map[string]jobs.Handler{
		"read": func(ctx context.Context, a *jobs.Attempt) error {
			a.SetTotal(len(pages))
			for seq := a.Done() + 1; seq <= len(pages); seq++ {
				fmt.Println("reading page", pages[seq-1])
				if a.Job().Attempt == 1 && seq == 2 {
					interrupt() // as a signal would, in the middle of page two
					<-a.Stopping()
				}
				step, err := jobs.StepOf(seq, map[string]string{"text": pages[seq-1]})
				if err != nil {
					return err
				}
				if err := a.Checkpoint(ctx, step); err != nil {
					return err // recorded or not, the engine knows
				}
			}
			return nil
		},
	}
	inserted, err := store.Insert(ctx, jobs.NewJob{Kind: "read"})
	if err != nil {
		panic(err)
	}
	id := inserted[0].ID

	first := &jobs.Worker{Store: store, Handlers: handlers}
	job, err := first.Do(ctx, id)
	fmt.Println(job.Status, job.Cause, job.StepsDone, "of", job.StepsTotal, err)

	second := &jobs.Worker{Store: store, Handlers: handlers}
	job, err = second.Do(context.Background(), id)
	fmt.Println(job.Status, job.StepsDone, "of", job.StepsTotal, err)
	// Output:
	// reading page one
	// reading page two
	// interrupted shutdown 2 of 3 <nil>
	// reading page three
	// completed 3 of 3 <nil>
}

// Errors are tried again within a budget, unless they are permanent.
func ExamplePermanent() {
	ctx := context.Background()
	store, closeStore := exampleStore(ctx)
	defer closeStore()
	worker := func() *jobs.Worker {
		return &jobs.Worker{
			Store:  store,
			Policy: jobs.Policy{MaxFailures: 3, Backoff: func(int) time.Duration { return time.Millisecond }},
			Handlers: map[string]jobs.Handler{
				"flaky": func(context.Context, *jobs.Attempt) error { return errors.New("no answer") },
				"wrong": func(context.Context, *jobs.Attempt) error {
					return jobs.Permanent(jobs.WithCode("not_a_pdf", errors.New("it begins with GIF89a")))
				},
			},
		}
	}
	inserted, err := store.Insert(ctx, jobs.NewJob{Kind: "flaky"}, jobs.NewJob{Kind: "wrong"})
	if err != nil {
		panic(err)
	}
	for _, j := range inserted {
		j, err = worker().Do(ctx, j.ID)
		fmt.Println(j.Status, j.ErrorCode, j.Failures, j.Error, err)
	}
	// Output:
	// failed internal 3 no answer <nil>
	// failed not_a_pdf 1 it begins with GIF89a <nil>
}

// The same key is the same job, also after an answer that was lost.
func ExampleNewJob_idempotencyKey() {
	ctx := context.Background()
	store, closeStore := exampleStore(ctx)
	defer closeStore()
	order := jobs.NewJob{Kind: "charge", Payload: []byte(`{"cents":999}`), IdempotencyKey: "order-17"}
	first, err := store.Insert(ctx, order)
	if err != nil {
		panic(err)
	}
	again, err := store.Insert(ctx, order)
	if err != nil {
		panic(err)
	}
	fmt.Println(first[0].ID == again[0].ID)

	order.Payload = []byte(`{"cents":1}`)
	_, err = store.Insert(ctx, order)
	fmt.Println(errors.Is(err, jobs.ErrKeyReused))
	// Output:
	// true
	// true
}

// A person's moves are checked against the table, and the error says what the
// status allows.
func ExampleStore_Move() {
	ctx := context.Background()
	store, closeStore := exampleStore(ctx)
	defer closeStore()
	inserted, err := store.Insert(ctx, jobs.NewJob{Kind: "any"})
	if err != nil {
		panic(err)
	}
	id := inserted[0].ID
	job, err := store.Move(ctx, id, jobs.Cancel, "ada")
	fmt.Println(job.Status, job.Cause, err)
	job, err = store.Move(ctx, id, jobs.Resume, "ada")
	fmt.Println(job.Status, err)
	_, err = store.Move(ctx, id, jobs.Resume, "ada")
	if refused, ok := errors.AsType[*jobs.MoveError](err); ok {
		fmt.Println("refused:", refused.Status, "allows", refused.Allowed)
	}
	// Output:
	// interrupted cancelled <nil>
	// pending <nil>
	// refused: pending allows [restart cancel]
}

// Higher priority runs first; a job with RunAt waits until then.
func ExampleNewJob() {
	ctx := context.Background()
	store, closeStore := exampleStore(ctx)
	defer closeStore()
	_, err := store.Insert(ctx,
		jobs.NewJob{Kind: "report", Filename: "ordinary"},
		jobs.NewJob{Kind: "report", Filename: "urgent", Priority: 10},
		jobs.NewJob{Kind: "report", Filename: "tomorrow", RunAt: time.Now().Add(24 * time.Hour)},
	)
	if err != nil {
		panic(err)
	}
	var worker *jobs.Worker
	ctx, stop := context.WithCancel(ctx)
	worker = &jobs.Worker{Store: store, Slots: 1, Handlers: map[string]jobs.Handler{
		"report": func(_ context.Context, a *jobs.Attempt) error {
			fmt.Println(a.Job().Filename)
			if a.Job().Filename == "ordinary" {
				stop()
			}
			return nil
		},
	}}
	fmt.Println(worker.Run(ctx))
	counts, err := store.Statistics(context.Background())
	fmt.Println(counts.Completed, "completed,", counts.Pending, "pending", err)
	// Output:
	// urgent
	// ordinary
	// <nil>
	// 2 completed, 1 pending <nil>
}

// A handler that waits for something long hears of the stop, and how much time
// it has left.
func ExampleAttempt_Stopping() {
	store, closeStore := exampleStore(context.Background())
	defer closeStore()
	inserted, err := store.Insert(context.Background(), jobs.NewJob{Kind: "wait"})
	if err != nil {
		panic(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	worker := &jobs.Worker{Store: store, Grace: 20 * time.Second, Handlers: map[string]jobs.Handler{
		"wait": func(_ context.Context, a *jobs.Attempt) error {
			stop() // as a signal would
			select {
			case <-a.Stopping():
				fmt.Println("time to tidy up:", a.Left() > 10*time.Second)
				return jobs.ErrStopping
			case <-time.After(time.Hour):
				return nil
			}
		},
	}}
	job, err := worker.Do(ctx, inserted[0].ID)
	fmt.Println(job.Status, job.Cause, err)
	// Output:
	// time to tidy up: true
	// interrupted shutdown <nil>
}

// Drain lets what runs come to its end and claims nothing more: what a deploy
// does before it stops a worker.
func ExampleWorker_Drain() {
	store, closeStore := exampleStore(context.Background())
	defer closeStore()
	started, release := make(chan struct{}), make(chan struct{})
	worker := &jobs.Worker{Store: store, Handlers: map[string]jobs.Handler{
		"long": func(context.Context, *jobs.Attempt) error {
			close(started)
			<-release
			return nil
		},
	}}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- worker.Run(ctx) }()
	if _, err := store.Insert(ctx, jobs.NewJob{Kind: "long"}); err != nil {
		panic(err)
	}
	<-started
	fmt.Println("running:", len(worker.Running()))
	close(release)
	fmt.Println("drained:", worker.Drain(ctx))
	stop()
	fmt.Println(<-done)
	// Output:
	// running: 1
	// drained: true
	// <nil>
}

// A job stamped manual waits for a person after an interruption.
func ExampleRecovery() {
	ctx, stop := context.WithCancel(context.Background())
	store, closeStore := exampleStore(context.Background())
	defer closeStore()
	inserted, err := store.Insert(ctx, jobs.NewJob{Kind: "careful", Recovery: jobs.RecoveryManual})
	if err != nil {
		panic(err)
	}
	id := inserted[0].ID
	handlers := map[string]jobs.Handler{
		"careful": func(_ context.Context, a *jobs.Attempt) error {
			if a.Job().Attempt > 1 {
				return nil
			}
			stop()
			<-a.Stopping()
			return jobs.ErrStopping
		},
	}
	job, err := (&jobs.Worker{Store: store, Handlers: handlers}).Do(ctx, id)
	fmt.Println(job.Status, err)

	ctx = context.Background()
	job, err = (&jobs.Worker{Store: store, Handlers: handlers}).Do(ctx, id)
	fmt.Println(job.Status, err) // looked at, and left alone

	if _, err := store.Move(ctx, id, jobs.Resume, "ada"); err != nil {
		panic(err)
	}
	job, err = (&jobs.Worker{Store: store, Handlers: handlers}).Do(ctx, id)
	fmt.Println(job.Status, err)
	// Output:
	// interrupted <nil>
	// interrupted <nil>
	// completed <nil>
}

// Hooks are where a program logs and counts in its own words.
func ExampleHooks() {
	ctx := context.Background()
	store, closeStore := exampleStore(ctx)
	defer closeStore()
	worker := &jobs.Worker{
		Store:    store,
		Handlers: map[string]jobs.Handler{"any": func(context.Context, *jobs.Attempt) error { return nil }},
		Hooks: jobs.Hooks{
			Started:  func(j jobs.Job) { fmt.Println("started", j.Filename) },
			Finished: func(j jobs.Job, o jobs.Outcome, _ time.Duration) { fmt.Println(j.Filename, "is", o.Status) },
		},
	}
	inserted, err := store.Insert(ctx, jobs.NewJob{Kind: "any", Filename: "a.txt"})
	if err != nil {
		panic(err)
	}
	if _, err := worker.Do(ctx, inserted[0].ID); err != nil {
		panic(err)
	}
	// Output:
	// started a.txt
	// a.txt is completed
}

// Owners take turns, however many jobs one of them has waiting.
func ExampleNewJob_owner() {
	ctx, stop := context.WithCancel(context.Background())
	store, closeStore := exampleStore(ctx)
	defer closeStore()
	inserted, err := store.Insert(ctx,
		jobs.NewJob{Kind: "print", Owner: "ada"}, jobs.NewJob{Kind: "print", Owner: "ada"}, jobs.NewJob{Kind: "print", Owner: "ada"},
		jobs.NewJob{Kind: "print", Owner: "bob"})
	if err != nil {
		panic(err)
	}
	worker := &jobs.Worker{Store: store, Slots: 1, Handlers: map[string]jobs.Handler{
		"print": func(_ context.Context, a *jobs.Attempt) error {
			fmt.Println(a.Job().Owner)
			return nil
		},
	}}
	done := make(chan error)
	go func() { done <- worker.Run(ctx) }()
	for _, j := range inserted {
		ended(ctx, store, j.ID)
	}
	stop()
	fmt.Println(<-done)
	// Output:
	// ada
	// bob
	// ada
	// ada
	// <nil>
}

// What all machines together must not do too much of has a limit by kind.
func ExampleWorker_limits() {
	ctx, stop := context.WithCancel(context.Background())
	store, closeStore := exampleStore(ctx)
	defer closeStore()
	inserted, err := store.Insert(ctx, jobs.NewJob{Kind: "train"}, jobs.NewJob{Kind: "train"}, jobs.NewJob{Kind: "train"})
	if err != nil {
		panic(err)
	}
	var running atomic.Int32
	worker := &jobs.Worker{
		Store: store, Slots: 8, Limits: map[string]int{"train": 1},
		Handlers: map[string]jobs.Handler{"train": func(context.Context, *jobs.Attempt) error {
			fmt.Println("running:", running.Add(1))
			running.Add(-1)
			return nil
		}},
	}
	done := make(chan error)
	go func() { done <- worker.Run(ctx) }()
	for _, j := range inserted {
		ended(ctx, store, j.ID)
	}
	stop()
	fmt.Println(<-done)
	// Output:
	// running: 1
	// running: 1
	// running: 1
	// <nil>
}

// How often a job may fail, and how long it waits in between, is the policy's
// of its kind; a job may have budgets of its own.
func ExampleNewJob_budgets() {
	ctx := context.Background()
	store, closeStore := exampleStore(ctx)
	defer closeStore()
	worker := &jobs.Worker{
		Store:    store,
		Policy:   jobs.Policy{MaxFailures: 10},
		Policies: map[string]jobs.Policy{"once": {MaxFailures: 1}},
		Handlers: map[string]jobs.Handler{
			"once":  func(context.Context, *jobs.Attempt) error { return errors.New("no") },
			"often": func(context.Context, *jobs.Attempt) error { return errors.New("no") },
		},
	}
	inserted, err := store.Insert(ctx, jobs.NewJob{Kind: "once"}, jobs.NewJob{Kind: "often", MaxFailures: 2, RetryDelay: time.Millisecond})
	if err != nil {
		panic(err)
	}
	for _, j := range inserted {
		job, err := worker.Do(ctx, j.ID)
		if err != nil {
			panic(err)
		}
		fmt.Println(job.Kind, "is", job.Status, "after attempt", job.Attempt)
	}
	// Output:
	// once is failed after attempt 1
	// often is failed after attempt 2
}

package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	var refused *jobs.MoveError
	if errors.As(err, &refused) {
		fmt.Println("refused:", refused.Status, "allows", refused.Allowed)
	}
	// Output:
	// interrupted cancelled <nil>
	// pending <nil>
	// refused: pending allows [restart cancel]
}

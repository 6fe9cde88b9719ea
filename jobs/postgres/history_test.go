package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/jobs"
)

// TestEventsOfAllMissNone has a reader go on behind the last event it saw while
// two transactions commit in the other order than they got their ids.
func TestEventsOfAllMissNone(t *testing.T) {
	t.Parallel()
	s, schema := fresh(t)
	insertOne(t, s, jobs.NewJob{Kind: "before"})
	var seen []string
	var last int64
	read := func() {
		t.Helper()
		events, err := s.Events(t.Context(), jobs.ID{}, last, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			seen, last = append(seen, get(t, s, e.JobID).Kind), e.ID
		}
	}
	insert := func(tx pgx.Tx, kind string) {
		t.Helper()
		if _, err := s.InsertTx(t.Context(), tx, jobs.NewJob{Kind: kind}); err != nil {
			t.Fatal(err)
		}
	}
	commit := func(tx pgx.Tx) {
		t.Helper()
		if err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	want := func(kinds ...string) {
		t.Helper()
		if read(); fmt.Sprint(seen) != fmt.Sprint(kinds) {
			t.Errorf("seen %v, want %v", seen, kinds)
		}
	}
	want("before")
	by := person(t, schema)
	first, second := begin(t, by), begin(t, by)
	// The second has the lower number of a transaction, the first the lower ids.
	if _, err := second.Exec(t.Context(), `SELECT pg_current_xact_id()`); err != nil {
		t.Fatal(err)
	}
	insert(first, "first")
	insert(second, "second")
	commit(second)
	insertOne(t, s, jobs.NewJob{Kind: "third"})
	want("before")
	insert(first, "also first")
	commit(first)
	want("before", "first", "second", "third", "also first")
	// One that is undone leaves a gap and holds nobody up.
	third := begin(t, by)
	insert(third, "never")
	if err := third.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	insertOne(t, s, jobs.NewJob{Kind: "last"})
	want("before", "first", "second", "third", "also first", "last")
}

// TestEventsOfAllMissNoneAtOnce is the same with many writers and no order.
func TestEventsOfAllMissNoneAtOnce(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	const writers, rounds = 6, 25
	var done atomic.Bool
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(w), 1))
			for range rounds {
				err := s.Update(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
					for range 1 + rnd.IntN(3) {
						if _, err := s.InsertTx(ctx, tx, jobs.NewJob{Kind: "work"}, jobs.NewJob{Kind: "work"}); err != nil {
							return err
						}
						if _, err := tx.Exec(ctx, `SELECT pg_sleep($1)`, rnd.Float64()/200); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	go func() { all.Wait(); done.Store(true) }()
	seen := map[int64]bool{}
	var last int64
	for ended := false; ; {
		events, err := s.Events(t.Context(), jobs.ID{}, last, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			seen[e.ID], last = true, e.ID
		}
		if len(events) == 0 && ended {
			break
		}
		ended = done.Load()
	}
	events, err := s.Events(t.Context(), jobs.ID{}, 0, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	missed := 0
	for _, e := range events {
		if !seen[e.ID] {
			missed++
		}
	}
	if missed > 0 || len(events) < 2*writers*rounds {
		t.Errorf("%d of %d events were missed", missed, len(events))
	}
}

// TestManyTellingsTakeOneLock: the server has room for some thousands of locks.
func TestManyTellingsTakeOneLock(t *testing.T) {
	t.Parallel()
	s, schema := fresh(t)
	err := s.Update(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		for range 50 {
			if _, err := s.InsertTx(ctx, tx, jobs.NewJob{Kind: "work"}); err != nil {
				return err
			}
		}
		var locks int
		err := tx.QueryRow(ctx, `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND pid = pg_backend_pid() AND classid = $1::text::regclass`,
			schema+".job_events").Scan(&locks)
		if locks != 1 {
			t.Errorf("%d locks, want 1", locks)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

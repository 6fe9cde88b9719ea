package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/jobs"
)

// TestTwoInsertsOfOneKey has the second wait for the first, which is not
// committed yet: it answers with the first job, or takes its place.
func TestTwoInsertsOfOneKey(t *testing.T) {
	t.Parallel()
	for _, commits := range []bool{true, false} {
		for name, n := range map[string]jobs.NewJob{
			"key": {Kind: "work", IdempotencyKey: "k", Owner: "alice"},
			"id":  {Kind: "work", ID: jobs.NewID()},
		} {
			t.Run(fmt.Sprint(name, " ", commits), func(t *testing.T) {
				t.Parallel()
				s, schema := fresh(t)
				tx := begin(t, person(t, schema))
				first, err := s.InsertTx(t.Context(), tx, n)
				if err != nil {
					t.Fatal(err)
				}
				type answer struct {
					list []jobs.Job
					err  error
				}
				second := make(chan answer)
				go func() {
					list, err := s.Insert(t.Context(), jobs.NewJob{Kind: "beside"}, n)
					second <- answer{list, err}
				}()
				waits(t, s)
				if commits {
					err = tx.Commit(t.Context())
				} else {
					err = tx.Rollback(t.Context())
				}
				if err != nil {
					t.Fatal(err)
				}
				got := <-second
				if got.err != nil {
					t.Fatal(got.err)
				}
				if same := got.list[1].ID == first[0].ID; same != (commits || name == "id") {
					t.Errorf("the second got %v, the first %v", got.list[1].ID, first[0].ID)
				}
				if st, err := s.Statistics(t.Context()); err != nil || st.Total != 2 {
					t.Errorf("%+v, %v", st, err)
				}
			})
		}
	}
}

// waits returns when a statement of the store waits for a lock.
func waits(t *testing.T, s *Store) {
	t.Helper()
	const query = `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1)`
	deadline := time.Now().Add(30 * time.Second)
	for waiting := false; !waiting; {
		if err := s.pool.QueryRow(t.Context(), query, "%"+s.schema+".background_jobs%").Scan(&waiting); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing waits for a lock")
		}
	}
}

// TestInsertsThatCross: two calls name the same keys in opposite orders. The
// server ends one of them, which runs again.
func TestInsertsThatCross(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	key := func(k string) jobs.NewJob { return jobs.NewJob{Kind: "work", IdempotencyKey: k} }
	for round := range 20 {
		a, b := key(fmt.Sprint("a", round)), key(fmt.Sprint("b", round))
		errs := make(chan error, 2)
		for _, list := range [][]jobs.NewJob{{a, b}, {b, a}} {
			go func() { errs <- second(s.Insert(t.Context(), list...)) }()
		}
		if err := errors.Join(<-errs, <-errs); err != nil {
			t.Fatal(err)
		}
	}
	if st, err := s.Statistics(t.Context()); err != nil || st.Total != 40 {
		t.Errorf("%+v, %v", st, err)
	}
}

func TestInsertOfThousands(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	list := make([]jobs.NewJob, 5000)
	for i := range list {
		list[i] = jobs.NewJob{Kind: "work", Payload: json.RawMessage(fmt.Sprintf(`{"n":%d}`, i)), IdempotencyKey: fmt.Sprint(i), Owner: fmt.Sprint(i % 7)}
	}
	for range 2 { // the second time all are there
		out, err := s.Insert(t.Context(), list...)
		if err != nil {
			t.Fatal(err)
		}
		for i, j := range out {
			if string(j.Payload) != string(list[i].Payload) || j.Position == 0 {
				t.Fatalf("job %d: %s at %d", i, j.Payload, j.Position)
			}
		}
	}
	if st, err := s.Statistics(t.Context()); err != nil || st.Pending != len(list) {
		t.Errorf("%+v, %v", st, err)
	}
	if events, err := s.Events(t.Context(), jobs.ID{}, 0, 10_000); err != nil || len(events) != len(list) {
		t.Errorf("%d events, %v", len(events), err)
	}
}

func TestBornProcessing(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	for _, list := range [][]jobs.NewJob{{{Kind: "work", Instance: "a"}}, {{Kind: "work", Instance: "a"}, {Kind: "work"}}} {
		out, err := s.Insert(t.Context(), list...)
		if err != nil {
			t.Fatal(err)
		}
		j := out[0]
		if j.Status != jobs.Processing || j.Attempt != 1 || j.InstanceID != "a" || j.Position != 0 || !j.StartedAt.Equal(j.CreatedAt) {
			t.Errorf("got %+v", j)
		}
		events, err := s.Events(t.Context(), j.ID, 0, 10)
		if err != nil || len(events) != 2 || events[0].Event != jobs.EventAccepted || events[0].Attempt != 0 || events[0].Instance != "" ||
			events[1].Event != jobs.EventStarted || events[1].From != jobs.Pending || events[1].Instance != "a" || events[1].Attempt != 1 {
			t.Errorf("events %+v, %v", events, err)
		}
	}
}

func TestInsertTxAndMoveTxShareTheFateOfTheirTransaction(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	j := insertOne(t, s, jobs.NewJob{Kind: "work"})
	own := errors.New("no")
	update := func(result error) error {
		return s.Update(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
			if _, err := s.InsertTx(ctx, tx, jobs.NewJob{Kind: "work"}); err != nil {
				return err
			}
			if _, err := s.MoveTx(ctx, tx, j.ID, jobs.Cancel, "me"); err != nil {
				return err
			}
			return result
		})
	}
	if err := update(own); !errors.Is(err, own) {
		t.Fatal(err)
	}
	if st, err := s.Statistics(t.Context()); err != nil || st != (jobs.Statistics{Total: 1, Pending: 1}) {
		t.Errorf("after one that was undone: %+v, %v", st, err)
	}
	if err := update(nil); err != nil {
		t.Fatal(err)
	}
	if st, err := s.Statistics(t.Context()); err != nil || st != (jobs.Statistics{Total: 2, Pending: 1, Interrupted: 1}) {
		t.Errorf("after one that was kept: %+v, %v", st, err)
	}
}

// TestABudgetOfItsOwn is kept to the letter.
func TestABudgetOfItsOwn(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	j := insertOne(t, s, jobs.NewJob{Kind: "work", MaxFailures: 7, MaxCrashes: 8, RetryDelay: 1500 * time.Millisecond})
	if got := get(t, s, j.ID); got.MaxFailures != 7 || got.MaxCrashes != 8 || got.RetryDelayMS != 1500 {
		t.Errorf("got %+v", got)
	}
}

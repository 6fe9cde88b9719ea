package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mivaa/mivaa/jobs"
)

// stopped keeps the writer busy until the returned function is called, so that
// what is asked for meanwhile waits together.
func stopped(t *testing.T, s *Store) (release func()) {
	t.Helper()
	begun, gate := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		err := s.Update(t.Context(), func(*sql.Tx) error {
			close(begun)
			<-gate
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-begun
	return func() {
		close(gate)
		wg.Wait()
	}
}

// waiting waits until n ops wait for the writer.
func waiting(t *testing.T, s *Store, n int) {
	t.Helper()
	eventually(t, fmt.Sprint(n, " ops wait"), func() bool {
		s.queue.mu.Lock()
		defer s.queue.mu.Unlock()
		return len(s.queue.ops) == n
	})
}

func TestOneBadOpFailsNoneOfItsNeighbours(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jobs.db")
	s := open(t, path)
	release := stopped(t, s)
	const n = 20
	errs := make([]error, n)
	runs := make([]int, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if i%5 == 4 { // a document that is not there, or a statement that is none
				_, errs[i] = s.Insert(t.Context(), jobs.NewJob{Kind: "work", DocumentID: jobs.NewID()})
				return
			}
			errs[i] = s.Update(t.Context(), func(tx *sql.Tx) error {
				runs[i]++
				_, err := s.InsertTx(t.Context(), tx, jobs.NewJob{Kind: "work", Filename: fmt.Sprint(i)})
				if err == nil && i%5 == 3 {
					return fmt.Errorf("on second thought %d", i)
				}
				return err
			})
		})
	}
	waiting(t, s, n)
	release()
	wg.Wait()
	for i, err := range errs {
		switch {
		case i%5 == 4:
			if err == nil || errors.Is(err, jobs.ErrUnavailable) || !strings.Contains(err.Error(), "does not exist") {
				t.Errorf("op %d: %v, want an error of its own that names the document", i, err)
			}
		case i%5 == 3:
			if err == nil || err.Error() != fmt.Sprintf("on second thought %d", i) {
				t.Errorf("op %d: %v, want the function's own error", i, err)
			}
		case err != nil:
			t.Errorf("op %d: %v", i, err)
		}
	}
	if st, err := s.Statistics(t.Context()); err != nil || st.Total != n*3/5 {
		t.Errorf("counted %+v, %v, want %d", st, err, n*3/5)
	}
	var places, highest int
	if err := s.reader.QueryRow(`SELECT count(DISTINCT position), max(position) FROM background_jobs`).Scan(&places, &highest); err != nil || places != n*3/5 {
		t.Errorf("%d places, %v: want one each", places, err)
	}
}

func TestWhatWaitsIsCommittedTogether(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "jobs.db"))
	release := stopped(t, s)
	var mu sync.Mutex
	txs := map[*sql.Tx]bool{}
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			err := s.Update(t.Context(), func(tx *sql.Tx) error {
				mu.Lock()
				defer mu.Unlock()
				txs[tx] = true
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	waiting(t, s, 10)
	release()
	wg.Wait()
	if len(txs) != 1 {
		t.Errorf("%d transactions, want one", len(txs))
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "jobs.db"))
	ctx := t.Context()
	var leaked *sql.Tx
	doc := jobs.NewID()
	var j jobs.Job
	err := s.Update(ctx, func(tx *sql.Tx) error {
		leaked = tx
		if _, err := tx.Exec(`INSERT INTO documents (id) VALUES (?)`, doc.String()); err != nil {
			return err
		}
		made, err := s.InsertTx(ctx, tx, jobs.NewJob{Kind: "work", DocumentID: doc})
		if err != nil {
			return err
		}
		j, err = s.MoveTx(ctx, tx, made[0].ID, jobs.Cancel, "me")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := get(t, s, j.ID); got.Status != jobs.Interrupted || got.DocumentID != doc {
		t.Errorf("got %+v", got)
	}
	if _, err := s.InsertTx(ctx, leaked, jobs.NewJob{Kind: "work"}); err == nil {
		t.Error("InsertTx outside of its Update: no error")
	}
	if _, err := s.MoveTx(ctx, leaked, j.ID, jobs.Resume, "me"); err == nil {
		t.Error("MoveTx outside of its Update: no error")
	}

	err = s.Update(ctx, func(tx *sql.Tx) error {
		if _, err := s.InsertTx(ctx, tx, jobs.NewJob{Kind: "other"}); err != nil {
			return err
		}
		_, err := s.MoveTx(ctx, tx, j.ID, jobs.Interrupt, "me")
		return err
	})
	if _, refused := errors.AsType[*jobs.MoveError](err); !refused {
		t.Errorf("got %v, want a MoveError", err)
	}
	if list, err := s.List(ctx, jobs.Filter{Kind: "other"}); err != nil || len(list) > 0 {
		t.Errorf("the refused update left %v, %v", list, err)
	}
	if _, err := s.reader.Exec(`DELETE FROM background_jobs`); err == nil {
		t.Error("the reader wrote")
	}
}

func TestPanicIsTheCallersOwn(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "jobs.db"))
	func() {
		defer func() {
			if p := recover(); p == nil || !strings.Contains(fmt.Sprint(p), "my mistake") {
				t.Errorf("recovered %v", p)
			}
		}()
		_ = s.Update(t.Context(), func(tx *sql.Tx) error {
			if _, err := s.InsertTx(t.Context(), tx, jobs.NewJob{Kind: "work"}); err != nil {
				return err
			}
			panic("my mistake")
		})
	}()
	if st, err := s.Statistics(t.Context()); err != nil || st.Total != 0 {
		t.Errorf("left %+v, %v", st, err)
	}
	insertOne(t, s, jobs.NewJob{Kind: "work"})
}

func TestContextEndsBeforeItsOpBegins(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "jobs.db"))
	release := stopped(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := s.Insert(ctx, jobs.NewJob{Kind: "work"}); !errors.Is(err, context.Canceled) || errors.Is(err, jobs.ErrUnavailable) {
			t.Errorf("got %v, want the context's error", err)
		}
	})
	waiting(t, s, 1)
	cancel()
	wg.Wait()
	release()
	if st, err := s.Statistics(t.Context()); err != nil || st.Total != 0 {
		t.Errorf("counted %+v, %v: it was taken back", st, err)
	}
}

func TestCloseFinishesWhatWaits(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jobs.db")
	s := open(t, path)
	release := stopped(t, s)
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if _, err := s.Insert(t.Context(), jobs.NewJob{Kind: "work"}); err != nil {
				t.Error(err)
			}
		})
	}
	waiting(t, s, 5)
	wg.Go(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	eventually(t, "the store is closing", func() bool {
		s.queue.mu.Lock()
		defer s.queue.mu.Unlock()
		return s.queue.closed
	})
	_, err := s.Insert(t.Context(), jobs.NewJob{Kind: "work"})
	unavailable(t, err, "stopping")
	release()
	wg.Wait()
	if st, err := open(t, path).Statistics(t.Context()); err != nil || st.Total != 5 {
		t.Errorf("counted %+v, %v", st, err)
	}
	if _, err := s.List(t.Context(), jobs.Filter{}); !errors.Is(err, jobs.ErrUnavailable) {
		t.Errorf("read of a closed store: %v", err)
	}
}

func TestLockedByAnotherProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jobs.db")
	s := open(t, path)
	j := insertOne(t, s, jobs.NewJob{Kind: "work"})
	conn, err := person(t, path).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), `BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.writer.Exec(`PRAGMA busy_timeout = 50`); err != nil { // what 5 s show, 50 ms show
		t.Fatal(err)
	}
	_, err = s.Insert(t.Context(), jobs.NewJob{Kind: "work"})
	unavailable(t, err, "Another process holds the write lock")
	if got := get(t, s, j.ID); got.ID != j.ID { // reading goes on
		t.Errorf("read %+v", got)
	}
	if _, err := conn.ExecContext(t.Context(), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	insertOne(t, s, jobs.NewJob{Kind: "work"})
	if st, err := s.Statistics(t.Context()); err != nil || st.Total != 2 {
		t.Errorf("counted %+v, %v: the refused insert must not be among them", st, err)
	}
}

// full is a checkpoint that no longer fits, and everything after it.
func full(t *testing.T, s *Store, makeRoom func()) {
	t.Helper()
	join(t, s, "a")
	j := insertOne(t, s, jobs.NewJob{Kind: "work"})
	got, err := s.Claim(t.Context(), claimParams("a", 1))
	if err != nil || len(got.Jobs) != 1 {
		t.Fatal(len(got.Jobs), err)
	}
	f := got.Jobs[0].Fence()
	data := json.RawMessage(`"` + strings.Repeat("x", 100_000) + `"`)
	recorded := 0
	for recorded < 1000 {
		if err = s.Checkpoint(t.Context(), f, 0, jobs.Step{Seq: recorded + 1, Data: data}); err != nil {
			break
		}
		recorded++
	}
	unavailable(t, err, "is full")
	if now := get(t, s, j.ID); now.StepsDone != recorded {
		t.Errorf("%d steps, want the %d that were acknowledged", now.StepsDone, recorded)
	}
	makeRoom()
	if err := s.Checkpoint(t.Context(), f, 0, jobs.Step{Seq: recorded + 1, Data: data}); err != nil {
		t.Errorf("after there was room again: %v", err)
	}
	steps := 0
	for {
		page, err := s.Steps(t.Context(), j.ID, steps, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		steps += len(page)
	}
	if steps != recorded+1 {
		t.Errorf("%d steps are readable, want %d", steps, recorded+1)
	}
}

func TestDatabaseFull(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "jobs.db"))
	limit := func(pages int) {
		if _, err := s.writer.Exec(fmt.Sprintf(`PRAGMA max_page_count = %d`, pages)); err != nil {
			t.Fatal(err)
		}
	}
	limit(300)
	full(t, s, func() { limit(1_000_000) })
}

package postgres

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// A person's cancel and the end of the attempt race: one of them wins, and both
// are told the truth.
func TestFinishOrCancel(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.join("a")
	other := q.again()
	q.insert(make([]jobs.NewJob, 40)...)
	for _, j := range q.claim(params("a", 40)) {
		var lost []jobs.Fence
		var failed, refused error
		var wg sync.WaitGroup
		wg.Go(func() { lost, failed = q.Finish(t.Context(), completed([]jobs.Job{j})...) })
		wg.Go(func() { _, refused = other.Move(t.Context(), j.ID, jobs.Cancel, "tester") })
		wg.Wait()
		now := get(t, other, j.ID)
		want := jobs.Completed
		if refused == nil {
			want = jobs.Interrupted
		}
		if failed != nil || now.Status != want || (len(lost) == 1) != (want == jobs.Interrupted) {
			t.Errorf("%s: lost %v, %v; cancel %v", now.Status, lost, failed, refused)
		}
	}
}

// Calls that name the same jobs in any order end each once and lock one another
// out no longer than they last.
func TestFinishTogether(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.join("a")
	q.insert(make([]jobs.NewJob, 200)...)
	out := completed(q.claim(params("a", 200)))
	backwards := slices.Clone(out)
	slices.Reverse(backwards)
	calls := [][]jobs.Outcome{out, backwards, out[50:], backwards[50:]}
	together(len(calls), func(i int) {
		if lost, err := q.Finish(t.Context(), calls[i]...); err != nil || len(lost) > 0 {
			t.Errorf("lost %d, %v", len(lost), err)
		}
	})
	if n := q.number(`SELECT count(*) FROM jobs_schema.job_events WHERE event = 'completed'`); n != 200 {
		t.Errorf("%d ends told of, want 200", n)
	}
}

// An attempt that is written to while it ends is not taken for a lost one.
func TestFinishWhileRecording(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.join("a")
	q.insert(jobs.NewJob{})
	j := q.claim(params("a", 1))[0]
	tx := begin(t, q.pool)
	if done, err := q.advance(t.Context(), tx, j.Fence(), 0, []jobs.Step{{Seq: 1, Data: []byte(`1`)}}); err != nil || !done {
		t.Fatal(done, err)
	}
	ended := make(chan error, 1)
	go func() {
		lost, err := q.Finish(t.Context(), completed([]jobs.Job{j})...)
		if err == nil && len(lost) > 0 {
			err = jobs.ErrLeaseLost
		}
		ended <- err
	}()
	for q.number(`SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'`) == 0 {
		select {
		case err := <-ended:
			t.Fatalf("ended before the checkpoint: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if now := get(t, q.Store, j.ID); now.Status != jobs.Completed || now.StepsDone != 1 {
		t.Errorf("got %+v", now)
	}
}

// What the database cannot hold is made storable where it is for people.
func TestFinishWithAnyError(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.join("a")
	q.insert(make([]jobs.NewJob, 3)...)
	const odd = "a\x00b\xff"
	for i, j := range q.claim(params("a", 3)) {
		o := jobs.Outcome{Fence: j.Fence(), Status: []jobs.Status{jobs.Failed, jobs.Pending, jobs.Interrupted}[i], Error: odd, Code: odd}
		if o.Status == jobs.Interrupted {
			o.Cause = jobs.CauseOperator
		}
		for range 2 { // a repeat is recognised
			if lost, err := q.Finish(t.Context(), o); err != nil || len(lost) > 0 {
				t.Errorf("%s: lost %v, %v", o.Status, lost, err)
			}
		}
	}
}

// Data that no column of JSON can hold is refused with words, and not taken for
// a store that does not answer.
func TestCheckpointOfWhatIsNotJSON(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.join("a")
	q.insert(jobs.NewJob{})
	f := q.claim(params("a", 1))[0].Fence()
	for data, word := range map[string]string{"\"\x00\"": "not JSON", "\"\xff\"": "not UTF-8", "{": "not JSON"} {
		err := q.Checkpoint(t.Context(), f, 0, jobs.Step{Seq: 1, Data: []byte(data)})
		if err == nil || !strings.Contains(err.Error(), word) || errors.Is(err, jobs.ErrUnavailable) {
			t.Errorf("%q: %v", data, err)
		}
		f.Attempt++
		if err := q.Checkpoint(t.Context(), f, 0, jobs.Step{Seq: 1, Data: []byte(data)}); !errors.Is(err, jobs.ErrLeaseLost) {
			t.Errorf("%q of a lost attempt: %v", data, err)
		}
		f.Attempt--
	}
	if err := q.Checkpoint(t.Context(), f, 0, jobs.Step{Seq: 1, Data: []byte(`"\u0000\ud800"`)}); err != nil {
		t.Error(err)
	}
}

// So are numbers beyond the columns: else the engine would try again for ever.
func TestCheckpointBeyondTheColumns(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.join("a")
	q.insert(jobs.NewJob{})
	f := q.claim(params("a", 1))[0].Fence()
	if err := q.Checkpoint(t.Context(), f, 0, jobs.Step{Seq: 1 << 40}); !errors.Is(err, jobs.ErrStepGap) {
		t.Errorf("step: %v", err)
	}
	if err := q.Checkpoint(t.Context(), f, 1<<40); err == nil || errors.Is(err, jobs.ErrUnavailable) {
		t.Errorf("total: %v", err)
	}
}

// A checkpoint touches no index of the job's row.
func TestCheckpointIsHOT(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.join("a")
	q.insert(jobs.NewJob{})
	f := q.claim(params("a", 1))[0].Fence()
	tx := begin(t, q.again().pool)
	const moves = `SELECT pg_stat_get_xact_tuples_updated($1::regclass), pg_stat_get_xact_tuples_hot_updated($1::regclass)`
	for seq := 1; seq <= 3; seq++ {
		if done, err := q.advance(t.Context(), tx, f, 10, []jobs.Step{{Seq: seq, Data: []byte(`{}`)}}); err != nil || !done {
			t.Fatal(done, err)
		}
	}
	var all, hot int
	if err := tx.QueryRow(t.Context(), moves, q.SQL("jobs_schema.background_jobs")).Scan(&all, &hot); err != nil {
		t.Fatal(err)
	}
	if all != 3 || hot != 3 {
		t.Errorf("%d of %d updates were HOT", hot, all)
	}
}

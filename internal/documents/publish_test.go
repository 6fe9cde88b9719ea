package documents

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/mivaa/mivaa/jobs"
)

// Every write of a worker is refused once the attempt is not its own, whatever
// the job's status.
func TestFence(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		move := func(m jobs.Move) func(*env, jobs.Job) {
			return func(e *env, j jobs.Job) {
				_, err := e.jobs.Move(e.Context(), j.ID, m, "test")
				e.ok(err)
			}
		}
		stale := map[string]func(*env, jobs.Job){
			"completed":   func(e *env, j jobs.Job) { e.finish(j, jobs.Outcome{Status: jobs.Completed}) },
			"failed":      func(e *env, j jobs.Job) { e.finish(j, jobs.Outcome{Status: jobs.Failed, Error: "x", Code: "x"}) },
			"pending":     func(e *env, j jobs.Job) { e.finish(j, jobs.Outcome{Status: jobs.Pending, Error: "x", Code: "x"}) },
			"interrupted": move(jobs.Interrupt),
			"cancelled":   move(jobs.Cancel),
			"another attempt": func(e *env, j jobs.Job) {
				e.finish(j, jobs.Outcome{Status: jobs.Pending, Error: "x", Code: "x"})
				e.claim()
			},
			"job deleted": func(e *env, j jobs.Job) { e.exec(`DELETE FROM background_jobs WHERE id = ?`, j.ID.String()) },
		}
		for name, end := range stale {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				e := newEnv(t)
				s := e.submit(Submission{})
				j := e.claim()
				e.record(j, 1)
				e.ok(e.docs.SetFacts(t.Context(), j.Fence(), json.RawMessage(`{"page_count":1}`)))
				end(e, j)
				before := e.get(s.Document.ID)
				if err := e.docs.SetFacts(t.Context(), j.Fence(), json.RawMessage(`{"page_count":2}`)); !errors.Is(err, jobs.ErrLeaseLost) {
					t.Errorf("SetFacts: %v", err)
				}
				if err := e.docs.Publish(t.Context(), j.Fence(), json.RawMessage(`{}`)); !errors.Is(err, jobs.ErrLeaseLost) {
					t.Errorf("Publish: %v", err)
				}
				after := e.get(s.Document.ID)
				if string(after.Facts) != string(before.Facts) || after.ContentJobID != before.ContentJobID || after.Profile != nil {
					t.Errorf("a stale attempt wrote: %+v", after)
				}
			})
		}
	})
}

func TestPublishAgain(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		s := e.submit(Submission{})
		j := e.claim()
		e.record(j, 3)
		for range 2 {
			e.ok(e.docs.Publish(t.Context(), j.Fence(), json.RawMessage(`{"v":1}`)))
		}
		d := e.get(s.Document.ID)
		if d.ContentJobID != j.ID || string(d.Profile) != `{"v":1}` || e.count(`SELECT count(*) FROM document_pages`) != 3 {
			t.Errorf("document: %+v", d)
		}
	})
}

func TestContent(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		if _, err := e.docs.Content(t.Context(), jobs.NewID()); !errors.Is(err, ErrNotFound) {
			t.Errorf("unknown: %v", err)
		}
		byHand := jobs.NewID()
		e.exec(`INSERT INTO documents (id) VALUES (?)`, byHand.String())
		if _, err := e.docs.Content(t.Context(), byHand); !errors.Is(err, ErrNoContent) {
			t.Errorf("without a job: %v", err)
		}

		s := e.submit(Submission{})
		check := func(when string, job jobs.ID, complete bool, pages int) {
			t.Helper()
			c, err := e.docs.Content(t.Context(), s.Document.ID)
			e.ok(err)
			if c.JobID != job || c.Complete != complete {
				t.Errorf("%s: %+v, want job %v, complete %v", when, c, job, complete)
			}
			if n := e.count(`SELECT count(*) FROM document_pages WHERE document_id = ?`, s.Document.ID.String()); n != pages {
				t.Errorf("%s: %d pages, want %d", when, n, pages)
			}
		}
		check("pending", s.Job.ID, false, 0)
		j := e.claim()
		e.record(j, 2)
		check("running", j.ID, false, 2)
		e.finish(j, jobs.Outcome{Status: jobs.Failed, Error: "x", Code: "x"})
		check("failed", j.ID, false, 2)
		again, err := e.docs.Reprocess(t.Context(), s.Document.ID, Reprocess{})
		e.ok(err)
		check("to be read again", j.ID, false, 2)
		j = e.claim()
		e.record(j, 3)
		check("read again", again.Job.ID, false, 3)
		e.ok(e.docs.Publish(t.Context(), j.Fence(), json.RawMessage(`{}`)))
		check("published", again.Job.ID, true, 3)
	})
}

func TestFailedPages(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		e.submit(Submission{})
		j := e.claim()
		e.record(j, 5, 2, 5)
		got, err := e.docs.FailedPages(t.Context(), j.ID)
		e.ok(err)
		if len(got) != 2 || got[0] != (FailedPage{2, "page_timeout", "page 2: too slow"}) || got[1].PageNumber != 5 {
			t.Errorf("got %+v", got)
		}
		if n, err := e.docs.Recorded(t.Context(), j.ID); n != 5 || err != nil {
			t.Errorf("Recorded: %d, %v", n, err)
		}
	})
}

// The index alone finds them: a long document's records are not looked at.
func TestFailedPagesPlan(t *testing.T) {
	t.Parallel()
	e := newSQLiteEnv(t)
	rows, err := e.docs.(*SQLite).db.Reader().QueryContext(t.Context(),
		`EXPLAIN QUERY PLAN SELECT seq, data FROM job_steps INDEXED BY job_steps_failed WHERE job_id = ? AND `+failedPage+` ORDER BY seq`, "x")
	e.ok(err)
	defer rows.Close()
	var plan string
	for rows.Next() {
		var a, b, c any
		e.ok(rows.Scan(&a, &b, &c, &plan))
	}
	e.ok(rows.Err())
	if want := "SEARCH job_steps USING INDEX job_steps_failed (job_id=?)"; plan != want {
		t.Errorf("plan: %s", plan)
	}
}

// Steps of other kinds of job need not be JSON.
func TestOtherKindsOfSteps(t *testing.T) {
	t.Parallel()
	e := newSQLiteEnv(t)
	e.exec(`INSERT INTO job_steps (job_id, seq, data) VALUES ('x', 1, 'no JSON'), ('x', 2, '')`)
	got, err := e.docs.FailedPages(t.Context(), jobs.NewID())
	if err != nil || len(got) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
}

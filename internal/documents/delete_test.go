package documents

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

func TestDelete(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		states := map[string]func(*env, Submitted){
			"pending":   func(*env, Submitted) {},
			"running":   func(e *env, _ Submitted) { e.record(e.claim(), 3) },
			"completed": func(e *env, _ Submitted) { e.complete(3) },
			"failed":    func(e *env, _ Submitted) { e.fail() },
			"long":      func(e *env, _ Submitted) { e.complete(stepsDeletedAtOnce + 1) },
			"replaced pages left": func(e *env, s Submitted) {
				e.replacedAndKilled(s)
				e.exec(`DELETE FROM background_jobs`)
			},
			"job gone": func(e *env, _ Submitted) { e.complete(3); e.exec(`DELETE FROM background_jobs`) },
			"read again": func(e *env, s Submitted) {
				e.complete(3)
				_, err := e.docs.Reprocess(e.Context(), s.Document.ID, Reprocess{})
				e.ok(err)
				e.record(e.claim(), 2)
			},
		}
		for name, reach := range states {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				e := newEnv(t)
				s := e.submit(Submission{Password: "pw"})
				reach(e, s)
				kept := e.submit(Submission{Source: source('b'), Password: "kept"})
				e.ok(e.docs.Delete(t.Context(), s.Document.ID, "test"))
				for query, want := range map[string]int{
					`SELECT count(*) FROM documents`:                                                 1,
					`SELECT count(*) FROM document_secrets`:                                          1,
					`SELECT count(*) FROM background_jobs`:                                           1,
					`SELECT count(*) FROM job_steps`:                                                 0,
					`SELECT count(*) FROM job_events WHERE job_id <> '` + kept.Job.ID.String() + `'`: 0,
				} {
					if n := e.count(query); n != want {
						t.Errorf("%s: %d, want %d", query, n, want)
					}
				}
				if err := e.docs.Delete(t.Context(), s.Document.ID, "test"); !errors.Is(err, ErrNotFound) {
					t.Errorf("again: %v", err)
				}
			})
		}
	})
}

// replacedAndKilled publishes twice; the deletion of what was replaced does not
// come about.
func (e *env) replacedAndKilled(s Submitted) (old jobs.ID) {
	e.Helper()
	old = e.complete(3).ID
	_, err := e.docs.Reprocess(e.Context(), s.Document.ID, Reprocess{})
	e.ok(err)
	j := e.claim()
	e.record(j, 2)
	e.exec(`INSERT INTO document_replaced (job_id, document_id) VALUES (?, ?)`, old.String(), s.Document.ID.String())
	e.exec(`UPDATE documents SET content_job_id = ?`, j.ID.String())
	e.finish(j, jobs.Outcome{Status: jobs.Completed})
	return old
}

// What a death left undone is done by the next cleanup, and only that.
func TestReplacedPagesLeft(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		steps := func(e *env, job jobs.ID) int {
			return e.count(`SELECT count(*) FROM job_steps WHERE job_id = ?`, job.String())
		}
		e := newEnv(t)
		old := e.replacedAndKilled(e.submit(Submission{}))
		if n := steps(e, old); n != 3 {
			t.Fatalf("%d pages before", n)
		}
		if _, err := e.docs.Cleanup(t.Context(), time.Time{}, 10); err != nil {
			t.Fatal(err)
		}
		if n := steps(e, old); n != 0 || e.count(`SELECT count(*) FROM document_pages`) != 2 || e.count(`SELECT count(*) FROM document_replaced`) != 0 {
			t.Errorf("%d pages left", n)
		}

		e = newEnv(t)
		old = e.replacedAndKilled(e.submit(Submission{}))
		e.exec(`UPDATE background_jobs SET status = 'failed', error = 'x', error_code = 'x', failed_at = created_at, progress = 0 WHERE id = ?`, old.String())
		_, err := e.jobs.Move(t.Context(), old, jobs.Restart, "test")
		e.ok(err)
		e.record(e.claim(), 3)
		if _, err := e.docs.Cleanup(t.Context(), time.Time{}, 10); err != nil {
			t.Fatal(err)
		}
		if n := steps(e, old); n != 3 {
			t.Errorf("%d pages of a job that runs again, want 3", n)
		}
	})
}

// The worker of a deleted document learns it by its next write.
func TestDeleteFencesTheWorker(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		s := e.submit(Submission{})
		j := e.claim()
		e.ok(e.docs.Delete(t.Context(), s.Document.ID, "test"))
		err := e.jobs.Checkpoint(t.Context(), j.Fence(), 1, jobs.Step{Seq: 1, Data: []byte(`{}`)})
		if !errors.Is(err, jobs.ErrLeaseLost) {
			t.Errorf("got %v", err)
		}
	})
}

func TestCleanup(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		done := e.submit(Submission{Source: source('a')})
		e.complete(2)
		young := e.submit(Submission{Source: source('b')})
		e.complete(2)
		pending := e.submit(Submission{Source: source('c')})
		e.exec(`UPDATE documents SET updated_at = '2020-01-01 00:00:00.000' WHERE id <> ?`, young.Document.ID.String())
		n, err := e.docs.Cleanup(t.Context(), time.Now().Add(-time.Hour), 100)
		if n != 1 || err != nil {
			t.Fatalf("Cleanup: %d, %v", n, err)
		}
		if _, err := e.docs.Get(t.Context(), done.Document.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("an old document: %v", err)
		}
		e.get(young.Document.ID)
		e.get(pending.Document.ID)
		used, err := e.docs.SourcesInUse(t.Context(), []string{source('a').SHA256, source('b').SHA256, source('c').SHA256})
		e.ok(err)
		if len(used) != 2 || used[source('a').SHA256] {
			t.Errorf("sources in use: %v", used)
		}
	})
}

// Nothing but Password gives a password away: it stands in no other table, no
// view, no column.
func TestSecrets(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		const secret = "corréct-horse-battery"
		e := newEnv(t)
		s := e.submit(Submission{Password: secret, Filename: "a.pdf", IdempotencyKey: "k"})
		e.complete(2)
		_, err := e.docs.Reprocess(t.Context(), s.Document.ID, Reprocess{By: "me"})
		e.ok(err)
		if got, err := e.docs.Password(t.Context(), s.Document.ID); got != secret || err != nil {
			t.Errorf("Password: %q, %v", got, err)
		}
		if got, err := e.docs.Password(t.Context(), jobs.NewID()); got != "" || err != nil {
			t.Errorf("Password of another: %q, %v", got, err)
		}
		tables := e.db.dump(e)
		if !strings.Contains(tables["document_pages"], "text of page 1") || !strings.Contains(tables["job_events"], "accepted") || tables["document_secrets"] == "" {
			t.Fatalf("tables: %v", tables)
		}
		delete(tables, "document_secrets")
		for name, text := range tables {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds the password: %s", name, text)
			}
		}
		listed, err := e.docs.List(t.Context(), Filter{})
		e.ok(err)
		if text := fmt.Sprintf("%+v %+v", s, listed); strings.Contains(text, secret) {
			t.Errorf("an answer holds the password: %s", text)
		}
		e.ok(e.docs.Delete(t.Context(), s.Document.ID, "test"))
		if n := e.count(`SELECT count(*) FROM document_secrets`); n != 0 {
			t.Errorf("%d secrets left", n)
		}
	})
}

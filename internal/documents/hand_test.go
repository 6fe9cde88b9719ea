package documents

import (
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/mivaa/mivaa/jobs"
)

// A job that is put back makes its document answer for its bytes again.
func TestJobPutBackAnswersAgain(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		for name, move := range map[string]jobs.Move{"resume": jobs.Resume, "restart": jobs.Restart} {
			for end, ends := range map[string]func(*env, Submitted){
				"cancelled": func(e *env, s Submitted) {
					_, err := e.jobs.Move(e.Context(), s.Job.ID, jobs.Cancel, "test")
					e.ok(err)
				},
				"failed": func(e *env, _ Submitted) { e.fail() },
			} {
				t.Run(end+", "+name, func(t *testing.T) {
					t.Parallel()
					e := newEnv(t)
					first := e.submit(Submission{})
					ends(e, first)
					_, err := e.jobs.Move(t.Context(), first.Job.ID, move, "test")
					e.ok(err)
					if again := e.submit(Submission{}); !again.Deduplicated || again.Document.ID != first.Document.ID {
						t.Errorf("the same bytes: document %s, want %s", again.Document.ID, first.Document.ID)
					}
				})
			}
		}
		t.Run("another answers by now", func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			first := e.submit(Submission{})
			e.fail()
			second := e.submit(Submission{})
			_, err := e.jobs.Move(t.Context(), first.Job.ID, jobs.Resume, "test")
			e.ok(err)
			if again := e.submit(Submission{}); again.Document.ID != second.Document.ID {
				t.Errorf("the same bytes: document %s, want %s", again.Document.ID, second.Document.ID)
			}
		})
	})
}

// Published and cancelled before its attempt ended, then restarted: nothing is
// complete until it is published again.
func TestRestartOfPublished(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		first := e.submit(Submission{})
		j := e.claim()
		e.record(j, 3)
		e.ok(e.docs.Publish(t.Context(), j.Fence(), json.RawMessage(`{"v":1}`)))
		for _, m := range []jobs.Move{jobs.Cancel, jobs.Restart} {
			_, err := e.jobs.Move(t.Context(), j.ID, m, "test")
			e.ok(err)
		}
		incomplete := func(when string) {
			t.Helper()
			c, err := e.docs.Content(t.Context(), first.Document.ID)
			if err != nil || c.Complete || c.JobID != j.ID {
				t.Errorf("%s: %+v, %v", when, c, err)
			}
			if d := e.get(first.Document.ID); d.Profile != nil {
				t.Errorf("%s: profile %s", when, d.Profile)
			}
		}
		incomplete("restarted")
		j = e.claim()
		e.record(j, 1)
		incomplete("a page in")
		e.finish(j, jobs.Outcome{Status: jobs.Failed, Error: "x", Code: "damaged"})
		if again := e.submit(Submission{}); again.Document.ID == first.Document.ID {
			t.Error("a document whose job failed answers for its bytes")
		}
	})
}

// What several deaths left undone is done, however often it was replaced.
func TestReplacedTwiceAndKilled(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		for name, end := range map[string]func(*env, Submitted){
			"published again": func(e *env, s Submitted) {
				_, err := e.docs.Reprocess(e.Context(), s.Document.ID, Reprocess{})
				e.ok(err)
				e.complete(1)
				if n := e.count(`SELECT count(*) FROM job_steps`); n != 1 {
					e.Errorf("%d pages, want the content alone", n)
				}
			},
			"deleted": func(e *env, s Submitted) {
				e.ok(e.docs.Delete(e.Context(), s.Document.ID, "test"))
			},
			"deleted by hand": func(e *env, _ Submitted) { e.exec(`DELETE FROM documents`) },
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				e := newEnv(t)
				s := e.submit(Submission{})
				e.replacedAndKilled(s)
				_, err := e.docs.Reprocess(t.Context(), s.Document.ID, Reprocess{})
				e.ok(err)
				j := e.claim()
				e.record(j, 3)
				e.exec(`INSERT INTO document_replaced (job_id, document_id) SELECT content_job_id, id FROM documents`)
				e.exec(`UPDATE documents SET content_job_id = ?`, j.ID.String())
				e.finish(j, jobs.Outcome{Status: jobs.Completed})
				e.exec(`DELETE FROM background_jobs`) // retention: their steps are left
				end(e, s)
				if n := e.count(`SELECT count(*) FROM document_replaced`); n != 0 {
					t.Errorf("%d replaced jobs are left", n)
				}
				if n := e.count(`SELECT count(*) FROM job_steps WHERE job_id NOT IN (SELECT content_job_id FROM documents)`); n != 0 {
					t.Errorf("%d pages of nobody are left", n)
				}
			})
		}
	})
}

func TestDocumentByHand(t *testing.T) {
	t.Parallel()
	e := newSQLiteEnv(t)
	db, err := sql.Open("sqlite", "file:"+e.db.(*sqliteDatabase).path)
	e.ok(err)
	defer db.Close()
	for text, want := range map[string]string{"18:30": "2000-01-01 18:30:00.000", "2026-11-25T18:30:00 +01:00": "2026-11-25 17:30:00.000"} {
		id := jobs.NewID()
		for _, stmt := range []string{
			`INSERT INTO documents (created_at, id) VALUES (?, ?)`,
			`UPDATE documents SET updated_at = ? WHERE id = ?`,
		} {
			_, err := db.Exec(stmt, text, id.String())
			e.ok(err)
		}
		if d := e.get(id); d.CreatedAt.Format("2006-01-02 15:04:05.000") != want || !d.UpdatedAt.Equal(d.CreatedAt) {
			t.Errorf("%s: %v and %v", text, d.CreatedAt, d.UpdatedAt)
		}
	}
	id := jobs.NewID()
	_, err = db.Exec(`INSERT INTO documents (id) VALUES (?)`, id.String())
	e.ok(err)
	for _, set := range []string{`created_at = '1764100000'`, `updated_at = 'today'`, `updated_at = '12'`, `content_job_id = 'job-1'`, `profile = '{'`} {
		if _, err := db.Exec(`UPDATE documents SET `+set+` WHERE id = ?`, id.String()); err == nil {
			t.Errorf("%s: no error", set)
		}
	}
	_, err = db.Exec(`PRAGMA ignore_check_constraints = ON; UPDATE documents SET content_job_id = 'job-1' WHERE id = ?`, id.String())
	e.ok(err)
	if _, err := e.docs.Get(t.Context(), id); err == nil || errors.Is(err, jobs.ErrUnavailable) || errors.Is(err, ErrNotFound) {
		t.Errorf("a row that cannot be read: %v", err)
	}
}

// People have the sqlite3 of their system, which may be years old.
func TestOldClient(t *testing.T) {
	t.Parallel()
	shell, err := exec.LookPath("sqlite3")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no sqlite3 on this machine")
		}
		t.Skip("SKIPPED: no sqlite3 on this machine (on Debian: sqlite3)")
	}
	e := newSQLiteEnv(t)
	path := e.db.(*sqliteDatabase).path
	s := e.submit(Submission{})
	j := e.claim()
	e.record(j, 3, 2)
	e.ok(e.docs.Publish(t.Context(), j.Fence(), json.RawMessage(`{"v":1}`)))
	e.finish(j, jobs.Outcome{Status: jobs.Completed})
	run := func(stmt, want string) {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), shell, path, `PRAGMA foreign_keys = ON; `+stmt).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", stmt, got, err, want)
		}
	}
	run(`PRAGMA integrity_check`, "ok")
	run(`VACUUM INTO '`+path+`.copy'`, "")
	run(`INSERT INTO documents (id) VALUES ('0191a2b3-0000-7000-8000-000000000001')`, "")
	run(`INSERT INTO background_jobs (id, document_id, filename, status) VALUES
		('0191a2b3-0000-7000-8000-000000000002', '0191a2b3-0000-7000-8000-000000000001', 'a.pdf', 'pending')`, "")
	run(`SELECT status, count(*) FROM background_jobs GROUP BY status ORDER BY status`, "completed|1\npending|1")
	run(`SELECT page_number, status FROM document_pages`, "1|ok\n2|failed\n3|ok")
	run(`UPDATE background_jobs SET status = 'interrupted', interrupted_at = datetime('now'), error = 'by hand', updated_at = datetime('now') WHERE status = 'pending'`, "")
	run(`UPDATE background_jobs SET run_at = '18:30' WHERE status = 'interrupted'`, "")
	run(`DELETE FROM background_jobs WHERE status = 'interrupted'`, "")
	run(`DELETE FROM job_steps WHERE seq = 2`, "")
	run(`DELETE FROM documents WHERE id = '`+s.Document.ID.String()+`'; SELECT count(*) FROM job_steps`, "0")
	run(`PRAGMA integrity_check`, "ok")
}

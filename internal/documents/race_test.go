package documents

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// What several processes do at the same moment. Each test repeats its race
// some times, each time on another document.
const rounds = 15

const liveJobs = `SELECT count(*) FROM background_jobs WHERE document_id = ?
	AND (status IN ('pending', 'processing') OR status = 'interrupted' AND coalesce(cause, '') <> 'cancelled')`

// together runs functions at once and waits for all.
func together(fns ...func()) {
	var start, done sync.WaitGroup
	start.Add(1)
	for _, fn := range fns {
		done.Go(func() {
			start.Wait()
			fn()
		})
	}
	start.Done()
	done.Wait()
}

// numberedSource is a hash for each number.
func numberedSource(n int) (s Submission) {
	s.Source = source('a')
	s.Source.SHA256 = fmt.Sprintf("%064x", n)
	return s
}

// claimed claims a certain job.
func (e *env) claimed(id jobs.ID) jobs.Job {
	e.Helper()
	for {
		got, err := e.jobs.Claim(e.Context(), jobs.ClaimParams{Instance: e.instance, Kinds: []string{Kind}, Only: []jobs.ID{id}, Limit: 1, Suspects: 1})
		e.ok(err)
		if len(got.Jobs) == 1 {
			return got.Jobs[0]
		}
		if j, err := jobs.Get(e.Context(), e.jobs, id); err != nil || j.Status != jobs.Pending {
			e.Fatalf("job %s is not to be had: %s, %v", id, j.Status, err)
		}
	}
}

// A document whose job fails at this moment answers or does not; who comes after
// both finds one that lives.
func TestSubmitWhileItFails(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		stores := []Store{e.docs, e.db.again(t)}
		for round := range rounds {
			sub := numberedSource(round)
			first := e.submit(sub)
			j := e.claimed(first.Job.ID)
			fns := []func(){func() {
				if _, err := e.jobs.Finish(t.Context(), jobs.Outcome{Fence: j.Fence(), Status: jobs.Failed, Error: "x", Code: "x"}); err != nil {
					t.Error(err)
				}
			}}
			for i := range 4 {
				fns = append(fns, func() {
					sub := sub
					sub.Fresh = i == 3
					if _, err := stores[i%2].Submit(t.Context(), sub); err != nil {
						t.Errorf("submit: %v", err)
					}
				})
			}
			together(fns...)
			last := e.submit(sub)
			if n := e.count(liveJobs, last.Document.ID.String()); n != 1 {
				t.Fatalf("round %d: the document that answers has %d live jobs", round, n)
			}
			if n := e.count(`SELECT count(*) FROM documents d WHERE source_sha256 = ? AND EXISTS (SELECT 1 FROM background_jobs WHERE document_id = d.id AND status = 'pending')`, sub.Source.SHA256); n != 1 {
				t.Fatalf("round %d: %d documents with live jobs", round, n)
			}
		}
	})
}

// However many reprocess a document or submit it afresh at once, one job is
// alive in the end, and everybody has an answer.
func TestReprocessAtOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		stores := []Store{e.docs, e.db.again(t)}
		for round := range rounds {
			sub := numberedSource(round)
			first := e.submit(sub)
			fresh := sub
			fresh.Fresh = true
			var fns []func()
			for i := range 6 {
				fns = append(fns, func() {
					if _, err := stores[i%2].Reprocess(t.Context(), first.Document.ID, Reprocess{By: "me"}); err != nil {
						t.Errorf("reprocess: %v", err)
					}
				}, func() {
					if _, err := stores[i%2].Submit(t.Context(), fresh); err != nil {
						t.Errorf("submit afresh: %v", err)
					}
				})
			}
			together(fns...)
			if n := e.count(liveJobs, first.Document.ID.String()); n != 1 {
				t.Fatalf("round %d: %d live jobs", round, n)
			}
			if again := e.submit(sub); again.Document.ID != first.Document.ID {
				t.Fatalf("round %d: the document does not answer any more", round)
			}
		}
	})
}

// The content is that of the attempt that published before it lost its job, or
// was not published.
func TestPublishWhileReprocessed(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		other := e.db.again(t)
		for round := range rounds {
			first := e.submit(numberedSource(round))
			j := e.claimed(first.Job.ID)
			e.record(j, 2)
			var published error
			together(func() {
				published = e.docs.Publish(t.Context(), j.Fence(), json.RawMessage(`{"v":1}`))
			}, func() {
				if _, err := other.Reprocess(t.Context(), first.Document.ID, Reprocess{By: "me"}); err != nil {
					t.Errorf("reprocess: %v", err)
				}
			})
			if published != nil && !errors.Is(published, jobs.ErrLeaseLost) {
				t.Fatalf("publish: %v", published)
			}
			d := e.get(first.Document.ID)
			if (published == nil) != (d.ContentJobID == j.ID) || (published == nil) != (d.Profile != nil) {
				t.Fatalf("round %d: published: %v, content of %v", round, published, d.ContentJobID)
			}
			if n := e.count(liveJobs, d.ID.String()); n != 1 {
				t.Fatalf("round %d: %d live jobs", round, n)
			}
		}
	})
}

// Two jobs of one document (one by hand) publish at once: one of them stays, and
// no page of the other.
func TestPublishTwiceAtOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		stores := []Store{e.docs, e.db.again(t)}
		for round := range rounds {
			s := e.submit(numberedSource(round))
			byHand := jobs.NewID()
			e.exec(`INSERT INTO background_jobs (id, document_id, filename, status) VALUES (?, ?, 'x', 'pending')`, byHand.String(), s.Document.ID.String())
			var fns []func()
			for i, id := range []jobs.ID{s.Job.ID, byHand} {
				j := e.claimed(id)
				e.record(j, 2)
				fns = append(fns, func() {
					if err := stores[i].Publish(t.Context(), j.Fence(), json.RawMessage(`{}`)); err != nil {
						t.Errorf("publish: %v", err)
					}
				})
			}
			together(fns...)
			d := e.get(s.Document.ID)
			if n := e.count(`SELECT count(*) FROM document_pages WHERE document_id = ?`, d.ID.String()); n != 2 {
				t.Fatalf("round %d: %d pages", round, n)
			}
			// The other's job is still alive: its steps go when it has ended.
			for _, id := range []jobs.ID{s.Job.ID, byHand} {
				if id != d.ContentJobID {
					_, err := e.jobs.Move(t.Context(), id, jobs.Cancel, "test")
					e.ok(err)
				}
			}
		}
		if _, err := e.docs.Cleanup(t.Context(), time.Time{}, 1); err != nil {
			t.Error(err)
		}
	})
}

// A document that is deleted is gone whole, whoever puts its job back at this
// moment.
func TestDeleteWhileResumed(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		stores := []Store{e.docs, e.db.again(t)}
		for round := range rounds {
			s := e.submit(numberedSource(round))
			j := e.claimed(s.Job.ID)
			e.record(j, 3)
			e.finish(j, jobs.Outcome{Status: jobs.Failed, Error: "x", Code: "x"})
			var fns []func()
			for i := range 2 {
				fns = append(fns, func() {
					if err := stores[i].Delete(t.Context(), s.Document.ID, "test"); err != nil && !errors.Is(err, ErrNotFound) {
						t.Errorf("delete: %v", err)
					}
				}, func() {
					_, err := e.jobs.Move(t.Context(), j.ID, jobs.Resume, "test")
					if _, refused := errors.AsType[*jobs.MoveError](err); err != nil && !refused && !errors.Is(err, jobs.ErrNotFound) {
						t.Errorf("resume: %v", err)
					}
				}, func() {
					if _, err := stores[i].Reprocess(t.Context(), s.Document.ID, Reprocess{}); err != nil && !errors.Is(err, ErrNotFound) {
						t.Errorf("reprocess: %v", err)
					}
				})
			}
			together(fns...)
		}
		for _, table := range []string{"documents", "background_jobs", "job_steps", "job_events"} {
			if n := e.count(`SELECT count(*) FROM ` + table); n != 0 {
				t.Errorf("%d rows of %s are left", n, table)
			}
		}
	})
}

// Submits of bytes whose document is deleted at this moment are answered with
// another.
func TestSubmitWhileDeleted(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		other := e.db.again(t)
		for round := range rounds {
			sub := numberedSource(round)
			first := e.submit(sub)
			fns := []func(){func() { e.ok(e.docs.Delete(t.Context(), first.Document.ID, "test")) }}
			for range 4 {
				fns = append(fns, func() {
					if _, err := other.Submit(t.Context(), sub); err != nil {
						t.Errorf("submit: %v", err)
					}
				})
			}
			together(fns...)
		}
	})
}

// Of two jobs of a document that end at once the second releases it: each looks
// after the other has ended.
func TestTwoJobsEndAtOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		for round := range rounds {
			sub := numberedSource(round)
			s := e.submit(sub)
			byHand := jobs.NewID()
			e.exec(`INSERT INTO background_jobs (id, document_id, filename, status) VALUES (?, ?, 'x', 'pending')`, byHand.String(), s.Document.ID.String())
			cancel := func(id jobs.ID) func() {
				return func() {
					if _, err := e.jobs.Move(t.Context(), id, jobs.Cancel, "test"); err != nil {
						t.Error(err)
					}
				}
			}
			together(cancel(s.Job.ID), cancel(byHand))
			if n := e.count(`SELECT count(*) FROM documents WHERE id = ? AND dedup_key IS NOT NULL`, s.Document.ID.String()); n != 0 {
				t.Fatalf("round %d: a document without a live job answers", round)
			}
		}
	})
}

// A job that is put back while the same bytes are submitted: one document
// answers.
func TestResumeWhileSubmitted(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		for round := range rounds {
			sub := numberedSource(round)
			s := e.submit(sub)
			_, err := e.jobs.Move(t.Context(), s.Job.ID, jobs.Cancel, "test")
			e.ok(err)
			together(func() {
				if _, err := e.jobs.Move(t.Context(), s.Job.ID, jobs.Resume, "test"); err != nil {
					t.Errorf("resume: %v", err)
				}
			}, func() {
				if _, err := e.docs.Submit(t.Context(), sub); err != nil {
					t.Errorf("submit: %v", err)
				}
			})
			if n := e.count(`SELECT count(*) FROM documents WHERE source_sha256 = ? AND dedup_key IS NOT NULL`, sub.Source.SHA256); n != 1 {
				t.Fatalf("round %d: %d documents answer", round, n)
			}
		}
	})
}

// Cleanups of all processes at once delete each document once.
func TestCleanupAtOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		const n = 30
		for i := range n {
			s := e.submit(numberedSource(i))
			e.exec(`INSERT INTO job_steps (job_id, seq, data) VALUES (?, 1, '{}')`, s.Job.ID.String())
		}
		e.exec(`UPDATE background_jobs SET status = 'failed', error = 'x', error_code = 'x', failed_at = created_at`)
		e.exec(`UPDATE documents SET updated_at = '2020-01-01 00:00:00.000'`)
		stores := []Store{e.docs, e.db.again(t), e.db.again(t)}
		var deleted [3]int
		var fns []func()
		for i := range stores {
			fns = append(fns, func() {
				var err error
				if deleted[i], err = stores[i].Cleanup(t.Context(), time.Now().Add(-time.Hour), 1000); err != nil && !(errors.Is(err, jobs.ErrUnavailable) && t.Name() == "TestCleanupAtOnce/sqlite") { // a file may stay locked for longer than a statement waits
					t.Error(err)
				}
			})
		}
		together(fns...)
		if sum := deleted[0] + deleted[1] + deleted[2]; sum != n && t.Name() == "TestCleanupAtOnce/postgres" {
			t.Errorf("deleted %v, want %d in all", deleted, n)
		}
		if _, err := e.docs.Cleanup(t.Context(), time.Now().Add(-time.Hour), 1000); err != nil {
			t.Error(err)
		}
		for _, table := range []string{"documents", "background_jobs", "job_steps"} {
			if n := e.count(`SELECT count(*) FROM ` + table); n != 0 {
				t.Errorf("%d rows of %s are left", n, table)
			}
		}
	})
}

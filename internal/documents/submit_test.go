package documents

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/jobs"
)

func TestSubmit(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		out := e.submit(Submission{
			Filename: `C:\Users\me\Report.pdf`, Owner: "me", Metadata: json.RawMessage(` { "title" : "R" } `),
			Options: json.RawMessage(`{"pages":"1-5"}`), Priority: 3, Recovery: jobs.RecoveryManual,
		})
		if out.Deduplicated {
			t.Error("the first submission is no duplicate")
		}
		d, j := out.Document, out.Job
		if d.Filename != "Report.pdf" || d.Owner != "me" || string(d.Metadata) != `{"title":"R"}` || d.SourceSHA256 != source('a').SHA256 ||
			d.MediaType != "application/pdf" || d.CreatedAt.IsZero() || d.UpdatedAt.IsZero() || !d.ContentJobID.IsZero() {
			t.Errorf("document: %+v", d)
		}
		want := `{"source_sha256":"` + source('a').SHA256 + `","source_size":1000,"options":{"pages":"1-5"}}`
		if j.DocumentID != d.ID || j.Status != jobs.Pending || j.Kind != Kind || string(j.Payload) != want || j.Filename != "Report.pdf" ||
			j.Priority != 3 || j.Recovery != jobs.RecoveryManual || j.Owner != "me" || strings.ReplaceAll(string(j.Metadata), " ", "") != `{"title":"R"}` {
			t.Errorf("job: %+v, payload %s", j, j.Payload)
		}
	})
}

func TestSubmitBornClaimed(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		out := e.submit(Submission{Instance: e.instance})
		if out.Job.Status != jobs.Processing || out.Job.Attempt != 1 || out.Job.InstanceID != e.instance {
			t.Errorf("job: %+v", out.Job)
		}
	})
}

func TestSubmitInvalid(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		_, err := e.docs.Submit(t.Context(), Submission{
			Metadata: json.RawMessage(`[]`), Options: json.RawMessage(`{`), Owner: "\xff", IdempotencyKey: strings.Repeat("k", 300),
			Recovery: "sometimes", Password: "a\x00b",
		})
		if !errors.Is(err, ErrInvalid) {
			t.Fatalf("got %v", err)
		}
		for _, what := range []string{"source", "metadata", "options", "owner", "idempotency key", "recovery", "password"} {
			if !strings.Contains(err.Error(), what) {
				t.Errorf("%q is not named in: %v", what, err)
			}
		}
		if n := e.count(`SELECT count(*) FROM documents`); n != 0 {
			t.Errorf("%d documents", n)
		}
	})
}

// Neither the document nor its secret stays where the job could not be made.
func TestSubmitAllOrNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		e.db.refuseJobs(e)
		if _, err := e.docs.Submit(t.Context(), Submission{Source: source('a'), Password: "pw"}); err == nil || errors.Is(err, jobs.ErrUnavailable) {
			t.Fatalf("got %v", err)
		}
		for _, table := range []string{"documents", "document_secrets", "background_jobs", "job_events"} {
			if n := e.count(`SELECT count(*) FROM ` + table); n != 0 {
				t.Errorf("%s has %d rows", table, n)
			}
		}
	})
}

// TestDuplicates is the matrix of what makes two submissions the same.
func TestDuplicates(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		base := Submission{Source: source('a'), Owner: "me", Filename: "a.pdf", Options: json.RawMessage(`{"pages":"1"}`), RecordOptions: "pages=1"}
		with := func(change func(*Submission)) Submission {
			s := base
			change(&s)
			return s
		}
		keyed := with(func(s *Submission) { s.IdempotencyKey = "k" })
		tests := []struct {
			name          string
			first, second Submission
			same          bool // document
			sameJob       bool
			err           error
		}{
			{"the same", base, base, true, true, nil},
			{"other bytes", base, with(func(s *Submission) { s.Source = source('b') }), false, false, nil},
			{"other owner", base, with(func(s *Submission) { s.Owner = "you" }), false, false, nil},
			{"other record options", base, with(func(s *Submission) { s.RecordOptions = "pages=2" }), false, false, nil},
			{"other options that change no record", base, with(func(s *Submission) { s.Options = json.RawMessage(`{"cut":1}`) }), true, true, nil},
			{"other name, metadata", base, with(func(s *Submission) { s.Filename, s.Metadata = "b.pdf", json.RawMessage(`{"x":1}`) }), true, true, nil},
			{"fresh", base, with(func(s *Submission) { s.Fresh = true }), true, false, nil},
			{"fresh, other bytes", base, with(func(s *Submission) { s.Fresh, s.Source = true, source('b') }), false, false, nil},

			{"same key", keyed, keyed, true, true, nil},
			{"same key, other bytes", keyed, with(func(s *Submission) { s.IdempotencyKey, s.Source = "k", source('b') }), false, false, jobs.ErrKeyReused},
			{"same key, other options", keyed, with(func(s *Submission) { s.IdempotencyKey, s.Options = "k", json.RawMessage(`{"pages":"2"}`) }), false, false, jobs.ErrKeyReused},
			{"same key, other owner", keyed, with(func(s *Submission) { s.IdempotencyKey, s.Owner = "k", "you" }), false, false, nil},
			{"same key, fresh", keyed, with(func(s *Submission) { s.IdempotencyKey, s.Fresh = "k", true }), true, true, nil},
			{"other key", keyed, with(func(s *Submission) { s.IdempotencyKey = "l" }), false, false, nil},
			{"key, then none", keyed, base, true, true, nil},
			{"none, then key", base, keyed, false, false, nil},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				e := newEnv(t)
				first := e.submit(tt.first)
				second, err := e.docs.Submit(t.Context(), tt.second)
				if !errors.Is(err, tt.err) {
					t.Fatalf("got error %v, want %v", err, tt.err)
				}
				documents := 2
				if tt.same || tt.err != nil {
					documents = 1
				}
				if n := e.count(`SELECT count(*) FROM documents`); n != documents {
					t.Errorf("%d documents, want %d", n, documents)
				}
				if err != nil {
					return
				}
				if same := first.Document.ID == second.Document.ID; same != tt.same {
					t.Errorf("same document: %v, want %v", same, tt.same)
				}
				if same := first.Job.ID == second.Job.ID; same != tt.sameJob || second.Deduplicated != tt.sameJob {
					t.Errorf("same job: %v, deduplicated: %v, want %v", same, second.Deduplicated, tt.sameJob)
				}
				if tt.sameJob && (second.Document.Filename != "a.pdf" || e.count(`SELECT count(*) FROM document_secrets`) != 0) {
					t.Error("something of the duplicate was applied")
				}
			})
		}
	})
}

// TestRelease: by which ends of a job its document stops answering.
func TestRelease(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		cancel := func(e *env, id jobs.ID) {
			_, err := e.jobs.Move(e.Context(), id, jobs.Cancel, "test")
			e.ok(err)
		}
		tests := []struct {
			name    string
			end     func(e *env, s Submitted)
			answers bool
		}{
			{"pending", func(*env, Submitted) {}, true},
			{"processing", func(e *env, _ Submitted) { e.claim() }, true},
			{"completed", func(e *env, _ Submitted) { e.complete(2) }, true},
			{"failed", func(e *env, _ Submitted) { e.fail() }, false},
			{"to be tried again", func(e *env, _ Submitted) {
				e.finish(e.claim(), jobs.Outcome{Status: jobs.Pending, Error: "disk", Code: "internal"})
			}, true},
			{"interrupted by shutdown", func(e *env, _ Submitted) {
				e.finish(e.claim(), jobs.Outcome{Status: jobs.Interrupted, Cause: jobs.CauseShutdown, Error: "stop"})
			}, true},
			{"cancelled while pending", func(e *env, s Submitted) { cancel(e, s.Job.ID) }, false},
			{"cancelled while processing", func(e *env, s Submitted) { e.claim(); cancel(e, s.Job.ID) }, false},
			{"interrupted, then cancelled", func(e *env, s Submitted) {
				e.finish(e.claim(), jobs.Outcome{Status: jobs.Interrupted, Cause: jobs.CauseShutdown, Error: "stop"})
				cancel(e, s.Job.ID)
			}, false},
			{"failed, tried again by hand, completed", func(e *env, s Submitted) {
				e.fail()
				_, err := e.jobs.Move(e.Context(), s.Job.ID, jobs.Resume, "test")
				e.ok(err)
				e.complete(2)
			}, true},
			{"completed, then its job is deleted", func(e *env, s Submitted) {
				e.complete(2)
				e.exec(`DELETE FROM background_jobs WHERE id = ?`, s.Job.ID.String())
			}, true},
			{"job deleted without content", func(e *env, s Submitted) {
				e.exec(`DELETE FROM background_jobs WHERE id = ?`, s.Job.ID.String())
			}, false},
			{"completed, read again, failed", func(e *env, s Submitted) {
				e.complete(2)
				_, err := e.docs.Reprocess(e.Context(), s.Document.ID, Reprocess{})
				e.ok(err)
				e.fail()
			}, true},
			{"read again before it was done, failed", func(e *env, s Submitted) {
				_, err := e.docs.Reprocess(e.Context(), s.Document.ID, Reprocess{})
				e.ok(err)
				e.fail()
			}, false},
			{"read again before it was done, still alive", func(e *env, s Submitted) {
				_, err := e.docs.Reprocess(e.Context(), s.Document.ID, Reprocess{})
				e.ok(err)
			}, true},
			{"failed by somebody's SQL", func(e *env, s Submitted) {
				e.exec(`UPDATE background_jobs SET status = 'failed', error = 'x', error_code = 'x', failed_at = created_at WHERE id = ?`, s.Job.ID.String())
			}, false},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				e := newEnv(t)
				first := e.submit(Submission{})
				tt.end(e, first)
				second := e.submit(Submission{})
				if answers := second.Document.ID == first.Document.ID; answers != tt.answers || second.Deduplicated != answers {
					t.Errorf("the document answers: %v, want %v (deduplicated: %v)", answers, tt.answers, second.Deduplicated)
				}
			})
		}
	})
}

// A document whose job is long gone still answers, with its content.
func TestDuplicateOfDocumentWithoutJob(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		first := e.submit(Submission{})
		j := e.complete(3)
		e.exec(`DELETE FROM background_jobs`)
		second := e.submit(Submission{})
		if !second.Deduplicated || second.Document.ID != first.Document.ID || !second.Job.ID.IsZero() || second.Document.ContentJobID != j.ID {
			t.Errorf("got %+v", second)
		}
		if n := e.count(`SELECT count(*) FROM document_pages`); n != 3 {
			t.Errorf("%d pages, want 3", n)
		}
	})
}

// Two submits of the same bytes at once, of two processes even, make one
// document.
func TestSubmitAtOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		other := e.db.again(t)
		const n = 20
		var mu sync.Mutex
		ids, first := map[jobs.ID]int{}, 0
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				docs := []Store{e.docs, other}[i%2]
				out, err := docs.Submit(t.Context(), Submission{Source: source('a'), Filename: fmt.Sprint(i)})
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				}
				ids[out.Document.ID]++
				if !out.Deduplicated {
					first++
				}
			})
		}
		wg.Wait()
		if len(ids) != 1 || first != 1 || e.count(`SELECT count(*) FROM background_jobs`) != 1 {
			t.Errorf("%d documents, %d first ones, want one of each", len(ids), first)
		}
	})
}

// A fresh submission cancels what is alive and says the last word on the
// document.
func TestSubmitFresh(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		first := e.submit(Submission{Filename: "a.pdf", Password: "pw"})
		second := e.submit(Submission{Filename: "b.pdf", Password: "pw", Metadata: json.RawMessage(`{"x":1}`), Fresh: true})
		old, err := jobs.Get(t.Context(), e.jobs, first.Job.ID)
		e.ok(err)
		if old.Cause != jobs.CauseCancelled || second.Document.ID != first.Document.ID || second.Job.Filename != "b.pdf" || second.Document.Filename != "b.pdf" || string(second.Document.Metadata) != `{"x":1}` {
			t.Errorf("first %s %s, second %+v", old.Status, old.Cause, second)
		}
	})
}

func TestReprocess(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		first := e.submit(Submission{Options: json.RawMessage(`{"pages":"1-2"}`), Owner: "me"})
		old := e.complete(2)
		out, err := e.docs.Reprocess(t.Context(), first.Document.ID, Reprocess{Priority: 5})
		e.ok(err)
		if out.Deduplicated || out.Job.ID == old.ID || out.Job.Priority != 5 || string(out.Job.Payload) != string(first.Job.Payload) || out.Job.Owner != "me" {
			t.Errorf("job: %+v", out.Job)
		}
		if got := e.get(first.Document.ID).ContentJobID; got != old.ID {
			t.Errorf("the old content is gone before there is new: %v", got)
		}
		// Again: the job before is cancelled, and there is one alive.
		next, err := e.docs.Reprocess(t.Context(), first.Document.ID, Reprocess{By: "me"})
		e.ok(err)
		before, err := jobs.Get(t.Context(), e.jobs, out.Job.ID)
		e.ok(err)
		if before.Cause != jobs.CauseCancelled {
			t.Errorf("the job before: %v %v", before.Status, before.Cause)
		}
		if j := e.complete(3); j.ID != next.Job.ID {
			t.Errorf("claimed %v, want %v", j.ID, next.Job.ID)
		}
		if got := e.get(first.Document.ID).ContentJobID; got != next.Job.ID {
			t.Errorf("content: %v, want %v", got, next.Job.ID)
		}
		if n := e.count(`SELECT count(*) FROM job_steps WHERE job_id = ?`, old.ID.String()); n != 0 {
			t.Errorf("%d pages of the content before are left", n)
		}
	})
}

func TestReprocessRefused(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		if _, err := e.docs.Reprocess(t.Context(), jobs.NewID(), Reprocess{}); !errors.Is(err, ErrNotFound) {
			t.Errorf("unknown: %v", err)
		}
		id := jobs.NewID()
		e.exec(`INSERT INTO documents (id) VALUES (?)`, id.String())
		if _, err := e.docs.Reprocess(t.Context(), id, Reprocess{}); !errors.Is(err, ErrNoSource) || jobs.Code(err) != blob.CodeMissing {
			t.Errorf("made by hand: %v", err)
		}
	})
}

func TestFilenames(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                         "document.pdf",
		"a.pdf":                    "a.pdf",
		"../../etc/passwd":         "passwd",
		`..\..\boot.ini`:           "boot.ini",
		"dir/":                     "document.pdf",
		"..":                       "document.pdf",
		"line\nbreak\x1b[31m.pdf":  "linebreak[31m.pdf",
		"bad\xffbytes.pdf":         "badbytes.pdf",
		"  Übersicht 2024.pdf ":    "Übersicht 2024.pdf",
		strings.Repeat("é", 200):   strings.Repeat("é", 127),
		"right\u202eto\u202cleft.": "righttoleft.",
	} {
		if got := cleanFilename(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

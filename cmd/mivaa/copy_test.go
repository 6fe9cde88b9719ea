package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/pgtest"
	"github.com/mivaa/mivaa/jobs"
)

// shared is a schema of the test's own, and the commands on it.
func (w *world) shared() (run func(args ...string) answer) {
	w.Helper()
	url, schema := pgtest.Schema(w)
	env := []string{"MIVAA_DATABASE_URL=" + url, "MIVAA_SCHEMA=" + schema, "MIVAA_DATA_DIR=" + filepath.Join(w.TempDir(), "data")}
	return func(args ...string) answer {
		w.Helper()
		return w.runIn(w.Context(), env, args...)
	}
}

// fill makes one of everything that a data dir can hold.
func (w *world) fill() {
	w.Helper()
	w.complete("whole.pdf", 300, 7)
	w.in(jobs.Pending)
	w.in(jobs.Failed)
	w.in(jobs.Interrupted)
	w.cancelled()
	w.submit("secret.pdf", func(s *documents.Submission) { s.Password, s.Owner = "open sesame", "alice" })
	w.submit("keyed.pdf", func(s *documents.Submission) { s.IdempotencyKey = "march" })
	w.submit("described.pdf", func(s *documents.Submission) {
		s.Metadata = json.RawMessage(`{"title":"\u00c4 \u0000 \\u0000","n":1e2}`)
	})
	_, err := w.store.Insert(w.Context(),
		jobs.NewJob{Kind: "import", Payload: json.RawMessage(`{"a": 1}`), RunAt: time.Now().Add(time.Hour), Priority: 3, MaxFailures: 9, RetryDelay: time.Minute},
		jobs.NewJob{Kind: "import", Owner: "bob"})
	w.ok(err)
	old := w.complete("outlived.pdf", 5) // its job's row is removed, its pages stay
	n, err := w.store.Cleanup(w.Context(), time.Now().Add(time.Hour), 1)
	for ; n > 0 && err == nil; n, err = w.store.Cleanup(w.Context(), time.Now().Add(time.Hour), 1) {
		if _, gone := jobs.Get(w.Context(), w.store, old.Job.ID); errors.Is(gone, jobs.ErrNotFound) {
			break
		}
	}
	w.ok(err)
	w.complete("whole again.pdf", 3)
	w.in(jobs.Processing)
}

// leave ends the service whose data dir it is, as if it had died.
func (w *world) leave() {
	w.Helper()
	w.ok(w.store.Close())
}

// listed is every row as --json prints it, the key first, without what a copy
// changes.
func listed(a answer, without ...string) map[string]map[string]any {
	a.Helper()
	rows := map[string]map[string]any{}
	for _, row := range lines[map[string]any](a.exits(exitOK)) {
		for _, key := range without {
			delete(row, key)
		}
		rows[row["id"].(string)] = row
	}
	return rows
}

func TestCopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill()
	shared := w.shared()

	a := shared("copy", "--from", w.dir, "--json").exits(exitState)
	if code, _, hint := a.problem(); code != "in_use" || !strings.Contains(hint, "stop the service") {
		t.Errorf("in use: %s", a.err)
	}
	wantJobs := listed(w.run("jobs", "list", "--json", "--limit", "0"), "position")
	wantDocs := listed(w.run("documents", "list", "--json", "--limit", "0"))
	wantEvents := map[string]string{}
	for id := range wantJobs {
		wantEvents[id] = told(w.run("jobs", "events", "--json", id))
	}
	w.leave()

	plan := object[copyResult](shared("copy", "--from", w.dir, "--json", "--dry-run").exits(exitOK).silent())
	if plan.Documents != len(wantDocs) || plan.Jobs != len(wantJobs) || plan.Steps == 0 || plan.Already != 0 || !plan.DryRun {
		t.Errorf("dry run: %+v, there are %d documents and %d jobs", plan, len(wantDocs), len(wantJobs))
	}
	done := object[copyResult](shared("copy", "--from", w.dir, "--json").exits(exitOK).silent())
	if done.Documents != plan.Documents || done.Jobs != plan.Jobs || done.Steps != plan.Steps || done.Sources != plan.Sources || !done.Verified || len(done.Remarks) > 0 {
		t.Errorf("copied: %+v, planned: %+v", done, plan)
	}
	if done.Events != plan.Events+1 { // the interruption of the one that was in work
		t.Errorf("%d events, there were %d", done.Events, plan.Events)
	}

	gotDocs := listed(shared("documents", "list", "--json", "--limit", "0"))
	same(t, wantDocs, gotDocs)
	gotJobs := listed(shared("jobs", "list", "--json", "--limit", "0"), "position")
	for id, row := range wantJobs {
		got := gotJobs[id]
		events := told(shared("jobs", "events", "--json", id))
		if row["status"] != "processing" {
			same(t, row, got)
			if events != wantEvents[id] {
				t.Errorf("history of %s: %s, want %s", id, events, wantEvents[id])
			}
			continue
		}
		if got["status"] != "interrupted" || got["cause"] != "crash" || got["crashes"] != 1.0 || got["attempt"] != row["attempt"] || got["steps_done"] != row["steps_done"] {
			t.Errorf("the one that was in work: %v", got)
		}
		if !strings.HasPrefix(events, wantEvents[id]) || !strings.Contains(events, "nobody has the database open") {
			t.Errorf("its history: %s", events)
		}
	}
	for id := range wantDocs {
		for _, command := range [][]string{{"documents", "export", "--format", "text"}, {"documents", "show", "--json"}} {
			here, there := w.run(append(command, id)...), shared(append(command, id)...)
			if here.code != there.code || command[1] == "export" && here.out != there.out {
				t.Errorf("%v %s: exit %d and %d, %d bytes and %d", command, id, here.code, there.code, len(here.out), len(there.out))
			}
		}
	}

	again := object[copyResult](shared("copy", "--from", w.dir, "--json").exits(exitOK).silent())
	if again.Documents+again.Jobs+again.Steps+again.Events+again.Sources != 0 || again.Already != plan.Documents || !again.Verified {
		t.Errorf("given again: %+v", again)
	}
}

// told is a history without ids.
func told(a answer) string {
	a.Helper()
	var b strings.Builder
	for _, e := range lines[map[string]any](a.exits(exitOK)) {
		delete(e, "id")
		line, err := json.Marshal(e)
		if err != nil {
			a.Fatal(err)
		}
		b.Write(append(line, '\n'))
	}
	return b.String()
}

// same compares rows, but for what JSONB cannot hold and that metadata is in an
// order of its own.
func same(t *testing.T, want, got any) {
	t.Helper()
	a, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	a = bytes.ReplaceAll(a, []byte(`\u0000 \\`), []byte(`�`+` \\`))
	if !bytes.Equal(a, b) {
		t.Errorf("there: %s\nhere:  %s", b, a)
	}
}

// Who answers already, there, goes on to; what cannot be read, here, is named.
func TestCopyRemarksAndProblems(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	shared := w.shared()
	ref, err := w.blobs.Put(t.Context(), strings.NewReader("%PDF-1.7\n% twice"), 0)
	w.ok(err)
	twice, err := w.docs.Submit(t.Context(), documents.Submission{Source: ref, Filename: "twice.pdf", IdempotencyKey: "k"})
	w.ok(err)
	gone := w.submit("gone.pdf")
	w.ok(os.Remove(filepath.Join(w.dir, "blobs", gone.Document.SourceSHA256[:2], gone.Document.SourceSHA256[2:])))
	w.leave()

	// Another store's worth of jobs in the same database.
	other := newWorld(t)
	ref, err = other.blobs.Put(t.Context(), strings.NewReader("%PDF-1.7\n% twice"), 0)
	w.ok(err)
	first, err := other.docs.Submit(t.Context(), documents.Submission{Source: ref, Filename: "first.pdf"})
	w.ok(err)
	_, err = other.store.Insert(t.Context(), jobs.NewJob{Kind: "extract", IdempotencyKey: "k"})
	w.ok(err)
	other.leave()
	shared("copy", "--from", other.dir).exits(exitOK)

	r := object[copyResult](shared("copy", "--from", w.dir, "--json").exits(exitFailure))
	remarks, problems := notes(r.Remarks), notes(r.Problems)
	if len(r.Remarks) != 2 || !strings.Contains(remarks, "idempotency key") || !strings.Contains(remarks, first.Document.ID.String()) || !strings.Contains(remarks, twice.Document.ID.String()) {
		t.Errorf("remarks: %s", remarks)
	}
	if len(r.Problems) != 1 || !strings.Contains(problems, gone.Document.ID.String()) || !strings.Contains(problems, "source is missing") || r.Verified {
		t.Errorf("problems: %s", problems)
	}
	if r.Documents != 2 || r.Jobs != 2 {
		t.Errorf("%+v", r)
	}
}

func notes(list []jobNote) string {
	words := make([]string, len(list))
	for i, n := range list {
		words[i] = n.String()
	}
	return strings.Join(words, "; ")
}

// What went on here after it was copied is not copied over what is there.
func TestCopyNamesWhatWentOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	shared := w.shared()
	made := w.in(jobs.Interrupted)
	w.leave()
	shared("copy", "--from", w.dir).exits(exitOK)
	again := &world{TB: t, dir: w.dir}
	again.open()
	_, err := again.store.Move(t.Context(), made.ID, jobs.Resume, "test")
	again.ok(err)
	again.record(again.claim(made.ID), 10, 4, 6)
	again.leave()
	r := object[copyResult](shared("copy", "--from", w.dir, "--json").exits(exitFailure))
	if said := notes(r.Problems); !strings.Contains(said, made.ID.String()) || !strings.Contains(said, "went on here since") || !strings.Contains(said, "3 of 6 steps") {
		t.Errorf("problems: %s", said)
	}
	if r.Jobs+r.Steps+r.Events != 0 {
		t.Errorf("something was written: %+v", r)
	}
}

func TestCopyRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.leave()
	_, errs, code := invoke(t, nil, "copy")
	for _, want := range []string{"--from is missing", "--database-url is missing"} {
		if code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("exit %d: %s", code, errs)
		}
	}
	shared := w.shared()
	shared("copy", "--from", w.dir+"/none").exits(exitUnavailable).warns("there is no such database", "--from")
	shared("copy", "--from", w.dir, "--from-blob-url", "db:").exits(exitUsage)
	if r := object[copyResult](shared("copy", "--from", w.dir, "--json").exits(exitOK)); r.Documents != 0 || !r.Verified {
		t.Errorf("an empty store: %+v", r)
	}
}

// On PostgreSQL the commands say the same, and exit the same.
func TestCommandsOnPostgres(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill()
	w.leave()
	shared := w.shared()
	shared("jobs", "list").exits(exitUnavailable).warns("there are no tables of mivaa", "--schema")
	shared("migrate", "status").exits(exitOK).says("jobs", "behind", "documents", "blob")
	shared("copy", "--from", w.dir).exits(exitOK)
	shared("migrate", "--dry-run").exits(exitOK).says("jobs", "up to date", "documents", "up to date", "blob", "up to date")

	var ids []string
	for _, row := range lines[map[string]any](shared("jobs", "list", "--json", "--status", "pending", "--sort", "created_at:asc", "--limit", "0")) {
		ids = append(ids, row["id"].(string))
	}
	if len(ids) < 3 {
		t.Fatalf("pending: %v", ids)
	}
	shared("jobs", "interrupt", ids[0], "--yes").exits(exitState).warns("cannot interrupt job", "pending")
	shared("jobs", "cancel", ids[0], "--yes").exits(exitOK).says("cancelled " + ids[0])
	shared("jobs", "resume", ids[0]).exits(exitOK).says("resumed " + ids[0])
	shared("jobs", "restart", ids[0], "--yes").exits(exitOK)
	shared("jobs", "interrupt", "--all", "--dry-run").exits(exitOK).says("would interrupt 0 processing jobs")
	shared("jobs", "stats").exits(exitOK)
	shared("jobs", "cleanup", "--yes", "--older-than", "0s").exits(exitOK).says("removed ")
	docs := lines[map[string]any](shared("documents", "list", "--json", "--owner", "alice"))
	if len(docs) != 1 {
		t.Fatalf("documents of alice: %v", docs)
	}
	id := docs[0]["id"].(string)
	shared("documents", "delete", id).exits(exitUsage).warns("--yes")
	shared("documents", "delete", id, "--yes").exits(exitOK)
	shared("documents", "show", id).exits(exitNotFound)
	got := keys(t, shared("jobs", "show", "--json", ids[0]).exits(exitOK).out)
	if !slices.Contains(got, "events") {
		t.Errorf("keys: %v", got)
	}
}

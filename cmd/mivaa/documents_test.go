package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs"
)

func TestDocumentsList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("documents", "list").exits(exitOK).warns("no documents")
	first := w.complete("first.pdf", 12)
	second := w.in(jobs.Failed, func(s *documents.Submission) { s.Owner = "alice" })
	third := w.in(jobs.Pending)
	w.run("documents", "list").exits(exitOK).silent().says("ID", "STATUS", "PAGES", "SIZE", "AGE", "FILE",
		third.DocumentID.String(), "pending", "-", "pending.pdf", second.DocumentID.String(), "failed", "3/10", first.Document.ID.String(), "completed", "12", "first.pdf")

	a := w.run("documents", "list", "--json").exits(exitOK).silent()
	all := lines[documents.Document](a)
	if len(all) != 3 || all[0].ID != third.DocumentID || all[2].ID != first.Document.ID || all[2].ContentJobID != first.Job.ID {
		t.Errorf("got %s", a.out)
	}
	columns := w.columns("documents")
	for _, key := range keys(t, a.out) {
		if !slices.Contains(columns, key) {
			t.Errorf("%s is no column of documents", key)
		}
	}
	if !strings.Contains(a.out, `"content_job_id":null`) {
		t.Errorf("no content_job_id: %s", a.out)
	}
	for _, test := range []struct {
		args []string
		want []jobs.ID
	}{
		{[]string{"--owner", "alice"}, []jobs.ID{second.DocumentID}},
		{[]string{"--limit", "1"}, []jobs.ID{third.DocumentID}},
		{[]string{"--limit", "0"}, []jobs.ID{third.DocumentID, second.DocumentID, first.Document.ID}},
		{[]string{"--after", second.DocumentID.String()}, []jobs.ID{first.Document.ID}},
	} {
		got := lines[documents.Document](w.run(append([]string{"documents", "list", "--json"}, test.args...)...).exits(exitOK))
		if !slices.EqualFunc(got, test.want, func(d documents.Document, id jobs.ID) bool { return d.ID == id }) {
			t.Errorf("%v: got %v", test.args, got)
		}
	}
	w.run("documents", "list", "--limit", "2").exits(exitOK).warns("more: mivaa documents list", "--after "+second.DocumentID.String())
}

func TestDocumentsShow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.complete("report.pdf", 5, 4)
	id := made.Document.ID.String()
	w.run("documents", "show", id).exits(exitOK).silent().says(id, "completed", "file", "report.pdf", "title", "A title", "pages", "5 recorded",
		"pages failed", "4 (page_timeout)", "sha256", made.Document.SourceSHA256, "PDF 1.7", "jobs", made.Job.ID.String(), "completed", "its content")
	a := w.run("documents", "show", "--json", id).exits(exitOK).silent()
	got := object[documentDetail](a)
	if !got.Complete || got.StepsDone != 5 || len(got.PagesFailed) != 1 || len(got.Jobs) != 1 || got.Jobs[0].ID != made.Job.ID {
		t.Errorf("got %s", a.out)
	}
	var facts struct {
		PageCount int `json:"page_count"`
	}
	if err := json.Unmarshal(got.Facts, &facts); err != nil || facts.PageCount != 5 {
		t.Errorf("facts %s, %v", got.Facts, err)
	}

	running := w.in(jobs.Processing)
	a = w.run("documents", "show", "--json", running.DocumentID.String()).exits(exitOK)
	if !strings.Contains(a.out, `"facts":{`) || !strings.Contains(a.out, `"profile":null`) || !strings.Contains(a.out, `"owner":""`) {
		t.Errorf("columns are missing: %s", a.out)
	}
	w.run("documents", "show", running.DocumentID.String()).exits(exitOK).says("processing", "3 of 10 recorded")
	w.run("documents", "show", "0000").exits(exitNotFound).warns("0000: document not found", "hint: mivaa documents list")
	w.run("documents", "show", made.Job.ID.String()).exits(exitNotFound)
}

// TestPasswordStaysSecret: no command shows it.
func TestPasswordStaysSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.submit("secret.pdf", func(s *documents.Submission) { s.Password = "hunter2" })
	for _, args := range []string{"jobs list", "jobs show " + made.Job.ID.String(), "jobs events " + made.Job.ID.String(), "documents list", "documents show " + made.Document.ID.String()} {
		for _, flag := range []string{"--json", "--json=false"} {
			a := w.run(append(strings.Split(args, " "), flag)...).exits(exitOK)
			if strings.Contains(a.out+a.err, "hunter2") {
				t.Errorf("%s shows the password: %s%s", args, a.out, a.err)
			}
		}
	}
}

func TestDocumentsExport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.complete("report.pdf", 3).Document.ID.String()
	if a := w.run("documents", "export", id).exits(exitOK).silent(); a.out != "This is page 1.\n\nThis is page 2.\n\nThis is page 3.\n" {
		t.Errorf("Markdown %q", a.out)
	}
	if a := w.run("documents", "export", id, "--format", "text", "--pages", "2-").exits(exitOK).silent(); a.out != "This is page 2.\n\fThis is page 3.\n\f" {
		t.Errorf("text %q", a.out)
	}
	for _, format := range []string{"json", "chunks"} {
		var whole struct {
			DocumentID string            `json:"document_id"`
			Pages      []json.RawMessage `json:"pages"`
			Chunks     []json.RawMessage `json:"chunks"`
		}
		a := w.run("documents", "export", id, "-f", format).exits(exitOK).silent()
		if err := json.Unmarshal([]byte(a.out), &whole); err != nil || whole.DocumentID != id || len(whole.Chunks) == 0 {
			t.Errorf("%s: %v: %s", format, err, a.out)
		}
	}

	path := filepath.Join(t.TempDir(), "out", "report.md")
	if a := w.run("documents", "export", id, "-o", path).exits(exitOK).silent(); a.out != "" {
		t.Errorf("stdout %q", a.out)
	}
	if got, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(got), "This is page 1.") {
		t.Errorf("%s: %q, %v", path, got, err)
	}
	a := w.run("documents", "export", id, "--json").exits(exitOK).silent()
	if got := object[exportResult](a); got.Content == "" || !got.Complete || got.Partial || got.Pages != 3 || got.PageCount != 3 || got.Format != "markdown" {
		t.Errorf("got %s", a.out)
	}
	if !strings.Contains(a.out, `"pages_failed":[]`) {
		t.Errorf("pages_failed is no list: %s", a.out)
	}
	if got := object[exportResult](w.run("documents", "export", id, "--json", "-o", path).exits(exitOK)); got.Content != "" || got.Output != path {
		t.Errorf("got %+v", got)
	}
	w.run("documents", "export", id, "--pages", "9").exits(exitNotFound).warns("no such page")
	w.run("documents", "export", "0000").exits(exitNotFound)
	w.run("documents", "export", id, "-o", filepath.Join(path, "under-a-file")).exits(exitFailure).warns("write result: ")
}

// TestExportOfLess: what is not the whole document has an exit code of its own.
func TestExportOfLess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	partial := w.complete("partial.pdf", 3, 2)
	w.run("documents", "export", partial.Document.ID.String()).exits(exitPartly).says("This is page 1.", "This is page 3.").
		warns("1 of 3 pages could not be read: 2 (page_timeout)")
	w.run("documents", "export", partial.Document.ID.String(), "--pages", "1,3").exits(exitOK).silent()

	running := w.in(jobs.Processing)
	w.run("documents", "export", running.DocumentID.String()).exits(exitRunning).says("This is page 1.", "This is page 3.").
		warns("the document is not complete: its job is processing; 3 pages written", "hint: mivaa jobs watch "+running.ID.String())
	failed := w.in(jobs.Failed)
	w.run("documents", "export", failed.DocumentID.String()).exits(exitPartly).says("This is page 3.").warns("its job is failed", "mivaa jobs show "+failed.ID.String())

	none := w.in(jobs.Pending)
	w.run("documents", "export", none.DocumentID.String()).exits(exitRunning).warns("its job is pending; 0 pages written")
}

func TestDocumentsDelete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	done, running, stays := w.complete("done.pdf", 3), w.in(jobs.Processing), w.complete("stays.pdf", 1)
	ids := []string{done.Document.ID.String(), running.DocumentID.String()}

	w.run("documents", "delete", ids[0], ids[1]).exits(exitUsage).
		warns("Delete 2 documents with their pages and jobs? 1 job is still alive.", "mivaa documents delete "+ids[0]+" "+ids[1], "--yes")
	w.run("documents", "delete", ids[0], ids[1], "--dry-run").exits(exitOK).silent().says("would delete "+ids[0]+" done.pdf", "would delete "+ids[1])
	w.run("documents", "delete", ids[0], "0000", "--yes").exits(exitNotFound)
	w.run("documents", "show", ids[0]).exits(exitOK)

	a := w.run("documents", "delete", ids[0], ids[1], ids[0], "--yes", "--json").exits(exitOK).silent()
	if got := lines[documents.Document](a); len(got) != 2 || got[0].ID != done.Document.ID {
		t.Errorf("got %s", a.out)
	}
	for _, id := range ids {
		w.run("documents", "show", id).exits(exitNotFound)
	}
	for _, id := range []jobs.ID{done.Job.ID, running.ID} {
		w.run("jobs", "show", id.String()).exits(exitNotFound)
	}
	w.run("documents", "export", stays.Document.ID.String()).exits(exitOK).silent()
	w.run("documents", "delete", stays.Document.ID.String(), "--yes").exits(exitOK).silent().says("deleted " + stays.Document.ID.String() + " stays.pdf\n")
}

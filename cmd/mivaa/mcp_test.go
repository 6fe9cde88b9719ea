package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/ocr"
	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
)

// assistant is one that speaks with the command, over its standard input and
// output.
type assistant struct {
	*world
	session *mcp.ClientSession
	code    chan int
	errw    *pipe
}

func (w *world) assist(args ...string) *assistant {
	w.Helper()
	toCommand, fromUs := io.Pipe()
	toUs, fromCommand := io.Pipe()
	a := &assistant{world: w, code: make(chan int, 1), errw: &pipe{}}
	ctx := context.WithoutCancel(w.Context())
	go func() {
		a.code <- run(ctx, append([]string{"mcp"}, args...), []string{"MIVAA_DATA_DIR=" + w.dir}, toCommand, fromCommand, a.errw)
		_ = fromCommand.Close() // that the command has ended is what the test asks
	}()
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(ctx, &mcp.IOTransport{Reader: toUs, Writer: fromUs}, nil)
	w.ok(err)
	a.session = session
	return a
}

// ends closes the assistant's side: the command ends by that.
func (a *assistant) ends() {
	a.Helper()
	a.ok(a.session.Close())
	if got := <-a.code; got != exitOK {
		a.Errorf("exit code %d: %s", got, a.errw)
	}
}

func (a *assistant) tools() []string {
	a.Helper()
	list, err := a.session.ListTools(a.Context(), nil)
	a.ok(err)
	var names []string
	for _, tool := range list.Tools {
		names = append(names, tool.Name)
		if len(tool.Description) < 40 || tool.Annotations == nil {
			a.Errorf("%s says little of itself: %q", tool.Name, tool.Description)
		}
	}
	slices.Sort(names)
	return names
}

// call calls a tool and returns its text; what it made of it goes into out.
func (a *assistant) call(name string, args map[string]any, out any) (text string, failed bool) {
	a.Helper()
	result, err := a.session.CallTool(a.Context(), &mcp.CallToolParams{Name: name, Arguments: args})
	a.ok(err)
	for _, c := range result.Content {
		if t, ok := c.(*mcp.TextContent); ok {
			text += t.Text
		}
	}
	if out != nil && !result.IsError {
		data, err := json.Marshal(result.StructuredContent)
		a.ok(err)
		a.ok(json.Unmarshal(data, out))
	}
	return text, result.IsError
}

func TestAssistant(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"store", "service"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var args []string
			if where == "service" {
				args = []string{"--server", w.serve()}
			}
			a := w.assist(args...)
			defer a.ends()
			want := []string{"cancel_job", "job_status", "list_documents", "list_jobs", "read_chunks", "read_pages", "resume_job", "submit_document"}
			if got := a.tools(); !slices.Equal(got, want) {
				t.Errorf("tools %v, want %v", got, want)
			}
			a.submits()
			a.reads()
			a.moves()
		})
	}
}

func (a *assistant) submits() {
	a.Helper()
	path := filepath.Join(a.TempDir(), "paper.pdf")
	a.ok(os.WriteFile(path, []byte("%PDF-1.7\n% a paper"), 0o600))
	var made submitOutput
	if text, failed := a.call("submit_document", map[string]any{"path": path, "pages": "1-3", "title": "A paper"}, &made); failed {
		a.Fatal(text)
	}
	if made.Status != "pending" || made.Known || !strings.Contains(made.Note, "no process runs jobs now") {
		a.Errorf("got %+v", made)
	}
	var again submitOutput
	if a.call("submit_document", map[string]any{"path": path, "pages": "1-3"}, &again); again.JobID != made.JobID || !again.Known {
		a.Errorf("got %+v, want the job %s", again, made.JobID)
	}
	id, err := jobs.ParseID(made.JobID)
	a.ok(err)
	if j := a.job(id); j.Filename != "paper.pdf" {
		a.Errorf("got %+v", j)
	}
	other := filepath.Join(a.TempDir(), "page.html")
	a.ok(os.WriteFile(other, []byte("<html>"), 0o600))
	for path, says := range map[string]string{
		"https://example.org/a.pdf": "not fetched", other: "not_a_pdf", filepath.Dir(other): "is not a file", other + ".none": "no such file",
	} {
		if text, failed := a.call("submit_document", map[string]any{"path": path}, nil); !failed || !strings.Contains(text, says) {
			a.Errorf("%s: %q, want %q", path, text, says)
		}
	}
	var status jobAnswer
	if a.call("job_status", map[string]any{"job_id": made.JobID[:23]}, &status); status.Status != "pending" || status.Note == "" || status.Ended {
		a.Errorf("got %+v", status)
	}
	if text, failed := a.call("job_status", map[string]any{"job_id": "0000"}, nil); !failed || !strings.HasPrefix(text, "not_found: ") {
		a.Errorf("got %q", text)
	}
}

func (a *assistant) reads() {
	a.Helper()
	done := a.complete("report.pdf", 3, 2)
	id := done.Document.ID.String()
	text, _ := a.call("read_pages", map[string]any{"document_id": id, "pages": "1-2"}, nil)
	if !strings.Contains(text, "page 1 -->") || !strings.Contains(text, "This is page 1.") || strings.Contains(text, "This is page 3.") ||
		!strings.Contains(text, "Pages that could not be read: 2 (page_timeout)") {
		a.Errorf("got %q", text)
	}
	text, _ = a.call("read_chunks", map[string]any{"document_id": id, "limit": 1}, nil)
	if !strings.Contains(text, `"chunk_index":0`) || !strings.Contains(text, "This is page 1.") {
		a.Errorf("got %q", text)
	}
	if text, failed := a.call("read_pages", map[string]any{"document_id": id, "pages": "7-"}, nil); !failed || !strings.Contains(text, "no such page") {
		a.Errorf("got %q", text)
	}
	var status jobAnswer
	if a.call("job_status", map[string]any{"job_id": done.Job.ID.String(), "wait_seconds": 5}, &status); !status.Ended || status.Status != "completed" || !strings.Contains(status.Note, "2 (page_timeout)") {
		a.Errorf("got %+v", status)
	}

	long := a.complete("long.pdf", 4000)
	id, whole, offset := long.Document.ID.String(), "", 0
	for calls := 1; ; calls++ {
		text, failed := a.call("read_pages", map[string]any{"document_id": id, "offset": offset}, nil)
		if failed || calls > 50 || len(text) > mostText+500 {
			a.Fatalf("call %d: %d bytes: %.200s", calls, len(text), text)
		}
		part, note, more := strings.Cut(text, "\n\n[There is more: call read_pages again with offset ")
		whole += part
		if !more {
			break
		}
		offset = len(whole)
		if !strings.HasPrefix(note, jsonNumber(offset)+".") {
			a.Fatalf("%d bytes were given, and the answer says: %s", offset, note)
		}
	}
	for _, n := range []string{"page 1.", "page 1999.", "page 4000."} {
		if strings.Count(whole, "This is "+n+"\n") != 1 {
			a.Errorf("%s stands %d times in the parts together", n, strings.Count(whole, "This is "+n))
		}
	}
	var list listDocumentsOutput
	if a.call("list_documents", map[string]any{"limit": 1}, &list); len(list.Documents) != 1 || list.Documents[0].DocumentID != id || !list.Documents[0].Complete || list.Next != id {
		a.Errorf("got %+v", list)
	}
}

func jsonNumber(n int) string {
	data, _ := json.Marshal(n) // a number
	return string(data)
}

func (a *assistant) moves() {
	a.Helper()
	failed := a.in(jobs.Failed, func(s *documents.Submission) { s.Owner = "alice" })
	var got jobAnswer
	if text, wrong := a.call("resume_job", map[string]any{"job_id": failed.ID.String()}, &got); wrong || got.Status != "pending" || got.PagesRead != 3 {
		a.Errorf("got %+v: %s", got, text)
	}
	if a.call("cancel_job", map[string]any{"job_id": failed.ID.String()}, &got); got.Status != "interrupted" || got.Cause != "cancelled" {
		a.Errorf("got %+v", got)
	}
	done := a.in(jobs.Completed)
	if text, wrong := a.call("cancel_job", map[string]any{"job_id": done.ID.String()}, nil); !wrong || !strings.HasPrefix(text, "state: ") || !strings.Contains(text, "completed") {
		a.Errorf("got %q", text)
	}
	var list listJobsOutput
	if a.call("list_jobs", map[string]any{"status": "interrupted"}, &list); len(list.Jobs) != 1 || list.Jobs[0].JobID != failed.ID.String() {
		a.Errorf("got %+v", list)
	}
	if text, wrong := a.call("list_jobs", map[string]any{"status": "lost"}, nil); !wrong || !strings.Contains(text, "is none of") {
		a.Errorf("got %q", text)
	}
	var first, second listJobsOutput
	a.call("list_jobs", map[string]any{"limit": 2}, &first)
	a.call("list_jobs", map[string]any{"limit": 100, "after": first.Next}, &second)
	if len(first.Jobs) != 2 || len(second.Jobs) == 0 || second.Jobs[0].JobID == first.Jobs[1].JobID {
		a.Errorf("got %+v, then %+v", first, second)
	}
}

// TestAssistantOCR: it is told of pictures, may say how they are recognised, and
// is told which pages need it, and what to do.
func TestAssistantOCR(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"store", "service"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var args []string
			if where == "service" {
				args = []string{"--server", w.serve()}
			}
			a := w.assist(args...)
			defer a.ends()
			path := filepath.Join(t.TempDir(), "scan.png")
			w.ok(os.WriteFile(path, []byte("\x89PNG\r\n\x1a\n and more"), 0o600))
			var made submitOutput
			if text, failed := a.call("submit_document", map[string]any{"path": path, "ocr": "force", "ocr_languages": "eng+deu"}, &made); failed {
				t.Fatal(text)
			}
			id, err := jobs.ParseID(made.DocumentID)
			w.ok(err)
			doc, err := w.docs.Get(t.Context(), id)
			w.ok(err)
			if o := string(doc.Options); doc.MediaType != "image/png" || !strings.Contains(o, `"ocr":"force"`) || !strings.Contains(o, `"ocr_languages":"eng+deu"`) {
				t.Errorf("%s, read with %s", doc.MediaType, o)
			}
			for name, value := range map[string]string{"ocr": "sometimes", "ocr_languages": "../eng"} {
				if text, failed := a.call("submit_document", map[string]any{"path": path, name: value}, nil); !failed || !strings.HasPrefix(text, "usage: "+name) {
					t.Errorf("%s: %q", name, text)
				}
			}
			a.tellsOCR(ocr.Auto, "Tesseract")
			a.tellsOCR(ocr.Off, "ocr auto")
		})
	}
}

func (a *assistant) tellsOCR(mode ocr.Mode, says string) {
	a.Helper()
	done := a.submit("scan.pdf")
	j := a.claim(done.Job.ID)
	a.record(j, 3, 1, 3)
	facts, err := json.Marshal(extract.Facts{Info: pdf.Info{PageCount: 3}, SelectedPages: 3, OCR: &extract.OCRFacts{Mode: mode, Recognised: 1, Needed: "2-3"}})
	a.ok(err)
	a.ok(a.docs.SetFacts(a.Context(), j.Fence(), facts))
	a.ok(a.docs.Publish(a.Context(), j.Fence(), json.RawMessage(`{"v":1,"pages":1,"body_size":11}`)))
	a.finish(j, jobs.Outcome{Status: jobs.Completed})

	var status jobAnswer
	if a.call("job_status", map[string]any{"job_id": j.ID.String()}, &status); status.NeedsOCR != "2-3" || !strings.Contains(status.Note, says) {
		a.Errorf("job_status: %+v", status)
	}
	for _, tool := range []string{"read_pages", "read_chunks"} {
		if text, _ := a.call(tool, map[string]any{"document_id": j.DocumentID.String()}, nil); !strings.Contains(text, "missing: 2-3. ") || !strings.Contains(text, says) {
			a.Errorf("%s: %q", tool, text)
		}
	}
}

// TestAssistantReadOnly: what is not offered cannot be called.
func TestAssistantReadOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.assist("--read-only")
	defer a.ends()
	if got, want := a.tools(), []string{"job_status", "list_documents", "list_jobs", "read_chunks", "read_pages"}; !slices.Equal(got, want) {
		t.Errorf("tools %v, want %v", got, want)
	}
	if result, err := a.session.CallTool(t.Context(), &mcp.CallToolParams{Name: "cancel_job", Arguments: map[string]any{"job_id": w.in(jobs.Pending).ID.String()}}); err == nil {
		t.Errorf("got %+v", result)
	}
}

// TestAssistantRoot: files outside the folder are refused, links out of it too.
func TestAssistantRoot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root, outside := t.TempDir(), filepath.Join(t.TempDir(), "secret.pdf")
	w.ok(os.WriteFile(outside, []byte("%PDF-1.7\n"), 0o600))
	w.ok(os.WriteFile(filepath.Join(root, "a.pdf"), []byte("%PDF-1.7\n"), 0o600))
	w.ok(os.Symlink(outside, filepath.Join(root, "link.pdf")))
	a := w.assist("--root", root)
	defer a.ends()
	for path, refused := range map[string]bool{"a.pdf": false, filepath.Join(root, "a.pdf"): false, outside: true, "link.pdf": true, "../secret.pdf": true} {
		if text, failed := a.call("submit_document", map[string]any{"path": path}, nil); failed != refused {
			t.Errorf("%s: refused %v, want %v: %s", path, failed, refused, text)
		}
	}
}

// TestAssistantRelativeRoot: a folder may be named from where the command
// started, and its files by their whole path. What is no file is not waited for.
func TestAssistantRelativeRoot(t *testing.T) {
	w := newWorld(t)
	here := t.TempDir()
	w.ok(os.Mkdir(filepath.Join(here, "in"), 0o700))
	w.ok(os.WriteFile(filepath.Join(here, "in", "a.pdf"), []byte("%PDF-1.7\n"), 0o600))
	t.Chdir(here)
	a := w.assist("--root", "in")
	defer a.ends()
	path, err := filepath.Abs(filepath.Join("in", "a.pdf"))
	w.ok(err)
	for _, path := range []string{"a.pdf", path} {
		if text, failed := a.call("submit_document", map[string]any{"path": path}, nil); failed {
			t.Errorf("%s: %s", path, text)
		}
	}
	if text, failed := a.call("submit_document", map[string]any{"path": "."}, nil); !failed || !strings.Contains(text, "is not a file") {
		t.Errorf("a folder: %v, %s", failed, text)
	}
	if text, _ := a.call("list_jobs", map[string]any{"status": "bogus"}, nil); !strings.Contains(text, "none of pending, ") {
		t.Errorf("no such status: %s", text)
	}
}

// TestAssistantWorks: with --work what is submitted is read in this process.
func TestAssistantWorks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.assist("--work")
	defer a.ends()
	path, err := filepath.Abs("../../examples/sample.pdf")
	w.ok(err)
	var made submitOutput
	if text, failed := a.call("submit_document", map[string]any{"path": path}, &made); failed || made.Note != "" {
		t.Fatalf("%+v: %s", made, text)
	}
	var status jobAnswer
	a.call("job_status", map[string]any{"job_id": made.JobID, "wait_seconds": 120}, &status)
	if status.Status != "completed" || status.PagesRead == 0 {
		t.Fatalf("got %+v", status)
	}
	if text, failed := a.call("read_pages", map[string]any{"document_id": made.DocumentID, "pages": "1"}, nil); failed || !strings.Contains(text, "<!-- page 1 -->") {
		t.Errorf("got %.300q", text)
	}
}

// TestAssistantJobWithoutDocument: a row that somebody wrote by hand may have none.
func TestAssistantJobWithoutDocument(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.assist()
	defer a.ends()
	made, err := w.store.Insert(t.Context(), jobs.NewJob{Kind: documents.Kind, Filename: "by hand"})
	w.ok(err)
	w.finish(w.claim(made[0].ID), jobs.Outcome{Status: jobs.Completed})
	var status jobAnswer
	if text, failed := a.call("job_status", map[string]any{"job_id": made[0].ID.String()}, &status); failed || status.Status != "completed" {
		t.Errorf("%s %+v", text, status)
	}
}

// TestForcedPagesAreNotMissing: pages that were to be recognised whatever text
// they have are not said to be without it.
func TestForcedPagesAreNotMissing(t *testing.T) {
	t.Parallel()
	got := strings.Join(unrecognised(extract.OCRFacts{Mode: ocr.Force, Needed: "1-3"}), " ")
	if strings.Contains(got, "missing") || !strings.Contains(got, "what the file says") || !strings.Contains(got, "1-3. Somebody has to install Tesseract") {
		t.Error(got)
	}
}

package dashboard

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/internal/api"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
)

func TestDocumentsList(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.contains(e.page("/documents"), "No document yet")
	for i := range documentsOnPage + 3 {
		e.ok2(e.docs.Submit(t.Context(), submission(fmt.Sprintf("%02d.pdf", i), "kim")))
	}
	e.ok2(e.docs.Submit(t.Context(), submission(`<img src=x onerror=alert(1)>.pdf`, "lee")))

	first := e.page("/documents")
	e.contains(first, "&lt;img src=x onerror=alert(1)&gt;.pdf", "Pending", "52.pdf", `href="/documents?owner=kim"`)
	if strings.Contains(first, "<img src=x") || strings.Contains(first, "03.pdf") {
		t.Error("a filename is not escaped, or the page too long")
	}
	next := address(t, first, `rel="next" href="`)
	second := e.page(next)
	e.contains(second, "03.pdf", "00.pdf", "Beginning")
	if strings.Contains(second, `rel="next"`) {
		t.Error("there is more behind the end")
	}
	owned := e.page("/documents?owner=lee")
	if strings.Contains(owned, "52.pdf") || !strings.Contains(owned, "alert(1)") {
		t.Error("the owner's documents are not those")
	}
	e.contains(e.page("/documents?owner=nobody"), "nobody has no document")
	// The part after a document goes on where it stood, although it was deleted.
	id := next[strings.Index(next, "after=")+len("after="):]
	e.ok(e.docs.Delete(t.Context(), parsed(t, id), "test"))
	e.contains(e.page(next), "03.pdf", "00.pdf")
	if a := e.get("/documents?after=x"); a.StatusCode != http.StatusBadRequest {
		t.Errorf("after=x: %d", a.StatusCode)
	}
}

// ok2 is ok for what also returns a value.
func (e *env) ok2(_ any, err error) {
	e.Helper()
	e.ok(err)
}

func submission(filename, owner string) documents.Submission {
	sum := fmt.Sprintf("%064x", []byte(filename))
	s := documents.Submission{Filename: filename, Owner: owner}
	s.Source.SHA256, s.Source.Size = sum[len(sum)-64:], 1234
	return s
}

// address returns what stands in a page behind a text, up to the next quote.
func address(t *testing.T, page, behind string) string {
	t.Helper()
	_, after, ok := strings.Cut(page, behind)
	to, _, _ := strings.Cut(after, `"`)
	if !ok {
		t.Fatalf("no %s in the page", behind)
	}
	return strings.ReplaceAll(to, "&amp;", "&")
}

func parsed(t *testing.T, id string) jobs.ID {
	t.Helper()
	parsed, err := jobs.ParseID(id)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestDocumentPages(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	j := e.upload("report.pdf")
	base := "/documents/" + j.DocumentID.String()
	e.contains(e.page(base), "Pending", "No page of it has been read", "Nothing yet")
	if a := e.get(base + "/pages/1"); a.StatusCode != http.StatusOK || !strings.Contains(a.body, "still to be read") {
		t.Errorf("a page that waits: %d", a.StatusCode)
	}

	e.process(j.ID, 4, 4, 3)
	page := e.page(base)
	e.contains(page, "Read", "1 page could not be read", "page_timeout", "Facts", `href="`+base+`/pages/4"`, "LangChain", "shape=llamaindex",
		`download="report.md"`, "/source", j.ID.String(), `action="`+base+`/reprocess"`, `href="`+base+`/delete"`)

	one := e.page(base + "/pages/1")
	e.contains(one, "This is the text of page 1.", "Page 1", "of 4", `href="`+base+`/pages/2"`, "<button disabled>")
	e.contains(e.page(base+"/pages/2?as=markdown"), `<pre class="source"`, `href="`+base+`/pages/3?as=markdown"`)
	e.contains(e.page(base+"/pages/2?as=text"), `<pre class="source"`)
	e.contains(e.page(base+"/pages/3"), "could not be read", "The page took too long.", "page_timeout")

	for path, want := range map[string]int{
		base + "/pages/5": http.StatusNotFound, base + "/pages/0": http.StatusNotFound, base + "/pages/x": http.StatusNotFound,
		base + "/pages/1?as=pdf": http.StatusBadRequest, "/documents/x": http.StatusNotFound, "/documents/" + jobs.NewID().String(): http.StatusNotFound,
		base + "/page?n=x": http.StatusBadRequest,
	} {
		if a := e.get(path); a.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, a.StatusCode, want)
		}
	}
	if a := e.get(base + "/page?n=3&as=text"); a.StatusCode != http.StatusSeeOther || a.location() != base+"/pages/3?as=text" {
		t.Errorf("go to page: %d %s", a.StatusCode, a.location())
	}
}

// A document of which only some pages were asked for turns from one to the next
// of those.
func TestSelectedPages(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	sub := submission("long.pdf", "")
	e.ok(extract.Options{Pages: "3,7-8"}.Apply(&sub))
	done, err := e.docs.Submit(t.Context(), sub)
	e.ok(err)
	j := e.claim(done.Job.ID)
	facts, err := json.Marshal(extract.Facts{Info: pdf.Info{PageCount: 10}, SelectedPages: 3})
	e.ok(err)
	e.ok(e.docs.SetFacts(t.Context(), j.Fence(), facts))
	for i, n := range []int{3, 7} {
		e.ok(e.store.Checkpoint(t.Context(), j.Fence(), 3, jobs.Step{Seq: i + 1, Data: record(n, fmt.Sprintf("Page %d.", n)).Encode()}))
	}
	base := "/documents/" + done.Document.ID.String()
	e.contains(e.page(base), "Being read", `href="`+base+`/pages/7"`, "2 of 10 read")
	e.contains(e.page(base+"/pages/3"), `rel="next" href="`+base+`/pages/7"`)
	e.contains(e.page(base+"/pages/5"), "still to be read", `rel="prev" href="`+base+`/pages/3"`, `rel="next" href="`+base+`/pages/7"`)
}

// Whatever stands in a PDF is text in the page, and nothing of it a box outside.
func TestHostilePage(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	j := e.claim(e.upload("hostile.pdf").ID)
	const evil = `"><img src=x onerror=alert(1)> javascript:alert(1) </pre></svg>`
	facts, err := json.Marshal(extract.Facts{Info: pdf.Info{PageCount: 1, Title: evil, Author: evil}, SelectedPages: 1, Outline: []pdf.OutlineItem{{Title: evil, Level: 1, Page: 1}}})
	e.ok(err)
	e.ok(e.docs.SetFacts(t.Context(), j.Fence(), facts))
	p := record(1, evil)
	p.Label = evil
	p.Blocks[0].Box = layout.Box{-50, -50, -90, 10}
	e.ok(e.store.Checkpoint(t.Context(), j.Fence(), 1, jobs.Step{Seq: 1, Data: p.Encode()}))
	base := "/documents/" + j.DocumentID.String()
	for _, path := range []string{base, base + "/pages/1", base + "/pages/1?as=markdown", base + "/pages/1?as=text", base + "/chunks", base + "/delete"} {
		if page := e.page(path); strings.Contains(page, "<img src=x") || strings.Contains(page, `"javascript:`) || strings.Contains(page, ` x="-`) || strings.Contains(page, ` width="-`) {
			t.Errorf("%s: not escaped", path)
		}
	}
}

func TestDocumentMoves(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	j := e.upload("report.pdf")
	base := "/documents/" + j.DocumentID.String()
	e.process(j.ID, 2, 2)

	a := e.form(base + "/reprocess")
	if a.StatusCode != http.StatusSeeOther || !strings.HasPrefix(a.location(), "/jobs/") || strings.HasSuffix(a.location(), j.ID.String()) {
		t.Fatalf("reprocess: %d %s", a.StatusCode, a.location())
	}
	again := e.job(parsed(t, strings.TrimPrefix(a.location(), "/jobs/")))
	if again.Status != jobs.Pending || again.DocumentID != j.DocumentID {
		t.Errorf("the new job: %+v", again)
	}
	e.contains(e.page(base), "2 read") // the old content stays meanwhile

	e.contains(e.page(base+"/delete"), "Delete report.pdf?", "cannot be undone", `action="`+base+`/delete"`)
	if a := e.form(base + "/delete"); a.StatusCode != http.StatusSeeOther || a.location() != "/documents" {
		t.Fatalf("delete: %d %s", a.StatusCode, a.body)
	}
	if _, err := e.docs.Get(t.Context(), j.DocumentID); !errors.Is(err, documents.ErrNotFound) {
		t.Errorf("after delete: %v", err)
	}
	for _, path := range []string{base, base + "/pages/1", base + "/chunks", base + "/delete"} {
		if a := e.get(path); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s after delete: %d", path, a.StatusCode)
		}
	}
	if a := e.form(base + "/delete"); a.StatusCode != http.StatusNotFound {
		t.Errorf("delete again: %d", a.StatusCode)
	}
}

// Who may only look finds no button, and a form sent all the same changes
// nothing.
func TestViewersOfDocumentsAndInstances(t *testing.T) {
	t.Parallel()
	const operate, read = "operate-operate-operate", "read-read-read-read-read"
	e := newEnv(t, func(c *api.Config) { c.Access = api.Access{Token: operate, ReadToken: read} })
	e.headers = []string{"Authorization", "Bearer " + operate}
	j := e.upload("kept.pdf")
	e.process(j.ID, 2, 2)
	base := "/documents/" + j.DocumentID.String()
	e.headers = []string{"Authorization", "Bearer " + read}
	for _, path := range []string{"/documents", base, base + "/pages/1", base + "/chunks", "/instances", "/figures"} {
		if page := e.page(path); regexp.MustCompile(`method="post" action="/[^l]`).MatchString(page) || strings.Contains(page, base+"/delete") {
			t.Errorf("%s has a form", path)
		}
	}
	for _, path := range []string{"/instances/pause", "/instances/resume", base + "/delete", base + "/reprocess"} {
		if a := e.form(path); a.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
	if a := e.get(base + "/delete"); a.StatusCode != http.StatusForbidden {
		t.Errorf("asking to delete: %d", a.StatusCode)
	}
	if _, err := e.docs.Get(t.Context(), j.DocumentID); err != nil {
		t.Errorf("the document: %v", err)
	}
	states, err := e.store.Instances(t.Context(), 1)
	e.ok(err)
	if !states[0].DrainingSince.IsZero() {
		t.Error("a viewer paused it")
	}
}

func TestChunksPage(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	j := e.upload("report.pdf")
	base := "/documents/" + j.DocumentID.String()
	e.process(j.ID, 25, 25)
	page := e.page(base + "/chunks")
	e.contains(page, "pages 1 to 10 of 25", "10 chunks", "This is the text of page 10.", "characters 0 to ", "shape=langchain")
	if strings.Contains(page, "page 11.") {
		t.Error("too many pages")
	}
	last := e.page(address(t, page, `rel="next" href="`))
	e.contains(last, "pages 11 to 20 of 25", "This is the text of page 20.", "Earlier pages")
	e.contains(e.page(base+"/chunks?from=21"), "pages 21 to 25 of 25", "This is the text of page 25.")
	for _, q := range []string{"chunk_size=1", "chunk_size=x", "chunk_size=100&chunk_overlap=99", "from=0", "from=x"} {
		if a := e.get(base + "/chunks?" + q); a.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", q, a.StatusCode)
		}
	}
	if a := e.get(base + "/chunks?from=26"); a.StatusCode != http.StatusNotFound {
		t.Errorf("behind the end: %d", a.StatusCode)
	}
}

// TestChunksByTokens: the form speaks of what the document's chunks count.
func TestChunksByTokens(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	plain := e.upload("plain.pdf")
	e.process(plain.ID, 1, 1)
	e.contains(e.page("/documents/"+plain.DocumentID.String()+"/chunks"), "Characters of one", `min="50" max="100000" value="1000"`)
	a := e.uploadForm("tokens.pdf", samplePDF("tokens"), "chunk_size", "60", "chunk_unit", "tokens")
	id, err := jobs.ParseID(strings.TrimPrefix(strings.TrimSuffix(a.location(), "?done=accepted"), "/jobs/"))
	e.ok(err)
	e.process(id, 1, 1)
	e.contains(e.page("/documents/"+e.job(id).DocumentID.String()+"/chunks"), "Tokens of one", `min="10" max="20000" value="60"`)
}

// What a chunk repeats of the one before stands apart, by characters and not by
// bytes.
func TestRepeatedText(t *testing.T) {
	t.Parallel()
	var d documentChunks
	err := d.fill([]byte(`{"chunks":[
		{"chunk_id":"a","text":"Grüße aus","char_start":0,"char_end":9,"token_count":3,"page_numbers":[1]},
		{"chunk_id":"b","text":"üße aus Köln","char_start":2,"char_end":14,"token_count":3,"page_numbers":[1]},
		{"chunk_id":"c","text":"Neu","char_start":0,"char_end":3,"token_count":1,"page_numbers":[2]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if c := d.Chunks[1]; c.Again != "üße aus" || c.Text != " Köln" {
		t.Errorf("%+v", c)
	}
	if c := d.Chunks[2]; c.Again != "" || c.Text != "Neu" || c.Page != 2 {
		t.Errorf("%+v", c)
	}
	if d.Tokens != 7 {
		t.Errorf("%d tokens", d.Tokens)
	}
}

package dashboard

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/internal/api"
	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/sqlite"
)

// env is the pages in front of an API on a store of its own, behind a real
// server.
type env struct {
	testing.TB
	api      *api.API
	store    *sqlite.Store
	docs     documents.Store
	url      string
	client   *http.Client
	instance string
	headers  []string // of every request
}

func newEnv(tb testing.TB, change ...func(*api.Config)) *env {
	tb.Helper()
	e := &env{TB: tb}
	dir := tb.TempDir()
	var err error
	e.store, err = sqlite.Open(tb.Context(), sqlite.Config{Path: filepath.Join(dir, "mivaa.db")})
	e.ok(err)
	tb.Cleanup(func() { _ = e.store.Close() }) // closing twice is harmless
	e.docs, err = documents.NewSQLite(tb.Context(), e.store)
	e.ok(err)
	blobs, err := blob.OpenFolder(tb.Context(), filepath.Join(dir, "blobs"))
	e.ok(err)
	tb.Cleanup(func() { e.ok(blobs.Close()) })
	c := api.Config{Jobs: e.store, Documents: e.docs, Blobs: blobs, Version: "1.2.3"}
	for _, f := range change {
		f(&c)
	}
	if c.Pages == nil {
		c.Pages = func(a *api.API) (http.Handler, error) {
			return New(Config{API: a, Jobs: c.Jobs, Documents: c.Documents, Version: "1.2.3", MaxUpload: 1 << 30, Pictures: c.Pictures, Sample: []byte(samplePDF("sample"))})
		}
	}
	e.api, err = api.New(c)
	e.ok(err)
	server := httptest.NewServer(e.api.Handler())
	tb.Cleanup(server.Close)
	tb.Cleanup(e.api.Stop)
	e.url, e.client = server.URL, server.Client()
	e.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return e
}

func (e *env) ok(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

// answer is a response, read.
type answer struct {
	*http.Response
	body string
}

func (a answer) location() string { return a.Header.Get("Location") }

func (e *env) send(method, path string, body io.Reader, headers ...string) answer {
	e.Helper()
	req, err := http.NewRequestWithContext(e.Context(), method, e.url+path, body)
	e.ok(err)
	headers = append(headers, e.headers...)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := e.client.Do(req)
	e.ok(err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	e.ok(err)
	return answer{resp, string(data)}
}

// get asks for a page, as a browser does.
func (e *env) get(path string, headers ...string) answer {
	e.Helper()
	return e.send(http.MethodGet, path, nil, append(headers, "Accept", "text/html")...)
}

// page asks for a page that must be there.
func (e *env) page(path string) string {
	e.Helper()
	a := e.get(path)
	if a.StatusCode != http.StatusOK || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
		e.Fatalf("GET %s: %d %s\n%s", path, a.StatusCode, a.Header.Get("Content-Type"), a.body)
	}
	return a.body
}

// form sends a form of a page: pairs of name and value.
func (e *env) form(path string, pairs ...string) answer {
	e.Helper()
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return e.send(http.MethodPost, path, strings.NewReader(values.Encode()), "Content-Type", "application/x-www-form-urlencoded",
		"Origin", e.url, "Sec-Fetch-Site", "same-origin", "Accept", "text/html")
}

// uploadForm sends the upload form, with a file and other fields.
func (e *env) uploadForm(filename, content string, pairs ...string) answer {
	e.Helper()
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	part, err := w.CreateFormFile("file", filename)
	e.ok(err)
	_, err = io.WriteString(part, content)
	e.ok(err)
	for i := 0; i < len(pairs); i += 2 {
		e.ok(w.WriteField(pairs[i], pairs[i+1]))
	}
	e.ok(w.Close())
	return e.send(http.MethodPost, "/upload", &buf, "Content-Type", w.FormDataContentType(),
		"Origin", e.url, "Sec-Fetch-Site", "same-origin", "Accept", "text/html")
}

// upload makes a document and its pending job.
func (e *env) upload(filename string) jobs.Job {
	e.Helper()
	a := e.uploadForm(filename, samplePDF(filename))
	if a.StatusCode != http.StatusSeeOther {
		e.Fatalf("upload: %d %s", a.StatusCode, a.body)
	}
	u, err := url.Parse(a.location())
	e.ok(err)
	id, err := jobs.ParseID(strings.TrimPrefix(u.Path, "/jobs/"))
	e.ok(err)
	return e.job(id)
}

// samplePDF begins like a PDF and differs from every other.
func samplePDF(seed string) string {
	return "%PDF-1.7\n% " + seed + "\n" + strings.Repeat("x", 2000) + "\n%%EOF\n"
}

// join makes an instance that claims jobs.
func (e *env) join() string {
	e.Helper()
	if e.instance == "" {
		e.instance = jobs.NewID().String()
		_, err := e.store.Join(e.Context(), jobs.Instance{ID: e.instance, Host: "testhost", PID: 1, Lease: 1 << 40, Slots: 2})
		e.ok(err)
	}
	return e.instance
}

// insert adds a pending job that has no document.
func (e *env) insert(filename string) jobs.Job {
	e.Helper()
	inserted, err := e.store.Insert(e.Context(), jobs.NewJob{Kind: documents.Kind, Filename: filename})
	e.ok(err)
	return inserted[0]
}

// claim starts an attempt of a pending job.
func (e *env) claim(id jobs.ID) jobs.Job {
	e.Helper()
	c, err := e.store.Claim(e.Context(), jobs.ClaimParams{Instance: e.join(), Kinds: []string{documents.Kind}, Only: []jobs.ID{id}, Limit: 1})
	e.ok(err)
	if len(c.Jobs) != 1 {
		e.Fatalf("job %s was not claimed", id)
	}
	return c.Jobs[0]
}

func (e *env) finish(j jobs.Job, o jobs.Outcome) jobs.Job {
	e.Helper()
	o.Fence = j.Fence()
	lost, err := e.store.Finish(e.Context(), o)
	e.ok(err)
	if len(lost) > 0 {
		e.Fatalf("job %s was lost", j.ID)
	}
	return e.job(j.ID)
}

// in brings a new job into a status.
func (e *env) in(status jobs.Status) jobs.Job {
	e.Helper()
	j := e.insert(string(status) + ".pdf")
	if status == jobs.Pending {
		return j
	}
	j = e.claim(j.ID)
	switch status {
	case jobs.Completed:
		return e.finish(j, jobs.Outcome{Status: jobs.Completed})
	case jobs.Failed:
		return e.finish(j, jobs.Outcome{Status: jobs.Failed, Error: "the file is damaged", Code: "damaged"})
	case jobs.Interrupted:
		return e.finish(j, jobs.Outcome{Status: jobs.Interrupted, Cause: jobs.CauseShutdown, Error: jobs.CauseShutdown.Reason()})
	case jobs.Pending, jobs.Processing:
	}
	return e.job(j.ID)
}

func (e *env) job(id jobs.ID) jobs.Job {
	e.Helper()
	j, err := jobs.Get(e.Context(), e.store, id)
	e.ok(err)
	return j
}

// record is the record of a page with one line.
func record(n int, text string) layout.Page {
	return layout.Page{
		Version: layout.Version, Number: n, Width: 595, Height: 842, Status: layout.StatusOK, Text: text + "\n",
		Fonts:  []layout.Font{{Name: "Test"}},
		Lines:  []layout.Line{{Start: 0, End: len(text), Base: 100, Runs: []layout.Run{{Start: 0, End: len(text), Size: 11}}}},
		Blocks: []layout.Block{{Kind: layout.BlockParagraph, Size: 11}},
	}
}

// process runs a document's job as the handler would, up to a page; pages in
// failed are recorded as failed. A document read to its last page is completed.
func (e *env) process(id jobs.ID, pages, upTo int, failed ...int) jobs.Job {
	e.Helper()
	j := e.claim(id)
	facts, err := json.Marshal(extract.Facts{Info: pdf.Info{PageCount: pages, Title: "Facts"}, SelectedPages: pages})
	e.ok(err)
	e.ok(e.docs.SetFacts(e.Context(), j.Fence(), facts))
	for n := j.StepsDone + 1; n <= upTo; n++ {
		p := record(n, fmt.Sprintf("This is the text of page %d.", n))
		for _, f := range failed {
			if f == n {
				p = layout.Failed(n, "page_timeout", "The page took too long.")
			}
		}
		e.ok(e.store.Checkpoint(e.Context(), j.Fence(), pages, jobs.Step{Seq: n, Data: p.Encode()}))
	}
	if upTo < pages {
		return e.job(id)
	}
	e.ok(e.docs.Publish(e.Context(), j.Fence(), json.RawMessage(`{"v":1,"pages":1,"body_size":11}`)))
	return e.finish(j, jobs.Outcome{Status: jobs.Completed})
}

// contains reports what a page lacks.
func (e *env) contains(page string, wants ...string) {
	e.Helper()
	for _, want := range wants {
		if !strings.Contains(page, want) {
			e.Errorf("the page has no %q", want)
		}
	}
}

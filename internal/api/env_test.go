package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/sqlite"
)

// env is an API on a store of its own, behind a real server.
type env struct {
	testing.TB
	api      *API
	store    *sqlite.Store
	docs     documents.Store
	blobs    *blob.Folder
	url      string
	client   *http.Client
	log      *logged
	instance string
}

func newEnv(tb testing.TB, change ...func(*Config)) *env {
	tb.Helper()
	e := &env{TB: tb, log: &logged{}}
	dir := tb.TempDir()
	var err error
	e.store, err = sqlite.Open(tb.Context(), sqlite.Config{Path: filepath.Join(dir, "mivaa.db")})
	e.ok(err)
	tb.Cleanup(func() { _ = e.store.Close() }) // closing twice is harmless
	e.docs, err = documents.NewSQLite(tb.Context(), e.store)
	e.ok(err)
	e.blobs, err = blob.OpenFolder(tb.Context(), filepath.Join(dir, "blobs"))
	e.ok(err)
	tb.Cleanup(func() { e.ok(e.blobs.Close()) })
	c := Config{
		Jobs: e.store, Documents: e.docs, Blobs: e.blobs, Version: "1.2.3",
		Logger: slog.New(slog.NewTextHandler(e.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, f := range change {
		f(&c)
	}
	e.api, err = New(c)
	e.ok(err)
	server := httptest.NewServer(e.api.Handler())
	tb.Cleanup(server.Close)
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

// logged keeps what was logged.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// answer is a response, read.
type answer struct {
	*http.Response
	body string
}

func (e *env) send(method, path string, body io.Reader, headers ...string) answer {
	e.Helper()
	req, err := http.NewRequestWithContext(e.Context(), method, e.url+path, body)
	e.ok(err)
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := e.client.Do(req)
	e.ok(err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	e.ok(err)
	return answer{resp, string(data)}
}

// async sends from a goroutine of its own. A failure there ends the test here
// too: the answer is then empty.
func (e *env) async(send func() answer) <-chan answer {
	c := make(chan answer, 1)
	go func() {
		a := answer{Response: &http.Response{}}
		defer func() { c <- a }()
		a = send()
	}()
	return c
}

func (e *env) get(path string, headers ...string) answer {
	e.Helper()
	return e.send(http.MethodGet, path, nil, headers...)
}

func (e *env) post(path string, headers ...string) answer {
	e.Helper()
	return e.send(http.MethodPost, path, nil, headers...)
}

// read decodes an answer that must have a status.
func read[T any](e *env, a answer, status int) T {
	e.Helper()
	if a.StatusCode != status {
		e.Fatalf("status %d, want %d: %s", a.StatusCode, status, a.body)
	}
	var v T
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		e.Fatalf("decode %s: %v", a.body, err)
	}
	return v
}

// problem reads an answer that must be an error of a code.
func (e *env) problem(a answer, status int, code string) Problem {
	e.Helper()
	p := read[Problem](e, a, status)
	if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
		e.Errorf("a problem has the type %q", got)
	}
	if p.Code != code || p.Status != status || p.Title == "" || p.Detail == "" || p.Type != "about:blank" {
		e.Errorf("problem is %+v, want status %d and code %s", p, status, code)
	}
	return p
}

// formBody writes a multipart form: pairs of name and value, the file among them
// where its turn comes.
func formBody(e *env, filename string, content string, pairs ...string) (body io.Reader, contentType string) {
	e.Helper()
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] == "file" {
			part, err := w.CreateFormFile("file", filename)
			e.ok(err)
			_, err = io.WriteString(part, content)
			e.ok(err)
			continue
		}
		e.ok(w.WriteField(pairs[i], pairs[i+1]))
	}
	e.ok(w.Close())
	return &buf, w.FormDataContentType()
}

func (e *env) uploadForm(filename, content string, pairs ...string) answer {
	e.Helper()
	body, ct := formBody(e, filename, content, pairs...)
	return e.send(http.MethodPost, uploadPath, body, "Content-Type", ct)
}

// engine is the store of either kind, without what a test has put before it.
func (e *env) engine() Store {
	if e.store == nil {
		return e.api.jobs
	}
	return e.store
}

// join makes an instance that claims jobs.
func (e *env) join() string {
	e.Helper()
	if e.instance == "" {
		e.instance = jobs.NewID().String()
		_, err := e.engine().Join(e.Context(), jobs.Instance{ID: e.instance, Host: "test", PID: 1, Lease: 1 << 40})
		e.ok(err)
	}
	return e.instance
}

// insert adds a pending job that has no document.
func (e *env) insert(filename string) jobs.Job {
	e.Helper()
	inserted, err := e.engine().Insert(e.Context(), jobs.NewJob{Kind: documents.Kind, Filename: filename})
	e.ok(err)
	return inserted[0]
}

// claim starts an attempt of a pending job.
func (e *env) claim(id jobs.ID) jobs.Job {
	e.Helper()
	c, err := e.engine().Claim(e.Context(), jobs.ClaimParams{Instance: e.join(), Kinds: []string{documents.Kind}, Only: []jobs.ID{id}, Limit: 1})
	e.ok(err)
	if len(c.Jobs) != 1 {
		e.Fatalf("job %s was not claimed", id)
	}
	return c.Jobs[0]
}

func (e *env) finish(j jobs.Job, o jobs.Outcome) {
	e.Helper()
	o.Fence = j.Fence()
	lost, err := e.engine().Finish(e.Context(), o)
	e.ok(err)
	if len(lost) > 0 {
		e.Fatalf("job %s was lost", j.ID)
	}
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
		e.finish(j, jobs.Outcome{Status: jobs.Completed})
	case jobs.Failed:
		e.finish(j, jobs.Outcome{Status: jobs.Failed, Error: "the file is damaged", Code: "damaged"})
	case jobs.Interrupted:
		e.finish(j, jobs.Outcome{Status: jobs.Interrupted, Cause: jobs.CauseShutdown, Error: jobs.CauseShutdown.Reason()})
	case jobs.Pending, jobs.Processing:
	}
	return e.job(j.ID)
}

func (e *env) job(id jobs.ID) jobs.Job {
	e.Helper()
	j, err := jobs.Get(e.Context(), e.engine(), id)
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
// failed are recorded as failed. With done it is brought to its end.
func (e *env) process(id jobs.ID, pages, upTo int, failed ...int) jobs.Job {
	e.Helper()
	j := e.claim(id)
	facts, err := json.Marshal(extract.Facts{Info: pdf.Info{PageCount: pages, Title: "Facts"}, SelectedPages: pages})
	e.ok(err)
	e.ok(e.docs.SetFacts(e.Context(), j.Fence(), facts))
	for n := 1; n <= upTo; n++ {
		p := record(n, fmt.Sprintf("This is the text of page %d.", n))
		for _, f := range failed {
			if f == n {
				p = layout.Failed(n, "page_timeout", "The page took too long.")
			}
		}
		e.ok(e.engine().Checkpoint(e.Context(), j.Fence(), pages, jobs.Step{Seq: n, Data: p.Encode()}))
	}
	if upTo < pages {
		return e.job(id)
	}
	e.ok(e.docs.Publish(e.Context(), j.Fence(), json.RawMessage(`{"v":1,"pages":1,"body_size":11}`)))
	e.finish(j, jobs.Outcome{Status: jobs.Completed})
	return e.job(id)
}

// samplePDF begins like a PDF and differs from every other.
func samplePDF(seed string) string {
	return "%PDF-1.7\n% " + seed + "\n" + strings.Repeat("x", 2000) + "\n%%EOF\n"
}

// upload sends a PDF and returns the answer to it.
func (e *env) upload(seed string, headers ...string) Accepted {
	e.Helper()
	headers = append([]string{"Content-Type", "application/pdf", "X-Filename", seed + ".pdf"}, headers...)
	return read[Accepted](e, e.send(http.MethodPost, uploadPath, strings.NewReader(samplePDF(seed)), headers...), http.StatusAccepted)
}

func mustID(e *env, s string) jobs.ID {
	e.Helper()
	id, err := jobs.ParseID(s)
	e.ok(err)
	return id
}

// broken is a store that answers each call with an error, or hangs in List.
type broken struct {
	Store
	err  error
	hang chan struct{}
}

func (b *broken) List(context.Context, jobs.Filter) ([]jobs.Job, error) {
	if b.hang != nil {
		<-b.hang
	}
	return nil, b.err
}

func (b *broken) Statistics(context.Context) (jobs.Statistics, error) {
	return jobs.Statistics{}, b.err
}

// eventually waits until a condition holds.
func (e *env) eventually(what string, cond func() bool) {
	e.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			e.Fatalf("never came true: %s", what)
		}
	}
}

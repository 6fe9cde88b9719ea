package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/jobs"
)

func TestContent(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	up := e.upload("content")
	e.process(mustID(e, *up.JobID), 4, 4, 3)
	for _, test := range []struct{ query, media, want string }{
		{"", "text/markdown; charset=utf-8", "This is the text of page 1.\n\nThis is the text of page 2.\n\nThis is the text of page 4.\n"},
		{"?format=text", "text/plain; charset=utf-8", "This is the text of page 1.\n\fThis is the text of page 2.\n\f\fThis is the text of page 4.\n\f"},
		{"?pages=2,4-9&page_markers=true", "text/markdown; charset=utf-8", "<!-- page 2 -->\n\nThis is the text of page 2.\n\n<!-- page 4 -->\n\nThis is the text of page 4.\n"},
	} {
		a := e.get(up.ContentURL + test.query)
		if a.StatusCode != http.StatusOK || a.body != test.want || a.Header.Get("Content-Type") != test.media {
			t.Errorf("%s: %d %s %q, want %q", test.query, a.StatusCode, a.Header.Get("Content-Type"), a.body, test.want)
		}
		if a.Header.Get(completeHeader) != "true" || a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers are %v", test.query, a.Header)
		}
	}
	if a := e.get(up.ContentURL); a.Header.Get(partialHeader) != "true" {
		t.Error("a failed page was asked for, and the content is not partial")
	}
	if a := e.get(up.ContentURL + "?pages=1"); a.Header.Get(partialHeader) != "false" {
		t.Error("no failed page was asked for, and the content is partial")
	}
	whole := read[map[string]any](e, e.get(up.ContentURL+"?format=json"), http.StatusOK)
	if whole["document_id"] != up.DocumentID || len(whole["pages"].([]any)) != 4 || whole["partial"] != true {
		t.Errorf("JSON is %v", whole)
	}
	chunks := read[map[string]any](e, e.get(up.ContentURL+"?format=chunks&chunk_size=50&chunk_overlap=0"), http.StatusOK)
	if len(chunks["chunks"].([]any)) != 3 {
		t.Errorf("chunks are %v", chunks)
	}
	head := e.send(http.MethodHead, up.ContentURL+"?format=text", nil)
	if head.StatusCode != http.StatusOK || head.body != "" || head.Header.Get("Content-Type") != "text/plain; charset=utf-8" || head.Header.Get(completeHeader) != "true" {
		t.Errorf("HEAD: %d %v", head.StatusCode, head.Header)
	}
}

func TestContentWhileRunning(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	up := e.upload("running")
	nothing := e.get(up.ContentURL)
	if nothing.StatusCode != http.StatusOK || nothing.body != "" || nothing.Header.Get(completeHeader) != "false" {
		t.Errorf("before the first page: %d %q %v", nothing.StatusCode, nothing.body, nothing.Header)
	}
	e.process(mustID(e, *up.JobID), 4, 2)
	part := e.get(up.ContentURL)
	if part.body != "This is the text of page 1.\n\nThis is the text of page 2.\n" || part.Header.Get(completeHeader) != "false" {
		t.Errorf("while it runs: %q %v", part.body, part.Header)
	}
}

func TestContentRefused(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	up := e.upload("refused")
	e.process(mustID(e, *up.JobID), 2, 2)
	for _, bad := range []string{"format=docx", "pages=0", "pages=b", "page_markers=perhaps", "furniture=some", "chunk_size=1", "chunk_overlap=900", "chunk_size=x", "page=1", "shape=langchain"} {
		e.problem(e.get(up.ContentURL+"?"+bad), http.StatusBadRequest, codeInvalid)
	}
	for query, field := range map[string]string{
		"chunk_size=0": "query.chunk_size", "chunk_size=49": "query.chunk_size", "chunk_size=0&chunk_overlap=0": "query.chunk_size",
		"chunk_overlap=900": "query.chunk_overlap", "chunk_size=100&chunk_overlap=51": "query.chunk_overlap",
	} {
		p := e.problem(e.get(up.ContentURL+"?format=chunks&"+query), http.StatusBadRequest, codeInvalid)
		if len(p.Errors) != 1 || p.Errors[0].Location != field {
			t.Errorf("%s: %+v, want one of %s", query, p.Errors, field)
		}
	}
	e.problem(e.get(up.ContentURL+"?pages=7"), http.StatusNotFound, "no_such_page")
	e.problem(e.get("/api/rag/documents/7f3a0a52-9c50-4f7e-8f5e-0123456789ab/content"), http.StatusNotFound, codeNotFound)
	// It was deleted.
	lost := e.upload("lost")
	e.ok(e.docs.Delete(t.Context(), mustID(e, lost.DocumentID), "test"))
	e.problem(e.get(lost.ContentURL), http.StatusNotFound, codeNotFound)
	if p := problemOf(extract.ErrReplaced); p.Status != http.StatusConflict || p.Code != codeContentChanged {
		t.Errorf("replaced content is %+v", p)
	}
}

// TestStream: what fails before the first byte is a problem, what fails after it
// is broken off.
func TestStream(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	fault := errors.New("disk on fire at /secret/place")
	serve := func(write func(context.Context, io.Writer) error) *httptest.Server {
		s := httptest.NewServer(e.api.guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { e.api.stream(w, r, "text/plain", write) })))
		t.Cleanup(s.Close)
		return s
	}
	get := func(s *httptest.Server) (answer, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
		e.ok(err)
		resp, err := s.Client().Do(req)
		e.ok(err)
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		return answer{resp, string(data)}, err
	}
	a, err := get(serve(func(context.Context, io.Writer) error { return fault }))
	e.ok(err)
	p := e.problem(a, http.StatusInternalServerError, codeInternal)
	if strings.Contains(a.body, "secret") || p.RequestID != a.Header.Get("X-Request-Id") {
		t.Errorf("a fault is told: %s", a.body)
	}
	if !strings.Contains(e.log.String(), "disk on fire at /secret/place") || !strings.Contains(e.log.String(), p.RequestID) {
		t.Error("a fault is not logged")
	}
	a, err = get(serve(func(_ context.Context, w io.Writer) error {
		_, _ = io.WriteString(w, strings.Repeat("half ", 10000))
		return fault
	}))
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half a stream ended with %v after %d bytes", err, len(a.body))
	}
	// The service stops.
	begun := make(chan struct{})
	s := serve(func(ctx context.Context, w io.Writer) error {
		_, _ = io.WriteString(w, strings.Repeat("half ", 10000))
		close(begun)
		<-ctx.Done()
		return context.Cause(ctx)
	})
	go func() {
		<-begun
		e.api.Stop()
	}()
	if _, err = get(s); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a stream ended with %v when the service stopped", err)
	}
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	if a := e.get("/api/rag/documents"); a.body != `{"documents":[],"count":0,"limit":100,"offset":0,"next_cursor":null}`+"\n" {
		t.Errorf("an empty list is %s", a.body)
	}
	var ids []string
	for _, seed := range []string{"a", "b", "c"} {
		ids = append(ids, e.upload(seed).DocumentID)
	}
	var seen []string
	for next := "/api/rag/documents?limit=1"; next != ""; {
		l := read[DocumentList](e, e.get(next), http.StatusOK)
		next = ""
		for _, d := range l.Documents {
			seen = append(seen, d.ID)
		}
		if l.NextCursor != nil {
			next = "/api/rag/documents?limit=1&cursor=" + *l.NextCursor
		}
	}
	if len(seen) != 3 || seen[0] != ids[2] || seen[2] != ids[0] {
		t.Errorf("listed %q of %q", seen, ids)
	}
	e.problem(e.get("/api/rag/documents?cursor=x"), http.StatusBadRequest, codeInvalid)
	e.problem(e.get("/api/rag/documents/7f3a0a52-9c50-4f7e-8f5e-0123456789ab"), http.StatusNotFound, codeNotFound)
	d := read[Document](e, e.get(documentURL(mustID(e, ids[0]))), http.StatusOK)
	if d.DocumentID != ids[0] || d.Filename != "a.pdf" || *d.SourceSHA256 == "" || d.SourceSize != int64(len(samplePDF("a"))) || string(d.Facts) != "{}" {
		t.Errorf("document is %+v", d)
	}
}

// Complete content has an ETag, which changes with everything that changes it.
func TestContentETag(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	up := e.upload("etag")
	j := e.process(mustID(e, *up.JobID), 2, 1)
	if a := e.get(up.ContentURL); a.Header.Get("ETag") != "" {
		t.Error("content that is not complete has an ETag")
	}
	e.ok(e.store.Checkpoint(t.Context(), j.Fence(), 2, jobs.Step{Seq: 2, Data: record(2, "The second page.").Encode()}))
	e.ok(e.docs.Publish(t.Context(), j.Fence(), json.RawMessage(`{"v":1,"pages":2,"body_size":11}`)))
	e.finish(j, jobs.Outcome{Status: jobs.Completed})
	seen := map[string]string{}
	for _, query := range []string{"", "?format=text", "?format=json", "?format=chunks", "?format=chunks&chunk_size=60", "?format=chunks&shape=langchain", "?pages=1", "?page_markers=true"} {
		a := e.get(up.ContentURL + query)
		etag := strings.TrimPrefix(a.Header.Get("ETag"), "W/") // of what was compressed
		if before, ok := seen[etag]; ok || etag == "" {
			t.Errorf("%q has the ETag %s of %q", query, etag, before)
		}
		seen[etag] = query
		same := e.get(up.ContentURL+query, "If-None-Match", `"x", W/`+etag)
		if same.StatusCode != http.StatusNotModified || same.body != "" || !strings.HasSuffix(same.Header.Get("ETag"), etag) {
			t.Errorf("%q: asked again: %d %v", query, same.StatusCode, same.Header)
		}
		if other := e.get(up.ContentURL+query, "If-None-Match", `"x"`); other.StatusCode != http.StatusOK || other.body != a.body {
			t.Errorf("%q: asked with another: %d", query, other.StatusCode)
		}
	}
	again := read[Accepted](e, e.post("/api/rag/documents/"+up.DocumentID+"/reprocess"), http.StatusAccepted)
	e.process(mustID(e, *again.JobID), 2, 2)
	if etag := strings.TrimPrefix(e.get(up.ContentURL).Header.Get("ETag"), "W/"); etag == "" || seen[etag] != "" {
		t.Errorf("the ETag of the content that was read again is %q", etag)
	}
}

func TestContentShapes(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	up := e.upload("shapes")
	e.process(mustID(e, *up.JobID), 2, 2)
	for shape, key := range map[string]string{"langchain": "page_content", "llamaindex": "id_", "unstructured": "element_id"} {
		a := e.get(up.ContentURL + "?format=chunks&shape=" + shape)
		list := read[[]map[string]any](e, a, http.StatusOK)
		if len(list) != 2 || list[0][key] == nil || a.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %s", shape, a.body)
		}
	}
	for _, bad := range []string{"shape=langchain", "format=json&shape=llamaindex", "format=chunks&shape=haystack"} {
		e.problem(e.get(up.ContentURL+"?"+bad), http.StatusBadRequest, codeInvalid)
	}
}

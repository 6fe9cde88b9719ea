package api

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	_, err := New(Config{MaxUpload: -1, Recovery: "never", Hosts: []string{"ok.example", "http://no", ""}})
	if err == nil {
		t.Fatal("it was accepted")
	}
	for _, want := range []string{"Jobs", "Documents", "Blobs", "negative", "never", "http://no", `host ""`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s: %v", want, err)
		}
	}
}

func TestHost(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(c *Config) { c.Hosts = []string{"Mivaa.example", "10.0.0.7:8000"} })
	for _, host := range []string{
		"localhost", "LOCALHOST:8000", "app.localhost", "localhost.", "127.0.0.1", "127.9.8.7:80", "[::1]", "[::1]:8000", "[::ffff:127.0.0.1]",
		"mivaa.example", "mivaa.example:443", "MIVAA.EXAMPLE", "10.0.0.7",
	} {
		if a := e.get("/health/live", "Host", host); a.StatusCode != http.StatusOK {
			t.Errorf("%s is refused: %d %s", host, a.StatusCode, a.body)
		}
	}
	for _, host := range []string{
		"evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example", "notlocalhost", "10.0.0.8", "[::2]", "0.0.0.0",
		"mivaa.example.evil.example", "2130706433",
	} {
		for _, path := range []string{"/health/live", "/", "/api/rag/documents/jobs", "/nothing"} {
			e.problem(e.get(path, "Host", host), http.StatusMisdirectedRequest, codeHost)
		}
	}
}

func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	own := e.url
	for _, path := range []string{"/api/rag/jobs/" + jobs.NewID().String() + "/cancel", uploadPath, "/upload", "/jobs/" + jobs.NewID().String() + "/cancel"} {
		for _, headers := range [][]string{
			{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"},
			{"Origin", strings.Replace(own, "127.0.0.1", "localhost", 1)},
		} {
			e.problem(e.post(path, headers...), http.StatusForbidden, codeCrossOrigin)
		}
		for _, headers := range [][]string{{"Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Site", "none"}, {"Origin", own}, nil} {
			if a := e.post(path, headers...); a.StatusCode == http.StatusForbidden {
				t.Errorf("%s with %q is refused", path, headers)
			}
		}
	}
	// Reading is not refused: the browser keeps the answer from the other page.
	if a := e.get("/api/rag/documents/jobs", "Sec-Fetch-Site", "cross-site"); a.StatusCode != http.StatusOK || a.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("reading: %d %v", a.StatusCode, a.Header)
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, path := range []string{"/", "/docs", "/openapi.json", "/health", "/api/rag/documents/jobs", "/nothing"} {
		a := e.get(path)
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cache-Control": "no-store", "Referrer-Policy": "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
		csp := a.Header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy is %q", path, csp)
		}
		if a.Header.Get(requestIDHeader) == "" {
			t.Errorf("%s has no request id", path)
		}
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	if a := e.get("/health/live", requestIDHeader, "trace-1.2_3"); a.Header.Get(requestIDHeader) != "trace-1.2_3" {
		t.Errorf("id is %q", a.Header.Get(requestIDHeader))
	}
	if !strings.Contains(e.log.String(), "trace-1.2_3") || !strings.Contains(e.log.String(), "path=/health/live") {
		t.Errorf("the log has no line of the request: %s", e.log)
	}
	for _, bad := range []string{"a b", "a\tb", strings.Repeat("x", 65), `"`} {
		if a := e.get("/health/live", requestIDHeader, bad); a.Header.Get(requestIDHeader) == bad {
			t.Errorf("id %q is taken", bad)
		}
	}
}

func TestRouting(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	up := e.upload("routing")
	// The literal wins, on both sides: job/{id} and {id}/content.
	if j := read[JobStatus](e, e.get("/api/rag/documents/job/"+*up.JobID), http.StatusOK); j.JobID != *up.JobID {
		t.Errorf("job is %s", j.JobID)
	}
	if a := e.get("/api/rag/documents/" + up.DocumentID + "/content"); a.StatusCode != http.StatusOK || a.Header.Get(completeHeader) == "" {
		t.Errorf("content is %d %s", a.StatusCode, a.body)
	}
	if d := read[Document](e, e.get("/api/rag/documents/"+up.DocumentID), http.StatusOK); d.ID != up.DocumentID {
		t.Errorf("document is %s", d.ID)
	}
	read[JobList](e, e.get("/api/rag/documents/jobs"), http.StatusOK)
	for _, path := range []string{
		"/nothing", "/api", "/api/rag/documents/job/", "/api/rag/documents/job/content", "/api/rag/documents/job", "/api/rag/documents/not-a-uuid",
		"/api/rag/documents/not-a-uuid/content", "/api/rag/documents/job/not-a-uuid", "/api/rag/documents/" + up.DocumentID + "/nothing",
		"/api/rag/documents/job/" + *up.JobID + "0", "/docs/", "//", "/api/rag/documents/job/%2e%2e/" + *up.JobID,
	} {
		e.problem(e.get(path), http.StatusNotFound, codeNotFound)
	}
	for _, test := range []struct{ method, path, allow string }{
		{"GET", uploadPath, "POST"}, {"POST", "/api/rag/documents/jobs", "GET, HEAD"}, {"DELETE", up.ContentURL, "GET, HEAD"},
		{"GET", "/api/rag/jobs/" + *up.JobID + "/cancel", "POST"}, {"OPTIONS", "/health", "GET, HEAD"},
		{"BREW", "/health", "GET, HEAD"},
	} {
		a := e.send(test.method, test.path, nil)
		if got := a.Header.Get("Allow"); got != test.allow {
			t.Errorf("%s %s: allowed is %q, want %q", test.method, test.path, got, test.allow)
		}
		e.problem(a, http.StatusMethodNotAllowed, codeMethod)
	}
	if a := e.send(http.MethodHead, "/api/rag/documents/jobs", nil); a.StatusCode != http.StatusOK || a.body != "" {
		t.Errorf("HEAD: %d", a.StatusCode)
	}
	if a := e.get("/api/rag/documents/jobs", "Accept", "text/html"); a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("a browser gets %s", a.Header.Get("Content-Type"))
	}
}

func TestRequestTooLong(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.problem(e.get("/health?x="+strings.Repeat("y", mostQuery)), http.StatusRequestURITooLong, codeTooLong)
	e.problem(e.get("/"+strings.Repeat("y", mostQuery)), http.StatusRequestURITooLong, codeTooLong)
	e.problem(e.get("/health", "X-Long", strings.Repeat("y", mostHeaders)), http.StatusRequestHeaderFieldsTooLarge, codeTooLong)
}

func TestPanic(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	s := httptest.NewServer(e.api.guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			_, _ = io.WriteString(w, "half")
		}
		panic("the secret of the house")
	})))
	t.Cleanup(s.Close)
	e.url = s.URL
	a := e.get("/early", requestIDHeader, "panicked")
	if p := e.problem(a, http.StatusInternalServerError, codeInternal); p.RequestID != "panicked" || strings.Contains(a.body, "secret") {
		t.Errorf("problem is %s", a.body)
	}
	if log := e.log.String(); !strings.Contains(log, "the secret of the house") || !strings.Contains(log, "guard_test.go") || !strings.Contains(log, "request=panicked") {
		t.Errorf("the log does not tell: %s", log)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/late", nil)
	e.ok(err)
	resp, err := s.Client().Do(req)
	if err == nil {
		defer resp.Body.Close()
		_, err = io.ReadAll(resp.Body)
	}
	if err == nil {
		t.Error("half an answer was ended like a whole one")
	}
}

// TestClosedStore: no route takes a store that is away for an empty one.
func TestClosedStore(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	up := e.upload("closed")
	e.ok(e.store.Close())
	for _, path := range []string{
		"/api/rag/documents/jobs", "/api/rag/admin/jobs", "/api/rag/documents", up.StatusURL, up.StatusURL + "?wait=5s", up.DocumentURL, up.ContentURL,
		"/api/rag/jobs/" + *up.JobID + "/checkpoints",
	} {
		a := e.get(path)
		p := e.problem(a, http.StatusServiceUnavailable, codeUnavailable)
		if a.Header.Get("Retry-After") == "" || strings.Contains(p.Detail, "sql") {
			t.Errorf("%s: %s", path, a.body)
		}
	}
	id := mustID(e, *up.JobID)
	for _, word := range moveWords() {
		e.problem(e.post(moveURL(id, word)), http.StatusServiceUnavailable, codeUnavailable)
	}
	a := e.send(http.MethodPost, uploadPath, strings.NewReader(samplePDF("late")), "Content-Type", "application/pdf")
	e.problem(a, http.StatusServiceUnavailable, codeUnavailable)
	h := read[Health](e, e.get("/health"), http.StatusServiceUnavailable)
	if h.Status != unhealthy || h.Components["store"].Status != unhealthy {
		t.Errorf("health is %+v", h)
	}
}

func TestDays(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{168 * time.Hour: "7 days", 36 * time.Hour: "36h", 90 * time.Minute: "1h30m", 10 * time.Second: "10s"} {
		if got := days(d); got != want {
			t.Errorf("%v is written %q", d, got)
		}
	}
}

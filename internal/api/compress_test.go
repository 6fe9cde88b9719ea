package api

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestCompress(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("words that are said again ", 400)
	routes := http.NewServeMux()
	answer := func(media, body string, headers ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", media)
			for i := 0; i < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			_, _ = io.WriteString(w, body)
		}
	}
	routes.Handle("/json", answer("application/json", long, "ETag", `"tag"`))
	routes.Handle("/html", answer("text/html; charset=utf-8", long, "ETag", `W/"tag"`))
	routes.Handle("/short", answer("application/json", `{"short":true}`))
	routes.Handle("/image", answer("image/jpeg", long, "ETag", `"tag"`))
	routes.Handle("/pdf", answer("application/pdf", long))
	routes.Handle("/encoded", answer("text/plain", long, "Content-Encoding", "br"))
	routes.Handle("/part", answer("text/plain", long, "Content-Range", "bytes 0-9/10"))
	routes.Handle("/jobs/events", answer("text/event-stream", long))
	routes.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "a.txt", time.Time{}, strings.NewReader(long))
	})
	h, err := compress(routes)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		path       string
		headers    []string
		compressed bool
		tag        string
	}{
		{"/json", nil, true, `W/"tag"`},
		{"/html", nil, true, `W/"tag"`},
		{"/short", nil, false, ""},
		{"/image", nil, false, `"tag"`},
		{"/pdf", nil, false, ""},
		{"/encoded", nil, false, ""},
		{"/part", nil, false, ""},
		{"/jobs/events", nil, false, ""},
		{"/file", nil, true, ""},
		{"/file", []string{"Range", "bytes=0-5000"}, false, ""},
		{"/json", []string{"Accept-Encoding", "identity"}, false, `"tag"`},
		{"/json", []string{"Accept-Encoding", "gzip;q=0"}, false, `"tag"`},
		{"/json", []string{"Accept-Encoding", "br, gzip;q=0.5"}, true, `W/"tag"`},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, test.path, nil)
		r.Header.Set("Accept-Encoding", "gzip")
		for i := 0; i < len(test.headers); i += 2 {
			r.Header.Set(test.headers[i], test.headers[i+1])
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		got := w.Header().Get("Content-Encoding") == "gzip"
		if got != test.compressed || w.Header().Get("ETag") != test.tag {
			t.Errorf("%s %q: compressed %v, tag %s", test.path, test.headers, got, w.Header().Get("ETag"))
		}
		if !got {
			continue
		}
		z, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(z); err != nil || string(body) != long || w.Header().Get("Vary") == "" {
			t.Errorf("%s: %d bytes, %v, %v", test.path, len(body), err, w.Header())
		}
	}
}

// TestCompressedStream: what is flushed leaves, compressed or not, through all
// that stands around the routes; and half an answer is not taken for a whole.
func TestCompressedStream(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	next := make(chan bool)
	routes, err := compress(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, strings.Repeat("first ", 400))
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		if <-next; r.URL.Path == "/half" {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, "second")
	}))
	e.ok(err)
	s := httptest.NewServer(e.api.guard(routes))
	t.Cleanup(s.Close)
	for _, path := range []string{"/whole", "/half"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
		e.ok(err)
		resp, err := s.Client().Do(req) // asks for gzip by itself
		e.ok(err)
		if !resp.Uncompressed {
			t.Error("it is not compressed")
		}
		first := make([]byte, 600)
		_, err = io.ReadFull(resp.Body, first)
		e.ok(err)
		next <- true
		rest, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if whole := err == nil && strings.HasSuffix(string(rest), "second"); whole != (path == "/whole") {
			t.Errorf("%s: %d bytes more, %v", path, len(rest), err)
		}
	}
}

package client_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/mivaa/mivaa/client"
)

// fake is a service that answers as a test says, one handler a request; the
// last one answers the rest.
type fake struct {
	testing.TB
	*httptest.Server
	mu       sync.Mutex
	handlers []http.HandlerFunc
	seen     []seen
}

type seen struct {
	method, path, query string
	header              http.Header
	body                string
}

func newFake(tb testing.TB, handlers ...http.HandlerFunc) *fake {
	tb.Helper()
	f := &fake{TB: tb, handlers: handlers}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	tb.Cleanup(func() {
		f.Server.CloseClientConnections()
		f.Server.Close()
	})
	return f
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // a broken upload is what some tests are about
	f.mu.Lock()
	f.seen = append(f.seen, seen{r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Clone(), string(body)})
	h := f.handlers[min(len(f.seen), len(f.handlers))-1]
	f.mu.Unlock()
	h(w, r)
}

func (f *fake) requests() []seen {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]seen{}, f.seen...)
}

func (f *fake) client() *client.Client {
	return &client.Client{URL: f.URL, Token: "a-token-for-tests", HTTPClient: f.Server.Client(), Patience: 20 * time.Second}
}

// says answers with JSON.
func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// problem answers with a problem document.
func problem(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// breaks ends the connection without an answer: whether the request was carried
// out, nobody knows.
func breaks(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// streams answers with a text/event-stream that then breaks off.
func streams(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, text)
	}
}

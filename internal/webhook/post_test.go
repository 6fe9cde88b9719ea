package webhook

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs"
)

func testPoster(t *testing.T, targets Targets, timeout time.Duration, roots *x509.CertPool) *poster {
	t.Helper()
	keys, err := ParseKeys(secret('a'))
	if err != nil {
		t.Fatal(err)
	}
	p := newPoster(keys, targets, "1.2.3", timeout, roots)
	t.Cleanup(p.close)
	return p
}

func testDelivery(url string) documents.Delivery {
	return documents.Delivery{ID: 7, JobID: jobs.NewID(), Event: documents.DeliveryCompleted, Payload: json.RawMessage(`{"a":1}`), URL: url, Attempts: 1}
}

// What a name stands for is checked when it is dialled: what was a public host
// when the address was given may be this machine now. Nothing reaches it.
func TestDialledAddressIsChecked(t *testing.T) {
	t.Parallel()
	var reached atomic.Int32 // connections
	start := func() *httptest.Server {
		s := httptest.NewUnstartedServer(http.NotFoundHandler())
		s.Config.ConnState = func(net.Conn, http.ConnState) { reached.Add(1) }
		t.Cleanup(s.Close)
		return s
	}
	secure, plain := start(), start()
	secure.StartTLS()
	plain.Start()
	p := testPoster(t, Targets{}, 5*time.Second, nil)
	for _, base := range []string{secure.URL, plain.URL} {
		u, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		for _, host := range []string{"localhost", "127.0.0.1", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0", "[::]"} {
			a := p.post(t.Context(), testDelivery(u.Scheme+"://"+host+":"+u.Port()+"/"))
			if a.err == nil || !strings.Contains(a.err.Error(), "does not call") || a.status != 0 {
				t.Errorf("%s by %s: %+v", host, u.Scheme, a)
			}
		}
	}
	if reached.Load() > 0 {
		t.Error("this machine was reached")
	}
	if a := testPoster(t, Targets{Private: true}, 5*time.Second, nil).post(t.Context(), testDelivery(plain.URL)); a.status != http.StatusNotFound {
		t.Errorf("allowed, it is not reached: %v", a.err)
	}
}

func TestPostByTLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	if a := testPoster(t, Targets{Private: true}, 5*time.Second, roots).post(t.Context(), testDelivery(server.URL)); a.err != nil || a.status != http.StatusNoContent {
		t.Errorf("known certificate: %+v", a)
	}
	if a := testPoster(t, Targets{Private: true}, 5*time.Second, nil).post(t.Context(), testDelivery(server.URL)); a.err == nil || !strings.Contains(a.err.Error(), "certificate") {
		t.Errorf("unknown certificate: %+v", a)
	}
}

// An attempt ends in time whatever the receiver does, and no more of an answer is
// read than there is use for.
func TestHostileReceivers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request)
		want   string // of the error; "" delivered
	}{
		"says nothing": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "no answer within"},
		"never ends": {func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 32<<10)); err != nil {
					return
				}
			}
		}, ""},
		"drips": {func(w http.ResponseWriter, r *http.Request) {
			flush := http.NewResponseController(w)
			for r.Context().Err() == nil {
				if _, err := fmt.Fprint(w, "."); err != nil || flush.Flush() != nil {
					return
				}
				pause(r.Context(), 10*time.Millisecond)
			}
		}, ""},
		"hangs up":      {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "not reached"},
		"long headers":  {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("A", strings.Repeat("a", 2*mostAnswer)) }, "not reached"},
		"redirects":     {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusTemporaryRedirect) }, "redirects"},
		"wants a login": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, "401"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body) // or the context would not end with the connection
				c.answer(w, r)
			}))
			t.Cleanup(server.Close)
			began := time.Now()
			a := testPoster(t, Targets{Private: true}, 500*time.Millisecond, nil).post(t.Context(), testDelivery(server.URL+"/?key=hunter2"))
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			switch {
			case c.want == "" && a.err != nil, c.want != "" && (a.err == nil || !strings.Contains(a.err.Error(), c.want)):
				t.Errorf("answer: %+v, want %q", a, c.want)
			case a.err != nil && strings.Contains(a.err.Error(), "hunter2"):
				t.Errorf("the error repeats the address: %v", a.err)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	p := testPoster(t, Targets{Private: true}, time.Second, nil)
	for _, address := range []string{server.URL, "ftp://127.0.0.1/", "https://\x7f/", "https://nowhere.invalid/"} {
		if a := p.post(t.Context(), testDelivery(address)); a.err == nil || a.status != 0 {
			t.Errorf("%q: %+v", address, a)
		}
	}
}

// A proxy of the environment would dial what we must not.
func TestNoProxy(t *testing.T) {
	t.Parallel()
	for scheme, c := range testPoster(t, Targets{}, time.Second, nil).clients {
		if c.Transport.(*http.Transport).Proxy != nil {
			t.Errorf("%s goes through a proxy", scheme)
		}
	}
}

// The id of a delivery is its own, and survives a move to another store.
func TestMessageID(t *testing.T) {
	t.Parallel()
	d := testDelivery("https://example.com/")
	moved, other, event, job := d, d, d, d
	moved.ID, moved.Attempts = 99, 5
	other.Payload, event.Event, job.JobID = json.RawMessage(`{"a":2}`), documents.DeliveryFailed, jobs.NewID()
	if messageID(d) != messageID(moved) {
		t.Error("it changes with the store")
	}
	for _, o := range []documents.Delivery{other, event, job} {
		if messageID(d) == messageID(o) {
			t.Errorf("%+v has the same id", o)
		}
	}
}

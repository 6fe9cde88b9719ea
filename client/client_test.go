package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mivaa/mivaa/client"
)

const someID = "019a0000-0000-7000-8000-000000000001"

func TestErrors(t *testing.T) {
	t.Parallel()
	f := newFake(t, problem(http.StatusConflict, `{"type":"about:blank","title":"Conflict","status":409,"detail":"cannot resume this job: it is completed",
		"code":"move_not_allowed","current_status":"completed","allowed":[],"request_id":"r1"}`))
	_, err := f.client().Resume(t.Context(), someID)
	known := (*client.Error)(nil)
	if !errors.As(err, &known) {
		t.Fatalf("got %v, want an *Error", err)
	}
	if known.Status != http.StatusConflict || known.Code != client.CodeMoveNotAllowed || known.CurrentStatus != client.Completed || known.Allowed == nil ||
		known.RequestID != "r1" || known.Error() != "cannot resume this job: it is completed (request r1)" {
		t.Errorf("got %+v", known)
	}

	f = newFake(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		http.Error(w, "<html>nginx</html>", http.StatusNotFound)
	})
	_, err = f.client().Job(t.Context(), someID)
	if !errors.As(err, &known) || known.Status != http.StatusNotFound || known.Code != "" || known.RetryAfter != 7*time.Second || !strings.Contains(known.Error(), "is the URL right?") {
		t.Errorf("an answer of something in between: %+v", err)
	}
}

func TestURL(t *testing.T) {
	t.Parallel()
	for _, wrong := range []string{"", "127.0.0.1:8000", "ftp://host", "http://", "http://h?x=1", "http://user:hunter2@h\x7f/"} {
		c := client.Client{URL: wrong, Patience: -1}
		if _, err := c.Job(t.Context(), someID); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("URL %q: %v", wrong, err)
		}
	}
	f := newFake(t, says(http.StatusOK, `{}`))
	c := client.Client{URL: f.URL + "/behind/a/proxy/"}
	if _, err := c.Job(t.Context(), "../../x?y=/z%2f#"); err != nil {
		t.Fatal(err)
	}
	if got := f.requests()[0].path; got != "/behind/a/proxy/api/rag/documents/job/..-..-x-y--z-2f-" && got != "/behind/a/proxy/api/rag/documents/job/.._.._x_y__z_2f_" {
		t.Errorf("an id left its place in the path: %s", got)
	}
}

// TestRepeats: what may be repeated is, and what would then be done twice is not.
func TestRepeats(t *testing.T) {
	t.Parallel()
	busy := problem(http.StatusServiceUnavailable, `{"status":503,"code":"stopping","detail":"stopping"}`, "Retry-After", "1")
	gateway := problem(http.StatusBadGateway, `<html>`)
	ok := says(http.StatusOK, `{"id":"`+someID+`","status":"completed"}`)
	read := func(ctx context.Context, c *client.Client) error { _, err := c.Job(ctx, someID); return err }
	move := func(ctx context.Context, c *client.Client) error { _, err := c.Restart(ctx, someID); return err }
	remove := func(ctx context.Context, c *client.Client) error { return c.DeleteDocument(ctx, someID) }
	gone := problem(http.StatusNotFound, `{"status":404,"code":"not_found","detail":"No document has this id."}`)
	for name, test := range map[string]struct {
		do       func(context.Context, *client.Client) error
		handlers []http.HandlerFunc
		requests int
		fails    bool
	}{
		"a read, while it restarts":           {read, []http.HandlerFunc{busy, breaks, ok}, 3, false},
		"a read, through a proxy":             {read, []http.HandlerFunc{gateway, ok}, 2, false},
		"a read of half an answer":            {read, []http.HandlerFunc{says(http.StatusOK, `{"id":`), ok}, 2, false},
		"a move that was not taken":           {move, []http.HandlerFunc{busy, ok}, 2, false},
		"a move whose answer was lost":        {move, []http.HandlerFunc{breaks, ok}, 1, true},
		"a move that a proxy lost":            {move, []http.HandlerFunc{gateway, ok}, 1, true},
		"a deletion whose answer was lost":    {remove, []http.HandlerFunc{breaks, gone}, 2, false},
		"a deletion of what is not there":     {remove, []http.HandlerFunc{gone}, 1, true},
		"a deletion that was refused at once": {remove, []http.HandlerFunc{busy, gone}, 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, test.handlers...)
			err := test.do(t.Context(), f.client())
			if (err != nil) != test.fails || len(f.requests()) != test.requests {
				t.Errorf("%d requests, want %d; %v", len(f.requests()), test.requests, err)
			}
		})
	}
}

// TestPatienceEnds: repeating is bounded, and a service that says when to come
// back is not waited for longer than that.
func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	f := newFake(t, problem(http.StatusServiceUnavailable, `{"status":503,"code":"busy","detail":"busy"}`, "Retry-After", "3600"))
	c := f.client()
	began := time.Now()
	known := (*client.Error)(nil)
	if _, err := c.Job(t.Context(), someID); !errors.As(err, &known) || known.Code != client.CodeBusy || known.RetryAfter != time.Hour {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took > 10*time.Second || len(f.requests()) != 1 {
		t.Errorf("%d requests in %s", len(f.requests()), took)
	}
	c.Patience = -1
	c.URL = "http://127.0.0.1:1"
	if _, err := c.Job(t.Context(), someID); err == nil {
		t.Error("nobody listens there")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.client().Job(ctx, someID); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

// TestTokenStaysHome: a redirect to another host does not get it.
func TestTokenStaysHome(t *testing.T) {
	t.Parallel()
	var got string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization")
		_, _ = io.WriteString(w, `{}`)
	}))
	defer elsewhere.Close()
	away := strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1)
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, away, http.StatusFound) })
	if _, err := f.client().Job(t.Context(), someID); err != nil {
		t.Fatal(err)
	}
	if f.requests()[0].header.Get("Authorization") != "Bearer a-token-for-tests" || got != "" {
		t.Errorf("the other host was sent %q", got)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	f := newFake(t, says(http.StatusServiceUnavailable, `{"status":"unhealthy","version":"1","components":{"store":{"status":"unhealthy","detail":"x"}}}`))
	h, err := f.client().Health(t.Context())
	if err != nil || h.Status != "unhealthy" || h.Components["store"].Detail != "x" || len(f.requests()) != 1 {
		t.Errorf("%+v, %v", h, err)
	}
	if err := f.client().Ready(t.Context()); err == nil {
		t.Error("it is not ready")
	}
}

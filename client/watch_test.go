package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mivaa/mivaa/client"
)

func status(id int, event, to string) string {
	return fmt.Sprintf("id: %d\nevent: status\ndata: {\"id\":%d,\"job_id\":%q,\"at\":\"2026-01-02T03:04:05Z\",\"event\":%q,\"to_status\":%q,\"cause\":null,\ndata: \"attempt\":1,\"job\":{\"id\":%q,\"status\":%q,\"steps_done\":%d}}\n\n",
		id, id, someID, event, to, someID, to, id)
}

// TestWatch: each line of history once, whatever breaks, and the stream goes on
// behind the last one that was seen.
func TestWatch(t *testing.T) {
	t.Parallel()
	f := newFake(t,
		streams("retry: 1\n\n: hello\n\nevent: hello\ndata: {\"last_event_id\":6}\n\n"+status(7, "accepted", "pending")+"event: step\r\ndata: {\"job_id\":\"x\",\"seq\":1,\"page_number\":4,\"status\":\"ok\"}\r\n\r\n"+
			"event: whatever\ndata: {}\n\n"+status(8, "started", "processing")+"id: 9\nevent: status\ndata: {\"cut"),
		breaks,
		problem(http.StatusServiceUnavailable, `{"status":503,"code":"stopping","detail":"x"}`),
		streams(status(9, "completed", "completed")),
	)
	var got []string
	for u, err := range f.client().Watch(t.Context(), someID, 0) {
		if err != nil {
			t.Fatal(err)
		}
		switch u.Kind {
		case client.UpdateStatus:
			got = append(got, fmt.Sprintf("%d %s %d", u.Event.ID, u.Event.Event, u.Job.StepsDone))
		case client.UpdatePage:
			got = append(got, fmt.Sprintf("page %d", u.Page.PageNumber))
		}
		if u.Event != nil && u.Event.Event == "completed" {
			break
		}
	}
	if want := "7 accepted 7, page 4, 8 started 8, 9 completed 9"; strings.Join(got, ", ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
	var ids []string
	for _, r := range f.requests() {
		ids = append(ids, r.header.Get("Last-Event-ID"))
	}
	if got := strings.Join(ids, ","); got != ",8,8,8" {
		t.Errorf("Last-Event-ID of the connections: %q", got)
	}
}

// TestWatchFromNow: what happens while the first connection breaks is not lost.
func TestWatchFromNow(t *testing.T) {
	t.Parallel()
	f := newFake(t, streams("retry: 1\n\nevent: hello\ndata: {\"last_event_id\":41}\n\n"), streams(status(42, "accepted", "pending")))
	for u, err := range f.client().WatchAll(t.Context(), 0) {
		if err != nil || u.Event.ID != 42 {
			t.Errorf("%+v, %v", u, err)
		}
		break
	}
	if r := f.requests(); len(r) != 2 || r[0].header.Get("Last-Event-ID") != "" || r[1].header.Get("Last-Event-ID") != "41" {
		t.Errorf("requests %+v", r)
	}
}

func TestWatchEnds(t *testing.T) {
	t.Parallel()
	f := newFake(t, problem(http.StatusNotFound, `{"status":404,"code":"not_found","detail":"No job has this id."}`))
	known := (*client.Error)(nil)
	for _, err := range f.client().Watch(t.Context(), someID, 0) {
		if !errors.As(err, &known) || known.Code != client.CodeNotFound {
			t.Errorf("got %v", err)
		}
	}
	if known == nil || len(f.requests()) != 1 {
		t.Errorf("%d requests", len(f.requests()))
	}

	open := make(chan struct{})
	f = newFake(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		close(open)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-open; cancel() }()
	for _, err := range f.client().WatchAll(ctx, 0) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	}
}

// TestWait: the job is asked for when the stream says that it has come to an
// end, and an interruption that resumes by itself is none.
func TestWait(t *testing.T) {
	t.Parallel()
	job := func(status, recovery string) string {
		return fmt.Sprintf(`{"id":%q,"status":%q,"recovery":%q,"cause":null}`, someID, status, recovery)
	}
	asked := 0
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/events") {
			streams("retry: 1\n"+status(1, "interrupted", "interrupted")+status(2, "completed", "completed"))(w, r)
			return
		}
		asked++
		says(http.StatusOK, []string{job("processing", "auto"), job("interrupted", "auto"), job("completed", "auto")}[min(asked, 3)-1])(w, r)
	})
	j, err := f.client().Wait(t.Context(), someID)
	if err != nil || j.Status != client.Completed || asked != 3 {
		t.Errorf("%+v, %v after %d", j.Status, err, asked)
	}
}

// TestContentBrokenOff: a part is never taken for the whole.
func TestContentBrokenOff(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Document-Complete", "true")
		_, _ = io.WriteString(w, `{"document_id":"x","pages":[],"chunks":[{"chunk_id":"1","text":"a","page_numbers":[1]},{"chunk_id":"2"},`)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	var last error
	n := 0
	for _, err := range f.client().Chunks(t.Context(), someID, client.ContentOptions{}) {
		if last = err; err == nil {
			n++
		}
	}
	if n != 2 || last == nil {
		t.Errorf("%d chunks, then %v", n, last)
	}
	content, err := f.client().Content(t.Context(), someID, client.ContentOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = content.Close() }()
	if _, err := io.ReadAll(content); err == nil || !content.Complete || content.Partial {
		t.Errorf("%+v, %v", content, err)
	}
}

// TestFramesAreBounded: an event that is too long does not fill the memory.
func TestFramesAreBounded(t *testing.T) {
	t.Parallel()
	f := newFake(t, streams("event: step\ndata: {\"job_id\":\""+strings.Repeat("x", 3<<20)+"\"}\n\n"), problem(http.StatusGone, `{"status":410,"code":"expired","detail":"x"}`))
	began := time.Now()
	known := (*client.Error)(nil)
	for _, err := range f.client().Watch(t.Context(), someID, 0) {
		if !errors.As(err, &known) || known.Code != client.CodeExpired {
			t.Errorf("got %v", err)
		}
	}
	if len(f.requests()) != 2 {
		t.Errorf("%d requests in %s", len(f.requests()), time.Since(began))
	}
}

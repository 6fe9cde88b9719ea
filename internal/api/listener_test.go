package api

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// listener is a client of live events.
type listener struct {
	*env
	resp   *http.Response
	lines  *bufio.Scanner
	cancel context.CancelFunc
}

// heard is one event as a client hears it.
type heard struct {
	id    int64
	event string
	data  string
}

func (e *env) listen(path string, headers ...string) *listener {
	e.Helper()
	ctx, cancel := context.WithTimeout(e.Context(), time.Minute)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.url+path, nil)
	e.ok(err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := e.client.Do(req) //nolint:bodyclose // l.close does
	e.ok(err)
	l := &listener{env: e, resp: resp, lines: bufio.NewScanner(resp.Body), cancel: cancel}
	l.lines.Buffer(nil, 1<<20)
	e.Cleanup(l.close)
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(resp.Body)
		e.Fatalf("%s: %d %s", path, resp.StatusCode, body)
	}
	return l
}

func (l *listener) close() {
	l.cancel()
	l.resp.Body.Close()
}

// next returns the next event, and false where the stream has ended.
func (l *listener) next() (h heard, ok bool) {
	for l.lines.Scan() {
		name, value, _ := strings.Cut(l.lines.Text(), ": ")
		switch name {
		case "id":
			h.id, _ = strconv.ParseInt(value, 10, 64)
		case "event":
			h.event = value
		case "data":
			h.data = value
		case "":
			if h.event != "" {
				return h, true
			}
		}
	}
	return h, false
}

// until hears events until one is as wanted, and returns that and those before.
func (l *listener) until(what string, wanted func(heard) bool) (heard, []heard) {
	l.Helper()
	var before []heard
	for {
		h, ok := l.next()
		if !ok {
			l.Fatalf("the stream ended before %s; heard %+v", what, before)
		}
		if wanted(h) {
			return h, before
		}
		before = append(before, h)
	}
}

func isEvent(name string) func(heard) bool { return func(h heard) bool { return h.event == name } }

func decode[T any](e *env, data string) (v T) {
	e.Helper()
	if err := json.Unmarshal([]byte(data), &v); err != nil {
		e.Fatalf("decode %s: %v", data, err)
	}
	return v
}

func eventsURL(id jobs.ID) string { return jobURL(id) + "/events" }

const allEvents = "/api/rag/jobs/events"

package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// frame is one event of a text/event-stream.
type frame struct {
	kind string
	id   string // the last one that the stream named; "": none yet
	data string
}

// mostFrame is how long an event may be: a longer one is no event of ours.
const mostFrame = 1 << 20

// frames reads a stream. Its zero value, with a reader, works.
type frames struct {
	r     *bufio.Scanner
	id    string
	retry time.Duration // that the stream asked for; 0: it did not
}

func newFrames(r io.Reader) *frames {
	s := bufio.NewScanner(r)
	s.Buffer(nil, mostFrame)
	return &frames{r: s}
}

// next returns the next event. io.EOF: the stream ended.
func (f *frames) next() (frame, error) {
	var kind string
	var data []string
	for f.r.Scan() {
		line := strings.TrimSuffix(f.r.Text(), "\r")
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "" && len(data) > 0:
			return frame{kind: kind, id: f.id, data: strings.Join(data, "\n")}, nil
		case line == "":
			kind = ""
		case name == "event":
			kind = value
		case name == "data":
			data = append(data, value)
		case name == "id" && !strings.Contains(value, "\x00"):
			f.id = value
		case name == "retry":
			if ms, err := strconv.Atoi(value); err == nil && ms >= 0 {
				f.retry = min(time.Duration(ms)*time.Millisecond, mostPause)
			}
		}
	}
	if err := f.r.Err(); err != nil {
		return frame{}, err
	}
	return frame{}, io.EOF
}

const (
	// silence is how long a stream may say nothing: the service sends a
	// heartbeat every 15 seconds.
	silence   = 45 * time.Second
	mostPause = 10 * time.Second // between two connections
)

var errSilent = errors.New("the stream has gone silent")

// follow reads a stream until visit returns false, across broken connections:
// each new one goes on behind the last event that was seen. Its error is that
// of ctx, or an answer that trying again does not change.
func (c *Client) follow(ctx context.Context, path string, after int64, visit func(frame) bool) error {
	last := ""
	if after > 0 {
		last = strconv.FormatInt(after, 10)
	}
	pause := time.Duration(0)
	for failed := 0; ; failed++ {
		more, seen, err := c.listen(ctx, path, &last, &pause, visit)
		if !more {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if known := (*Error)(nil); errors.As(err, &known) && known.Status < http.StatusInternalServerError && known.Status != http.StatusTooManyRequests {
			return err
		}
		if transport := (*transportError)(nil); err != nil && !errors.As(err, &transport) {
			if known := (*Error)(nil); !errors.As(err, &known) {
				return err // the request itself is wrong
			}
		}
		if seen {
			failed = 0
		}
		if err := rest(ctx, min(mostPause, max(pause, backoff(failed, err)))); err != nil {
			return err
		}
	}
}

// listen reads one connection to its end. seen: it gave something.
func (c *Client) listen(ctx context.Context, path string, last *string, pause *time.Duration, visit func(frame) bool) (more, seen bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	header := http.Header{"Accept": {"text/event-stream"}, "Cache-Control": {"no-cache"}}
	if *last != "" {
		header.Set("Last-Event-ID", *last)
	}
	quiet := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer quiet.Stop()
	answer, err := c.send(ctx, call{method: http.MethodGet, path: path, header: header})
	if err != nil {
		return true, false, err
	}
	defer func() { _ = answer.Body.Close() }() // an open stream
	f := newFrames(&noticed{r: answer.Body, sign: func() { quiet.Reset(silence) }})
	for {
		e, err := f.next()
		*pause = f.retry
		if err != nil {
			return true, seen, &transportError{err}
		}
		seen = true
		switch {
		case e.id != "":
			*last = e.id
		case e.kind == "hello" && *last == "": // where the stream begins, should it break before its first event
			*last = beginning(e.data)
		}
		if !visit(e) {
			return false, true, nil
		}
	}
}

// beginning reads the greeting of a stream.
func beginning(data string) string {
	var hello struct {
		LastEventID *int64 `json:"last_event_id"`
	}
	if json.Unmarshal([]byte(data), &hello) != nil || hello.LastEventID == nil {
		return ""
	}
	return strconv.FormatInt(*hello.LastEventID, 10)
}

// noticed calls sign for each sign of life of a reader.
type noticed struct {
	r    io.Reader
	sign func()
}

func (n *noticed) Read(p []byte) (int, error) {
	got, err := n.r.Read(p)
	n.sign()
	return got, err
}

package lifecycle

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// lineLimit is how many lines wait for a reader of the log that is slow.
const lineLimit = 8192

// AsyncWriter writes in a goroutine of its own, so that whoever reads the log
// cannot hold up the service: not by being slow, not by being stopped, not by
// having died. Where the reader does not keep up, lines are dropped, and their
// number is told once it does.
type AsyncWriter struct {
	w      io.Writer
	lines  chan func() // each writes a line
	done   chan struct{}
	mu     sync.Mutex // over closed and dropped
	closed bool
	lost   int
}

// NewAsyncWriter starts one that writes to w. Close it at the end.
func NewAsyncWriter(w io.Writer) *AsyncWriter {
	a := &AsyncWriter{w: w, lines: make(chan func(), lineLimit), done: make(chan struct{})}
	go a.run() // ends with Close, or with the process where w never returns
	return a
}

func (a *AsyncWriter) run() {
	defer close(a.done)
	for write := range a.lines {
		if n := a.takeLost(); n > 0 {
			a.put(fmt.Appendf(nil, "%d lines of the log were dropped: its reader did not keep up\n", n))
		}
		write()
	}
}

// put writes a line, from the writer's own goroutine.
func (a *AsyncWriter) put(line []byte) {
	_, _ = a.w.Write(line) // a log that cannot be written has nowhere to say so
}

func (a *AsyncWriter) takeLost() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := a.lost
	a.lost = 0
	return n
}

// Write takes a line. It never blocks and never fails.
func (a *AsyncWriter) Write(p []byte) (int, error) {
	line := append([]byte(nil), p...)
	a.later(func() { a.put(line) })
	return len(p), nil
}

// later has something written in its turn.
func (a *AsyncWriter) later(write func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return
	}
	select {
	case a.lines <- write:
	default:
		a.lost++
	}
}

// Close writes what waits, and gives up after most.
func (a *AsyncWriter) Close(most time.Duration) {
	a.mu.Lock()
	if !a.closed {
		a.closed = true
		close(a.lines)
	}
	a.mu.Unlock()
	select {
	case <-a.done:
	case <-time.After(most):
	}
}

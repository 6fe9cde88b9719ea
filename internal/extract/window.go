package extract

import (
	"context"
	"sync"
	"time"

	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/jobs"
)

// How much may wait to be recorded.
const (
	windowPages = 16
	windowBytes = 16 << 20
)

// Recording has a price of its own, whatever the number of pages: a transaction.
// So a page waits a moment for those behind it, unless there are enough already.
const (
	linger = 25 * time.Millisecond
	enough = windowPages / 2
)

// window holds pages between the goroutine that reads and the one that records.
// What was taken counts until it is given back: all that is read and not
// recorded is within the limits.
type window struct {
	mu    sync.Mutex
	ready []recorded
	held  int // pages, those taken included
	bytes int
	over  bool
	err   error

	filled chan struct{} // capacity 1
	freed  chan struct{} // capacity 1
}

// recorded is a page as it is to be recorded.
type recorded struct {
	jobs.Step
	failed bool
	ocr    *layout.OCR // nil: it was not to be recognised
}

func newWindow() *window {
	return &window{filled: make(chan struct{}, 1), freed: make(chan struct{}, 1)}
}

// put adds a page once there is room, and reports false when ctx ended first.
func (w *window) put(ctx context.Context, r recorded) bool {
	for {
		w.mu.Lock()
		if w.held == 0 || w.held < windowPages && w.bytes+len(r.Data) <= windowBytes {
			w.ready = append(w.ready, r)
			w.held++
			w.bytes += len(r.Data)
			w.mu.Unlock()
			signal(w.filled)
			return true
		}
		w.mu.Unlock()
		select {
		case <-w.freed:
		case <-ctx.Done():
			return false
		}
	}
}

// end says that nothing more comes, and why.
func (w *window) end(err error) {
	w.mu.Lock()
	w.over, w.err = true, err
	w.mu.Unlock()
	signal(w.filled)
}

// take returns everything that is ready, waiting for it until ctx ends. With
// nothing ready it returns over and the error given to end, or that ctx ended.
func (w *window) take(ctx context.Context) (got []recorded, over bool, err error) {
	var late <-chan time.Time // since something is ready
	for waited := false; ; {
		w.mu.Lock()
		n, full := len(w.ready), len(w.ready) >= enough || w.bytes >= windowBytes/2
		if over, err = w.over, w.err; full || over || waited || ctx.Err() != nil {
			got, w.ready = w.ready, nil
		}
		w.mu.Unlock()
		if n > 0 && late == nil {
			late = time.After(linger)
		}
		switch {
		case len(got) > 0:
			return got, false, nil
		case over:
			return nil, true, err
		case ctx.Err() != nil:
			return nil, true, context.Cause(ctx)
		}
		select {
		case <-w.filled:
		case <-late:
			waited = true
		case <-ctx.Done():
		}
	}
}

// give says that pages were recorded: there is room again.
func (w *window) give(got []recorded) {
	w.mu.Lock()
	for _, r := range got {
		w.held--
		w.bytes -= len(r.Data)
	}
	w.mu.Unlock()
	signal(w.freed)
}

// signal wakes the other side; one that is awake already looks again anyway.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

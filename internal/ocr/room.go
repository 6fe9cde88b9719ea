package ocr

import (
	"context"
	"sync"
	"time"
)

// Nobody can say before how much memory a page will take. So one more process
// begins only where all of them could grow to their limit; one always may, and its
// end lets the next begin.

const (
	// serviceRoom is left for the service and its readers.
	serviceRoom = 128 << 20
	// tellAfter is how long a wait lasts that is worth a line, one a minute.
	tellAfter, tellEvery = time.Second, time.Minute
)

// room keeps account of the pages in hand.
type room struct {
	mu    sync.Mutex
	taken int
	quiet time.Time // until when nothing more is told
}

// enter waits until there is memory for one more page; leave gives it back. An
// error is the cause of ctx, or ErrClosed.
func (e *Engine) enter(ctx context.Context) error {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for began := time.Now(); !e.room.take(e.config.Available, e.config.Memory); {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-e.closing:
			return ErrClosed
		case now := <-tick.C:
			if now.Sub(began) > tellAfter && e.room.tells(now) {
				e.config.Logger.Warn("⏳ Waiting for memory: fewer pages are recognised at once until there is room for more")
			}
		}
	}
	return nil
}

func (e *Engine) leave() {
	e.room.mu.Lock()
	defer e.room.mu.Unlock()
	e.room.taken--
}

func (r *room) take(available func() (int64, bool), each int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.taken > 0 && available != nil {
		if left, known := available(); known && left-serviceRoom < int64(r.taken+1)*each {
			return false
		}
	}
	r.taken++
	return true
}

func (r *room) tells(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Before(r.quiet) {
		return false
	}
	r.quiet = now.Add(tellEvery)
	return true
}

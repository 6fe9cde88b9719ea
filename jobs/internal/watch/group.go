// Package watch keeps who watches a store: what the Watch of one store has in
// common with that of another.
package watch

import (
	"context"
	"sync"

	"github.com/mivaa/mivaa/jobs"
)

// Group is who is told when something may have changed. The zero Group is ready.
type Group struct {
	mu     sync.Mutex
	all    map[chan jobs.Hint]func() bool // its AfterFunc's stop
	end    context.CancelFunc             // of what brings hints; nil: nobody watches
	closed bool
}

// Add takes a watcher in, until ctx ends or the group is closed: then its channel
// is closed. begin is called with the first: it starts what brings hints, and
// returns what ends it when the last has gone.
func (g *Group) Add(ctx context.Context, begin func() context.CancelFunc) <-chan jobs.Hint {
	ch := make(chan jobs.Hint, 1)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		close(ch)
		return ch
	}
	if g.all == nil {
		g.all = map[chan jobs.Hint]func() bool{}
	}
	if g.end == nil {
		g.end = begin()
	}
	g.all[ch] = context.AfterFunc(ctx, func() { g.remove(ch) })
	return ch
}

func (g *Group) remove(ch chan jobs.Hint) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.all[ch]; !ok {
		return
	}
	delete(g.all, ch)
	close(ch)
	if len(g.all) == 0 {
		g.still()
	}
}

// still ends what brings hints; g.mu is held.
func (g *Group) still() {
	if g.end != nil {
		g.end()
		g.end = nil
	}
}

// Tell adds a hint to what each watcher has not taken yet. It never waits.
func (g *Group) Tell(h jobs.Hint) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for ch := range g.all {
		told := h
		select {
		case earlier := <-ch:
			told |= earlier
		default:
		}
		ch <- told // there is room: nobody else sends
	}
}

// Close closes every channel, and those of who comes later.
func (g *Group) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for ch, stop := range g.all {
		stop()
		close(ch)
	}
	g.all = nil
	g.still()
}

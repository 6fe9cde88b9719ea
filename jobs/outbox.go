package jobs

import "sync"

// outbox holds the outcomes that are not written yet. It is closed when a
// session ends; what comes later is refused, and its job recovered by others.
type outbox struct {
	mu     sync.Mutex
	items  []ended
	count  int // items, and those taken but not written
	closed bool
	signal chan struct{}
	idle   []chan struct{} // closed when count is 0
}

func newOutbox() *outbox { return &outbox{signal: make(chan struct{}, 1)} }

// put adds an outcome, and reports false where the box is closed.
func (b *outbox) put(e ended) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.items, b.count = append(b.items, e), b.count+1
	b.ring()
	return true
}

// back returns what was taken and could not be written, behind all others.
func (b *outbox) back(batch []ended) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.items = append(b.items, batch...)
	b.ring()
}

// take waits for outcomes and returns at most n of them; none: the box is
// closed and empty.
func (b *outbox) take(n int) []ended {
	for {
		b.mu.Lock()
		if len(b.items) > 0 {
			n = min(n, len(b.items))
			batch := b.items[:n:n]
			b.items = b.items[n:]
			if len(b.items) > 0 {
				b.ring()
			}
			b.mu.Unlock()
			return batch
		}
		closed := b.closed
		b.mu.Unlock()
		if closed {
			return nil
		}
		<-b.signal
	}
}

// done says that n of those taken are written, or given up.
func (b *outbox) done(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count -= n
	if b.count == 0 {
		for _, c := range b.idle {
			close(c)
		}
		b.idle = nil
	}
}

// empty returns a channel that is closed once nothing is unsaved.
func (b *outbox) empty() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := make(chan struct{})
	if b.count == 0 {
		close(c)
	} else {
		b.idle = append(b.idle, c)
	}
	return c
}

// unsaved is how many outcomes are not written yet.
func (b *outbox) unsaved() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.count
}

func (b *outbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.ring()
}

// ring wakes take; b.mu is held.
func (b *outbox) ring() {
	select {
	case b.signal <- struct{}{}:
	default:
	}
}

package extract

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/mivaa/mivaa/internal/pdf"
)

// pictureKey names what is made of a source. The zero of what does not apply.
type pictureKey struct {
	src   sourceKey
	page  int
	dpi   int  // of the page
	image int  // of the page, from 1
	list  bool // of the page's images

	attachment int // of the document, from 1; everyAttachment: their list
}

// makeFunc makes a value and says how many bytes it takes. Its context ends when
// nobody wants the value any more.
type makeFunc func(ctx context.Context) (v any, size int64, err error)

// ErrBusy: as many wait for pictures as may, or it took too long until this one's
// turn came.
var ErrBusy = errors.New("too many pictures are asked for")

const (
	// mostWaiting is how many requests may wait for what is not kept.
	mostWaiting = 32
	// mostWait is how long a request waits until its turn comes: what it asks for
	// is being made.
	mostWait = 20 * time.Second
	// overhead is what an entry takes beside its value, at most.
	overhead = 500
	// blameFor is how long a failure is remembered that is the document's fault.
	blameFor = time.Minute
)

// cache keeps what was made, up to a number of bytes, the latest used the
// longest; makes each value once however many want it; and makes few at a time.
type cache struct {
	most  int64
	slots chan struct{}
	life  context.Context //nolint:containedctx // ends with close: the parent of what makes the values
	end   context.CancelCauseFunc

	mu      sync.Mutex
	kept    map[pictureKey]*list.Element // of entry
	recent  *list.List                   // the latest used first
	size    int64
	flights map[pictureKey]*flight
	waiting int // requests, in all flights
	closed  bool
	all     sync.WaitGroup // flights
}

type entry struct {
	key   pictureKey
	value any
	size  int64
	err   error     // in place of the value
	until time.Time // of an error
}

// flight is a value that is being made, once begun is closed. entry is there
// once done is closed.
type flight struct {
	cancel  context.CancelFunc
	begun   chan struct{}
	done    chan struct{}
	entry   entry
	waiting int // guarded by cache.mu
}

func newCache(atOnce int, most int64) *cache {
	c := &cache{
		most: most, slots: make(chan struct{}, atOnce),
		kept: map[pictureKey]*list.Element{}, recent: list.New(), flights: map[pictureKey]*flight{},
	}
	c.life, c.end = context.WithCancelCause(context.Background())
	return c
}

// get returns a value that is kept, or has it made and waits. When the last one
// who waits for it goes away, the making ends.
func (c *cache) get(ctx context.Context, key pictureKey, fill makeFunc) (any, error) {
	e, f, err := c.join(key, fill)
	if err != nil {
		return nil, err
	}
	if f == nil {
		return e.value, e.err
	}
	defer c.leave(key, f)
	turn := time.NewTimer(mostWait)
	defer turn.Stop()
	select {
	case <-f.begun:
	case <-f.done:
	case <-turn.C:
		return nil, ErrBusy
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	select {
	case <-f.done:
		return f.entry.value, f.entry.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// join returns the entry that is kept, or the flight that makes it.
func (c *cache) join(key pictureKey, fill makeFunc) (entry, *flight, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return entry{}, nil, pdf.ErrClosed
	}
	if e, ok := c.find(key); ok {
		return e, nil, nil
	}
	if c.waiting >= mostWaiting {
		return entry{}, nil, ErrBusy
	}
	f := c.flights[key]
	if f == nil {
		f = c.start(key, fill)
	}
	f.waiting++
	c.waiting++
	return entry{}, f, nil
}

// find returns what is kept under the key, or the failure for which its page is
// blamed.
func (c *cache) find(key pictureKey) (entry, bool) {
	for _, k := range []pictureKey{key, key.blame()} {
		at := c.kept[k]
		if at == nil {
			continue
		}
		e := at.Value.(entry)
		if e.err == nil || time.Now().Before(e.until) {
			c.recent.MoveToFront(at)
			return e, true
		}
		c.remove(at)
	}
	return entry{}, false
}

// blame is the key of a page's failure. It stands for whatever is asked of the
// page: at another resolution it would cost a reader again.
func (k pictureKey) blame() pictureKey {
	return pictureKey{src: k.src, page: k.page, attachment: k.attachment}
}

func (c *cache) start(key pictureKey, fill makeFunc) *flight {
	ctx, cancel := context.WithCancel(c.life)
	f := &flight{cancel: cancel, begun: make(chan struct{}), done: make(chan struct{}), entry: entry{key: key}}
	c.flights[key] = f
	c.all.Go(func() {
		defer cancel()
		f.entry.value, f.entry.size, f.entry.err = c.fill(ctx, f, fill)
		f.entry.size += overhead
		c.land(f)
	})
	return f
}

// fill waits for a turn and makes the value, unless its page failed meanwhile.
func (c *cache) fill(ctx context.Context, f *flight, fill makeFunc) (any, int64, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, 0, context.Cause(ctx)
	}
	close(f.begun)
	if err := c.blamed(f.entry.key); err != nil {
		return nil, 0, err
	}
	return fill(ctx)
}

// blamed is the failure that is remembered of the page, nil where there is none.
func (c *cache) blamed(key pictureKey) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, _ := c.find(key.blame())
	return e.err
}

// land keeps what was made, and failures that trying again would not mend.
func (c *cache) land(f *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flights[f.entry.key] == f {
		delete(c.flights, f.entry.key)
	}
	switch {
	case f.entry.err == nil:
		c.keep(f.entry)
	case blames(f.entry.err):
		c.keepBlame(f.entry)
	}
	close(f.done)
}

// keepBlame remembers a failure from the first time on: those who waited
// meanwhile and are told the same do not make it last.
func (c *cache) keepBlame(e entry) {
	e.key, e.until = e.key.blame(), time.Now().Add(blameFor)
	if _, ok := c.find(e.key); !ok {
		c.keep(e)
	}
}

// blames tells failures that are the document's fault.
func blames(err error) bool {
	e, ok := errors.AsType[*pdf.Error](err)
	return ok && e.Code != pdf.CodeInternal
}

func (c *cache) keep(e entry) {
	if e.size > c.most {
		return
	}
	if at := c.kept[e.key]; at != nil {
		c.remove(at)
	}
	c.kept[e.key] = c.recent.PushFront(e)
	for c.size += e.size; c.size > c.most; {
		c.remove(c.recent.Back())
	}
}

func (c *cache) remove(at *list.Element) {
	e := c.recent.Remove(at).(entry)
	delete(c.kept, e.key)
	c.size -= e.size
}

// leave ends a flight that nobody waits for any more. Whoever comes now begins
// another.
func (c *cache) leave(key pictureKey, f *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting--
	if f.waiting--; f.waiting > 0 {
		return
	}
	f.cancel()
	if c.flights[key] == f {
		delete(c.flights, key)
	}
}

// close ends all flights and waits for them.
func (c *cache) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.end(pdf.ErrClosed)
	c.all.Wait()
}

package api

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// hub lets many clients follow the history as it grows, for the price of one
// reader: however many streams there are, there is one goroutine and one Watch
// of the store, begun with the first and ended with the last.
type hub struct {
	store Store
	log   *slog.Logger
	most  int           // streams at once
	beat  time.Duration // how often a comment shows both ends that a connection lives

	mu      sync.Mutex
	feed    *feed // nil: nobody listens
	streams int
}

// heartbeat is how often a stream says that it lives.
const heartbeat = 15 * time.Second

// A frame is one event as it is sent. Frames are shared by all who get them.
type frame struct {
	id   int64 // of the row of job_events that it tells; 0: it tells none
	data []byte
}

// backlog is how many rounds a client may be behind before it is cut off. It
// comes back with the last id it saw, and has missed nothing.
const backlog = 64

// subscription is one client's place in a feed.
type subscription struct {
	feed    *feed
	job     jobs.ID // zero: all of them
	from    int64   // frames above this id come through the feed
	frames  chan []frame
	greeted chan struct{} // closed when it was told how its jobs are; steps after that come through the feed
	cut     chan struct{} // closed when the feed gave it up
	why     string        // set before cut is closed
	fresh   bool          // not greeted yet; guarded by the feed
}

// Why a stream ends, for its last event.
const (
	byeStopping = "stopping"
	byeSlow     = "slow"
	byeDeleted  = "deleted"
)

// subscribe takes a client in. What was committed before it returns and is not
// above from is in the history; everything else comes through frames.
func (h *hub) subscribe(ctx context.Context, job jobs.ID) (*subscription, error) {
	f, err := h.enter()
	if err != nil {
		return nil, err
	}
	select {
	case <-f.ready:
	case <-ctx.Done():
		h.exit(f)
		return nil, context.Cause(ctx)
	}
	if f.err != nil {
		h.exit(f)
		return nil, f.err
	}
	s := &subscription{
		feed: f, job: job, frames: make(chan []frame, backlog), greeted: make(chan struct{}), cut: make(chan struct{}), fresh: true,
	}
	f.add(s)
	return s, nil
}

// leave is the end of a subscription. The last one waits for the feed's end.
func (h *hub) leave(s *subscription) {
	s.feed.remove(s)
	h.exit(s.feed)
}

func (h *hub) enter() (*feed, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.streams >= h.most {
		return nil, problem(http.StatusServiceUnavailable, codeBusy,
			"The service has %d live streams, and takes no more. Try again, or ask for the job with wait.", h.most).after(5 * time.Second)
	}
	h.streams++
	if h.feed == nil || h.feed.failed() {
		h.feed = newFeed(h.store, h.log)
	}
	h.feed.users++
	return h.feed, nil
}

// open counts the clients.
func (h *hub) open() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.streams
}

func (h *hub) exit(f *feed) {
	h.mu.Lock()
	h.streams--
	f.users--
	last := f.users == 0
	if last && h.feed == f {
		h.feed = nil
	}
	h.mu.Unlock()
	if last {
		f.cancel()
		<-f.done
	}
}

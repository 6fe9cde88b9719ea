package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/jobs"
)

// pollInterval is how often watchers are told to read again where changes by
// other processes cannot be heard.
const pollInterval = time.Second

const everything = jobs.HintChanged | jobs.HintMoved

// watchers are told when something may have changed.
type watchers struct {
	mu     sync.Mutex
	all    map[chan jobs.Hint]func() bool // its AfterFunc's stop
	cancel context.CancelFunc             // of the follower; nil: nobody watches
	closed bool
	out    outgoing
}

// Watch implements jobs.Store. Changes of this process are told at once, those of
// others as the server passes them on, or once a second where it does not. The
// channel is closed when ctx ends or the store is closed.
func (s *Store) Watch(ctx context.Context) <-chan jobs.Hint {
	w := &s.watch
	ch := make(chan jobs.Hint, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		close(ch)
		return ch
	}
	if w.all == nil {
		w.all = map[chan jobs.Hint]func() bool{}
	}
	if w.cancel == nil {
		var follow context.Context
		follow, w.cancel = context.WithCancel(s.life)
		s.workers.Go(func() { s.follow(follow) })
	}
	w.all[ch] = context.AfterFunc(ctx, func() { w.remove(ch) })
	return ch
}

func (w *watchers) remove(ch chan jobs.Hint) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.all[ch]; !ok {
		return
	}
	delete(w.all, ch)
	close(ch)
	if len(w.all) == 0 && w.cancel != nil {
		w.cancel()
		w.cancel = nil
	}
}

// tell adds a hint to what each watcher has not taken yet. It never waits.
func (w *watchers) tell(h jobs.Hint) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for ch := range w.all {
		told := h
		select {
		case earlier := <-ch:
			told |= earlier
		default:
		}
		ch <- told // there is room: nobody else sends
	}
}

func (w *watchers) close() {
	w.out.close()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for ch, stop := range w.all {
		stop()
		close(ch)
	}
	w.all = nil
	if w.cancel != nil {
		w.cancel()
		w.cancel = nil
	}
}

// follow hears of other processes' changes until ctx ends. While it cannot hear
// it has watchers look for themselves.
func (s *Store) follow(ctx context.Context) {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	var pause time.Duration
	ill, missed := false, jobs.HintChanged
	for ctx.Err() == nil {
		if !s.direct() {
			s.pollUntil(ctx, tick.C, nil)
			return
		}
		heard, err := s.listen(ctx, missed)
		if ctx.Err() != nil {
			return
		}
		if heard {
			pause, ill, missed = 0, false, everything
		}
		if !ill {
			s.log.Warn("cannot hear of changes by other processes; looking each second until the connection is back", jobs.KeyError, err)
			ill = true
		}
		pause = min(max(2*pause, 20*time.Millisecond), 5*time.Second)
		retry := time.NewTimer(pause)
		s.pollUntil(ctx, tick.C, retry.C)
		retry.Stop()
	}
}

// pollUntil has watchers look at each tick until the end.
func (s *Store) pollUntil(ctx context.Context, tick, end <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-end:
			return
		case <-tick:
			s.watch.tell(jobs.HintChanged) // of moves a renewal tells, each second too
		}
	}
}

// listen passes notices on until its connection breaks; heard says that it stood.
// What was missed before it stood is told as one hint.
func (s *Store) listen(ctx context.Context, missed jobs.Hint) (heard bool, err error) {
	conn, err := s.connectFor(ctx, 0)
	if err != nil {
		return false, err
	}
	defer closeConn(conn)
	if _, err := conn.Exec(ctx, `LISTEN `+pgx.Identifier{s.channel()}.Sanitize(), pgx.QueryExecModeExec); err != nil {
		return false, err
	}
	s.watch.tell(missed)
	if missed == everything {
		s.log.Info("hearing of changes by other processes again")
	}
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return true, err
		}
		if h := s.watch.out.read(n.Payload); h != 0 {
			s.watch.tell(h)
		}
	}
}

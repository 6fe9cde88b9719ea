package sqlite

import (
	"context"
	"sync"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// pollInterval is how often other processes' commits are looked for.
const pollInterval = 200 * time.Millisecond

// watchers are told when something may have changed.
type watchers struct {
	mu     sync.Mutex
	all    map[chan jobs.Hint]func() bool // its AfterFunc's stop
	cancel context.CancelFunc             // of the poll; nil: nobody watches
	closed bool
}

// Watch implements jobs.Store. The channel is closed when ctx ends or the
// store is closed.
func (s *Store) Watch(ctx context.Context) <-chan jobs.Hint {
	w := &s.watchers
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
		poll, cancel := context.WithCancel(context.Background())
		w.cancel = cancel
		s.workers.Go(func() { s.poll(poll) })
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

// notify tells every watcher. What one has not received yet is not lost: the
// hints are told together.
func (w *watchers) notify(h jobs.Hint) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for ch := range w.all {
		all := h
		select {
		case before := <-ch:
			all |= before
		default:
		}
		ch <- all // empty, and nobody else sends
	}
}

func (w *watchers) close() {
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

// poll looks for commits of other connections, this process's writer among
// them. An error is told as a change: whoever reads meets it.
func (s *Store) poll(ctx context.Context) {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := s.pollOne(ctx, tick.C); err != nil && ctx.Err() == nil {
			s.log.Warn("cannot look for changes of the database", jobs.KeyError, err)
			s.watchers.notify(jobs.HintChanged)
		}
	}
}

// pollOne polls on one connection: data_version is the connection's own, so its
// first look tells of a change: there may have been one since Watch was called.
// It returns when the context ends or the connection fails.
func (s *Store) pollOne(ctx context.Context, tick <-chan time.Time) (err error) {
	conn, err := s.reader.Conn(ctx)
	if err != nil {
		select {
		case <-ctx.Done():
		case <-tick:
		}
		return err
	}
	defer func() {
		if e := conn.Close(); err == nil {
			err = e
		}
	}()
	var last int64
	for {
		var version int64
		if err := conn.QueryRowContext(ctx, `PRAGMA data_version`).Scan(&version); err != nil {
			return err
		}
		if version != last {
			s.watchers.notify(jobs.HintChanged)
		}
		last = version
		select {
		case <-ctx.Done():
			return nil
		case <-tick:
		}
	}
}

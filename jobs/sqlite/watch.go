package sqlite

import (
	"context"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// pollInterval is how often other processes' commits are looked for.
const pollInterval = 200 * time.Millisecond

// Watch implements jobs.Store. The channel is closed when ctx ends or the
// store is closed.
func (s *Store) Watch(ctx context.Context) <-chan jobs.Hint {
	return s.watchers.Add(ctx, func() context.CancelFunc {
		poll, end := context.WithCancel(context.Background())
		s.workers.Go(func() { s.poll(poll) })
		return end
	})
}

// poll looks for commits of other connections, this process's writer among
// them. An error is told as a change: whoever reads meets it.
func (s *Store) poll(ctx context.Context) {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := s.pollOne(ctx, tick.C); err != nil && ctx.Err() == nil {
			s.log.Warn("cannot look for changes of the database", jobs.KeyError, err)
			s.watchers.Tell(jobs.HintChanged)
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
			s.watchers.Tell(jobs.HintChanged)
		}
		last = version
		select {
		case <-ctx.Done():
			return nil
		case <-tick:
		}
	}
}

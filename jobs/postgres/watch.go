package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/jobs"
)

// pollInterval is how often watchers are told to read again where changes by
// other processes cannot be heard.
const pollInterval = time.Second

const everything = jobs.HintChanged | jobs.HintMoved

// Watch implements jobs.Store. Changes of this process are told at once, those of
// others as the server passes them on, or once a second where it does not. The
// channel is closed when ctx ends or the store is closed.
func (s *Store) Watch(ctx context.Context) <-chan jobs.Hint {
	return s.watchers.Add(ctx, func() context.CancelFunc {
		follow, end := context.WithCancel(s.life)
		s.workers.Go(func() { s.follow(follow) })
		return end
	})
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
			s.watchers.Tell(jobs.HintChanged) // of moves a renewal tells, each second too
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
	s.watchers.Tell(missed)
	if missed == everything {
		s.log.Info("hearing of changes by other processes again")
	}
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return true, err
		}
		if h := s.out.read(n.Payload); h != 0 {
			s.watchers.Tell(h)
		}
	}
}

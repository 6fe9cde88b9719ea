package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/mivaa/mivaa/jobs"
)

// A verdict is that an instance is dead. It is confirmed in the transaction
// that acts on it: the row must still be what it was looked at.
type verdict struct {
	id, state, seenAt, boot string
	cause                   jobs.Cause // crash or lease_lost
	proof                   string
}

// probe looks which other instances are dead, outside any transaction.
func (s *Store) probe(ctx context.Context, self string) ([]verdict, error) {
	const query = `SELECT id, state, seen_at, boot, lease_ms FROM job_instances WHERE state IN ('live', 'stopping') AND id <> ?`
	const op = "look for dead instances"
	var dead []verdict
	err := s.each(ctx, query, []any{self}, func(rows *sql.Rows) error {
		var v verdict
		var lease int64
		if err := rows.Scan(&v.id, &v.state, &v.seenAt, &v.boot, &lease); err != nil {
			return err
		}
		free, err := s.lockFree(v.id)
		if err != nil {
			// No proof either way: the lease decides.
			s.log.Warn("cannot probe an instance's lock", jobs.KeyInstance, v.id, jobs.KeyError, err)
		}
		switch {
		case free:
			v.cause, v.proof = jobs.CauseCrash, "its lock is free: the process is gone"
			s.silence.forget(v.id)
			dead = append(dead, v)
		case s.silence.longerThan(time.Duration(lease)*time.Millisecond, v.id, v.seenAt, time.Now()):
			v.cause, v.proof = jobs.CauseLeaseLost, fmt.Sprintf("silent since %s, longer than its lease of %v", v.seenAt, time.Duration(lease)*time.Millisecond)
			dead = append(dead, v)
		}
		return nil
	})
	if err != nil {
		return nil, s.fail(op, err)
	}
	return dead, nil
}

// lockFree reports whether nobody holds an instance's lock. A file that is
// missing is held by nobody.
func (s *Store) lockFree(instance string) (bool, error) {
	lock := flock.New(s.lockPath(instance), flock.SetFlag(os.O_RDONLY))
	got, err := lock.TryRLock()
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return got, lock.Close()
}

// silence remembers how long other instances have not renewed their leases, by
// this process's monotonic clock: a clock that jumps, or a machine that slept,
// makes nobody look dead.
type silence struct {
	mu   sync.Mutex
	seen map[string]sighting
}

type sighting struct {
	renewal  string    // the seen_at that was found
	first    time.Time // when
	last     time.Time // the latest look at it
	suspects time.Time // the look that first found it overdue after not looking for long
}

func (s *silence) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.seen, id)
}

// longerThan records a look at an instance, and reports whether it has been
// silent for its whole lease. A look after a long time of not looking does not
// count alone: this process may have been stopped together with the other, and
// have been the first to go on.
func (s *silence) longerThan(lease time.Duration, id, renewal string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was, ok := s.seen[id]
	if !ok || was.renewal != renewal {
		if s.seen == nil {
			s.seen = map[string]sighting{}
		}
		s.seen[id] = sighting{renewal: renewal, first: now, last: now}
		return false
	}
	blind := now.Sub(was.last) >= lease
	was.last = now
	overdue := now.Sub(was.first) >= lease
	if overdue && blind && was.suspects.IsZero() {
		was.suspects = now
	}
	s.seen[id] = was
	if !overdue {
		return false
	}
	return was.suspects.IsZero() || now.Sub(was.suspects) >= lease/4
}

package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/gofrs/flock"

	"github.com/mivaa/mivaa/jobs"
)

// States of an instance's row.
const (
	stateLive     = "live"
	stateStopping = "stopping" // its death charges no job with a crash
	stateStopped  = "stopped"  // left, with nothing left behind
	stateDead     = "dead"     // declared dead; its jobs were taken
)

// held are the locks of this Store's instances.
type held struct {
	mu    sync.Mutex
	locks map[string]*flock.Flock
}

func (h *held) add(id string, lock *flock.Flock) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.locks == nil {
		h.locks = map[string]*flock.Flock{}
	}
	h.locks[id] = lock
}

// drop gives one lock up.
func (h *held) drop(id string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	lock := h.locks[id]
	if lock == nil {
		return nil
	}
	delete(h.locks, id)
	return lock.Close()
}

// release gives all up.
func (h *held) release() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var errs []error
	for id, lock := range h.locks {
		errs = append(errs, lock.Close())
		delete(h.locks, id)
	}
	return errors.Join(errs...)
}

func (s *Store) lockPath(instance string) string {
	return filepath.Join(s.locks, instance+".lock")
}

// Join implements jobs.Store. The lock is held before the row exists, so that
// whoever sees the row of a living process finds the lock held.
func (s *Store) Join(ctx context.Context, in jobs.Instance) (io.Closer, error) {
	const insert = `INSERT INTO job_instances (id, host, pid, version, boot, started_at, seen_at, lease_until, lease_ms, state, slots)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'live', ?)`
	op := "join instance " + in.ID
	if in.ID == "" || in.ID != filepath.Base(in.ID) || in.ID[0] == '.' {
		return nil, fmt.Errorf("join: instance id %q cannot name a file", in.ID)
	}
	if in.Lease <= 0 {
		return nil, fmt.Errorf("%s: no lease given", op)
	}
	if err := os.MkdirAll(s.locks, 0o700); err != nil {
		return nil, storeError(op, s.locks, err)
	}
	lock := flock.New(s.lockPath(in.ID), flock.SetPermissions(0o600))
	got, err := lock.TryLock()
	if err != nil {
		return nil, storeError(op, s.locks, err)
	}
	if !got {
		return nil, fmt.Errorf("%s: an instance of that id is alive", op)
	}
	err = s.do(ctx, op, func(b *batch) error {
		_, err := b.exec(insert, in.ID, in.Host, in.PID, in.Version, in.Boot, b.at, b.at,
			FormatTime(b.now.Add(in.Lease)), in.Lease.Milliseconds(), in.Slots)
		return err
	})
	if err != nil {
		return nil, errors.Join(err, lock.Close(), s.removeLock(in.ID))
	}
	s.held.add(in.ID, lock)
	return &membership{s: s, id: in.ID}, nil
}

// membership is what Join returns.
type membership struct {
	s    *Store
	id   string
	once sync.Once
	err  error
}

// Close gives up the proof of life. An instance with nothing in work has
// stopped; the row of one that leaves jobs behind stays as it is, and they are
// recovered as those of a dead process.
func (m *membership) Close() error {
	m.once.Do(func() { m.err = m.s.leave(m.id) })
	return m.err
}

func (s *Store) leave(id string) error {
	const stop = `UPDATE job_instances SET state = 'stopped', seen_at = ?
		WHERE id = ? AND state IN ('live', 'stopping')
		AND NOT EXISTS (SELECT 1 FROM background_jobs INDEXED BY jobs_processing WHERE status = 'processing' AND instance_id = job_instances.id)`
	const state = `SELECT state FROM job_instances WHERE id = ?`
	var left string
	err := s.do(context.Background(), "leave instance "+id, func(b *batch) error {
		if _, err := b.exec(stop, b.at, id); err != nil {
			return err
		}
		_, err := b.get(state, []any{id}, &left)
		return err
	})
	if errors.Is(err, errClosed) {
		err = nil // the store gave up the lock when it was closed
	}
	err = errors.Join(err, s.held.drop(id))
	if left == stateStopped || left == stateDead {
		err = errors.Join(err, s.removeLock(id))
	}
	return err
}

func (s *Store) removeLock(id string) error { return removeIfThere(s.lockPath(id)) }

// Renew implements jobs.Store.
func (s *Store) Renew(ctx context.Context, r jobs.Renewal) ([]jobs.Fence, error) {
	const renew = `UPDATE job_instances SET seen_at = ?1, lease_until = strftime('%Y-%m-%d %H:%M:%f', ?1, (lease_ms / 1000.0) || ' seconds'),
			state = CASE WHEN ?2 THEN 'stopping' ELSE state END, memory_bytes = CASE WHEN ?4 > 0 THEN ?4 ELSE memory_bytes END
		WHERE id = ?3 AND state IN ('live', 'stopping')`
	const own = `SELECT h.key FROM json_each(?) AS h
		WHERE NOT EXISTS (SELECT 1 FROM background_jobs AS j
			WHERE j.id = h.value ->> 0 AND j.attempt = h.value ->> 1 AND j.status = 'processing' AND j.instance_id = ?)`
	var lost []jobs.Fence
	err := s.do(ctx, "renew instance "+r.Instance, func(b *batch) error {
		lost = nil
		n, err := b.exec(renew, b.at, r.Stopping, r.Instance, r.Memory)
		if err != nil {
			return err
		}
		if n == 0 {
			return refuse(jobs.ErrInstanceGone)
		}
		if len(r.Held) == 0 {
			return nil
		}
		return b.each(own, []any{fenceList(r.Held), r.Instance}, func(rows *sql.Rows) error {
			var i int
			if err := rows.Scan(&i); err != nil {
				return err
			}
			lost = append(lost, r.Held[i])
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return lost, nil
}

// fenceList is a JSON array of [id, attempt].
func fenceList(fences []jobs.Fence) string {
	b := make([]byte, 0, 48*len(fences)+2)
	b = append(b, '[')
	for i, f := range fences {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `["`...)
		b = append(b, f.Job.String()...)
		b = append(b, `",`...)
		b = strconv.AppendInt(b, f.Attempt, 10)
		b = append(b, ']')
	}
	return string(append(b, ']'))
}

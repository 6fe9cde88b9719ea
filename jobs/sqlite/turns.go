package sqlite

import (
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// A line is where jobs wait for one another.
type line struct {
	kind     string
	priority int
}

// A turn is an owner's part of a line; without a name, that of all the jobs
// that have no owner.
type turn struct {
	line
	owner string
}

func turnOf(j jobs.Job) turn { return turn{line{j.Kind, j.Priority}, j.Owner} }

// places gives out n consecutive places in a line and returns the first. An
// owner who has nothing waiting begins beside the head of the line, one who
// has goes on behind it: so the nth of one stands beside the nth of another.
// The numbers are taken off the counter in any case, so that no place is ever
// beyond it.
func (b *batch) places(t turn, n int) (int64, error) {
	const head = `SELECT coalesce(min(position), 0) FROM (
		SELECT (SELECT position FROM background_jobs INDEXED BY jobs_by_position
			WHERE status = 'pending' AND position IS NOT NULL AND crashes = 0 AND owner IS NULL AND kind = ?1 AND priority = ?2
			ORDER BY position LIMIT 1) AS position
		UNION ALL
		SELECT (SELECT position FROM background_jobs INDEXED BY jobs_owned
			WHERE status = 'pending' AND position IS NOT NULL AND crashes = 0 AND owner IS NOT NULL AND kind = ?1 AND priority = ?2
			ORDER BY position LIMIT 1))`
	first, err := b.positions(n)
	if err != nil {
		return 0, err
	}
	shared, err := b.isShared(t)
	if err != nil || !shared {
		return first, err
	}
	var least int64
	if _, err := b.get(head, []any{t.kind, t.priority}, &least); err != nil {
		return 0, err
	}
	if least == 0 {
		return first, nil
	}
	last, err := b.lastPlace(t)
	return max(least, last+1), err
}

// isShared reports whether owners take turns in the line: the job to be placed
// has one, or another that waits.
func (b *batch) isShared(t turn) (bool, error) {
	const owned = `SELECT EXISTS (SELECT 1 FROM background_jobs INDEXED BY jobs_by_owner
		WHERE status = 'pending' AND position IS NOT NULL AND owner IS NOT NULL AND kind = ? AND priority = ?)`
	if b.shared == nil {
		b.shared = map[line]bool{}
	}
	shared, known := b.shared[t.line]
	if !known && t.owner == "" {
		if _, err := b.get(owned, []any{t.kind, t.priority}, &shared); err != nil {
			return false, err
		}
	}
	shared = shared || t.owner != ""
	b.shared[t.line] = shared
	return shared, nil
}

// lastPlace is the greatest that an owner's waiting jobs have, 0 for none.
func (b *batch) lastPlace(t turn) (last int64, err error) {
	const free = `SELECT position FROM background_jobs INDEXED BY jobs_by_position
		WHERE status = 'pending' AND position IS NOT NULL AND crashes = 0 AND owner IS NULL AND kind = ? AND priority = ?
		ORDER BY position DESC LIMIT 1`
	const owned = `SELECT position FROM background_jobs INDEXED BY jobs_by_owner
		WHERE status = 'pending' AND position IS NOT NULL AND owner IS NOT NULL AND kind = ? AND priority = ? AND owner = ?
		ORDER BY position DESC LIMIT 1`
	if t.owner == "" {
		_, err = b.get(free, []any{t.kind, t.priority}, &last)
	} else {
		_, err = b.get(owned, []any{t.kind, t.priority, t.owner}, &last)
	}
	return last, err
}

// place is the position of a job that becomes pending, NULL until it comes due.
func (b *batch) place(j jobs.Job, runAt time.Time) (any, error) {
	if runAt.After(b.now) {
		return nil, nil
	}
	return b.places(turnOf(j), 1)
}

// placeOf is place for the job of a row.
func (b *batch) placeOf(row int64, runAt time.Time) (any, error) {
	const query = `SELECT kind, priority, coalesce(owner, '') FROM background_jobs WHERE rowid = ?`
	var j jobs.Job
	if _, err := b.get(query, []any{row}, &j.Kind, &j.Priority, &j.Owner); err != nil {
		return nil, err
	}
	return b.place(j, runAt)
}

// turns collects what is to be placed by owner, in the order in which the
// owners came.
type turns[T any] struct {
	order []turn
	of    map[turn][]T
}

func (ts *turns[T]) add(t turn, v T) {
	if ts.of == nil {
		ts.of = map[turn][]T{}
	}
	if _, known := ts.of[t]; !known {
		ts.order = append(ts.order, t)
	}
	ts.of[t] = append(ts.of[t], v)
}

func (ts *turns[T]) each(place func(turn, []T) error) error {
	for _, t := range ts.order {
		if err := place(t, ts.of[t]); err != nil {
			return err
		}
	}
	return nil
}

package sqlite

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// Figures implements jobs.Console.
func (s *Store) Figures(ctx context.Context, from time.Time, every time.Duration, n int) ([]jobs.Figure, error) {
	return s.spans.Figures(from, every, n, s.now(), func(figures []jobs.Figure) error {
		c := figuring{s: s, figures: figures, every: every, from: figures[0].At, to: figures[len(figures)-1].At.Add(every)}
		for _, part := range []func(context.Context) error{c.events, c.starts, c.completed} {
			if err := part(ctx); err != nil {
				return s.fail("count figures", err)
			}
		}
		return nil
	})
}

// figuring fills in consecutive spans.
type figuring struct {
	s        *Store
	figures  []jobs.Figure
	every    time.Duration
	from, to time.Time
}

// each calls scan for every row of a query that takes the beginning, the length
// of a span in seconds, and the bounds of what is counted, and then what is
// given.
func (c *figuring) each(ctx context.Context, query string, scan func(*sql.Rows) error, more ...any) error {
	args := append([]any{c.from.Unix(), int64(c.every / time.Second), FormatTime(c.from), FormatTime(c.to)}, more...)
	return c.s.each(ctx, query, args, scan)
}

// events counts what the history tells.
func (c *figuring) events(ctx context.Context) error {
	const query = `SELECT (unixepoch(at) - ?1) / ?2 AS span, event, coalesce(cause, ''), count(*) FROM job_events
		WHERE id >= ?5 AND event IN ('accepted', 'failed', 'retrying', 'interrupted') AND at >= ?3 AND at < ?4
		GROUP BY span, event, cause`
	// Clocks are set back sometimes, and then times do not rise with ids.
	const slack = time.Minute
	first, err := c.s.firstEvent(ctx, FormatTime(c.from.Add(-slack)))
	if err != nil {
		return err
	}
	return c.each(ctx, query, func(rows *sql.Rows) error {
		var i, n int
		var event string
		var cause jobs.Cause
		if err := rows.Scan(&i, &event, &cause, &n); err != nil {
			return err
		}
		f := &c.figures[i]
		switch event {
		case jobs.EventAccepted:
			f.Accepted += n
		case jobs.EventFailed:
			f.Failed += n
		case jobs.EventRetrying:
			f.Retried += n
		case jobs.EventInterrupted:
			f.Interruptions[cause] += n
		}
		return nil
	}, first)
}

// firstEvent returns the id of the first event at a time or later. Ids rise with
// time, so it halves what is left, where an index would cost every event.
func (s *Store) firstEvent(ctx context.Context, at string) (int64, error) {
	const bounds = `SELECT coalesce((SELECT min(id) FROM job_events), 0), coalesce((SELECT max(id) FROM job_events), 0) + 1`
	const probe = `SELECT id, at FROM job_events WHERE id >= ? ORDER BY id LIMIT 1`
	var low, high int64
	if _, err := s.get(ctx, bounds, nil, &low, &high); err != nil {
		return 0, err
	}
	for low < high {
		middle := low + (high-low)/2
		var id int64
		var seen string
		found, err := s.get(ctx, probe, []any{middle}, &id, &seen)
		switch {
		case err != nil:
			return 0, err
		case !found || id >= high || seen >= at:
			high = middle
		default:
			low = id + 1
		}
	}
	return low, nil
}

func (c *figuring) starts(ctx context.Context) error {
	const query = `SELECT (unixepoch(started_at) - ?1) / ?2 AS span, count(*) FROM job_instances
		WHERE started_at >= ?3 AND started_at < ?4 GROUP BY span`
	return c.each(ctx, query, func(rows *sql.Rows) error {
		var i, n int
		err := rows.Scan(&i, &n)
		if err == nil {
			c.figures[i].Starts = n
		}
		return err
	})
}

// completed counts the jobs that completed, which no move takes back, and how
// long they took.
func (c *figuring) completed(ctx context.Context) error {
	const query = `SELECT (unixepoch(updated_at) - ?1) / ?2 AS span, count(*), sum(steps_done)
		FROM background_jobs INDEXED BY jobs_by_updated
		WHERE status <> 'processing' AND status = 'completed' AND updated_at >= ?3 AND updated_at < ?4 GROUP BY span`
	err := c.each(ctx, query, func(rows *sql.Rows) error {
		var i, n, steps int
		err := rows.Scan(&i, &n, &steps)
		if err == nil {
			c.figures[i].Completed, c.figures[i].Steps = n, steps
		}
		return err
	})
	for i := range c.figures {
		if err == nil && c.figures[i].Completed > 0 {
			err = c.s.durations(ctx, &c.figures[i], c.every)
		}
	}
	return err
}

// mostTimed is of how many jobs of a span, at least half as many, the times are
// read where it has more: those of a hundred thousand say the same and take a
// second.
const mostTimed = 1000

func (s *Store) durations(ctx context.Context, f *jobs.Figure, every time.Duration) error {
	const query = `SELECT created_at, coalesce(started_at, updated_at), updated_at FROM background_jobs INDEXED BY jobs_by_updated
		WHERE status <> 'processing' AND status = 'completed' AND updated_at >= ? AND updated_at < ? AND rowid % ? = 0`
	var waits, runs []float64
	args := []any{FormatTime(f.At), FormatTime(f.At.Add(every)), 1 + (f.Completed-1)/mostTimed}
	err := s.each(ctx, query, args, func(rows *sql.Rows) error {
		var created, started, ended string
		if err := rows.Scan(&created, &started, &ended); err != nil {
			return err
		}
		p := parser{}
		c, b, e := p.time("created_at", created), p.time("started_at", started), p.time("updated_at", ended)
		if p.err == nil { // else it is by hand
			waits, runs = append(waits, max(b.Sub(c), 0).Seconds()), append(runs, max(e.Sub(b), 0).Seconds())
		}
		return nil
	})
	slices.Sort(waits)
	slices.Sort(runs)
	f.WaitP50, f.WaitP95 = percentile(waits, 0.5), percentile(waits, 0.95)
	f.RunP50, f.RunP95 = percentile(runs, 0.5), percentile(runs, 0.95)
	return err
}

// percentile interpolates between the two values that stand around it.
func percentile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := p * float64(len(sorted)-1)
	low := int(at)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (sorted[high]-sorted[low])*(at-float64(low))
}

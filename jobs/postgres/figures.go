package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/jobs"
)

// Figures implements jobs.Console.
func (s *Store) Figures(ctx context.Context, from time.Time, every time.Duration, n int) ([]jobs.Figure, error) {
	var figures []jobs.Figure
	err := s.call(ctx, "count figures", func(ctx context.Context, q querier) error {
		var now time.Time
		if err := q.QueryRow(ctx, `SELECT statement_timestamp()`).Scan(&now); err != nil {
			return err
		}
		var err error
		figures, err = s.spans.Figures(from, every, n, now, func(figures []jobs.Figure) error {
			c := figuring{s: s, q: q, figures: figures, every: every}
			for _, part := range []func(context.Context) error{c.events, c.starts, c.completed} {
				if err := part(ctx); err != nil {
					return err
				}
			}
			return nil
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return figures, nil
}

// figuring fills in consecutive spans.
type figuring struct {
	s       *Store
	q       querier
	figures []jobs.Figure
	every   time.Duration
}

// spanOf is the number of the span that a time lies in.
func spanOf(column string) string {
	return `floor(extract(epoch FROM ` + column + ` - $1::timestamptz) / $3::float8)::integer AS span`
}

// each reads rows of a query that takes the bounds of what is counted and the
// length of a span in seconds.
func (c *figuring) each(ctx context.Context, query string, dest []any, row func() error) error {
	from := c.figures[0].At
	rows, err := c.q.Query(ctx, c.s.SQL(query), from, from.Add(time.Duration(len(c.figures))*c.every), c.every.Seconds())
	if err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, dest, row)
	return err
}

// events counts what the history tells.
func (c *figuring) events(ctx context.Context) error {
	query := `SELECT ` + spanOf("at") + `, event, coalesce(cause, ''), count(*) FROM jobs_schema.job_events
		WHERE at >= $1::timestamptz AND at < $2::timestamptz AND event IN ('accepted', 'failed', 'retrying', 'interrupted')
		GROUP BY span, event, cause`
	var i, n int
	var event, cause string
	return c.each(ctx, query, []any{&i, &event, &cause, &n}, func() error {
		f := &c.figures[i]
		switch event {
		case jobs.EventAccepted:
			f.Accepted += n
		case jobs.EventFailed:
			f.Failed += n
		case jobs.EventRetrying:
			f.Retried += n
		case jobs.EventInterrupted:
			f.Interruptions[jobs.Cause(cause)] += n
		}
		return nil
	})
}

func (c *figuring) starts(ctx context.Context) error {
	query := `SELECT ` + spanOf("started_at") + `, count(*) FROM jobs_schema.job_instances
		WHERE started_at >= $1::timestamptz AND started_at < $2::timestamptz GROUP BY span`
	var i, n int
	return c.each(ctx, query, []any{&i, &n}, func() error {
		c.figures[i].Starts = n
		return nil
	})
}

// completed counts the jobs that completed, which no move takes back, and how
// long they took.
func (c *figuring) completed(ctx context.Context) error {
	query := `SELECT span, count(*), sum(steps_done)::bigint,
			percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY wait), percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY run)
		FROM (SELECT ` + spanOf("status_at") + `, steps_done,
				greatest(extract(epoch FROM coalesce(started_at, status_at) - created_at), 0)::float8 AS wait,
				greatest(extract(epoch FROM status_at - coalesce(started_at, status_at)), 0)::float8 AS run
			FROM jobs_schema.background_jobs
			WHERE status = 'completed' AND status_at >= $1::timestamptz AND status_at < $2::timestamptz) AS ended
		GROUP BY span`
	var i, n, steps int
	var wait, run []float64
	return c.each(ctx, query, []any{&i, &n, &steps, &wait, &run}, func() error {
		f := &c.figures[i]
		f.Completed, f.Steps = n, steps
		f.WaitP50, f.WaitP95, f.RunP50, f.RunP95 = wait[0], wait[1], run[0], run[1]
		return nil
	})
}

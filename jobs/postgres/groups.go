package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/mivaa/mivaa/jobs"
)

// Count implements jobs.Console.
func (s *Store) Count(ctx context.Context, f jobs.Filter, most int) (int, error) {
	const op = "count jobs"
	f.After = nil
	c, ok, err := where(f)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", op, err)
	}
	if !ok {
		return 0, nil
	}
	limit := c.arg(max(most, 1), "bigint")
	query := `SELECT count(*) FROM (` + c.counted(f, limit) + `) AS counted`
	n := 0
	err = s.call(ctx, op, func(ctx context.Context, q querier) error { return q.QueryRow(ctx, s.SQL(query), c.args...).Scan(&n) })
	if err != nil {
		return 0, err
	}
	return min(n, max(most, 1)), nil
}

// counted selects the jobs that a filter selects, one status after another and
// at most so many of each, in the order of an index: else the server may read
// the whole table.
func (c *conditions) counted(f jobs.Filter, limit string) string {
	if selective(f) {
		return `SELECT id FROM jobs_schema.background_jobs` + c.of(statusesOf(f)).where() + ` LIMIT ` + limit
	}
	var streams []string
	for _, st := range statusesOf(f) {
		streams = append(streams, c.stream(f, st, "created_at", "created_at", "desc", limit))
	}
	return strings.Join(streams, ` UNION ALL `)
}

// mostGroups bounds Groups.
const mostGroups = 200

// Groups implements jobs.Console. The engine sets status_at with every end.
func (s *Store) Groups(ctx context.Context, f jobs.Filter) ([]jobs.Group, error) {
	const op = "group jobs"
	f.After = nil
	c, ok, err := where(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	var parts []string
	if ok {
		for _, st := range statusesOf(f) {
			if st == jobs.Interrupted || st == jobs.Failed {
				parts = append(parts, c.group(st))
			}
		}
	}
	if len(parts) == 0 {
		return nil, nil
	}
	query := strings.Join(parts, ` UNION ALL `) + ` ORDER BY n DESC LIMIT ` + c.arg(mostGroups, "bigint")
	var groups []jobs.Group
	err = s.call(ctx, op, func(ctx context.Context, q querier) error {
		rows, err := q.Query(ctx, s.SQL(query), c.args...)
		if err != nil {
			return err
		}
		groups, err = pgx.CollectRows(rows, scanGroup)
		return err
	})
	if err != nil {
		return nil, err
	}
	return groups, nil
}

// group counts the jobs of one status by their reasons, with the error of the
// latest of each.
func (c *conditions) group(st jobs.Status) string {
	reason := "cause"
	if st == jobs.Failed {
		reason = "error_code"
	}
	where := c.in(st).where()
	return fmt.Sprintf(`(SELECT '%s' AS status, coalesce(reason, '') AS reason, n, first, last, coalesce((
			SELECT error FROM jobs_schema.background_jobs%s AND %s IS NOT DISTINCT FROM counted.reason AND status_at = counted.last LIMIT 1), '')
		FROM (SELECT %s AS reason, count(*) AS n, min(status_at) AS first, max(status_at) AS last FROM jobs_schema.background_jobs%s
			GROUP BY %s ORDER BY n DESC LIMIT %d) AS counted)`, st, where, reason, reason, where, reason, mostGroups)
}

func scanGroup(row pgx.CollectableRow) (jobs.Group, error) {
	var g jobs.Group
	var reason string
	var first, last pgtype.Timestamptz
	err := row.Scan((*string)(&g.Status), &reason, &g.Count, &first, &last, &g.Error)
	g.First, g.Last = timeOf(first), timeOf(last)
	if g.Status == jobs.Failed {
		g.ErrorCode = reason
	} else {
		g.Cause = jobs.Cause(reason)
	}
	return g, err
}

package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/mivaa/mivaa/jobs"
)

// Count implements jobs.Console. It counts in the indexes of lists.
func (s *Store) Count(ctx context.Context, f jobs.Filter, most int) (int, error) {
	const op = "count jobs"
	where, args, err := listWhere(f)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", op, err)
	}
	statuses := statusesOf(f)
	if len(statuses) == 0 {
		return 0, nil
	}
	var parts []string
	var all []any
	if selective(f) {
		parts = []string{`SELECT 1 FROM background_jobs WHERE ` + strings.Join(append(where, ofStatuses(statuses)), ` AND `)}
		all = args
	} else {
		for _, st := range statuses {
			parts = append(parts, `SELECT 1 FROM `+streamOf(f, st, "created_at", where))
			all = append(all, args...)
		}
	}
	query := `SELECT count(*) FROM (` + strings.Join(parts, ` UNION ALL `) + ` LIMIT ?)`
	var n int
	if _, err := s.get(ctx, query, append(all, max(most, 1)), &n); err != nil {
		return 0, s.fail(op, err)
	}
	return n, nil
}

// mostGroups bounds Groups.
const mostGroups = 200

// reasonOf says where the reason of a status that has one stands, and the index
// in whose order it is counted.
func reasonOf(st jobs.Status) (column, index string) {
	if st == jobs.Failed {
		return "error_code", "jobs_failed_by_updated"
	}
	return "cause", "jobs_interrupted_by_updated"
}

// Groups implements jobs.Console. The engine sets updated_at with every end.
func (s *Store) Groups(ctx context.Context, f jobs.Filter) ([]jobs.Group, error) {
	const op = "group jobs"
	where, args, err := listWhere(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	var parts []string
	var all []any
	for _, st := range statusesOf(f) {
		if st == jobs.Interrupted || st == jobs.Failed {
			column, _ := reasonOf(st)
			parts = append(parts, fmt.Sprintf(`SELECT '%s', coalesce(%s, ''), count(*) AS n, min(updated_at), max(updated_at) FROM %s GROUP BY %s`,
				st, column, groupOf(f, st, where), column))
			all = append(all, args...)
		}
	}
	if len(parts) == 0 {
		return nil, nil
	}
	query := strings.Join(parts, ` UNION ALL `) + ` ORDER BY n DESC LIMIT ?`
	var groups []jobs.Group
	err = s.each(ctx, query, append(all, mostGroups), func(rows *sql.Rows) error {
		g, err := scanGroup(rows)
		if s.skip(err) {
			return nil
		}
		groups = append(groups, g)
		return err
	})
	for i := range groups {
		if err == nil {
			err = s.exampleOf(ctx, &groups[i], f, where, args)
		}
	}
	if err != nil {
		return nil, s.fail(op, err)
	}
	return groups, nil
}

// groupOf is the table and the conditions of a status.
func groupOf(f jobs.Filter, st jobs.Status, where []string) string {
	_, index := reasonOf(st)
	from := `background_jobs INDEXED BY ` + index
	if selective(f) {
		from = `background_jobs`
	}
	return from + ` WHERE ` + strings.Join(append([]string{`status = '` + string(st) + `'`}, where...), ` AND `)
}

func scanGroup(rows *sql.Rows) (jobs.Group, error) {
	var g jobs.Group
	var reason, first, last string
	if err := rows.Scan(&g.Status, &reason, &g.Count, &first, &last); err != nil {
		return g, err
	}
	if g.Status == jobs.Failed {
		g.ErrorCode = reason
	} else {
		g.Cause = jobs.Cause(reason)
	}
	p := parser{}
	g.First, g.Last = p.time("updated_at", first), p.time("updated_at", last)
	if p.err != nil {
		return g, &scanError{row: fmt.Sprintf("a job that is %s (%s)", g.Status, reason), column: p.column, err: p.err}
	}
	return g, nil
}

// exampleOf adds the error of the latest job of a group.
func (s *Store) exampleOf(ctx context.Context, g *jobs.Group, f jobs.Filter, where []string, args []any) error {
	var reason any = null(g.Cause)
	column := "cause"
	if g.Status == jobs.Failed {
		column, reason = "error_code", null(g.ErrorCode)
	}
	query := `SELECT coalesce(error, '') FROM ` + groupOf(f, g.Status, where) + ` AND ` + column + ` IS ? ORDER BY updated_at DESC, id DESC LIMIT 1`
	_, err := s.get(ctx, query, slices.Concat(args, []any{reason}), &g.Error)
	return err
}

package sqlite

import (
	"context"
	"database/sql"

	"github.com/mivaa/mivaa/jobs"
)

// Statistics implements jobs.Store. The whole table is counted by its pages;
// of the statuses all but the commonest are counted in an index, and that one
// is the rest.
func (s *Store) Statistics(ctx context.Context) (jobs.Statistics, error) {
	const query = `SELECT
		(SELECT count(*) FROM background_jobs),
		(SELECT count(*) FROM background_jobs INDEXED BY jobs_by_created WHERE status <> 'processing' AND status = 'pending'),
		(SELECT count(*) FROM background_jobs INDEXED BY jobs_processing WHERE status = 'processing'),
		(SELECT count(*) FROM background_jobs INDEXED BY jobs_by_created WHERE status <> 'processing' AND status = 'failed'),
		(SELECT count(*) FROM background_jobs INDEXED BY jobs_by_created WHERE status <> 'processing' AND status = 'interrupted')`
	const op = "count jobs"
	var st jobs.Statistics
	_, err := s.get(ctx, query, nil, &st.Total, &st.Pending, &st.Processing, &st.Failed, &st.Interrupted)
	if err != nil {
		return jobs.Statistics{}, s.fail(op, err)
	}
	st.Completed = st.Total - st.Pending - st.Processing - st.Failed - st.Interrupted
	return st, nil
}

// mostAhead is where Ahead stops counting.
const mostAhead = 10_000

// Ahead implements jobs.Store. A job that is not due yet stands behind those
// that are, and behind those that come due before it.
func (s *Store) Ahead(ctx context.Context, id jobs.ID) (int, error) {
	const self = `SELECT rowid, priority, position, run_at FROM background_jobs WHERE id = ? AND status = 'pending'`
	const scheduled = `SELECT count(*) FROM (
		SELECT 1 FROM background_jobs INDEXED BY jobs_scheduled WHERE status = 'pending' AND position IS NULL AND run_at < ?1 AND priority >= ?2 AND id <> ?3 LIMIT ?4)`
	const op = "count jobs ahead"
	var row, priority int64
	var position sql.NullInt64
	var runAt string
	found, err := s.get(ctx, self, []any{id.String()}, &row, &priority, &position, &runAt)
	if err != nil || !found {
		return 0, s.fail(op, err)
	}
	last := position.Int64
	if !position.Valid {
		last = 1<<63 - 1
	}
	kinds, err := s.kinds(ctx)
	if err != nil {
		return 0, s.fail(op, err)
	}
	total := 0
	count := func(query string, args ...any) {
		if err != nil || total >= mostAhead {
			return
		}
		var n int
		if _, err = s.get(ctx, query, args, &n); err == nil {
			total = min(total+n, mostAhead)
		}
	}
	for _, kind := range kinds {
		for _, part := range queueParts {
			count(part, kind, priority, last, row, mostAhead)
		}
	}
	if !position.Valid {
		count(scheduled, runAt, priority, id.String(), mostAhead)
	}
	if err != nil {
		return 0, s.fail(op, err)
	}
	return total, nil
}

// queueParts count what stands before a place, each in one index of the queue.
// Owners may share a place: there the older row is first.
var queueParts = []string{
	before(`jobs_by_position`, `crashes = 0 AND owner IS NULL`),
	before(`jobs_owned`, `crashes = 0 AND owner IS NOT NULL`),
	before(`jobs_suspect`, `crashes > 0`),
}

func before(index, condition string) string {
	from := `SELECT 1 FROM background_jobs INDEXED BY ` + index + ` WHERE status = 'pending' AND position IS NOT NULL AND ` + condition + ` AND kind = ?1 AND `
	return `SELECT count(*) FROM (` + from + `priority > ?2 UNION ALL ` + from + `priority = ?2 AND position < ?3 UNION ALL ` +
		from + `priority = ?2 AND position = ?3 AND rowid < ?4 LIMIT ?5)`
}

// kinds returns those of the jobs in the queue.
func (s *Store) kinds(ctx context.Context) ([]string, error) {
	var kinds []string
	err := s.each(ctx, pendingKinds, nil, func(rows *sql.Rows) error {
		var kind string
		err := rows.Scan(&kind)
		kinds = append(kinds, kind)
		return err
	})
	return kinds, err
}

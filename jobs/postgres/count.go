package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/mivaa/mivaa/jobs"
)

// Statistics implements jobs.Store. It counts entries of indexes, and never
// reads the table where vacuum keeps its map.
func (s *Store) Statistics(ctx context.Context) (jobs.Statistics, error) {
	const query = `
		SELECT status, count(*) FROM jobs_schema.background_jobs WHERE status <> 'processing' AND status <> 'completed' GROUP BY status
		UNION ALL SELECT 'completed', count(*) FROM jobs_schema.background_jobs WHERE status = 'completed'
		UNION ALL SELECT 'processing', count(*) FROM jobs_schema.background_jobs WHERE status = 'processing'`
	var st jobs.Statistics
	err := s.call(ctx, "count jobs", func(ctx context.Context, q querier) error {
		st = jobs.Statistics{}
		rows, err := q.Query(ctx, s.SQL(query))
		if err != nil {
			return err
		}
		var status jobs.Status
		var n int
		_, err = pgx.ForEachRow(rows, []any{(*string)(&status), &n}, func() error {
			*of(&st, status) = n
			st.Total += n
			return nil
		})
		return err
	})
	if err != nil {
		return jobs.Statistics{}, err
	}
	return st, nil
}

// of is the field of a status.
func of(st *jobs.Statistics, status jobs.Status) *int {
	switch status {
	case jobs.Pending:
		return &st.Pending
	case jobs.Processing:
		return &st.Processing
	case jobs.Completed:
		return &st.Completed
	case jobs.Failed:
		return &st.Failed
	}
	return &st.Interrupted
}

// mostAhead is where Ahead stops counting.
const mostAhead = 10_000

// Ahead implements jobs.Store. A job that is not due yet stands behind those
// that are, and behind those that come due before it.
func (s *Store) Ahead(ctx context.Context, id jobs.ID) (int, error) {
	const self = `SELECT priority, position, run_at FROM jobs_schema.background_jobs WHERE id = $1::uuid AND status = 'pending'`
	var ahead int
	err := s.call(ctx, "count jobs ahead", func(ctx context.Context, q querier) error {
		var priority int
		var position pgtype.Int8
		var runAt time.Time
		err := q.QueryRow(ctx, s.SQL(self), uuidOf(id)).Scan(&priority, &position, &runAt)
		if errors.Is(err, pgx.ErrNoRows) {
			ahead = 0
			return nil
		}
		if err != nil {
			return err
		}
		return q.QueryRow(ctx, s.SQL(countAhead), priority, position, uuidOf(id), runAt, mostAhead).Scan(&ahead)
	})
	if err != nil {
		return 0, err
	}
	return ahead, nil
}

// countAhead counts in the indexes of the queue: for each kind, of each line,
// what has a higher priority, and what stands before the position ($2; NULL:
// nowhere yet) in the same.
var countAhead = `
	WITH RECURSIVE ` + kindsOf("innocent", innocent) + `, ` + kindsOf("owned", owned) + `, ` + kindsOf("suspected", suspected) + `
	SELECT count(*) FROM (
		SELECT FROM innocent AS k CROSS JOIN LATERAL (` + aheadOf(innocent) + `) AS a WHERE k.kind IS NOT NULL
		UNION ALL
		SELECT FROM owned AS k CROSS JOIN LATERAL (` + aheadOf(owned) + `) AS a WHERE k.kind IS NOT NULL
		UNION ALL
		SELECT FROM suspected AS k CROSS JOIN LATERAL (` + aheadOf(suspected) + `) AS a WHERE k.kind IS NOT NULL
		UNION ALL
		SELECT FROM jobs_schema.background_jobs WHERE status = 'pending' AND position IS NULL
			AND $2::bigint IS NULL AND run_at < $4::timestamptz AND priority >= $1::integer AND id <> $3::uuid
		LIMIT $5::bigint) AS counted`

// The conditions of the indexes of the queue, to the letter.
const (
	innocent  = `status = 'pending' AND position IS NOT NULL AND crashes = 0 AND owner IS NULL`
	owned     = `status = 'pending' AND position IS NOT NULL AND crashes = 0 AND owner IS NOT NULL`
	suspected = `status = 'pending' AND position IS NOT NULL AND crashes > 0`
)

// kindsOf finds the kinds of an index by a step from one to the next: each has
// very many entries.
func kindsOf(name, condition string) string {
	return name + ` (kind) AS (
		(SELECT kind FROM jobs_schema.background_jobs WHERE ` + condition + ` ORDER BY kind LIMIT 1)
		UNION ALL
		SELECT (SELECT kind FROM jobs_schema.background_jobs AS j WHERE ` + condition + ` AND j.kind > ` + name + `.kind ORDER BY kind LIMIT 1)
		FROM ` + name + ` WHERE ` + name + `.kind IS NOT NULL)`
}

func aheadOf(condition string) string {
	return `(SELECT FROM jobs_schema.background_jobs AS j WHERE ` + condition + ` AND j.kind = k.kind AND j.priority > $1::integer LIMIT $5::bigint)
		UNION ALL
		(SELECT FROM jobs_schema.background_jobs AS j WHERE ` + condition + ` AND j.kind = k.kind AND j.priority = $1::integer
			AND ($2::bigint IS NULL OR j.position < $2::bigint) LIMIT $5::bigint)`
}

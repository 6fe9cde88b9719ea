package postgres

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/jobs"
)

const (
	// lookEvery is how often at most a claim looks beyond the queue. Under an old
	// snapshot a look walks over all that it keeps from being removed.
	lookEvery = 250 * time.Millisecond
	// lookAtLeast is how often a busy instance looks, whose claims all bring what
	// they ask for.
	lookAtLeast = time.Second
)

// looks remember when the last look was, and what it found to lie ahead.
type looks struct {
	mu   sync.Mutex
	last time.Time
	due  time.Time // when the next scheduled job comes due; zero: none is known
}

// overdue reports whether a look is to be taken before a claim; with every at 0
// it always is.
func (l *looks) overdue(every time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return every == 0 || time.Since(l.last) >= lookAtLeast
}

// allowed reports whether one may be taken after a claim that was short.
func (l *looks) allowed(every time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Since(l.last) >= every
}

// taken notes that one begins now.
func (l *looks) taken() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = time.Now()
}

func (l *looks) found(due time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.due = time.Time{}
	if due > 0 {
		l.due = time.Now().Add(due)
	}
}

// next returns how long a claim that was short, and might not look, is to wait
// before it asks again.
func (l *looks) next(every time.Duration) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	wait := max(every-time.Since(l.last), time.Millisecond)
	if !l.due.IsZero() {
		wait = min(wait, max(time.Until(l.due), time.Millisecond))
	}
	return wait
}

// sight is what a look sees.
type sight struct {
	self
	orphans   bool // jobs in the hands of nobody alive
	resumable bool
	due       bool
	nextDue   *float64 // seconds
	kinds     []string // of which jobs wait
}

// look finds what a claim from the queue does not: jobs of the dead, jobs to go
// on with, jobs that came due, and kinds that nobody asked for. It is one
// statement, and a transaction only where there is something to do.
func (c *claim) look(ctx context.Context) error {
	c.s.looks.taken()
	seen, err := c.see(ctx)
	if err != nil || c.over {
		return err
	}
	if seen.dead || seen.orphans || seen.resumable {
		if err := c.recover(ctx); err != nil {
			return err
		}
	}
	mayClaim := c.p.Limit > 0 && !c.out.Draining
	if seen.due && mayClaim {
		if err := c.promote(ctx); err != nil {
			return err
		}
	}
	if c.changed { // and with it what waits and what lies ahead
		if seen, err = c.see(ctx); err != nil || c.over {
			return err
		}
	}
	c.out.NextDue = 0
	if seen.nextDue != nil {
		c.out.NextDue = max(time.Duration(*seen.nextDue*float64(time.Second)), time.Millisecond)
	}
	c.s.looks.found(c.out.NextDue)
	c.out.UnknownKinds = nil
	for _, kind := range seen.kinds {
		if mayClaim && !slices.Contains(c.p.Kinds, kind) {
			c.out.UnknownKinds = append(c.out.UnknownKinds, kind)
		}
	}
	return nil
}

const lookQuery = selfQuery + `,
	EXISTS (SELECT FROM jobs_schema.background_jobs AS j LEFT JOIN jobs_schema.job_instances AS i ON i.id = j.instance_id
		WHERE j.status = 'processing' AND (i.id IS NULL OR i.state NOT IN ('live', 'stopping')) AND ($2::uuid[] IS NULL OR j.id = ANY($2))),
	EXISTS (SELECT FROM jobs_schema.background_jobs
		WHERE status = 'interrupted' AND recovery = 'auto' AND cause <> 'cancelled'
			AND (cause <> 'shutdown' OR instance_id IS DISTINCT FROM $1) AND ($2::uuid[] IS NULL OR id = ANY($2))),
	coalesce((SELECT run_at FROM jobs_schema.background_jobs
		WHERE status = 'pending' AND position IS NULL ORDER BY run_at LIMIT 1) <= statement_timestamp(), FALSE),
	(SELECT extract(epoch FROM run_at - statement_timestamp())::float8 FROM jobs_schema.background_jobs
		WHERE status = 'pending' AND position IS NULL AND run_at > statement_timestamp() ORDER BY run_at LIMIT 1),
	ARRAY(` + pendingKinds + `)`

// pendingKinds steps from kind to kind in each line: one look into an index for
// each, however many jobs wait.
const pendingKinds = `
	WITH RECURSIVE free (kind) AS (
		(SELECT kind FROM jobs_schema.background_jobs
			WHERE status = 'pending' AND position IS NOT NULL AND crashes = 0 AND owner IS NULL ORDER BY kind LIMIT 1)
		UNION ALL
		SELECT (SELECT kind FROM jobs_schema.background_jobs
			WHERE status = 'pending' AND position IS NOT NULL AND crashes = 0 AND owner IS NULL AND kind > free.kind ORDER BY kind LIMIT 1)
		FROM free WHERE kind IS NOT NULL),
	owned (kind) AS (
		(SELECT kind FROM jobs_schema.background_jobs
			WHERE status = 'pending' AND position IS NOT NULL AND crashes = 0 AND owner IS NOT NULL ORDER BY kind LIMIT 1)
		UNION ALL
		SELECT (SELECT kind FROM jobs_schema.background_jobs
			WHERE status = 'pending' AND position IS NOT NULL AND crashes = 0 AND owner IS NOT NULL AND kind > owned.kind ORDER BY kind LIMIT 1)
		FROM owned WHERE kind IS NOT NULL),
	suspect (kind) AS (
		(SELECT kind FROM jobs_schema.background_jobs
			WHERE status = 'pending' AND position IS NOT NULL AND crashes > 0 ORDER BY kind LIMIT 1)
		UNION ALL
		SELECT (SELECT kind FROM jobs_schema.background_jobs
			WHERE status = 'pending' AND position IS NOT NULL AND crashes > 0 AND kind > suspect.kind ORDER BY kind LIMIT 1)
		FROM suspect WHERE kind IS NOT NULL)
	SELECT kind FROM free WHERE kind IS NOT NULL UNION SELECT kind FROM owned WHERE kind IS NOT NULL
	UNION SELECT kind FROM suspect WHERE kind IS NOT NULL`

func (c *claim) see(ctx context.Context) (seen sight, err error) {
	err = c.s.call(ctx, "claim jobs", func(ctx context.Context, q querier) error {
		return q.QueryRow(ctx, c.s.SQL(lookQuery), c.p.Instance, c.only()).Scan(&seen.state, &seen.draining, &seen.dead,
			&seen.orphans, &seen.resumable, &seen.due, &seen.nextDue, &seen.kinds)
	})
	if err != nil {
		return sight{}, err
	}
	return seen, c.learn(seen.self)
}

// only is the ids the claim is about, nil where it is about all.
func (c *claim) only() any {
	if len(c.p.Only) == 0 {
		return nil
	}
	return uuids(c.p.Only)
}

// mostPromoted bounds the work of one claim where very many jobs come due, or
// are inserted by hand, at once.
const mostPromoted = 2000

// promote gives the jobs that came due a place in the queue, in the order in
// which they did.
func (c *claim) promote(ctx context.Context) error {
	const due = `SELECT id, kind, priority, coalesce(owner, '') FROM jobs_schema.background_jobs
		WHERE status = 'pending' AND position IS NULL AND run_at <= statement_timestamp()
		ORDER BY run_at, created_at LIMIT $1 FOR UPDATE SKIP LOCKED`
	const place = `UPDATE jobs_schema.background_jobs AS j SET position = g.position
		FROM unnest($1::uuid[], $2::bigint[]) AS g (id, position) WHERE j.id = g.id`
	return c.s.inTx(ctx, "claim jobs", func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, c.s.SQL(due), mostPromoted)
		if err != nil {
			return err
		}
		var ids []jobs.ID
		var lines []line
		var id jobs.ID
		var l line
		_, err = pgx.ForEachRow(rows, []any{(*[16]byte)(&id), &l.kind, &l.priority, &l.owner}, func() error {
			ids, lines = append(ids, id), append(lines, l)
			return nil
		})
		if err != nil || len(ids) == 0 {
			return err
		}
		places, err := c.s.places(ctx, tx, lines)
		if err != nil {
			return err
		}
		c.changed = true
		_, err = tx.Exec(ctx, c.s.SQL(place), uuids(ids), places)
		return err
	})
}

package postgres

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/jobs"
)

// Claim implements jobs.Store. The common case is one round trip: who am I, is
// anyone dead, and the jobs. What else there is to find takes a look of its own
// (look.go), which a busy instance takes once a second.
func (s *Store) Claim(ctx context.Context, p jobs.ClaimParams) (jobs.Claimed, error) {
	p.Policy = p.Policy.WithDefaults()
	if p.Starting {
		if err := s.bury(ctx, p.Instance); err != nil {
			return jobs.Claimed{}, err
		}
	}
	c := claim{s: s, p: p}
	err := c.run(ctx)
	switch {
	case len(c.out.Recovered) > 0 || c.changed: // others may have the next of them
		s.changed(jobs.HintChanged)
	case len(c.out.Jobs) > 0:
		s.progressed()
	case err != nil:
		return jobs.Claimed{}, err
	}
	return c.out, nil // also where what came behind it failed: the next claim meets that again
}

// claim is one call of Claim.
type claim struct {
	s       *Store
	p       jobs.ClaimParams
	out     jobs.Claimed
	over    bool // the instance is stopping: what it put back now would be lost time for whoever could run it
	changed bool
}

func (c *claim) run(ctx context.Context) error {
	looked := c.p.Starting || c.p.Limit <= 0 || len(c.p.Only) > 0 || c.s.looks.overdue(c.s.lookEvery)
	if looked {
		if err := c.look(ctx); err != nil {
			return err
		}
	}
	if c.over || looked && c.p.Limit <= 0 {
		return nil
	}
	if err := c.take(ctx); err != nil || c.over || len(c.out.Jobs) >= c.p.Limit {
		return err
	}
	if !looked && len(c.out.Jobs) == 0 && c.s.looks.allowed(c.s.lookEvery) { // what was claimed does not wait for a look
		if err := c.look(ctx); err != nil || c.over || !c.changed {
			return err
		}
		return c.take(ctx) // what was just put back
	}
	if !looked {
		c.out.NextDue = c.s.looks.next(c.s.lookEvery)
	}
	return nil
}

// take claims what is missing to the limit. The dead whom it meets are
// recovered at once.
func (c *claim) take(ctx context.Context) error {
	var me self
	var got []jobs.Job
	err := c.s.call(ctx, "claim jobs", func(ctx context.Context, q querier) (err error) {
		me, got, err = c.s.claimOnce(ctx, q, c.p, c.p.Limit-len(c.out.Jobs))
		return err
	})
	if err == nil {
		err = c.learn(me)
	}
	if err != nil {
		return err
	}
	c.out.Jobs = append(c.out.Jobs, got...)
	if me.dead && !c.over {
		return c.recover(ctx)
	}
	return nil
}

// learn takes in what the instance's own row says.
func (c *claim) learn(me self) error {
	if me.state != stateLive && me.state != stateStopping {
		return jobs.ErrInstanceGone
	}
	c.out.Draining = me.draining
	c.over = c.over || me.state == stateStopping
	return nil
}

// self is an instance's own row, and whether one of the dead is to be looked at.
type self struct {
	state    string
	draining bool
	dead     bool
}

const selfQuery = `SELECT coalesce((SELECT state FROM jobs_schema.job_instances WHERE id = $1), ''),
	coalesce((SELECT draining_since IS NOT NULL FROM jobs_schema.job_instances WHERE id = $1), FALSE),
	EXISTS (SELECT FROM jobs_schema.job_instances WHERE state IN ('dead', 'stopped') AND recovered_at IS NULL)`

// keepPlan has the server plan the statement that claims once a connection, and
// not compile it: both would take longer than to run it. Nor is a claim carried
// out long after its worker gave it up. It holds to the end of the round trip,
// which is one transaction.
const keepPlan = `, set_config('plan_cache_mode', 'force_generic_plan', TRUE), set_config('jit', 'off', TRUE),
	set_config('statement_timeout', '30s', TRUE)`

// claimOnce asks for at most so many jobs. Where it began behind the front and
// found nothing, it asks again from the front.
func (s *Store) claimOnce(ctx context.Context, q querier, p jobs.ClaimParams, most int) (self, []jobs.Job, error) {
	began := time.Now()
	var from *floors
	if len(p.Only) == 0 {
		from = s.claimed.floors(p.Kinds, began)
	}
	me, got, err := s.claimFrom(ctx, q, p, most, from)
	if err == nil && from != nil && len(got) == 0 {
		from, began = nil, time.Now()
		me, got, err = s.claimFrom(ctx, q, p, most, nil)
	}
	if err == nil && len(p.Only) == 0 {
		s.claimed.learn(got, from == nil, began, time.Now())
	}
	return me, got, err
}

// claimFrom is one round trip. from nil: it begins at the front.
func (s *Store) claimFrom(ctx context.Context, q querier, p jobs.ClaimParams, most int, from *floors) (me self, got []jobs.Job, err error) {
	var b pgx.Batch
	b.Queue(s.SQL(selfQuery+keepPlan), p.Instance).QueryRow(func(row pgx.Row) error {
		return row.Scan(&me.state, &me.draining, &me.dead, nil, nil, nil)
	})
	if most > 0 && len(p.Kinds) > 0 {
		kinds, rooms := s.lockLimits(&b, p)
		statement, args := claimFront, []any{p.Instance, most, p.Suspects, stamps(kinds, p), kinds, rooms}
		switch {
		case len(p.Only) > 0:
			statement, args = claimOnly, append(args, uuids(p.Only))
		case from != nil:
			statement, args = claimBehind, append(args, from.kinds, from.priorities, from.positions)
		}
		b.Queue(s.SQL(statement), args...).Query(func(rows pgx.Rows) (err error) {
			got, err = pgx.CollectRows(rows, scanJob)
			return err
		})
	}
	if err := q.SendBatch(ctx, &b).Close(); err != nil {
		return self{}, nil, err
	}
	slices.SortFunc(got, func(x, y jobs.Job) int {
		return cmp.Or(cmp.Compare(y.Priority, x.Priority), cmp.Compare(x.Position, y.Position))
	})
	return me, got, nil
}

// stamps are the recovery of each kind's rows by hand.
func stamps(kinds []string, p jobs.ClaimParams) []string {
	list := make([]string, len(kinds))
	for i, kind := range kinds {
		list[i] = string(p.PolicyFor(jobs.Job{Kind: kind}).Recovery)
	}
	return list
}

// The statements that claim. $1 is the instance, $2 how many, $3 how many
// suspects among them, $5 the kinds, $4 for each the stamp of rows that carry none,
// and $6 how many of it may run at once.
//
// There are three lines for each kind: jobs without an owner, jobs with one, and
// suspects. One that is alone is claimed from as it stands. Where several are to
// be merged, a first look without locks tells how many to take from each, so
// that no job is locked that is not taken.
//
// The rows are updated by their addresses: a join could be planned as a scan of
// the table. An address that became stale in between is that of a job which a
// person is moving; it is left to the next claim.
var (
	claimFront  = claimStatement(`SELECT kind FROM asked`, ``)
	claimBehind = claimStatement(`SELECT * FROM unnest($7::text[], $8::integer[], $9::bigint[]) AS f (kind, priority, floor)
		WHERE EXISTS (SELECT FROM asked WHERE asked.kind = f.kind)`, ` AND priority = k.priority AND position > k.floor`)
	claimOnly = claimAsked + `,
	picked AS MATERIALIZED (
		SELECT addr FROM (
			SELECT addr, priority, position, suspect, nth_suspect,
				count(*) FILTER (WHERE NOT suspect OR nth_suspect <= $3) OVER (PARTITION BY kind ORDER BY priority DESC, position ROWS UNBOUNDED PRECEDING) AS nth_of_kind, room
			FROM (
				SELECT j.addr, j.kind, j.priority, j.position, j.suspect, asked.room,
					count(*) FILTER (WHERE suspect) OVER (ORDER BY priority DESC, position ROWS UNBOUNDED PRECEDING) AS nth_suspect
				FROM asked JOIN (
					SELECT ctid AS addr, kind, priority, position, crashes > 0 AS suspect FROM jobs_schema.background_jobs
					WHERE id = ANY($7) AND status = 'pending' AND position IS NOT NULL FOR UPDATE SKIP LOCKED
				) AS j USING (kind)
			) AS ranked
		) AS allowed
		WHERE (NOT suspect OR nth_suspect <= $3) AND (room IS NULL OR nth_of_kind <= room)
		ORDER BY priority DESC, position LIMIT $2
	)` + claimWrite
)

// claimStatement takes from the lines that places names, each from where its
// condition says.
func claimStatement(places, from string) string {
	const (
		free    = `FROM jobs_schema.background_jobs WHERE status = 'pending' AND position IS NOT NULL AND crashes = 0 AND owner IS NULL AND kind = k.kind`
		owned   = `FROM jobs_schema.background_jobs WHERE status = 'pending' AND position IS NOT NULL AND crashes = 0 AND owner IS NOT NULL AND kind = k.kind`
		suspect = `FROM jobs_schema.background_jobs WHERE status = 'pending' AND position IS NOT NULL AND crashes > 0 AND kind = k.kind`
		inOrder = ` ORDER BY priority DESC, position`
		atMost  = ` LIMIT 5000` // for the planner, which takes a limit it does not know for a tenth of the table
	)
	// The first of each line as rows: line 0, 1 and 2, with the columns of place.
	lines := func(columns, limit, suspects string) string {
		first := func(line, places, limit, of string) string {
			return `SELECT ` + line + ` AS line, k.*, j.* FROM ` + places + ` AS k CROSS JOIN LATERAL (
				SELECT * FROM (SELECT ` + columns + ` ` + of + inOrder + atMost + `) AS most LIMIT ` + limit + `) AS j`
		}
		return first(`0`, `place`, limit, free+from) + ` UNION ALL ` + first(`1`, `place`, limit, owned+from) + ` UNION ALL ` + first(`2`, `suspected`, suspects, suspect)
	}
	pick := func(line, of string) string {
		return `SELECT j.addr FROM share AS k CROSS JOIN LATERAL (
			SELECT addr FROM (SELECT ctid AS addr ` + of + inOrder + atMost + ` FOR UPDATE SKIP LOCKED) AS most LIMIT k.n) AS j WHERE line = ` + line
	}
	return claimAsked + `,
	place AS MATERIALIZED (` + places + `),
	suspected AS MATERIALIZED (SELECT DISTINCT ON (kind) place.* FROM place WHERE $3 > 0),
	heads AS MATERIALIZED (` + lines("priority AS first", "1", "1") + `),
	simple AS MATERIALIZED (SELECT (SELECT count(*) FROM heads) = 1 AND NOT EXISTS (SELECT FROM asked WHERE room IS NOT NULL) AS yes),
	share AS MATERIALIZED (
		SELECT heads.*, CASE line WHEN 2 THEN least($2::integer, $3::integer) ELSE $2::integer END AS n FROM heads WHERE (SELECT yes FROM simple)
		UNION ALL
		SELECT heads.*, count(*)::integer FROM heads JOIN (
			SELECT * FROM (
				SELECT peeked.*, asked.room, row_number() OVER (PARTITION BY kind ORDER BY peeked.of DESC, peeked.at) AS nth_of_kind
				FROM (
					SELECT *, row_number() OVER (PARTITION BY line ORDER BY seen.of DESC, seen.at) AS nth_of_line
					FROM (` + lines("priority AS of, position AS at", "$2", "$3") + `) AS seen
				) AS peeked JOIN asked USING (kind)
				WHERE line < 2 OR nth_of_line <= $3
			) AS ranked WHERE room IS NULL OR nth_of_kind <= room
			ORDER BY ranked.of DESC, ranked.at LIMIT $2
		) AS chosen ON ` + samePlace(from) + `
		WHERE NOT (SELECT yes FROM simple) GROUP BY ` + headColumns(from) + `
	),
	picked AS MATERIALIZED (
		` + pick(`0`, free+from) + ` UNION ALL ` + pick(`1`, owned+from) + ` UNION ALL ` + pick(`2`, suspect) + `
	)` + claimWrite
}

func samePlace(from string) string {
	if from == "" {
		return `heads.line = chosen.line AND heads.kind = chosen.kind`
	}
	return `heads.line = chosen.line AND heads.kind = chosen.kind AND heads.priority = chosen.priority`
}

func headColumns(from string) string {
	if from == "" {
		return `heads.line, heads.kind, heads.first`
	}
	return `heads.line, heads.kind, heads.priority, heads.floor, heads.first`
}

// claimAsked begins a statement that claims: it asks for nothing where the
// instance may not have anything.
const claimAsked = `
	WITH asked AS MATERIALIZED (
		SELECT a.kind, CASE WHEN a.room IS NOT NULL THEN a.room - (
			SELECT count(*) FROM jobs_schema.background_jobs AS r WHERE r.status = 'processing' AND r.kind = a.kind) END AS room, a.stamp
		FROM unnest($5::text[], $6::bigint[], $4::text[]) AS a (kind, room, stamp)
		WHERE EXISTS (SELECT FROM jobs_schema.job_instances WHERE id = $1 AND state = 'live' AND draining_since IS NULL)
	)`

// claimWrite ends it.
var claimWrite = `,
	claimed AS (
		UPDATE jobs_schema.background_jobs SET status = 'processing', attempt = attempt + 1, instance_id = $1,
			started_at = greatest(statement_timestamp(), updated_at), updated_at = greatest(statement_timestamp(), updated_at),
			status_at = greatest(statement_timestamp(), updated_at), recovery = coalesce(recovery, (SELECT stamp FROM asked WHERE asked.kind = background_jobs.kind)),
			error = NULL, error_code = NULL, cause = NULL,
			progress = CASE WHEN steps_done = 0 THEN 0 ELSE least(progress, 99) END
		WHERE ctid = ANY (ARRAY(SELECT addr FROM picked)) AND status = 'pending'
		RETURNING ` + jobColumns + `
	), told AS (
		INSERT INTO jobs_schema.job_events (job_id, at, event, from_status, to_status, instance_id, attempt, steps_done)
		SELECT id, updated_at, 'started', 'pending', 'processing', instance_id, attempt, steps_done FROM claimed
	)
	SELECT ` + jobColumns + ` FROM claimed`

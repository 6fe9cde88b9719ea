package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/jobs"
)

// mostRecovered bounds the work of one claim where very many jobs are to be
// recovered; the next claims go on.
const mostRecovered = 2000

// recovery is one transaction of a claim: jobs of the dead are marked
// interrupted, then failed or put back. It waits for nobody: what another
// recovery has in its hands is left to it.
type recovery struct {
	s      *Store
	q      querier
	p      jobs.ClaimParams
	only   any
	events []jobs.Event
	full   bool // there may be more than it took
}

// recover takes what is left behind by the dead, and notes for which of them
// there is nothing more to take.
func (c *claim) recover(ctx context.Context) error {
	const done = `UPDATE jobs_schema.job_instances AS i SET recovered_at = statement_timestamp()
		WHERE state IN ('dead', 'stopped') AND recovered_at IS NULL AND NOT EXISTS (
			SELECT FROM jobs_schema.background_jobs AS j WHERE j.status = 'processing' AND j.instance_id = i.id)`
	var r recovery
	err := c.s.inTx(ctx, "recover jobs", func(ctx context.Context, tx pgx.Tx) error {
		r = recovery{s: c.s, q: tx, p: c.p, only: c.only()}
		return r.run(ctx)
	})
	if err != nil {
		return err
	}
	c.out.Recovered = append(c.out.Recovered, r.events...)
	c.changed = true
	if r.full || len(c.p.Only) > 0 {
		return nil
	}
	return c.s.call(ctx, "recover jobs", func(ctx context.Context, q querier) error {
		_, err := q.Exec(ctx, c.s.SQL(done))
		return err
	})
}

func (r *recovery) run(ctx context.Context) error {
	if err := r.interruptLost(ctx); err != nil {
		return err
	}
	return r.resume(ctx)
}

// A death is why a job is taken from an instance.
type death struct {
	cause  jobs.Cause
	charge int // what it adds to crashes
	detail string
}

// corpse is what is known of the instance of a job that nobody alive runs.
type corpse struct {
	known    bool
	state    string
	proof    string
	rebooted bool // its machine was restarted since
}

// death says whom a death is charged to: not a job whose process was stopping
// anyhow, nor one whose machine was restarted, nor a row by hand.
func (c corpse) death(j jobs.Job) death {
	cause := jobs.CauseCrash
	if strings.HasPrefix(c.proof, "lease") {
		cause = jobs.CauseLeaseLost
	}
	switch {
	case j.InstanceID == "":
		return death{cause, 0, "no instance runs it"}
	case !c.known:
		return death{cause, 0, "its instance is not known"}
	case c.state == stateStopped:
		return death{jobs.CauseShutdown, 0, cmp.Or(c.proof, "its instance was gone already")}
	case c.rebooted:
		return death{cause, 0, "the machine was restarted"}
	}
	return death{cause, 1, cmp.Or(c.proof, "its instance was gone already")}
}

// ofNobody is the condition that a job is processing and its instance (i) is not
// alive: it died, it was gone before the job was given to it, or the row is by
// hand.
const ofNobody = `j.status = 'processing' AND (i.id IS NULL OR i.state NOT IN ('live', 'stopping'))`

// holdLost holds the jobs to be marked, and returns their ids. What it returns
// is to be looked at again: where a job was recovered and claimed meanwhile, the
// server compares its new row with the instance of the old one, finds that it is
// not that one's, and takes it for nobody's.
func (r *recovery) holdLost(ctx context.Context) ([]jobs.ID, error) {
	const query = `SELECT j.id FROM jobs_schema.background_jobs AS j LEFT JOIN jobs_schema.job_instances AS i ON i.id = j.instance_id
		WHERE ` + ofNobody + ` AND ($1::uuid[] IS NULL OR j.id = ANY($1)) LIMIT $2 FOR UPDATE OF j SKIP LOCKED`
	rows, err := r.q.Query(ctx, r.s.SQL(query), r.only, mostRecovered)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (id jobs.ID, err error) {
		err = row.Scan((*[16]byte)(&id))
		return id, err
	})
}

// interruptLost marks the jobs that are processing and whose instance is not
// alive.
func (r *recovery) interruptLost(ctx context.Context) error {
	query := `SELECT ` + jobColumnsOf("j") + `, i.id IS NOT NULL, coalesce(i.state, ''), coalesce(i.death, ''),
			coalesce(i.boot <> '' AND CASE WHEN me.host = i.host THEN me.boot <> '' AND me.boot <> i.boot
				ELSE EXISTS (SELECT FROM jobs_schema.job_instances AS later
					WHERE later.host = i.host AND later.boot <> '' AND later.boot <> i.boot AND later.started_at >= i.started_at) END, FALSE)
		FROM jobs_schema.background_jobs AS j LEFT JOIN jobs_schema.job_instances AS i ON i.id = j.instance_id
			LEFT JOIN jobs_schema.job_instances AS me ON me.id = $2
		WHERE j.id = ANY($1::uuid[]) AND ` + ofNobody
	const update = `UPDATE jobs_schema.background_jobs AS j SET status = 'interrupted',
			interrupted_at = greatest(statement_timestamp(), j.updated_at), updated_at = greatest(statement_timestamp(), j.updated_at),
			status_at = greatest(statement_timestamp(), j.updated_at),
			cause = g.cause, error = g.reason, error_code = NULL, crashes = j.crashes + g.charge, interruptions = j.interruptions + 1,
			recovery = g.recovery, progress = least(j.progress, 99)
		FROM unnest($1::uuid[], $2::text[], $3::text[], $4::integer[], $5::text[]) AS g (id, cause, reason, charge, recovery)
		WHERE j.id = g.id AND j.status = 'processing'`
	held, err := r.holdLost(ctx)
	if err != nil || len(held) == 0 {
		return err
	}
	r.full = r.full || len(held) == mostRecovered
	rows, err := r.q.Query(ctx, r.s.SQL(query), uuids(held), r.p.Instance)
	if err != nil {
		return err
	}
	var found []jobs.Job
	var deaths []death
	for rows.Next() {
		var c corpse
		j, err := scanJobAnd(rows, &c.known, &c.state, &c.proof, &c.rebooted)
		if err != nil {
			rows.Close()
			return err
		}
		found, deaths = append(found, j), append(deaths, c.death(j))
	}
	if err := rows.Err(); err != nil || len(found) == 0 {
		return err
	}
	var causes, reasons, stamps []string
	var charges []int32
	var events []jobs.Event
	for i, d := range deaths {
		j := &found[i]
		j.Recovery = cmp.Or(j.Recovery, r.p.PolicyFor(*j).Recovery)
		causes, reasons, stamps = append(causes, string(d.cause)), append(reasons, d.cause.Reason()), append(stamps, string(j.Recovery))
		charges = append(charges, int32(d.charge)) //nolint:gosec // 0 or 1
		events = append(events, jobs.Event{JobID: j.ID, Event: jobs.EventInterrupted, From: jobs.Processing, To: jobs.Interrupted,
			Cause: d.cause, Instance: j.InstanceID, Attempt: j.Attempt, Steps: j.StepsDone, Detail: d.detail})
		j.Status, j.Cause = jobs.Interrupted, d.cause
		j.Crashes += d.charge
	}
	if _, err := r.q.Exec(ctx, r.s.SQL(update), uuids(idsOf(found)), causes, reasons, charges, stamps); err != nil {
		return err
	}
	if err := r.note(ctx, events); err != nil {
		return err
	}
	return r.giveUp(ctx, slices.DeleteFunc(found, func(j jobs.Job) bool {
		return j.Recovery == jobs.RecoveryAuto || !r.spent(j) // those of RecoveryAuto are looked at next
	}))
}

// spent reports whether a job's process died too often in a row.
func (r *recovery) spent(j jobs.Job) bool { return j.Crashes >= r.p.PolicyFor(j).MaxCrashes }

// resume puts back what is stamped to go on by itself. What this instance gave
// up because it stops, it would only give up again.
func (r *recovery) resume(ctx context.Context) error {
	query := `SELECT ` + jobColumns + `, run_at <= statement_timestamp() FROM jobs_schema.background_jobs
		WHERE status = 'interrupted' AND recovery = 'auto' AND cause <> 'cancelled'
			AND (cause <> 'shutdown' OR instance_id IS DISTINCT FROM $3) AND ($1::uuid[] IS NULL OR id = ANY($1))
		ORDER BY interrupted_at LIMIT $2 FOR UPDATE SKIP LOCKED`
	const back = `UPDATE jobs_schema.background_jobs AS j SET status = 'pending', position = g.position,
			updated_at = greatest(statement_timestamp(), j.updated_at), status_at = greatest(statement_timestamp(), j.updated_at),
			cause = NULL, error = NULL, error_code = NULL
		FROM unnest($1::uuid[], $2::bigint[]) AS g (id, position)
		WHERE j.id = g.id AND j.status = 'interrupted'`
	rows, err := r.q.Query(ctx, r.s.SQL(query), r.only, mostRecovered, r.p.Instance)
	if err != nil {
		return err
	}
	var guilty, innocent []jobs.Job
	var lines []line
	var due []bool
	for rows.Next() {
		var now bool
		j, err := scanJobAnd(rows, &now)
		if err != nil {
			rows.Close()
			return err
		}
		if r.spent(j) {
			guilty = append(guilty, j)
			continue
		}
		innocent, due = append(innocent, j), append(due, now)
		if now {
			lines = append(lines, lineOf(j))
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	r.full = r.full || len(guilty)+len(innocent) == mostRecovered
	if err := r.giveUp(ctx, guilty); err != nil || len(innocent) == 0 {
		return err
	}
	places, err := r.s.places(ctx, r.q, lines)
	if err != nil {
		return err
	}
	positions := make([]*int64, len(innocent))
	var resumed []jobs.Event
	for i, j := range innocent {
		if due[i] {
			positions[i], places = &places[0], places[1:]
		}
		resumed = append(resumed, jobs.Event{JobID: j.ID, Event: jobs.EventResumed, From: jobs.Interrupted, To: jobs.Pending,
			Instance: j.InstanceID, Attempt: j.Attempt, Steps: j.StepsDone})
	}
	if _, err := r.q.Exec(ctx, r.s.SQL(back), uuids(idsOf(innocent)), positions); err != nil {
		return err
	}
	_, err = insertEvents(ctx, r.q, r.s, resumed...)
	return err
}

// giveUp fails jobs whose process died too often.
func (r *recovery) giveUp(ctx context.Context, guilty []jobs.Job) error {
	const update = `UPDATE jobs_schema.background_jobs AS j SET status = 'failed',
			failed_at = greatest(statement_timestamp(), j.updated_at), updated_at = greatest(statement_timestamp(), j.updated_at),
			status_at = greatest(statement_timestamp(), j.updated_at), error = g.reason, error_code = $3, cause = NULL
		FROM unnest($1::uuid[], $2::text[]) AS g (id, reason)
		WHERE j.id = g.id AND j.status = 'interrupted'`
	if len(guilty) == 0 {
		return nil
	}
	var reasons []string
	var events []jobs.Event
	for _, j := range guilty {
		reason := fmt.Sprintf("its process died %d times in a row while it was at step %d", j.Crashes, j.StepsDone+1)
		reasons = append(reasons, reason)
		events = append(events, jobs.Event{JobID: j.ID, Event: jobs.EventFailed, From: jobs.Interrupted, To: jobs.Failed,
			Cause: j.Cause, Instance: j.InstanceID, Attempt: j.Attempt, Steps: j.StepsDone, Detail: reason})
	}
	if _, err := r.q.Exec(ctx, r.s.SQL(update), uuids(idsOf(guilty)), reasons, jobs.CodeCrashed); err != nil {
		return err
	}
	return r.note(ctx, events)
}

// note appends to the history what the claim tells of.
func (r *recovery) note(ctx context.Context, events []jobs.Event) error {
	told, err := insertEvents(ctx, r.q, r.s, events...)
	r.events = append(r.events, told...)
	return err
}

func idsOf(list []jobs.Job) []jobs.ID {
	ids := make([]jobs.ID, len(list))
	for i, j := range list {
		ids[i] = j.ID
	}
	return ids
}

package sqlite

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/mivaa/mivaa/jobs"
)

// recovery is the first part of a claim: jobs of the dead are marked
// interrupted, then failed or put back.
type recovery struct {
	b      *batch
	p      jobs.ClaimParams
	boot   string // of the instance that recovers
	events []jobs.Event
	buried []string // dead by a free lock, nothing of theirs left: their lock files may go
}

func (r *recovery) run(dead []verdict) error {
	for _, v := range dead {
		if err := r.bury(v); err != nil {
			return err
		}
	}
	if err := r.orphans(); err != nil {
		return err
	}
	if r.p.Starting {
		if err := r.manual(); err != nil {
			return err
		}
	}
	return r.resume()
}

// bury confirms a verdict and takes the dead instance's jobs.
func (r *recovery) bury(v verdict) error {
	const confirm = `SELECT 1 FROM job_instances WHERE id = ? AND state = ? AND seen_at = ?`
	const declare = `UPDATE job_instances SET state = CASE state WHEN 'stopping' THEN 'stopped' ELSE 'dead' END WHERE id = ?`
	var one int
	still, err := r.b.get(confirm, []any{v.id, v.state, v.seenAt}, &one)
	if err != nil || !still {
		return err
	}
	if len(r.p.Only) == 0 {
		if _, err := r.b.exec(declare, v.id); err != nil {
			return err
		}
		r.b.changed = true
		if v.cause == jobs.CauseCrash {
			r.buried = append(r.buried, v.id)
		}
	}
	return r.interruptOf(&v.id, r.death(v))
}

// A death is why jobs are taken from an instance.
type death struct {
	cause  jobs.Cause
	charge int // what it adds to crashes
	detail string
}

// death says whom a death is charged to: not a job whose process was stopping
// anyhow, nor one whose machine was restarted.
func (r *recovery) death(v verdict) death {
	switch {
	case v.state == stateStopping || v.state == stateStopped:
		return death{jobs.CauseShutdown, 0, v.proof}
	case v.cause == jobs.CauseCrash && v.boot != r.boot && v.boot != "" && r.boot != "":
		return death{v.cause, 0, "the machine was restarted"}
	}
	return death{v.cause, 1, v.proof}
}

// orphans takes the jobs that are processing and whose instance cannot be
// alive: it was gone before they were given to it, or the row is by hand.
func (r *recovery) orphans() error {
	const query = `
		WITH RECURSIVE owner (id) AS (
			SELECT min(instance_id) FROM background_jobs INDEXED BY jobs_processing WHERE status = 'processing'
			UNION ALL
			SELECT (SELECT min(instance_id) FROM background_jobs INDEXED BY jobs_processing WHERE status = 'processing' AND instance_id > owner.id)
			FROM owner WHERE id IS NOT NULL)
		SELECT id FROM owner WHERE id IS NOT NULL AND id NOT IN (SELECT id FROM job_instances WHERE state IN ('live', 'stopping'))`
	const row = `SELECT state, boot FROM job_instances WHERE id = ?`
	gone, err := column[string](r.b, query)
	if err != nil {
		return err
	}
	for _, id := range gone {
		v := verdict{cause: jobs.CauseCrash, proof: "its instance was gone already"}
		known, err := r.b.get(row, []any{id}, &v.state, &v.boot)
		if err != nil {
			return err
		}
		d := death{cause: jobs.CauseCrash, detail: "its instance is not known"}
		if known {
			d = r.death(v)
		}
		if err := r.interruptOf(&id, d); err != nil {
			return err
		}
	}
	return r.interruptOf(nil, death{cause: jobs.CauseCrash, detail: "no instance runs it"})
}

// interruptOf marks what an instance has in work; nil: what nobody has.
func (r *recovery) interruptOf(instance *string, d death) error {
	const query = `SELECT ` + jobColumns + ` FROM background_jobs INDEXED BY jobs_processing WHERE status = 'processing' AND instance_id IS ?`
	found, err := r.jobs(math.MaxInt, query, instance)
	if err != nil {
		return err
	}
	for _, j := range found {
		if err := r.interrupt(j, d); err != nil {
			return err
		}
	}
	return nil
}

// jobs returns those of a query that this recovery is about, at most so many.
func (r *recovery) jobs(most int, query string, args ...any) ([]jobs.Job, error) {
	var found []jobs.Job
	err := r.b.readable(query, args, func(j jobs.Job) bool {
		if len(r.p.Only) == 0 || slices.Contains(r.p.Only, j.ID) {
			found = append(found, j)
		}
		return len(found) < most
	})
	return found, err
}

func (r *recovery) interrupt(j jobs.Job, d death) error {
	const update = `UPDATE background_jobs SET status = 'interrupted', interrupted_at = ?1, updated_at = ?1,
			cause = ?2, error = ?3, error_code = NULL, crashes = crashes + ?4, interruptions = interruptions + 1,
			recovery = coalesce(recovery, ?5), progress = min(progress, 99)
		WHERE id = ?6 AND status IN ('processing', 'pending')`
	b := r.b
	policy := r.p.PolicyFor(j)
	j.Recovery = cmp.Or(j.Recovery, policy.Recovery)
	if _, err := b.exec(update, b.at, string(d.cause), d.cause.Reason(), d.charge, string(j.Recovery), j.ID.String()); err != nil {
		return err
	}
	err := r.note(jobs.Event{JobID: j.ID, Event: jobs.EventInterrupted, From: j.Status, To: jobs.Interrupted,
		Cause: d.cause, Instance: j.InstanceID, Attempt: j.Attempt, Steps: j.StepsDone, Detail: d.detail})
	if err != nil {
		return err
	}
	j.Status, j.Cause = jobs.Interrupted, d.cause
	j.Crashes += d.charge
	if j.Crashes >= policy.MaxCrashes && j.Recovery != jobs.RecoveryAuto {
		return r.giveUp(j) // those of RecoveryAuto are looked at next
	}
	return nil
}

// mostResumed bounds the work of one claim where very many jobs were
// interrupted; the next claims go on.
const mostResumed = 2000

// resume puts back what is stamped to go on by itself. What this instance gave
// up because it stops, it would only give up again.
func (r *recovery) resume() error {
	const query = `SELECT ` + jobColumns + ` FROM background_jobs INDEXED BY jobs_resumable
		WHERE status = 'interrupted' AND recovery = 'auto' AND cause <> 'cancelled'
			AND (cause <> 'shutdown' OR instance_id IS NOT ?) ORDER BY interrupted_at`
	const back = `UPDATE background_jobs SET status = 'pending', updated_at = ?, position = ?,
			cause = NULL, error = NULL, error_code = NULL
		WHERE id = ? AND status = 'interrupted'`
	b := r.b
	found, err := r.jobs(mostResumed, query, r.p.Instance)
	if err != nil {
		return err
	}
	for _, j := range found {
		if j.Crashes >= r.p.PolicyFor(j).MaxCrashes {
			if err := r.giveUp(j); err != nil {
				return err
			}
			continue
		}
		position, err := b.place(j, j.RunAt)
		if err != nil {
			return err
		}
		if _, err := b.exec(back, b.at, position, j.ID.String()); err != nil {
			return err
		}
		b.changed = true
		_, err = b.event(jobs.Event{JobID: j.ID, Event: jobs.EventResumed, From: jobs.Interrupted, To: jobs.Pending,
			Instance: j.InstanceID, Attempt: j.Attempt, Steps: j.StepsDone})
		if err != nil {
			return err
		}
	}
	return nil
}

// giveUp fails a job whose process died too often.
func (r *recovery) giveUp(j jobs.Job) error {
	const update = `UPDATE background_jobs SET status = 'failed', failed_at = ?1, updated_at = ?1, error = ?2, error_code = ?3, cause = NULL
		WHERE id = ?4 AND status = 'interrupted'`
	reason := fmt.Sprintf("its process died %d times in a row while it was at step %d", j.Crashes, j.StepsDone+1)
	if _, err := r.b.exec(update, r.b.at, reason, jobs.CodeCrashed, j.ID.String()); err != nil {
		return err
	}
	return r.note(jobs.Event{JobID: j.ID, Event: jobs.EventFailed, From: jobs.Interrupted, To: jobs.Failed,
		Cause: j.Cause, Instance: j.InstanceID, Attempt: j.Attempt, Steps: j.StepsDone, Detail: reason})
}

// manual marks pending jobs that wait for a person, as the guide has it, where
// this instance is the only one alive.
func (r *recovery) manual() error {
	const others = `SELECT count(*) FROM job_instances WHERE state IN ('live', 'stopping') AND id <> ?`
	const waiting = `SELECT ` + jobColumns + ` FROM background_jobs INDEXED BY jobs_manual
		WHERE status = 'pending' AND recovery = 'manual' AND run_at <= ? ORDER BY run_at`
	const latest = `SELECT event, coalesce(cause, '') FROM job_events WHERE job_id = ? ORDER BY id DESC LIMIT 1`
	var n int
	if _, err := r.b.get(others, []any{r.p.Instance}, &n); err != nil || n > 0 {
		return err
	}
	found, err := r.jobs(math.MaxInt, waiting, r.b.at)
	if err != nil {
		return err
	}
	d := death{cause: jobs.CauseCrash, detail: "pending when the service started"}
	for _, j := range found {
		var event string
		var cause jobs.Cause
		if _, err := r.b.get(latest, []any{j.ID.String()}, &event, &cause); err != nil {
			return err
		}
		byPerson := event == jobs.EventRestarted || event == jobs.EventResumed && cause == jobs.CauseOperator
		if byPerson {
			continue
		}
		if err := r.interrupt(j, d); err != nil {
			return err
		}
	}
	return nil
}

func (r *recovery) note(e jobs.Event) error {
	e, err := r.b.event(e)
	r.b.changed = true
	r.events = append(r.events, e)
	return err
}

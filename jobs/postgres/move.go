package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/mivaa/mivaa/jobs"
)

// Move implements jobs.Store.
func (s *Store) Move(ctx context.Context, id jobs.ID, m jobs.Move, by string) (jobs.Job, error) {
	var moved jobs.Job
	var hint jobs.Hint
	err := s.inTx(ctx, moving(id, m), func(ctx context.Context, tx pgx.Tx) (err error) {
		moved, hint, err = s.move(ctx, tx, id, m, by)
		return err
	})
	if err != nil {
		return jobs.Job{}, err
	}
	if hint != 0 {
		s.changed(hint)
	}
	return moved, nil
}

// MoveTx is Move in a transaction of the caller's. Watchers are told when it is
// committed. An error must end the transaction.
func (s *Store) MoveTx(ctx context.Context, tx pgx.Tx, id jobs.ID, m jobs.Move, by string) (jobs.Job, error) {
	moved, hint, err := s.move(ctx, tx, id, m, by)
	if err == nil && hint != 0 {
		err = s.notifyTx(ctx, tx, hint)
	}
	if err != nil {
		return jobs.Job{}, s.fail(moving(id, m), err)
	}
	return moved, nil
}

func moving(id jobs.ID, m jobs.Move) string { return fmt.Sprintf("%s job %s", m, id) }

// move returns the job as it stands afterwards, and what changed. It holds the
// job's row from the moment it reads the status.
func (s *Store) move(ctx context.Context, tx pgx.Tx, id jobs.ID, m jobs.Move, by string) (jobs.Job, jobs.Hint, error) {
	j, later, err := s.lockJob(ctx, tx, id)
	if err != nil {
		return jobs.Job{}, 0, err
	}
	if _, ok := m.Target(j.Status); !ok {
		return jobs.Job{}, 0, refuse(&jobs.MoveError{ID: id, Move: m, Status: j.Status, Allowed: jobs.Allowed(j.Status)})
	}
	if m == jobs.Cancel && j.Status == jobs.Interrupted && j.Cause == jobs.CauseCancelled {
		return j, 0, nil
	}
	hint := jobs.HintChanged
	if j.Status == jobs.Processing {
		hint |= jobs.HintMoved
	}
	var moved jobs.Job
	switch m {
	case jobs.Cancel:
		moved, err = s.stop(ctx, tx, j, jobs.CauseCancelled, by)
	case jobs.Interrupt:
		moved, err = s.stop(ctx, tx, j, jobs.CauseOperator, by)
	case jobs.Resume:
		moved, err = s.putBack(ctx, tx, j, by)
	case jobs.Restart:
		moved, err = s.restart(ctx, tx, j, later, by)
	}
	return moved, hint, err
}

// lockJob returns a job, held until the transaction ends, and whether it was
// never begun and is wanted later.
func (s *Store) lockJob(ctx context.Context, tx pgx.Tx, id jobs.ID) (j jobs.Job, later bool, err error) {
	const query = `SELECT ` + jobColumns + `, status = 'pending' AND attempt = 0 AND run_at > statement_timestamp()
		FROM jobs_schema.background_jobs WHERE id = $1::uuid FOR NO KEY UPDATE`
	rows, err := tx.Query(ctx, s.SQL(query), uuidOf(id))
	if err != nil {
		return jobs.Job{}, false, err
	}
	j, err = pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (jobs.Job, error) { return scanJobAnd(row, &later) })
	if errors.Is(err, pgx.ErrNoRows) {
		err = refuse(jobs.ErrNotFound)
	}
	return j, later, err
}

// A change of a status never sets a time before the one that stands there,
// whatever the server's clock does.
const now = `greatest(updated_at, statement_timestamp())`

// stop interrupts a job. One that runs gets a new attempt, so that its worker
// has lost it.
func (s *Store) stop(ctx context.Context, tx pgx.Tx, j jobs.Job, cause jobs.Cause, by string) (jobs.Job, error) {
	const query = `
		WITH moved AS (
			UPDATE jobs_schema.background_jobs SET status = 'interrupted', cause = $3::text, error = $4::text, error_code = NULL,
				interrupted_at = ` + now + `, updated_at = ` + now + `, status_at = ` + now + `,
				attempt = attempt + (status = 'processing')::integer, interruptions = interruptions + (status = 'processing')::integer,
				progress = least(progress, 99), recovery = coalesce(recovery, 'auto')
			WHERE id = $1::uuid AND status = $2::text
			RETURNING ` + jobColumns + `),
		told AS (
			INSERT INTO jobs_schema.job_events (job_id, at, event, from_status, to_status, cause, instance_id, attempt, detail, steps_done)
			SELECT id, updated_at, 'interrupted', $2::text, status, cause, instance_id, $5::bigint, $6::text, steps_done FROM moved)
		SELECT ` + jobColumns + ` FROM moved`
	return s.one(ctx, tx, query, uuidOf(j.ID), string(j.Status), string(cause), cause.Reason(), j.Attempt, null(clean(by)))
}

func (s *Store) putBack(ctx context.Context, tx pgx.Tx, j jobs.Job, by string) (jobs.Job, error) {
	const query = `
		WITH moved AS (
			UPDATE jobs_schema.background_jobs SET status = 'pending', run_at = statement_timestamp(), position = $3::bigint,
				updated_at = ` + now + `, status_at = ` + now + `,
				failures = 0, crashes = 0, error = NULL, error_code = NULL, cause = NULL
			WHERE id = $1::uuid AND status = $2::text
			RETURNING ` + jobColumns + `),
		told AS (
			INSERT INTO jobs_schema.job_events (job_id, at, event, from_status, to_status, cause, instance_id, attempt, detail, steps_done)
			SELECT id, updated_at, 'resumed', $2::text, status, 'operator', instance_id, attempt, $4::text, steps_done FROM moved)
		SELECT ` + jobColumns + ` FROM moved`
	position, err := s.positions(ctx, tx, j.Kind, j.Priority, j.Owner, 1)
	if err != nil {
		return jobs.Job{}, err
	}
	return s.one(ctx, tx, query, uuidOf(j.ID), string(j.Status), position[0], null(clean(by)))
}

// restart also takes back what the job published and never finished.
func (s *Store) restart(ctx context.Context, tx pgx.Tx, j jobs.Job, later bool, by string) (jobs.Job, error) {
	const query = `
		WITH moved AS (
			UPDATE jobs_schema.background_jobs SET status = 'pending', position = $3::bigint,
				run_at = CASE WHEN $5::boolean THEN run_at ELSE statement_timestamp() END,
				updated_at = ` + now + `, status_at = ` + now + `,
				failures = 0, crashes = 0, error = NULL, error_code = NULL, cause = NULL, steps_done = 0, steps_total = 0, progress = 0
			WHERE id = $1::uuid AND status = $2::text
			RETURNING ` + jobColumns + `),
		unpublished AS (
			UPDATE jobs_schema.documents SET content_job_id = NULL WHERE content_job_id = $1::uuid),
		forgotten AS (
			DELETE FROM jobs_schema.job_steps WHERE job_id = $1::uuid),
		told AS (
			INSERT INTO jobs_schema.job_events (job_id, at, event, from_status, to_status, cause, instance_id, attempt, detail)
			SELECT id, updated_at, 'restarted', $2::text, status, 'operator', instance_id, attempt, $4::text FROM moved)
		SELECT ` + jobColumns + ` FROM moved`
	var position pgtype.Int8 // NULL until it comes due
	if !later {
		places, err := s.positions(ctx, tx, j.Kind, j.Priority, j.Owner, 1)
		if err != nil {
			return jobs.Job{}, err
		}
		position = pgtype.Int8{Int64: places[0], Valid: true}
	}
	return s.one(ctx, tx, query, uuidOf(j.ID), string(j.Status), position, null(clean(by)), later)
}

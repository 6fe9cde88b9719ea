package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/mivaa/mivaa/jobs"
)

// Move implements jobs.Store.
func (s *Store) Move(ctx context.Context, id jobs.ID, m jobs.Move, by string) (jobs.Job, error) {
	var moved jobs.Job
	err := s.do(ctx, fmt.Sprintf("%s job %s", m, id), func(b *batch) (err error) {
		moved, err = b.move(id, m, by)
		return err
	})
	if err != nil {
		return jobs.Job{}, err
	}
	return moved, nil
}

// MoveTx is Move in the transaction of an Update.
func (s *Store) MoveTx(_ context.Context, tx *sql.Tx, id jobs.ID, m jobs.Move, by string) (jobs.Job, error) {
	b, err := s.of(tx)
	if err != nil {
		return jobs.Job{}, fmt.Errorf("%s job %s: %w", m, id, err)
	}
	moved, err := b.move(id, m, by)
	return moved, plain(err)
}

func (b *batch) move(id jobs.ID, m jobs.Move, by string) (jobs.Job, error) {
	j, err := b.job(id)
	if err != nil {
		return jobs.Job{}, err
	}
	if _, ok := m.Target(j.Status); !ok {
		return jobs.Job{}, refuse(&jobs.MoveError{ID: id, Move: m, Status: j.Status, Allowed: jobs.Allowed(j.Status)})
	}
	if m == jobs.Cancel && j.Status == jobs.Interrupted && j.Cause == jobs.CauseCancelled {
		return j, nil
	}
	switch m {
	case jobs.Cancel:
		err = b.stop(j, jobs.CauseCancelled, by)
	case jobs.Interrupt:
		err = b.stop(j, jobs.CauseOperator, by)
	case jobs.Resume:
		err = b.putBack(j, by)
	case jobs.Restart:
		err = b.restart(j, by)
	}
	if err != nil {
		return jobs.Job{}, err
	}
	b.changed = true
	return b.job(id)
}

// stop interrupts a job. One that runs gets a new attempt, so that its worker
// has lost it.
func (b *batch) stop(j jobs.Job, cause jobs.Cause, by string) error {
	const update = `UPDATE background_jobs SET status = 'interrupted', interrupted_at = ?1, updated_at = ?1, cause = ?2, error = ?3, error_code = NULL,
			attempt = attempt + (status = 'processing'), interruptions = interruptions + (status = 'processing'),
			progress = min(progress, 99), recovery = coalesce(recovery, 'auto')
		WHERE id = ?4`
	b.moved = b.moved || j.Status == jobs.Processing
	if _, err := b.exec(update, b.at, string(cause), cause.Reason(), j.ID.String()); err != nil {
		return err
	}
	_, err := b.event(jobs.Event{JobID: j.ID, Event: jobs.EventInterrupted, From: j.Status, To: jobs.Interrupted,
		Cause: cause, Instance: j.InstanceID, Attempt: j.Attempt, Steps: j.StepsDone, Detail: by})
	return err
}

func (b *batch) putBack(j jobs.Job, by string) error {
	const update = `UPDATE background_jobs SET status = 'pending', updated_at = ?1, run_at = ?1, position = ?2,
			failures = 0, crashes = 0, error = NULL, error_code = NULL, cause = NULL
		WHERE id = ?3`
	position, err := b.place(j, b.now)
	if err != nil {
		return err
	}
	if _, err := b.exec(update, b.at, position, j.ID.String()); err != nil {
		return err
	}
	_, err = b.event(jobs.Event{JobID: j.ID, Event: jobs.EventResumed, From: j.Status, To: jobs.Pending,
		Cause: jobs.CauseOperator, Instance: j.InstanceID, Attempt: j.Attempt, Steps: j.StepsDone, Detail: by})
	return err
}

func (b *batch) restart(j jobs.Job, by string) error {
	const update = `UPDATE background_jobs SET status = 'pending', updated_at = ?1, run_at = ?2, position = ?3,
			failures = 0, crashes = 0, error = NULL, error_code = NULL, cause = NULL, steps_done = 0, steps_total = 0, progress = 0
		WHERE id = ?4`
	const unpublish = `UPDATE documents SET content_job_id = NULL WHERE content_job_id = ?` // published, and never finished
	const forget = `DELETE FROM job_steps WHERE job_id = ?`
	runAt := b.now
	if j.Status == jobs.Pending && j.Attempt == 0 && j.RunAt.After(b.now) {
		runAt = j.RunAt // never begun, and wanted later
	}
	position, err := b.place(j, runAt)
	if err != nil {
		return err
	}
	if _, err := b.exec(update, b.at, FormatTime(runAt), position, j.ID.String()); err != nil {
		return err
	}
	if _, err := b.exec(unpublish, j.ID.String()); err != nil {
		return err
	}
	if _, err := b.exec(forget, j.ID.String()); err != nil {
		return err
	}
	_, err = b.event(jobs.Event{JobID: j.ID, Event: jobs.EventRestarted, From: j.Status, To: jobs.Pending,
		Cause: jobs.CauseOperator, Instance: j.InstanceID, Attempt: j.Attempt, Detail: by})
	return err
}

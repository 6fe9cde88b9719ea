package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/mivaa/mivaa/jobs"
)

// Checkpoint implements jobs.Store.
func (s *Store) Checkpoint(ctx context.Context, f jobs.Fence, total int, steps ...jobs.Step) error {
	steps, wrong := checkSteps(f, total, steps)
	return s.do(ctx, "record steps", func(b *batch) error {
		if wrong != nil {
			return b.refuseSteps(f, wrong)
		}
		return b.checkpoint(f, total, steps)
	})
}

// refuseSteps says what is wrong with steps, or that the job was lost: whoever
// lost it is to stop, whatever it was about to write.
func (b *batch) refuseSteps(f jobs.Fence, wrong error) error {
	const query = `SELECT 1 FROM background_jobs WHERE id = ? AND attempt = ? AND status = 'processing'`
	var one int
	found, err := b.get(query, []any{f.Job.String(), f.Attempt}, &one)
	if err != nil {
		return err
	}
	if !found {
		return refuse(jobs.ErrLeaseLost)
	}
	return refuse(wrong)
}

// checkSteps refuses what no job could record.
func checkSteps(f jobs.Fence, total int, steps []jobs.Step) ([]jobs.Step, error) {
	if total < 0 {
		return nil, fmt.Errorf("record steps of job %s: total %d is negative", f.Job, total)
	}
	checked := make([]jobs.Step, len(steps))
	for i, st := range steps {
		if st.Seq < 1 || st.Seq != steps[0].Seq+i {
			return nil, fmt.Errorf("record steps of job %s: %w: %d does not follow", f.Job, jobs.ErrStepGap, st.Seq)
		}
		if len(st.Data) == 0 {
			st.Data = json.RawMessage("null")
		}
		if !json.Valid(st.Data) {
			return nil, fmt.Errorf("record step %d of job %s: data is not JSON", st.Seq, f.Job)
		}
		checked[i] = st
	}
	return checked, nil
}

// checkpoint writes in the common case, one guarded statement for the job and
// one for each step, and asks why only where the guard did not hold.
func (b *batch) checkpoint(f jobs.Fence, total int, steps []jobs.Step) error {
	done, err := b.advance(f, total, steps)
	if err != nil || done {
		return err
	}
	const query = `SELECT steps_done, steps_total FROM background_jobs WHERE id = ? AND attempt = ? AND status = 'processing'`
	var recorded, known int
	found, err := b.get(query, []any{f.Job.String(), f.Attempt}, &recorded, &known)
	if err != nil {
		return err
	}
	if !found {
		return refuse(jobs.ErrLeaseLost)
	}
	if len(steps) > 0 && steps[0].Seq > recorded+1 {
		return refuse(fmt.Errorf("%w: step %d is given, %d are recorded", jobs.ErrStepGap, steps[0].Seq, recorded))
	}
	for len(steps) > 0 && steps[0].Seq <= recorded {
		if err := b.sameStep(f.Job, steps[0]); err != nil {
			return err
		}
		steps = steps[1:]
	}
	if total == 0 {
		total = known
	}
	if n := recorded + len(steps); total > 0 && n > total {
		return refuse(fmt.Errorf("%w: step %d is beyond the total of %d", jobs.ErrStepGap, n, total))
	}
	if len(steps) == 0 && total == known {
		return nil // a repeat
	}
	done, err = b.advance(f, total, steps)
	if err == nil && !done {
		return errors.New("record steps: guard does not hold") // not reached: the writer is alone
	}
	return err
}

// advance records steps that begin right after the recorded ones; false: the
// job is not at that step, or not that attempt's.
func (b *batch) advance(f jobs.Fence, total int, steps []jobs.Step) (bool, error) {
	const withSteps = `UPDATE background_jobs SET steps_done = ?1, steps_total = CASE WHEN ?2 > 0 THEN ?2 ELSE steps_total END, crashes = 0,
			progress = CASE WHEN ?2 > 0 THEN max(progress, min(99, ?1 * 100 / ?2))
				WHEN steps_total > 0 THEN max(progress, min(99, ?1 * 100 / steps_total)) ELSE progress END,
			updated_at = ?3
		WHERE id = ?4 AND attempt = ?5 AND status = 'processing' AND steps_done = ?6
			AND (CASE WHEN ?2 > 0 THEN ?2 ELSE steps_total END = 0 OR CASE WHEN ?2 > 0 THEN ?2 ELSE steps_total END >= ?1)`
	const onlyTotal = `UPDATE background_jobs SET steps_total = ?1, progress = max(progress, min(99, steps_done * 100 / ?1)), updated_at = ?2
		WHERE id = ?3 AND attempt = ?4 AND status = 'processing' AND steps_total <> ?1 AND steps_done <= ?1`
	const record = `INSERT INTO job_steps (job_id, seq, data) VALUES (?, ?, ?)`
	job := f.Job.String()
	var n int64
	var err error
	switch {
	case len(steps) > 0:
		n, err = b.exec(withSteps, steps[len(steps)-1].Seq, total, b.at, job, f.Attempt, steps[0].Seq-1)
	case total > 0:
		n, err = b.exec(onlyTotal, total, b.at, job, f.Attempt)
	}
	if err != nil || n == 0 {
		return false, err
	}
	for _, st := range steps {
		if _, err := b.exec(record, job, st.Seq, string(st.Data)); err != nil {
			return false, err
		}
	}
	b.changed = true
	return true, nil
}

// sameStep refuses a step that was recorded with other bytes.
func (b *batch) sameStep(id jobs.ID, st jobs.Step) error {
	const query = `SELECT data FROM job_steps WHERE job_id = ? AND seq = ?`
	var data string
	found, err := b.get(query, []any{id.String(), st.Seq}, &data)
	if err != nil {
		return err
	}
	if !found || data != string(st.Data) {
		return refuse(fmt.Errorf("%w: step %d is recorded already, with other data", jobs.ErrStepGap, st.Seq))
	}
	return nil
}

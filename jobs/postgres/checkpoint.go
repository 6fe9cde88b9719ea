package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/jobs"
)

// Checkpoint implements jobs.Store. In the common case it is one statement, and
// it asks why only where that found nothing to change.
func (s *Store) Checkpoint(ctx context.Context, f jobs.Fence, total int, steps ...jobs.Step) error {
	steps, wrong := checkSteps(f, total, steps)
	if wrong != nil {
		return s.call(ctx, "record steps", func(ctx context.Context, q querier) error { return s.refuseSteps(ctx, q, f, wrong) })
	}
	done := false
	err := s.call(ctx, "record steps", func(ctx context.Context, q querier) (err error) {
		done, err = s.advance(ctx, q, f, total, steps)
		return err
	})
	if err != nil {
		return err
	}
	if !done {
		err = s.inTx(ctx, "record steps", func(ctx context.Context, tx pgx.Tx) (err error) {
			done, err = s.repeated(ctx, tx, f, total, steps)
			return err
		})
	}
	if err == nil && done {
		s.progressed()
	}
	return err
}

// refuseSteps says what is wrong with steps, or that the job was lost: whoever
// lost it is to stop, whatever it was about to write.
func (s *Store) refuseSteps(ctx context.Context, q querier, f jobs.Fence, wrong error) error {
	const query = `SELECT EXISTS (SELECT FROM jobs_schema.background_jobs WHERE id = $1 AND attempt = $2 AND status = 'processing')`
	var held bool
	if err := q.QueryRow(ctx, s.SQL(query), uuidOf(f.Job), f.Attempt).Scan(&held); err != nil {
		return err
	}
	if !held {
		return refuse(jobs.ErrLeaseLost)
	}
	return refuse(wrong)
}

// checkSteps refuses what no job could record.
func checkSteps(f jobs.Fence, total int, steps []jobs.Step) ([]jobs.Step, error) {
	if total < 0 || total > math.MaxInt32 {
		return nil, fmt.Errorf("record steps of job %s: total %d is out of range", f.Job, total)
	}
	checked := make([]jobs.Step, len(steps))
	for i, st := range steps {
		if st.Seq < 1 || st.Seq > math.MaxInt32 || st.Seq != steps[0].Seq+i {
			return nil, fmt.Errorf("record steps of job %s: %w: %d does not follow", f.Job, jobs.ErrStepGap, st.Seq)
		}
		if len(st.Data) == 0 {
			st.Data = json.RawMessage("null")
		}
		if !json.Valid(st.Data) { // a NUL is not valid either, unless as \u0000
			return nil, fmt.Errorf("record step %d of job %s: data is not JSON", st.Seq, f.Job)
		}
		if !utf8.Valid(st.Data) {
			return nil, fmt.Errorf("record step %d of job %s: data is not UTF-8", st.Seq, f.Job)
		}
		checked[i] = st
	}
	return checked, nil
}

// advance records steps that begin right after the recorded ones; false: the
// job is not at that step, or not that attempt's. The update changes no column
// that an index names (but crashes, once), so it stays in the row's page.
func (s *Store) advance(ctx context.Context, q querier, f jobs.Fence, total int, steps []jobs.Step) (bool, error) {
	const moved = `
		WITH moved AS (
			UPDATE jobs_schema.background_jobs SET steps_done = $3::integer, crashes = 0,
				steps_total = CASE WHEN $4::integer > 0 THEN $4 ELSE steps_total END,
				progress = CASE WHEN $4 > 0 THEN greatest(progress, least(99, $3::bigint * 100 / $4))
					WHEN steps_total > 0 THEN greatest(progress, least(99, $3::bigint * 100 / steps_total)) ELSE progress END,
				updated_at = greatest(statement_timestamp(), updated_at)
			WHERE id = $1 AND attempt = $2 AND status = 'processing' AND steps_done = $5::integer - 1
				AND (CASE WHEN $4 > 0 THEN $4 ELSE steps_total END = 0 OR CASE WHEN $4 > 0 THEN $4 ELSE steps_total END >= $3)
			RETURNING id
		)
		INSERT INTO jobs_schema.job_steps (job_id, seq, data) `
	const one = moved + `SELECT id, $5, $6::json FROM moved`
	const many = moved + `SELECT moved.id, $5 + (given.nth - 1)::integer, given.data::json
		FROM moved CROSS JOIN unnest($6::text[]) WITH ORDINALITY AS given (data, nth)`
	const onlyTotal = `UPDATE jobs_schema.background_jobs SET steps_total = $3::integer,
			progress = greatest(progress, least(99, steps_done::bigint * 100 / $3)), updated_at = greatest(statement_timestamp(), updated_at)
		WHERE id = $1 AND attempt = $2 AND status = 'processing' AND steps_total <> $3 AND steps_done <= $3`
	id := uuidOf(f.Job)
	switch len(steps) {
	case 0:
		if total == 0 {
			return false, nil
		}
		tag, err := q.Exec(ctx, s.SQL(onlyTotal), id, f.Attempt, total)
		return tag.RowsAffected() > 0, err
	case 1:
		tag, err := q.Exec(ctx, s.SQL(one), id, f.Attempt, steps[0].Seq, total, steps[0].Seq, []byte(steps[0].Data))
		return tag.RowsAffected() > 0, err
	}
	data := make([]string, len(steps))
	for i, st := range steps {
		data[i] = string(st.Data)
	}
	tag, err := q.Exec(ctx, s.SQL(many), id, f.Attempt, steps[len(steps)-1].Seq, total, steps[0].Seq, data)
	return tag.RowsAffected() > 0, err
}

// repeated is the second look, at a row that is held: the steps may be recorded
// already, because an answer was lost. done says that something was written.
func (s *Store) repeated(ctx context.Context, tx pgx.Tx, f jobs.Fence, total int, steps []jobs.Step) (done bool, err error) {
	const query = `SELECT steps_done, steps_total FROM jobs_schema.background_jobs
		WHERE id = $1 AND attempt = $2 AND status = 'processing' FOR UPDATE`
	var recorded, known int
	err = tx.QueryRow(ctx, s.SQL(query), uuidOf(f.Job), f.Attempt).Scan(&recorded, &known)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, refuse(jobs.ErrLeaseLost)
	}
	if err != nil {
		return false, err
	}
	if len(steps) > 0 && steps[0].Seq > recorded+1 {
		return false, refuse(fmt.Errorf("%w: step %d is given, %d are recorded", jobs.ErrStepGap, steps[0].Seq, recorded))
	}
	same := min(len(steps), max(0, recorded+1-firstSeq(steps)))
	if err := s.sameSteps(ctx, tx, f.Job, steps[:same]); err != nil {
		return false, err
	}
	steps = steps[same:]
	if total == 0 {
		total = known
	}
	if n := recorded + len(steps); total > 0 && n > total {
		return false, refuse(fmt.Errorf("%w: step %d is beyond the total of %d", jobs.ErrStepGap, n, total))
	}
	if len(steps) == 0 && total == known {
		return false, nil // a repeat
	}
	done, err = s.advance(ctx, tx, f, total, steps)
	if err == nil && !done {
		return false, errors.New("record steps: guard does not hold") // not reached: the row is held
	}
	return done, err
}

func firstSeq(steps []jobs.Step) int {
	if len(steps) == 0 {
		return 1
	}
	return steps[0].Seq
}

// sameSteps refuses steps that were recorded with other bytes.
func (s *Store) sameSteps(ctx context.Context, q querier, id jobs.ID, steps []jobs.Step) error {
	const query = `SELECT given.seq FROM unnest($2::integer[], $3::text[]) AS given (seq, data)
		LEFT JOIN jobs_schema.job_steps AS s ON s.job_id = $1 AND s.seq = given.seq
		WHERE s.data IS NULL OR s.data::text <> given.data ORDER BY 1 LIMIT 1`
	if len(steps) == 0 {
		return nil
	}
	seqs, data := make([]int32, len(steps)), make([]string, len(steps))
	for i, st := range steps {
		seqs[i], data[i] = int32(st.Seq), string(st.Data) //nolint:gosec // it was recorded, or is not found
	}
	var other int
	err := q.QueryRow(ctx, s.SQL(query), uuidOf(id), seqs, data).Scan(&other)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return refuse(fmt.Errorf("%w: step %d is recorded already, with other data", jobs.ErrStepGap, other))
}

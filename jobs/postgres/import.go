package postgres

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/mivaa/mivaa/jobs"
)

// What is here takes in jobs of another store as they stand there: it is the one
// way past the engine's own rules of who may write what. It is guarded by the id
// alone: what this store has, it keeps, so that giving everything again after a
// death at any moment ends in the same. Steps come first, and then the job with
// its history in one transaction, so that no worker ever sees a job without all
// of its steps, and none of the steps of a job that is here is ever touched.

// Imported is a job as it stands in another store, with its history but without
// its steps.
type Imported struct {
	jobs.Job
	History []jobs.Event
}

// ImportSteps inserts steps of a job that is not here yet and returns how many
// were not here. Steps are given in order and not too many at once: a few MiB.
// Where the job is here already nothing is written: it has its steps.
func (s *Store) ImportSteps(ctx context.Context, id jobs.ID, steps ...jobs.Step) (n int, err error) {
	const insert = `
		INSERT INTO jobs_schema.job_steps (job_id, seq, data)
		SELECT $1::uuid, g.seq, g.data::json FROM unnest($2::integer[], $3::text[]) AS g (seq, data)
		WHERE NOT EXISTS (SELECT FROM jobs_schema.background_jobs WHERE id = $1::uuid)
		ON CONFLICT DO NOTHING`
	if len(steps) == 0 {
		return 0, nil
	}
	seqs, data := make([]int32, len(steps)), make([]string, len(steps))
	for i, step := range steps {
		seqs[i], data[i] = int32(step.Seq), string(step.Data) //nolint:gosec // the column's type
	}
	err = s.call(ctx, "import steps", func(ctx context.Context, q querier) error {
		tag, err := q.Exec(ctx, s.SQL(insert), uuidOf(id), seqs, data)
		n = int(tag.RowsAffected())
		return err
	})
	return n, err
}

// Import is ImportTx in a transaction of its own.
func (s *Store) Import(ctx context.Context, list ...Imported) (done Imports, err error) {
	err = s.inTx(ctx, "import jobs", func(ctx context.Context, tx pgx.Tx) (err error) {
		done, err = s.importJobs(ctx, tx, list)
		return err
	})
	if err != nil {
		return Imports{}, err
	}
	s.changed(jobs.HintChanged)
	return done, nil
}

// Imports is what became of the jobs given.
type Imports struct {
	New     []jobs.ID // those that were not here
	Keyless []jobs.ID // those of them that lost their idempotency key, because another job here has it
}

// ImportTx inserts jobs that are not here yet as they stand, with their history,
// in a transaction of the caller's, in which their documents are. Times,
// attempts and budgets are kept; events keep their order and time and get new
// ids. A pending job gets its place in the queue as a row by hand does, with the
// next look of a worker, in the order of run_at. A job that is processing is
// refused: its attempt is somebody's elsewhere.
func (s *Store) ImportTx(ctx context.Context, tx pgx.Tx, list ...Imported) (Imports, error) {
	done, err := s.importJobs(ctx, tx, list)
	if err == nil && len(done.New) > 0 {
		err = s.notifyTx(ctx, tx, jobs.HintChanged)
	}
	if err != nil {
		return Imports{}, s.fail("import jobs", err)
	}
	return done, nil
}

func (s *Store) importJobs(ctx context.Context, tx pgx.Tx, list []Imported) (done Imports, err error) {
	for _, j := range list {
		if j.Status == jobs.Processing {
			return done, refuse(fmt.Errorf("import job %s: it is processing", j.ID))
		}
		born, keyless, err := s.importJob(ctx, tx, j.Job)
		if err != nil {
			return done, fmt.Errorf("job %s: %w", j.ID, err)
		}
		if !born {
			continue
		}
		done.New = append(done.New, j.ID)
		if keyless {
			done.Keyless = append(done.Keyless, j.ID)
		}
		for some := range slices.Chunk(j.History, mostInserted) {
			if _, err := insertEvents(ctx, tx, s, some...); err != nil {
				return done, fmt.Errorf("history of job %s: %w", j.ID, err)
			}
		}
	}
	return done, nil
}

// importJob inserts one row. The columns are those of jobColumns, but for the
// position.
func (s *Store) importJob(ctx context.Context, tx pgx.Tx, j jobs.Job) (born, keyless bool, err error) {
	const insert = `
		INSERT INTO jobs_schema.background_jobs (id, document_id, filename, status, progress, metadata, error,
			created_at, updated_at, started_at, completed_at, failed_at, interrupted_at, status_at,
			kind, payload, priority, run_at, attempt, failures, crashes, interruptions, cause, instance_id,
			steps_done, steps_total, recovery, error_code, owner, max_failures, max_crashes, retry_delay_ms, idempotency_key)
		VALUES ($1::uuid, $2::uuid, $3::text, $4::text, $5::integer, $6::text::jsonb, $7::text,
			$8::timestamptz, $9::timestamptz, $10::timestamptz, $11::timestamptz, $12::timestamptz, $13::timestamptz, $9::timestamptz,
			$14::text, $15::text::json, $16::integer, $17::timestamptz, $18::bigint, $19::integer, $20::integer, $21::integer, $22::text, $23::text,
			$24::integer, $25::integer, $26::text, $27::text, $28::text, $29::integer, $30::integer, $31::integer,
			(SELECT $32::text WHERE NOT EXISTS (SELECT FROM jobs_schema.background_jobs
				WHERE idempotency_key = $32::text AND coalesce(owner, '') = coalesce($28::text, '') AND idempotency_key IS NOT NULL)))
		ON CONFLICT (id) DO NOTHING
		RETURNING idempotency_key`
	metadata, err := objectOf(j.Metadata)
	if err != nil {
		return false, false, err
	}
	var key pgtype.Text
	err = tx.QueryRow(ctx, s.SQL(insert), uuidOf(j.ID), uuidOf(j.DocumentID), clean(j.Filename), string(j.Status), j.Progress, metadata, null(clean(j.Error)),
		timestamp(j.CreatedAt), timestamp(j.UpdatedAt), timestamp(j.StartedAt), timestamp(j.CompletedAt), timestamp(j.FailedAt), timestamp(j.InterruptedAt),
		j.Kind, string(j.Payload), j.Priority, timestamp(j.RunAt), j.Attempt, j.Failures, j.Crashes, j.Interruptions, null(j.Cause), null(j.InstanceID),
		j.StepsDone, j.StepsTotal, null(j.Recovery), null(clean(j.ErrorCode)), null(clean(j.Owner)),
		budget(j.MaxFailures), budget(j.MaxCrashes), budget(j.RetryDelayMS), null(clean(j.IdempotencyKey))).Scan(&key)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, false, nil
	}
	return err == nil, !key.Valid && j.IdempotencyKey != "", err
}

// objectOf returns metadata that JSONB takes. A row by hand may hold other JSON
// than an object: it is kept as the object's one value. What no text of
// PostgreSQL can hold, NUL and half a surrogate pair, becomes U+FFFD.
func objectOf(metadata json.RawMessage) (string, error) {
	text := cmp.Or(string(bytes.TrimSpace(metadata)), "{}")
	if text[0] != '{' {
		text = `{"metadata":` + text + `}`
	}
	if binaryJSON(json.RawMessage(text)) == nil {
		return text, nil
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text))) // halves of pairs become U+FFFD by reading
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return "", fmt.Errorf("metadata: %w", err)
	}
	out, err := json.Marshal(v)
	// Backslashes are written in another way first, so that each one left begins
	// an escape.
	return strings.NewReplacer(`\\`, `\u005c`, `\u0000`, `\ufffd`).Replace(string(out)), err
}

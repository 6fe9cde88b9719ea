package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// timeUnit is how finely times are kept.
const timeUnit = time.Millisecond

// Insert implements jobs.Store.
func (s *Store) Insert(ctx context.Context, list ...jobs.NewJob) ([]jobs.Job, error) {
	rows, err := checkNew(list)
	if err != nil {
		return nil, err
	}
	var inserted []jobs.Job
	err = s.do(ctx, "insert jobs", func(b *batch) (err error) {
		inserted, err = b.insert(rows)
		return err
	})
	if err != nil {
		return nil, err
	}
	return inserted, nil
}

// InsertTx is Insert in the transaction of an Update, so that jobs and what
// they are about appear together. The jobs are durable when that Update
// returns. An error must be returned from the Update's function.
func (s *Store) InsertTx(_ context.Context, tx *sql.Tx, list ...jobs.NewJob) ([]jobs.Job, error) {
	b, err := s.of(tx)
	if err != nil {
		return nil, fmt.Errorf("insert jobs: %w", err)
	}
	rows, err := checkNew(list)
	if err != nil {
		return nil, err
	}
	inserted, err := b.insert(rows)
	return inserted, plain(err)
}

// plain takes the writer's mark off a refusal.
func plain(err error) error {
	if r, ok := errors.AsType[refusal](err); ok {
		return r.error
	}
	return err
}

// checkNew checks and completes what is to be inserted. JSON is compacted, so
// that a repeat is recognised however it was written.
func checkNew(list []jobs.NewJob) ([]jobs.NewJob, error) {
	rows := make([]jobs.NewJob, len(list))
	var errs []error
	for i, n := range list {
		var err error
		if n.Kind == "" {
			errs = append(errs, fmt.Errorf("job %d: no kind", i))
		}
		if n.Payload, err = compact(n.Payload); err != nil {
			errs = append(errs, fmt.Errorf("job %d: payload: %w", i, err))
		}
		if n.Metadata, err = compact(n.Metadata); err != nil {
			errs = append(errs, fmt.Errorf("job %d: metadata: %w", i, err))
		} else if n.Metadata[0] != '{' {
			errs = append(errs, fmt.Errorf("job %d: metadata: not an object", i))
		}
		switch n.Recovery {
		case "":
			n.Recovery = jobs.RecoveryAuto
		case jobs.RecoveryAuto, jobs.RecoveryManual:
		default:
			errs = append(errs, fmt.Errorf("job %d: recovery %q is neither auto nor manual", i, n.Recovery))
		}
		if n.MaxFailures < 0 || n.MaxCrashes < 0 || n.RetryDelay < 0 {
			errs = append(errs, fmt.Errorf("job %d: MaxFailures, MaxCrashes and RetryDelay must not be negative", i))
		}
		if n.RetryDelay > 0 {
			n.RetryDelay = max(n.RetryDelay, timeUnit)
		}
		rows[i] = n
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("insert jobs: %w", errors.Join(errs...))
	}
	return rows, nil
}

func compact(raw json.RawMessage) (json.RawMessage, error) {
	if len(raw) == 0 || string(raw) == "{}" {
		return json.RawMessage(`{}`), nil
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// insert refuses before it writes anything.
func (b *batch) insert(rows []jobs.NewJob) ([]jobs.Job, error) {
	out := make([]jobs.Job, len(rows))
	isNew := make([]bool, len(rows))
	byID := map[jobs.ID]int{}
	byKey := map[[2]string]int{}
	for i, n := range rows {
		var first jobs.Job
		var found bool
		if at, ok := byID[n.ID]; ok && !n.ID.IsZero() {
			first, found = out[at], true
		} else if at, ok := byKey[[2]string{n.Owner, n.IdempotencyKey}]; ok && n.IdempotencyKey != "" {
			first, found = out[at], true
		} else {
			var err error
			if first, found, err = b.existing(n); err != nil {
				return nil, err
			}
		}
		if found {
			if first.Kind != n.Kind || !bytes.Equal(first.Payload, n.Payload) {
				return nil, refuse(fmt.Errorf("insert job %d: %w (job %s)", i, jobs.ErrKeyReused, first.ID))
			}
			out[i] = first
		} else {
			out[i], isNew[i] = b.newJob(n), true
		}
		if _, ok := byID[out[i].ID]; !ok {
			byID[out[i].ID] = i
		}
		if key := [2]string{n.Owner, n.IdempotencyKey}; n.IdempotencyKey != "" && isNew[i] {
			byKey[key] = i
		}
	}
	if err := b.insertRows(out, isNew); err != nil {
		return nil, err
	}
	var born, running []jobs.ID
	for i := range out {
		j := &out[i]
		if !isNew[i] {
			if at := byID[j.ID]; at != i && isNew[at] {
				*j = out[at]
			}
			continue
		}
		born = append(born, j.ID)
		if j.Status == jobs.Processing {
			running = append(running, j.ID)
		}
	}
	return out, b.accepted(born, running)
}

// newJob is the row as it will stand in the table.
func (b *batch) newJob(n jobs.NewJob) jobs.Job {
	now := b.now.UTC().Truncate(timeUnit)
	j := jobs.Job{
		ID: n.ID, DocumentID: n.DocumentID, Filename: n.Filename, Status: jobs.Pending, Metadata: n.Metadata,
		CreatedAt: now, UpdatedAt: now,
		Kind: n.Kind, Payload: n.Payload, Priority: n.Priority, RunAt: n.RunAt.UTC().Truncate(timeUnit),
		IdempotencyKey: n.IdempotencyKey, Recovery: n.Recovery, Owner: n.Owner,
		MaxFailures: n.MaxFailures, MaxCrashes: n.MaxCrashes, RetryDelayMS: int(n.RetryDelay.Milliseconds()),
	}
	if j.ID.IsZero() {
		j.ID = jobs.NewID()
	}
	if n.RunAt.IsZero() {
		j.RunAt = now
	}
	if n.Instance != "" {
		j.Status, j.Attempt, j.InstanceID, j.StartedAt = jobs.Processing, 1, n.Instance, now
	}
	return j
}

// insertRows writes the new ones, each owner's in a run of their own: whoever
// is placed next sees them wait.
func (b *batch) insertRows(list []jobs.Job, isNew []bool) error {
	var turns turns[*jobs.Job]
	for i := range list {
		switch j := &list[i]; {
		case !isNew[i]:
		case j.Status == jobs.Pending && !j.RunAt.After(b.now):
			turns.add(turnOf(*j), j)
		default:
			if err := b.insertRow(j); err != nil {
				return err
			}
		}
	}
	return turns.each(func(t turn, list []*jobs.Job) error {
		first, err := b.places(t, len(list))
		if err != nil {
			return err
		}
		for i, j := range list {
			j.Position = first + int64(i)
			if err := b.insertRow(j); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *batch) insertRow(j *jobs.Job) error {
	const insert = `INSERT INTO background_jobs (id, document_id, filename, status, metadata, created_at, updated_at, started_at,
			kind, payload, priority, run_at, attempt, instance_id, idempotency_key, recovery, owner, position,
			max_failures, max_crashes, retry_delay_ms)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	runAt := b.at
	if !j.RunAt.Equal(j.CreatedAt) {
		runAt = FormatTime(j.RunAt)
	}
	_, err := b.exec(insert, j.ID.String(), nullID(j.DocumentID), j.Filename, string(j.Status), string(j.Metadata), b.at, b.at, formatOptional(j.StartedAt),
		j.Kind, string(j.Payload), j.Priority, runAt, j.Attempt, null(j.InstanceID), null(j.IdempotencyKey), string(j.Recovery), null(j.Owner), positive(j.Position),
		positive(j.MaxFailures), positive(j.MaxCrashes), positive(j.RetryDelayMS))
	if isForeignKey(err) {
		return fmt.Errorf("document %s does not exist: %w", j.DocumentID, err)
	}
	return err
}

// accepted appends the history of new jobs: one statement, however many.
func (b *batch) accepted(born, running []jobs.ID) error {
	const accepted = `INSERT INTO job_events (job_id, at, event, to_status, attempt)
		SELECT value, ?1, 'accepted', 'pending', 0 FROM json_each(?2)`
	const started = `INSERT INTO job_events (job_id, at, event, from_status, to_status, instance_id, attempt)
		SELECT id, ?1, 'started', 'pending', 'processing', instance_id, attempt FROM background_jobs
		WHERE id IN (SELECT value FROM json_each(?2))`
	if len(born) == 0 {
		return nil
	}
	b.changed = true
	if _, err := b.exec(accepted, b.at, idList(born)); err != nil || len(running) == 0 {
		return err
	}
	_, err := b.exec(started, b.at, idList(running))
	return err
}

// existing finds the job that a repeated Insert means.
func (b *batch) existing(n jobs.NewJob) (jobs.Job, bool, error) {
	const byID = `SELECT ` + jobColumns + ` FROM background_jobs WHERE id = ?`
	const byKey = `SELECT ` + jobColumns + ` FROM background_jobs
		WHERE coalesce(owner, '') = ? AND idempotency_key = ? AND idempotency_key IS NOT NULL`
	var found []jobs.Job
	var err error
	if !n.ID.IsZero() {
		found, err = b.jobs(byID, n.ID.String())
	}
	if err == nil && len(found) == 0 && n.IdempotencyKey != "" {
		found, err = b.jobs(byKey, n.Owner, n.IdempotencyKey)
	}
	if err != nil || len(found) == 0 {
		return jobs.Job{}, false, err
	}
	return found[0], true, nil
}

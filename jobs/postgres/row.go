package postgres

import (
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/mivaa/mivaa/jobs"
)

// jobColumns are those of jobs.Job, in the order that scanJob reads them.
const jobColumns = `id, document_id, filename, status, progress, metadata, error,
	created_at, updated_at, started_at, completed_at, failed_at, interrupted_at,
	kind, payload, priority, run_at, attempt, failures, crashes, interruptions, cause, instance_id,
	idempotency_key, steps_done, steps_total, recovery, error_code, owner, position,
	max_failures, max_crashes, retry_delay_ms`

// jobColumnsOf returns jobColumns with the alias of their table before each, for
// statements in which a name alone would mean two things.
func jobColumnsOf(alias string) string {
	var b strings.Builder
	for i, column := range strings.Split(jobColumns, ",") {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(alias + "." + strings.TrimSpace(column))
	}
	return b.String()
}

// scanJob reads a row of jobColumns: it is what pgx.CollectRows takes.
func scanJob(row pgx.CollectableRow) (jobs.Job, error) { return scanJobAnd(row) }

// scanJobAnd reads a row of jobColumns, and what the query selects behind them.
func scanJobAnd(row pgx.CollectableRow, more ...any) (jobs.Job, error) {
	var j jobs.Job
	var reason, cause, instance, key, recovery, code, owner pgtype.Text
	var created, updated, started, completed, failed, interrupted, runAt pgtype.Timestamptz
	var position, maxFailures, maxCrashes, retryDelay pgtype.Int8
	var document pgtype.UUID
	dest := []any{
		(*[16]byte)(&j.ID), &document, &j.Filename, (*string)(&j.Status), &j.Progress, (*[]byte)(&j.Metadata), &reason,
		&created, &updated, &started, &completed, &failed, &interrupted,
		&j.Kind, (*[]byte)(&j.Payload), &j.Priority, &runAt, &j.Attempt, &j.Failures, &j.Crashes, &j.Interruptions, &cause, &instance,
		&key, &j.StepsDone, &j.StepsTotal, &recovery, &code, &owner, &position,
		&maxFailures, &maxCrashes, &retryDelay,
	}
	if err := row.Scan(append(dest, more...)...); err != nil {
		return jobs.Job{}, err
	}
	j.DocumentID = idOf(document)
	j.Error, j.Cause, j.InstanceID = reason.String, jobs.Cause(cause.String), instance.String
	j.IdempotencyKey, j.Recovery, j.ErrorCode, j.Owner = key.String, jobs.Recovery(recovery.String), code.String, owner.String
	j.CreatedAt, j.UpdatedAt, j.StartedAt = timeOf(created), timeOf(updated), timeOf(started)
	j.CompletedAt, j.FailedAt, j.InterruptedAt, j.RunAt = timeOf(completed), timeOf(failed), timeOf(interrupted), timeOf(runAt)
	j.Position, j.RetryDelayMS = position.Int64, int(retryDelay.Int64)
	j.MaxFailures, j.MaxCrashes = int(maxFailures.Int64), int(maxCrashes.Int64)
	return j, nil
}

// idOf is the zero ID for NULL.
func idOf(u pgtype.UUID) jobs.ID {
	if !u.Valid {
		return jobs.ID{}
	}
	return u.Bytes
}

// uuidOf is NULL for the zero ID.
func uuidOf(id jobs.ID) pgtype.UUID { return pgtype.UUID{Bytes: id, Valid: !id.IsZero()} }

// uuids is what $1::uuid[] takes. The zero ID is a NULL, which equals nothing.
func uuids(ids []jobs.ID) []pgtype.UUID {
	list := make([]pgtype.UUID, len(ids))
	for i, id := range ids {
		list[i] = uuidOf(id)
	}
	return list
}

// timeOf is the zero time for NULL, else in UTC.
func timeOf(t pgtype.Timestamptz) time.Time {
	if !t.Valid {
		return time.Time{}
	}
	return t.Time.UTC()
}

// timestamp is NULL for the zero time.
func timestamp(t time.Time) pgtype.Timestamptz {
	return pgtype.Timestamptz{Time: t, Valid: !t.IsZero()}
}

// null is NULL for empty text.
func null[T ~string](s T) pgtype.Text { return pgtype.Text{String: string(s), Valid: s != ""} }

// clean makes text for people storable: PostgreSQL takes neither a NUL nor what
// is not UTF-8.
func clean(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "")
}

package documents

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/mivaa/mivaa/jobs"
)

const postgresDeliveries = `
-- What a submission asked for beside being read.
CREATE TABLE jobs_schema.job_requests (
	job_id       UUID PRIMARY KEY,
	callback_url TEXT,
	trace_parent TEXT,
	created_at   TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE jobs_schema.webhook_deliveries (
	id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	job_id       UUID NOT NULL,
	document_id  UUID REFERENCES jobs_schema.documents (id) ON DELETE SET NULL, -- what is to be sent outlives it
	event        TEXT NOT NULL CHECK (event IN ('job.completed', 'job.failed', 'job.interrupted')),
	payload      JSON NOT NULL CHECK (json_typeof(payload) = 'object'),
	url          TEXT NOT NULL,
	status       TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'given_up')),
	attempts     INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
	next_at      TIMESTAMPTZ NOT NULL DEFAULT now(),
	last_error   TEXT,
	last_status  INTEGER,
	created_at   TIMESTAMPTZ NOT NULL DEFAULT now(),
	delivered_at TIMESTAMPTZ
);

CREATE INDEX webhook_deliveries_due ON jobs_schema.webhook_deliveries (next_at) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_over ON jobs_schema.webhook_deliveries (created_at) WHERE status <> 'pending';
CREATE INDEX webhook_deliveries_by_job ON jobs_schema.webhook_deliveries (job_id, id);
CREATE INDEX webhook_deliveries_by_document ON jobs_schema.webhook_deliveries (document_id) WHERE document_id IS NOT NULL;

-- As triggers, because there are many ways for a job to end, recovery and
-- people's SQL among them.
CREATE FUNCTION jobs_schema.job_requests_told() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	address TEXT;
BEGIN
	SELECT callback_url INTO address FROM jobs_schema.job_requests WHERE job_id OPERATOR(pg_catalog.=) NEW.id;
	IF address IS NULL THEN
		RETURN NULL;
	END IF;
	INSERT INTO jobs_schema.webhook_deliveries (job_id, document_id, event, payload, url)
	VALUES (NEW.id, NEW.document_id, pg_catalog.concat('job.', NEW.status), pg_catalog.json_build_object(
			'job_id', NEW.id, 'document_id', NEW.document_id, 'filename', NEW.filename, 'status', NEW.status,
			'error', NEW.error, 'error_code', NEW.error_code, 'cause', NEW.cause,
			'progress', NEW.progress, 'steps_done', NEW.steps_done, 'steps_total', NEW.steps_total,
			'occurred_at', pg_catalog.to_char(pg_catalog.timezone('UTC', coalesce(
				CASE NEW.status WHEN 'completed' THEN NEW.completed_at WHEN 'failed' THEN NEW.failed_at ELSE NEW.interrupted_at END,
				pg_catalog.now())), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')),
		address);
	RETURN NULL;
END $$;

CREATE TRIGGER job_requests_told AFTER UPDATE OF status, cause ON jobs_schema.background_jobs FOR EACH ROW
WHEN (NEW.status IN ('completed', 'failed', 'interrupted')
	AND (OLD.status <> NEW.status OR NEW.status = 'interrupted' AND OLD.cause IS DISTINCT FROM NEW.cause))
EXECUTE FUNCTION jobs_schema.job_requests_told();

CREATE FUNCTION jobs_schema.job_requests_deleted() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	DELETE FROM jobs_schema.job_requests WHERE job_id = OLD.id;
	RETURN NULL;
END $$;

CREATE TRIGGER job_requests_deleted AFTER DELETE ON jobs_schema.background_jobs FOR EACH ROW
EXECUTE FUNCTION jobs_schema.job_requests_deleted();
`

func postgresScanDelivery(row pgx.CollectableRow) (Delivery, error) {
	var d Delivery
	var document pgtype.UUID
	var why pgtype.Text
	var status pgtype.Int4
	var delivered pgtype.Timestamptz
	err := row.Scan(&d.ID, (*[16]byte)(&d.JobID), &document, &d.Event, (*[]byte)(&d.Payload), &d.URL, &d.Status, &d.Attempts,
		&d.NextAt, &why, &status, &d.CreatedAt, &delivered)
	if document.Valid {
		d.DocumentID = document.Bytes
	}
	d.NextAt, d.CreatedAt = d.NextAt.UTC(), d.CreatedAt.UTC()
	d.LastError, d.LastStatus = why.String, int(status.Int32)
	if delivered.Valid {
		d.DeliveredAt = delivered.Time.UTC()
	}
	return d, err
}

// insertRequest records what a submission asks for beside its job.
func (s *Postgres) insertRequest(ctx context.Context, tx pgx.Tx, sub Submission, job jobs.ID) error {
	if !sub.asksMore() {
		return nil
	}
	_, err := s.exec(ctx, tx, `
INSERT INTO jobs_schema.job_requests (job_id, callback_url, trace_parent) VALUES ($1::uuid, nullif($2::text, ''), nullif($3::text, ''))`,
		pgUUID(job), sub.Callback, sub.TraceParent)
	return err
}

// register has a job that is not at its end told to a callback, and returns
// false if it is, or another callback is told of it. The job cannot end before
// this is committed: its trigger sees it.
func (s *Postgres) register(ctx context.Context, job jobs.ID, callback string) (bool, error) {
	var told []string
	err := s.update(ctx, func(ctx context.Context, tx pgx.Tx) (err error) {
		told, err = pgQuery(ctx, s, tx, pgx.RowTo[string], `
WITH alive AS MATERIALIZED (SELECT id FROM jobs_schema.background_jobs WHERE id = $1::uuid AND `+postgresLive+` FOR SHARE)
INSERT INTO jobs_schema.job_requests (job_id, callback_url) SELECT id, $2::text FROM alive
ON CONFLICT (job_id) DO UPDATE SET callback_url = coalesce(job_requests.callback_url, excluded.callback_url)
RETURNING callback_url`, pgUUID(job), callback)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("register callback of job %s: %w", job, err)
	}
	return len(told) == 1 && told[0] == callback, nil
}

// copyCallback has a job told to whom another is.
func (s *Postgres) copyCallback(ctx context.Context, tx pgx.Tx, from, to jobs.ID) error {
	_, err := s.exec(ctx, tx, `
INSERT INTO jobs_schema.job_requests (job_id, callback_url)
SELECT $2::uuid, callback_url FROM jobs_schema.job_requests WHERE job_id = $1::uuid AND callback_url IS NOT NULL`, pgUUID(from), pgUUID(to))
	return err
}

// TraceParent implements Store.
func (s *Postgres) TraceParent(ctx context.Context, job jobs.ID) (string, error) {
	trace, err := pgReadOne(ctx, s, "read the trace of job "+job.String(), pgx.RowTo[string],
		`SELECT coalesce(trace_parent, '') FROM jobs_schema.job_requests WHERE job_id = $1::uuid`, pgUUID(job))
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return trace, err
}

// DueDeliveries implements Store.
func (s *Postgres) DueDeliveries(ctx context.Context, limit int, hold time.Duration, busy ...string) ([]Delivery, error) {
	taken, err := pgRead(ctx, s, "take deliveries", postgresScanDelivery, `
WITH due AS MATERIALIZED (
	SELECT id FROM jobs_schema.webhook_deliveries WHERE status = 'pending' AND next_at <= now()
		AND NOT EXISTS (SELECT 1 FROM unnest($3::text[]) AS b (origin) WHERE left(url, length(b.origin)) = b.origin)
	ORDER BY next_at LIMIT $1::bigint FOR UPDATE SKIP LOCKED)
UPDATE jobs_schema.webhook_deliveries SET attempts = attempts + 1, next_at = now() + $2::interval
WHERE id IN (SELECT id FROM due) RETURNING `+deliveryColumns, deliveryLimit(limit), max(hold, 0), append([]string{}, busy...))
	slices.SortFunc(taken, func(a, b Delivery) int { return cmp.Compare(a.ID, b.ID) })
	return taken, err
}

// Delivered implements Store.
func (s *Postgres) Delivered(ctx context.Context, id int64, attempt int) error {
	return s.settle(ctx, id, `
UPDATE jobs_schema.webhook_deliveries SET status = 'delivered', last_error = NULL, last_status = NULL, delivered_at = coalesce(delivered_at, now())
WHERE id = $1::bigint AND attempts >= $2::integer AND attempts > 0 RETURNING id`, id, attempt)
}

// DeliveryFailed implements Store.
func (s *Postgres) DeliveryFailed(ctx context.Context, id int64, attempt, status int, why string, next time.Duration, giveUp bool) error {
	return s.settle(ctx, id, `
UPDATE jobs_schema.webhook_deliveries SET status = CASE WHEN $5::boolean THEN 'given_up' ELSE 'pending' END,
	last_error = $3::text, last_status = nullif($4::integer, 0), next_at = now() + $6::interval
WHERE id = $1::bigint AND attempts = $2::integer AND status = 'pending' RETURNING id`, id, attempt, cleanReason(why), status, giveUp, max(next, 0))
}

// DeliveryStopped implements Store.
func (s *Postgres) DeliveryStopped(ctx context.Context, id int64, attempt int, why string) error {
	return s.settle(ctx, id, `
UPDATE jobs_schema.webhook_deliveries SET attempts = attempts - 1, last_error = $3::text, last_status = NULL, next_at = now()
WHERE id = $1::bigint AND attempts = $2::integer AND attempts > 0 AND status = 'pending' RETURNING id`, id, attempt, cleanReason(why))
}

// settle writes how an attempt ended.
func (s *Postgres) settle(ctx context.Context, id int64, stmt string, args ...any) error {
	op := fmt.Sprintf("record delivery %d", id)
	_, err := pgReadOne(ctx, s, op, pgx.RowTo[int64], stmt, args...)
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("%s: %w", op, jobs.ErrLeaseLost)
	}
	return err
}

// Deliveries implements Store.
func (s *Postgres) Deliveries(ctx context.Context, job jobs.ID, limit int) ([]Delivery, error) {
	stmt, args := `SELECT `+deliveryColumns+` FROM jobs_schema.webhook_deliveries WHERE job_id = $2::uuid ORDER BY id DESC LIMIT $1::bigint`, []any{deliveryLimit(limit), pgUUID(job)}
	if job.IsZero() {
		stmt, args = `SELECT `+deliveryColumns+` FROM jobs_schema.webhook_deliveries ORDER BY id DESC LIMIT $1::bigint`, args[:1]
	}
	return pgRead(ctx, s, "read deliveries", postgresScanDelivery, stmt, args...)
}

// dropDeliveries deletes those that are over and old, some at a time. Processes
// that do it at the same time share them.
func (s *Postgres) dropDeliveries(ctx context.Context) error {
	for {
		gone, err := pgRead(ctx, s, "delete old deliveries", pgx.RowTo[int64], `
DELETE FROM jobs_schema.webhook_deliveries WHERE id IN (
	SELECT id FROM jobs_schema.webhook_deliveries WHERE status <> 'pending' AND created_at < now() - $1::interval
	LIMIT $2::bigint FOR UPDATE SKIP LOCKED) RETURNING id`, keptDeliveries, deliveriesDeletedAtOnce)
		if err != nil || len(gone) < deliveriesDeletedAtOnce {
			return err
		}
	}
}

// restoreTold inserts what was asked for and told of a document's jobs.
func (s *Postgres) restoreTold(ctx context.Context, tx pgx.Tx, f Full) error {
	for _, r := range f.Requests {
		_, err := s.exec(ctx, tx, `
INSERT INTO jobs_schema.job_requests (job_id, callback_url, trace_parent, created_at)
VALUES ($1::uuid, nullif($2::text, ''), nullif($3::text, ''), $4::timestamptz) ON CONFLICT (job_id) DO NOTHING`,
			pgUUID(r.JobID), r.Callback, r.TraceParent, r.CreatedAt)
		if err != nil {
			return err
		}
	}
	for _, d := range f.Deliveries {
		_, err := s.exec(ctx, tx, `
INSERT INTO jobs_schema.webhook_deliveries (job_id, document_id, event, payload, url, status, attempts, next_at, last_error, last_status, created_at, delivered_at)
VALUES ($1::uuid, $2::uuid, $3::text, $4::json, $5::text, $6::text, $7::integer, $8::timestamptz, nullif($9::text, ''), nullif($10::integer, 0),
	$11::timestamptz, $12::timestamptz)`,
			pgUUID(d.JobID), pgUUID(f.ID), d.Event, string(d.Payload), d.URL, d.Status, d.Attempts, d.NextAt, d.LastError, d.LastStatus,
			d.CreatedAt, pgtype.Timestamptz{Time: d.DeliveredAt, Valid: !d.DeliveredAt.IsZero()})
		if err != nil {
			return err
		}
	}
	return nil
}

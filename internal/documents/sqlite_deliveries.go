package documents

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/sqlite"
)

const sqliteDeliveries = `
-- What a submission asked for beside being read.
CREATE TABLE job_requests (
	job_id       TEXT PRIMARY KEY NOT NULL,
	callback_url TEXT,
	trace_parent TEXT,
	created_at   TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
) STRICT, WITHOUT ROWID;

CREATE TABLE webhook_deliveries (
	id           INTEGER PRIMARY KEY AUTOINCREMENT,
	job_id       TEXT NOT NULL,
	document_id  TEXT REFERENCES documents (id) ON DELETE SET NULL, -- what is to be sent outlives it
	event        TEXT NOT NULL CHECK (event IN ('job.completed', 'job.failed', 'job.interrupted')),
	payload      TEXT NOT NULL CHECK (json_type(payload) = 'object'),
	url          TEXT NOT NULL,
	status       TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'given_up')),
	attempts     INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
	next_at      TEXT NOT NULL,
	last_error   TEXT,
	last_status  INTEGER,
	created_at   TEXT NOT NULL,
	delivered_at TEXT
) STRICT;

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_at) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_over ON webhook_deliveries (created_at) WHERE status <> 'pending';
CREATE INDEX webhook_deliveries_by_job ON webhook_deliveries (job_id);
CREATE INDEX webhook_deliveries_by_document ON webhook_deliveries (document_id) WHERE document_id IS NOT NULL;

-- As triggers, because there are many ways for a job to end, recovery and
-- people's SQL among them. The request is looked for before the rest is begun:
-- most jobs have none.
CREATE TRIGGER job_requests_told AFTER UPDATE OF status, cause ON background_jobs
WHEN new.status IN ('completed', 'failed', 'interrupted')
	AND (old.status <> new.status OR new.status = 'interrupted' AND old.cause IS NOT new.cause)
	AND EXISTS (SELECT 1 FROM job_requests WHERE job_id = new.id AND callback_url IS NOT NULL)
BEGIN
	INSERT INTO webhook_deliveries (job_id, document_id, event, payload, url, next_at, created_at)
	SELECT new.id, new.document_id, 'job.' || new.status, json_object(
			'job_id', new.id, 'document_id', new.document_id, 'filename', new.filename, 'status', new.status,
			'error', new.error, 'error_code', new.error_code, 'cause', new.cause,
			'progress', new.progress, 'steps_done', new.steps_done, 'steps_total', new.steps_total,
			'occurred_at', strftime('%Y-%m-%dT%H:%M:%fZ', coalesce(
				CASE new.status WHEN 'completed' THEN new.completed_at WHEN 'failed' THEN new.failed_at ELSE new.interrupted_at END, 'now'))),
		callback_url, strftime('%Y-%m-%d %H:%M:%f', 'now'), strftime('%Y-%m-%d %H:%M:%f', 'now')
	FROM job_requests WHERE job_id = new.id AND callback_url IS NOT NULL;
END;

CREATE TRIGGER job_requests_deleted AFTER DELETE ON background_jobs
BEGIN
	DELETE FROM job_requests WHERE job_id = old.id;
END;
`

// deliveryColumns are those of a Delivery, in the order that scanDelivery reads
// them.
const deliveryColumns = `id, job_id, document_id, event, payload, url, status, attempts, next_at, last_error, last_status, created_at, delivered_at`

func scanDelivery(row scanner) (Delivery, error) {
	var d Delivery
	var job, payload, next, created string
	var document, why, delivered sql.NullString
	var status sql.NullInt64
	err := row.Scan(&d.ID, &job, &document, &d.Event, &payload, &d.URL, &d.Status, &d.Attempts, &next, &why, &status, &created, &delivered)
	if err != nil {
		return d, err
	}
	d.Payload, d.LastError, d.LastStatus = []byte(payload), why.String, int(status.Int64)
	var errs [5]error
	d.JobID, errs[0] = jobs.ParseID(job)
	if document.Valid {
		d.DocumentID, errs[1] = jobs.ParseID(document.String)
	}
	d.NextAt, errs[2] = sqlite.ParseTime(next)
	d.CreatedAt, errs[3] = sqlite.ParseTime(created)
	d.DeliveredAt, errs[4] = sqlite.ParseTime(delivered.String)
	if err := errors.Join(errs[:]...); err != nil {
		return d, fmt.Errorf("delivery %d: %w: %w", d.ID, errUnreadable, err)
	}
	return d, nil
}

// insertRequest records what a submission asks for beside its job.
func insertRequest(ctx context.Context, tx *sql.Tx, sub Submission, job jobs.ID) error {
	if !sub.asksMore() {
		return nil
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO job_requests (job_id, callback_url, trace_parent) VALUES (?, nullif(?, ''), nullif(?, ''))`,
		job.String(), sub.Callback, sub.TraceParent)
	return err
}

// register has a job that is not at its end told to a callback, and returns
// false if it is, or another callback is told of it.
func (s *SQLite) register(ctx context.Context, job jobs.ID, callback string) (bool, error) {
	var told []string
	err := s.update(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		told, err = query(ctx, tx, scanText, `
INSERT INTO job_requests (job_id, callback_url) SELECT id, ?2 FROM background_jobs WHERE id = ?1 AND `+live+`
ON CONFLICT (job_id) DO UPDATE SET callback_url = coalesce(job_requests.callback_url, excluded.callback_url)
RETURNING callback_url`, job.String(), callback)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("register callback of job %s: %w", job, err)
	}
	return len(told) == 1 && told[0] == callback, nil
}

// copyCallback has a job told to whom another is.
func copyCallback(ctx context.Context, tx *sql.Tx, from, to jobs.ID) error {
	_, err := tx.ExecContext(ctx, `
INSERT INTO job_requests (job_id, callback_url)
SELECT ?2, callback_url FROM job_requests WHERE job_id = ?1 AND callback_url IS NOT NULL`, from.String(), to.String())
	return err
}

// TraceParent implements Store.
func (s *SQLite) TraceParent(ctx context.Context, job jobs.ID) (string, error) {
	var trace string
	err := s.db.Reader().QueryRowContext(ctx, `SELECT coalesce(trace_parent, '') FROM job_requests WHERE job_id = ?`, job.String()).Scan(&trace)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return trace, s.explain("read the trace of job "+job.String(), err)
}

// DueDeliveries implements Store. As a rule nothing is due, and nothing is
// written.
func (s *SQLite) DueDeliveries(ctx context.Context, limit int, hold time.Duration, busy ...string) ([]Delivery, error) {
	const due = `SELECT id FROM webhook_deliveries WHERE status = 'pending' AND next_at <= strftime('%Y-%m-%d %H:%M:%f', 'now')
	AND NOT EXISTS (SELECT 1 FROM json_each(?1) WHERE substr(url, 1, length(value)) = value) ORDER BY next_at LIMIT `
	const op = "take deliveries"
	passed, err := json.Marshal(append([]string{}, busy...)) // [], not null
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	var one int64
	err = s.db.Reader().QueryRowContext(ctx, due+`1`, string(passed)).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, s.explain(op, err)
	}
	var taken []Delivery
	err = s.update(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		taken, err = query(ctx, tx, scanDelivery, `
UPDATE webhook_deliveries SET attempts = attempts + 1, next_at = `+later("?2")+`
WHERE id IN (`+due+`?3) RETURNING `+deliveryColumns, string(passed), seconds(hold), deliveryLimit(limit))
		return err
	})
	if err != nil {
		return nil, s.explain(op, err)
	}
	return taken, nil
}

// later is the time that lies a number of seconds ahead.
func later(mark string) string {
	return `strftime('%Y-%m-%d %H:%M:%f', 'now', ` + mark + ` || ' seconds')`
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", max(d, 0).Seconds()) }

// Delivered implements Store.
func (s *SQLite) Delivered(ctx context.Context, id int64, attempt int) error {
	return s.settle(ctx, id, `
UPDATE webhook_deliveries SET status = 'delivered', last_error = NULL, last_status = NULL,
	delivered_at = coalesce(delivered_at, strftime('%Y-%m-%d %H:%M:%f', 'now'))
WHERE id = ? AND attempts >= ? AND attempts > 0`, id, attempt)
}

// DeliveryFailed implements Store.
func (s *SQLite) DeliveryFailed(ctx context.Context, id int64, attempt, status int, why string, next time.Duration, giveUp bool) error {
	return s.settle(ctx, id, `
UPDATE webhook_deliveries SET status = CASE WHEN ?5 THEN 'given_up' ELSE 'pending' END, last_error = ?3, last_status = nullif(?4, 0),
	next_at = `+later("?6")+`
WHERE id = ?1 AND attempts = ?2 AND status = 'pending'`, id, attempt, cleanReason(why), status, giveUp, seconds(next))
}

// DeliveryStopped implements Store.
func (s *SQLite) DeliveryStopped(ctx context.Context, id int64, attempt int, why string) error {
	return s.settle(ctx, id, `
UPDATE webhook_deliveries SET attempts = attempts - 1, last_error = ?3, last_status = NULL, next_at = strftime('%Y-%m-%d %H:%M:%f', 'now')
WHERE id = ?1 AND attempts = ?2 AND attempts > 0 AND status = 'pending'`, id, attempt, cleanReason(why))
}

// settle writes how an attempt ended.
func (s *SQLite) settle(ctx context.Context, id int64, stmt string, args ...any) error {
	err := s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, stmt, args...)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); n > 0 || err != nil {
			return err
		}
		return jobs.ErrLeaseLost
	})
	if err != nil {
		return fmt.Errorf("record delivery %d: %w", id, err)
	}
	return nil
}

// Deliveries implements Store.
func (s *SQLite) Deliveries(ctx context.Context, job jobs.ID, limit int) ([]Delivery, error) {
	stmt, args := `SELECT `+deliveryColumns+` FROM webhook_deliveries WHERE job_id = ? ORDER BY id DESC LIMIT ?`, []any{job.String(), deliveryLimit(limit)}
	if job.IsZero() {
		stmt, args = `SELECT `+deliveryColumns+` FROM webhook_deliveries ORDER BY id DESC LIMIT ?`, args[1:]
	}
	found, err := query(ctx, s.db.Reader(), scanDelivery, stmt, args...)
	return found, s.explain("read deliveries", err)
}

// dropDeliveries deletes those that are over and old, some at a time.
func (s *SQLite) dropDeliveries(ctx context.Context) error {
	for {
		var n int64
		err := s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
			done, err := tx.ExecContext(ctx, `
DELETE FROM webhook_deliveries WHERE id IN (
	SELECT id FROM webhook_deliveries WHERE status <> 'pending' AND created_at < `+later("?1")+` LIMIT ?2)`,
				fmt.Sprintf("%.0f", -keptDeliveries.Seconds()), deliveriesDeletedAtOnce)
			if err != nil {
				return err
			}
			n, err = done.RowsAffected()
			return err
		})
		if err != nil || n < deliveriesDeletedAtOnce {
			return err
		}
	}
}

// told adds to a document what was asked for and told of its jobs.
func (s *SQLite) told(ctx context.Context, f *Full) (err error) {
	f.Requests, err = query(ctx, s.db.Reader(), scanRequest, `
SELECT job_id, coalesce(callback_url, ''), coalesce(trace_parent, ''), created_at FROM job_requests
WHERE job_id IN (SELECT id FROM background_jobs WHERE document_id = ?) ORDER BY job_id`, f.ID.String())
	if err != nil {
		return err
	}
	f.Deliveries, err = query(ctx, s.db.Reader(), scanDelivery, `
SELECT `+deliveryColumns+` FROM webhook_deliveries WHERE document_id = ? ORDER BY id`, f.ID.String())
	return err
}

func scanRequest(row scanner) (Request, error) {
	var r Request
	var job, created string
	if err := row.Scan(&job, &r.Callback, &r.TraceParent, &created); err != nil {
		return r, err
	}
	var errs [2]error
	r.JobID, errs[0] = jobs.ParseID(job)
	r.CreatedAt, errs[1] = sqlite.ParseTime(created)
	if err := errors.Join(errs[:]...); err != nil {
		return r, fmt.Errorf("request of job %.40q: %w: %w", job, errUnreadable, err)
	}
	return r, nil
}

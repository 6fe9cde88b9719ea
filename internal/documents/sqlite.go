package documents

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/sqlite"
)

// SQLite is the Store beside the jobs of an SQLite store.
type SQLite struct {
	db *sqlite.Store
}

// NewSQLite makes the tables of this package, or brings them up to date, in a
// store that stays the caller's to close.
func NewSQLite(ctx context.Context, db *sqlite.Store) (*SQLite, error) {
	if err := db.Migrate(ctx, "documents", sqliteSchema()); err != nil {
		return nil, err // it says what it was doing
	}
	return &SQLite{db: db}, nil
}

// sqliteSchema is a list of migrations. Those that were shipped are never changed;
// new ones are added at the end.
func sqliteSchema() []string {
	return []string{`
ALTER TABLE documents ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE documents ADD COLUMN filename TEXT NOT NULL DEFAULT '';
ALTER TABLE documents ADD COLUMN source_sha256 TEXT CHECK (length(source_sha256) = 64);
ALTER TABLE documents ADD COLUMN source_size INTEGER NOT NULL DEFAULT 0 CHECK (source_size >= 0);
ALTER TABLE documents ADD COLUMN media_type TEXT NOT NULL DEFAULT 'application/pdf';
ALTER TABLE documents ADD COLUMN metadata TEXT NOT NULL DEFAULT '{}' CHECK (json_type(metadata) = 'object');
ALTER TABLE documents ADD COLUMN options TEXT NOT NULL DEFAULT '{}' CHECK (json_type(options) = 'object');
ALTER TABLE documents ADD COLUMN facts TEXT NOT NULL DEFAULT '{}' CHECK (json_type(facts) = 'object');
ALTER TABLE documents ADD COLUMN profile TEXT CHECK (profile IS NULL OR json_valid(profile));
ALTER TABLE documents ADD COLUMN record_key TEXT;  -- of owner, source and options that change a record
ALTER TABLE documents ADD COLUMN dedup_key TEXT;   -- the record_key while the document answers for it
ALTER TABLE documents ADD COLUMN created_at TEXT  -- set by the trigger below: ALTER TABLE takes no computed default
	CONSTRAINT created_at_is_a_time CHECK (created_at IS NULL OR ifnull(julianday(created_at), 0) >= 1721059.5);
ALTER TABLE documents ADD COLUMN updated_at TEXT
	CONSTRAINT updated_at_is_a_time CHECK (updated_at IS NULL OR ifnull(julianday(updated_at), 0) >= 1721059.5);

UPDATE documents SET created_at = strftime('%Y-%m-%d %H:%M:%f', 'now'), updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now');
-- Times by hand may have any form that SQLite reads; they are kept in one.
CREATE TRIGGER documents_times AFTER INSERT ON documents
WHEN coalesce(new.created_at, '') NOT LIKE '____-__-__ __:__:__.___' OR coalesce(new.updated_at, '') NOT LIKE '____-__-__ __:__:__.___'
BEGIN
	UPDATE documents SET
		created_at = strftime('%Y-%m-%d %H:%M:%f', coalesce(created_at, 'now')),
		updated_at = strftime('%Y-%m-%d %H:%M:%f', coalesce(updated_at, created_at, 'now'))
	WHERE id = new.id;
END;
CREATE TRIGGER documents_times_changed AFTER UPDATE OF created_at, updated_at ON documents
WHEN coalesce(new.created_at, '') NOT LIKE '____-__-__ __:__:__.___' OR coalesce(new.updated_at, '') NOT LIKE '____-__-__ __:__:__.___'
BEGIN
	UPDATE documents SET
		created_at = strftime('%Y-%m-%d %H:%M:%f', coalesce(created_at, 'now')),
		updated_at = strftime('%Y-%m-%d %H:%M:%f', coalesce(updated_at, created_at, 'now'))
	WHERE id = new.id;
END;

CREATE UNIQUE INDEX documents_dedup_key ON documents (dedup_key) WHERE dedup_key IS NOT NULL;
CREATE INDEX documents_created_at ON documents (created_at, id);
CREATE INDEX documents_updated_at ON documents (updated_at);
CREATE INDEX documents_source ON documents (source_sha256);

-- The failed pages of a job are found without reading its records. The length
-- comes first: it spares parsing records that are too long for a failed page,
-- which holds no text.
CREATE INDEX job_steps_failed ON job_steps (job_id, seq) WHERE ` + failedPage + `;

CREATE TABLE document_secrets (
	document_id TEXT PRIMARY KEY REFERENCES documents (id) ON DELETE CASCADE,
	password    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Jobs whose steps were a document's content before and are still to be deleted.
CREATE TABLE document_replaced (
	job_id      TEXT PRIMARY KEY NOT NULL,
	document_id TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX document_replaced_by_document ON document_replaced (document_id);

CREATE TRIGGER documents_deleted_replaced BEFORE DELETE ON documents
BEGIN
	DELETE FROM job_steps WHERE job_id IN (SELECT job_id FROM document_replaced WHERE document_id = old.id);
	DELETE FROM document_replaced WHERE document_id = old.id;
END;

-- Content that is not complete any more (its job is restarted) has no profile.
CREATE TRIGGER documents_unpublished AFTER UPDATE OF content_job_id ON documents
WHEN new.content_job_id IS NULL AND new.profile IS NOT NULL
BEGIN
	UPDATE documents SET profile = NULL WHERE id = new.id;
END;

-- Where a document's content is: the content job, or the newest job that has
-- recorded something.
CREATE VIEW document_content AS
SELECT d.id AS document_id,
	coalesce(d.content_job_id, (
		SELECT j.id FROM background_jobs j WHERE j.document_id = d.id
		ORDER BY j.steps_done > 0 DESC, j.created_at DESC, j.id DESC LIMIT 1)) AS job_id,
	d.content_job_id IS NOT NULL AS complete
FROM documents d;

CREATE VIEW document_pages AS
SELECT c.document_id, s.job_id,
	s.data ->> '$.page_number' AS page_number,
	s.data ->> '$.status' AS status,
	s.data ->> '$.text' AS text
FROM document_content c JOIN job_steps s ON s.job_id = c.job_id;

-- A document whose job failed or was cancelled before it had content does not
-- answer for its bytes any more: the next submit makes a new one. As triggers,
-- because there are many ways for a job to end, recovery and people's SQL among
-- them. Another job of the document that is still alive keeps it.
CREATE TRIGGER documents_released AFTER UPDATE OF status, cause ON background_jobs
WHEN new.document_id IS NOT NULL AND (new.status = 'failed' OR new.status = 'interrupted' AND new.cause = 'cancelled')
BEGIN
	UPDATE documents SET dedup_key = NULL
	WHERE id = new.document_id AND dedup_key IS NOT NULL AND content_job_id IS NULL AND ` + noLiveJob("new.document_id") + `;
END;

-- One that is put back by a person answers again, unless another does by now.
CREATE TRIGGER documents_taken_up AFTER UPDATE OF status ON background_jobs
WHEN new.status = 'pending' AND old.status IN ('failed', 'interrupted') AND new.document_id IS NOT NULL
BEGIN
	UPDATE documents SET dedup_key = record_key
	WHERE id = new.document_id AND dedup_key IS NULL
		AND NOT EXISTS (SELECT 1 FROM documents AS o WHERE o.dedup_key = documents.record_key);
END;

CREATE TRIGGER documents_abandoned AFTER DELETE ON background_jobs WHEN old.document_id IS NOT NULL
BEGIN
	UPDATE documents SET dedup_key = NULL
	WHERE id = old.document_id AND dedup_key IS NOT NULL AND content_job_id IS NULL AND ` + noLiveJob("old.document_id") + `;
END;
`, sqliteDeliveries, `
-- An owner's documents are listed without reading everybody's.
CREATE INDEX documents_by_owner ON documents (owner, created_at, id);
`}
}

// live is the condition that a job of background_jobs is not at its end: it
// runs, waits to, or may be resumed by other than a person's change of mind.
const live = `(status IN ('pending', 'processing') OR status = 'interrupted' AND coalesce(cause, '') <> 'cancelled')`

func noLiveJob(document string) string {
	return `NOT EXISTS (SELECT 1 FROM background_jobs WHERE document_id = ` + document + ` AND ` + live + `)`
}

// failedPage is the condition that a step of job_steps is the record of a page
// that could not be read. Steps of other kinds of job may be no JSON.
const failedPage = `length(CAST(data AS BLOB)) < 8192 AND json_valid(data) AND data ->> '$.status' = 'failed'`

// columns of a Document, in the order that scan reads them.
const columns = `id, content_job_id, owner, filename, source_sha256, source_size, media_type, metadata, options, facts, profile, created_at, updated_at`

func scan(row scanner) (Document, error) {
	var (
		d                        Document
		id, created, updated     string
		content, source          sql.NullString
		metadata, options, facts string
		profile                  sql.NullString
	)
	err := row.Scan(&id, &content, &d.Owner, &d.Filename, &source, &d.SourceSize, &d.MediaType,
		&metadata, &options, &facts, &profile, &created, &updated)
	if errors.Is(err, sql.ErrNoRows) {
		return d, ErrNotFound
	}
	if err != nil {
		return d, err
	}
	d.SourceSHA256 = source.String
	d.Metadata, d.Options, d.Facts = []byte(metadata), []byte(options), []byte(facts)
	if profile.Valid {
		d.Profile = []byte(profile.String)
	}
	var errs [4]error
	d.ID, errs[0] = jobs.ParseID(id)
	if content.Valid {
		d.ContentJobID, errs[1] = jobs.ParseID(content.String)
	}
	d.CreatedAt, errs[2] = sqlite.ParseTime(created)
	d.UpdatedAt, errs[3] = sqlite.ParseTime(updated)
	if err := errors.Join(errs[:]...); err != nil {
		return d, fmt.Errorf("document %.40q: %w: %w", id, errUnreadable, err)
	}
	return d, nil
}

// update runs fn in the store's transaction. What has begun is not cut short
// when ctx ends: the caller learns what happened.
func (s *SQLite) update(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error { return fn(context.WithoutCancel(ctx), tx) })
}

// explain says of an error of the database what was tried and what to do; those
// with a meaning of their own stay what they are.
func (s *SQLite) explain(op string, err error) error {
	if errors.Is(err, ErrNotFound) || errors.Is(err, jobs.ErrUnavailable) || errors.Is(err, errUnreadable) {
		return fmt.Errorf("%s: %w", op, err)
	}
	return s.db.Explain(op, err)
}

// marks returns n placeholders.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }

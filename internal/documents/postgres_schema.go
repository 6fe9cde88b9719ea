package documents

// postgresSchema is a list of migrations. Those that were shipped are never
// changed; new ones are added at the end. Functions name all that is ours with
// its schema, and look for the rest in pg_catalog alone.
func postgresSchema() []string {
	return []string{`
ALTER TABLE jobs_schema.documents
	ADD COLUMN owner         TEXT NOT NULL DEFAULT '',
	ADD COLUMN filename      TEXT NOT NULL DEFAULT '',
	ADD COLUMN source_sha256 TEXT CHECK (length(source_sha256) = 64),
	ADD COLUMN source_size   BIGINT NOT NULL DEFAULT 0 CHECK (source_size >= 0),
	ADD COLUMN media_type    TEXT NOT NULL DEFAULT 'application/pdf',
	ADD COLUMN metadata      JSONB NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
	ADD COLUMN options       JSON NOT NULL DEFAULT '{}' CHECK (json_typeof(options) = 'object'), -- kept byte for byte, as the payload of its jobs
	ADD COLUMN facts         JSON NOT NULL DEFAULT '{}' CHECK (json_typeof(facts) = 'object'),   -- JSON: a PDF's own words may hold NUL
	ADD COLUMN profile       JSON,
	ADD COLUMN record_key    TEXT, -- of owner, source and options that change a record
	ADD COLUMN dedup_key     TEXT, -- the record_key while the document answers for it
	ADD COLUMN created_at    TIMESTAMPTZ NOT NULL DEFAULT now()
		CONSTRAINT created_at_is_a_time CHECK (created_at BETWEEN TIMESTAMPTZ '0001-01-02 00:00+00' AND TIMESTAMPTZ '9999-12-30 00:00+00'),
	ADD COLUMN updated_at    TIMESTAMPTZ NOT NULL DEFAULT now()
		CONSTRAINT updated_at_is_a_time CHECK (updated_at BETWEEN TIMESTAMPTZ '0001-01-02 00:00+00' AND TIMESTAMPTZ '9999-12-30 00:00+00');

CREATE UNIQUE INDEX documents_dedup_key ON jobs_schema.documents (dedup_key) WHERE dedup_key IS NOT NULL;
CREATE INDEX documents_created_at ON jobs_schema.documents (created_at, id);
CREATE INDEX documents_by_owner ON jobs_schema.documents (owner, created_at, id);
CREATE INDEX documents_updated_at ON jobs_schema.documents (updated_at);
CREATE INDEX documents_source ON jobs_schema.documents (source_sha256) WHERE source_sha256 IS NOT NULL;

-- A row by hand may set to NULL what has a default. Content that is not complete
-- any more (its job is restarted) has no profile.
CREATE FUNCTION jobs_schema.documents_complete() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	NEW.created_at := coalesce(NEW.created_at, now());
	NEW.updated_at := coalesce(NEW.updated_at, NEW.created_at);
	IF NEW.content_job_id IS NULL THEN
		NEW.profile := NULL;
	END IF;
	RETURN NEW;
END $$;

CREATE TRIGGER documents_complete BEFORE INSERT OR UPDATE ON jobs_schema.documents FOR EACH ROW
WHEN (NEW.created_at IS NULL OR NEW.updated_at IS NULL OR NEW.content_job_id IS NULL AND NEW.profile IS NOT NULL)
EXECUTE FUNCTION jobs_schema.documents_complete();

-- The text of a field of a step's record; NULL where the record is no object. A
-- PDF's text may hold NUL, and JSON from elsewhere half a surrogate pair: no text
-- of PostgreSQL can, and reading any field of such a record is an error. They
-- become U+FFFD. Escaped backslashes are written in another way first, so that
-- every backslash left begins an escape.
CREATE FUNCTION jobs_schema.step_field(data JSON, field TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE
	WHEN strpos(data::text, '\u0000') = 0 AND strpos(data::text, '\ud') = 0 AND strpos(data::text, '\uD') = 0 THEN data ->> field
	ELSE regexp_replace(regexp_replace(
			replace(replace(data::text, '\\', '\u005c'), '\u0000', '\ufffd'),
			'\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])', '\\ufffd', 'g'),
			'(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}', '\\ufffd', 'g')::json ->> field
	END
$$;

-- The failed pages of a job are found without reading its records. The length
-- comes first: it spares parsing records that are too long for a failed page,
-- which holds no text.
CREATE INDEX job_steps_failed ON jobs_schema.job_steps (job_id, seq) WHERE ` + postgresFailedPage + `;

CREATE TABLE jobs_schema.document_secrets (
	document_id UUID PRIMARY KEY REFERENCES jobs_schema.documents (id) ON DELETE CASCADE,
	password    TEXT NOT NULL
);

-- Where all processes on this database keep sources.
CREATE TABLE jobs_schema.document_sources (
	only_one BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (only_one),
	location TEXT NOT NULL
);

-- Jobs whose steps were a document's content before and are still to be deleted.
CREATE TABLE jobs_schema.document_replaced (
	job_id      UUID PRIMARY KEY,
	document_id UUID NOT NULL REFERENCES jobs_schema.documents (id) ON DELETE CASCADE
);
CREATE INDEX document_replaced_by_document ON jobs_schema.document_replaced (document_id);

CREATE FUNCTION jobs_schema.documents_deleted_replaced() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	DELETE FROM jobs_schema.job_steps s USING jobs_schema.document_replaced r WHERE r.document_id = OLD.id AND s.job_id = r.job_id;
	RETURN OLD;
END $$;

CREATE TRIGGER documents_deleted_replaced BEFORE DELETE ON jobs_schema.documents
FOR EACH ROW EXECUTE FUNCTION jobs_schema.documents_deleted_replaced();

-- Where a document's content is: the content job, or the newest job that has
-- recorded something.
CREATE VIEW jobs_schema.document_content AS
SELECT d.id AS document_id,
	coalesce(d.content_job_id, (
		SELECT j.id FROM jobs_schema.background_jobs j WHERE j.document_id = d.id
		ORDER BY (j.steps_done > 0) DESC, j.created_at DESC, j.id DESC LIMIT 1)) AS job_id,
	d.content_job_id IS NOT NULL AS complete
FROM jobs_schema.documents d;

CREATE VIEW jobs_schema.document_pages AS
SELECT c.document_id, s.job_id,
	CASE WHEN jobs_schema.step_field(s.data, 'page_number') ~ '^[0-9]{1,9}$'
		THEN jobs_schema.step_field(s.data, 'page_number')::integer END AS page_number,
	jobs_schema.step_field(s.data, 'status') AS status,
	jobs_schema.step_field(s.data, 'text') AS text
FROM jobs_schema.document_content c JOIN jobs_schema.job_steps s ON s.job_id = c.job_id;

-- A document whose job failed or was cancelled before it had content does not
-- answer for its bytes any more: the next submit makes a new one. As triggers,
-- because there are many ways for a job to end, recovery and people's SQL among
-- them. Another job of the document that is still alive keeps it: of two that
-- end at once the second waits for the document's row, and sees that the first
-- has ended.
CREATE FUNCTION jobs_schema.documents_released() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM FROM jobs_schema.documents
	WHERE id = OLD.document_id AND dedup_key IS NOT NULL AND content_job_id IS NULL FOR NO KEY UPDATE;
	IF FOUND THEN
		UPDATE jobs_schema.documents SET dedup_key = NULL
		WHERE id = OLD.document_id AND NOT EXISTS (
			SELECT FROM jobs_schema.background_jobs WHERE document_id = OLD.document_id AND ` + postgresLive + `);
	END IF;
	RETURN NULL;
END $$;

CREATE TRIGGER documents_released AFTER UPDATE OF status, cause ON jobs_schema.background_jobs FOR EACH ROW
WHEN (NEW.document_id IS NOT NULL AND (NEW.status = 'failed' OR NEW.status = 'interrupted' AND NEW.cause = 'cancelled'))
EXECUTE FUNCTION jobs_schema.documents_released();

CREATE TRIGGER documents_abandoned AFTER DELETE ON jobs_schema.background_jobs FOR EACH ROW
WHEN (OLD.document_id IS NOT NULL)
EXECUTE FUNCTION jobs_schema.documents_released();

-- One that is put back by a person answers again, unless another does by now.
CREATE FUNCTION jobs_schema.documents_taken_up() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	UPDATE jobs_schema.documents d SET dedup_key = record_key
	WHERE id = NEW.document_id AND dedup_key IS NULL
		AND NOT EXISTS (SELECT FROM jobs_schema.documents o WHERE o.dedup_key = d.record_key);
	RETURN NULL;
EXCEPTION WHEN unique_violation THEN
	RETURN NULL; -- another has begun to at this moment
END $$;

CREATE TRIGGER documents_taken_up AFTER UPDATE OF status ON jobs_schema.background_jobs FOR EACH ROW
WHEN (NEW.status = 'pending' AND OLD.status IN ('failed', 'interrupted') AND NEW.document_id IS NOT NULL)
EXECUTE FUNCTION jobs_schema.documents_taken_up();
`, postgresDeliveries}
}

// postgresLive is the condition that a job of background_jobs is not at its end:
// it runs, waits to, or may be resumed by other than a person's change of mind.
const postgresLive = `(status IN ('pending', 'processing') OR status = 'interrupted' AND coalesce(cause, '') <> 'cancelled')`

// postgresFailedPage is the condition that a step of job_steps is the record of
// a page that could not be read. Steps of other kinds of job may be any JSON.
const postgresFailedPage = `octet_length(data::text) < 8192 AND jobs_schema.step_field(data, 'status') = 'failed'`

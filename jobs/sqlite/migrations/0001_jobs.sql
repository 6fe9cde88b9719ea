-- The engine's tables. background_jobs is a public interface: people read it,
-- and insert into it, with SQL.
--
-- Times are UTC text, 'YYYY-MM-DD HH:MM:SS.sss': what SQLite's own functions
-- write and compare. Identifiers are lower-case UUIDs as text, JSON is text.

CREATE TABLE documents (
	id             TEXT PRIMARY KEY NOT NULL,
	content_job_id TEXT, -- the job whose steps are the document's content
	CONSTRAINT id_is_a_lower_case_uuid CHECK (
		id GLOB '????????-????-????-????-????????????' AND id NOT GLOB '*[^-0-9a-f]*' AND length(replace(id, '-', '')) = 32),
	CONSTRAINT content_job_id_is_a_lower_case_uuid CHECK (content_job_id IS NULL OR (
		content_job_id GLOB '????????-????-????-????-????????????' AND content_job_id NOT GLOB '*[^-0-9a-f]*' AND length(replace(content_job_id, '-', '')) = 32))
) STRICT;

CREATE INDEX documents_by_content_job ON documents (content_job_id) WHERE content_job_id IS NOT NULL;

CREATE TABLE background_jobs (
	-- The guide's columns. A NULL where there is a default takes the default.
	id             TEXT PRIMARY KEY NOT NULL,
	document_id    TEXT REFERENCES documents (id) ON DELETE CASCADE,
	filename       TEXT NOT NULL,
	status         TEXT NOT NULL CHECK (status IN ('pending', 'processing', 'completed', 'failed', 'interrupted')),
	progress       INTEGER NOT NULL ON CONFLICT REPLACE DEFAULT 0 CHECK (progress >= 0 AND progress <= 100),
	metadata       TEXT NOT NULL ON CONFLICT REPLACE DEFAULT '{}' CHECK (json_valid(metadata)),
	error          TEXT,
	created_at     TEXT NOT NULL ON CONFLICT REPLACE DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
	updated_at     TEXT NOT NULL ON CONFLICT REPLACE DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
	started_at     TEXT,
	completed_at   TEXT,
	failed_at      TEXT,
	interrupted_at TEXT,

	-- Ours.
	kind            TEXT NOT NULL DEFAULT 'extract',
	payload         TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(payload)),
	priority        INTEGER NOT NULL DEFAULT 0,
	run_at          TEXT NOT NULL ON CONFLICT REPLACE DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
	attempt         INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),
	failures        INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0),
	crashes         INTEGER NOT NULL DEFAULT 0 CHECK (crashes >= 0),
	interruptions   INTEGER NOT NULL DEFAULT 0 CHECK (interruptions >= 0),
	cause           TEXT CHECK (cause IN ('shutdown', 'crash', 'lease_lost', 'cancelled', 'operator')),
	instance_id     TEXT,
	idempotency_key TEXT,
	steps_done      INTEGER NOT NULL DEFAULT 0 CHECK (steps_done >= 0),
	steps_total     INTEGER NOT NULL DEFAULT 0 CHECK (steps_total >= 0),
	recovery        TEXT CHECK (recovery IN ('auto', 'manual')), -- NULL: stamped at the first claim
	error_code      TEXT,
	owner           TEXT,
	position        INTEGER, -- NULL: not in the queue yet

	CONSTRAINT id_is_a_lower_case_uuid CHECK (
		id GLOB '????????-????-????-????-????????????' AND id NOT GLOB '*[^-0-9a-f]*' AND length(replace(id, '-', '')) = 32),
	CONSTRAINT document_id_is_a_lower_case_uuid CHECK (document_id IS NULL OR ( -- also where a client has foreign keys off
		document_id GLOB '????????-????-????-????-????????????' AND document_id NOT GLOB '*[^-0-9a-f]*' AND length(replace(document_id, '-', '')) = 32)),
	CONSTRAINT steps_are_within_their_total CHECK (steps_total = 0 OR steps_done <= steps_total),
	-- One each: SQLite evaluates only those of columns that a statement sets.
	-- Not before the year 0 either: such a time has another form.
	CONSTRAINT created_at_is_a_time CHECK (ifnull(julianday(created_at), 0) >= 1721059.5),
	CONSTRAINT updated_at_is_a_time CHECK (ifnull(julianday(updated_at), 0) >= 1721059.5),
	CONSTRAINT run_at_is_a_time CHECK (ifnull(julianday(run_at), 0) >= 1721059.5),
	CONSTRAINT started_at_is_a_time CHECK (started_at IS NULL OR ifnull(julianday(started_at), 0) >= 1721059.5),
	CONSTRAINT completed_at_is_a_time CHECK (completed_at IS NULL OR ifnull(julianday(completed_at), 0) >= 1721059.5),
	CONSTRAINT failed_at_is_a_time CHECK (failed_at IS NULL OR ifnull(julianday(failed_at), 0) >= 1721059.5),
	CONSTRAINT interrupted_at_is_a_time CHECK (interrupted_at IS NULL OR ifnull(julianday(interrupted_at), 0) >= 1721059.5),

	-- What holds for every row that the engine has run: attempt 0 is a row that
	-- was inserted, perhaps by hand.
	CONSTRAINT progress_100_is_completed CHECK (attempt = 0 OR (progress = 100) = (status = 'completed')),
	CONSTRAINT a_reason_where_it_ended_badly CHECK (attempt = 0 OR CASE status
		WHEN 'failed' THEN error IS NOT NULL AND error_code IS NOT NULL AND cause IS NULL
		WHEN 'interrupted' THEN error IS NOT NULL AND cause IS NOT NULL AND error_code IS NULL
		ELSE error IS NULL AND error_code IS NULL AND cause IS NULL END),
	CONSTRAINT a_time_for_every_status CHECK (attempt = 0 OR CASE status
		WHEN 'processing' THEN instance_id IS NOT NULL AND started_at IS NOT NULL
		WHEN 'completed' THEN completed_at IS NOT NULL
		WHEN 'failed' THEN failed_at IS NOT NULL
		WHEN 'interrupted' THEN interrupted_at IS NOT NULL
		ELSE 1 END)
) STRICT;

-- Claiming: the innocent, the suspects, and what is not in the queue yet.
CREATE INDEX jobs_by_position ON background_jobs (kind, priority DESC, position)
	WHERE status = 'pending' AND position IS NOT NULL AND crashes = 0;
CREATE INDEX jobs_suspect ON background_jobs (kind, priority DESC, position)
	WHERE status = 'pending' AND position IS NOT NULL AND crashes > 0;
CREATE INDEX jobs_scheduled ON background_jobs (run_at, created_at)
	WHERE status = 'pending' AND position IS NULL;

-- Recovery.
CREATE INDEX jobs_processing ON background_jobs (instance_id) WHERE status = 'processing';
CREATE INDEX jobs_resumable ON background_jobs (interrupted_at)
	WHERE status = 'interrupted' AND recovery = 'auto' AND cause <> 'cancelled';
CREATE INDEX jobs_manual ON background_jobs (run_at) WHERE status = 'pending' AND recovery = 'manual';

-- Lists, counts and cleanup. A processing row is in neither, so that claiming
-- a job costs one entry each and a checkpoint none; there are never many.
CREATE INDEX jobs_by_created ON background_jobs (status, created_at, id) WHERE status <> 'processing';
CREATE INDEX jobs_by_updated ON background_jobs (status, updated_at, id) WHERE status <> 'processing';
-- The engine sets updated_at with every end; a row by hand says itself when.
CREATE INDEX jobs_ended_by_hand ON background_jobs (
	CASE status WHEN 'completed' THEN coalesce(completed_at, updated_at) WHEN 'failed' THEN coalesce(failed_at, updated_at)
	ELSE coalesce(interrupted_at, updated_at) END)
	WHERE attempt = 0 AND (status IN ('completed', 'failed') OR (status = 'interrupted' AND cause = 'cancelled'));
CREATE INDEX jobs_by_document ON background_jobs (document_id) WHERE document_id IS NOT NULL;
CREATE UNIQUE INDEX jobs_by_key ON background_jobs (idempotency_key, coalesce(owner, '')) WHERE idempotency_key IS NOT NULL;

-- A row by hand (the engine stamps recovery) may have its times in any form
-- that SQLite reads; they are kept in one, so that they can be compared.
CREATE TRIGGER background_jobs_times AFTER INSERT ON background_jobs
WHEN NEW.recovery IS NULL AND (NEW.created_at NOT LIKE '____-__-__ __:__:__.___' OR NEW.updated_at NOT LIKE '____-__-__ __:__:__.___'
	OR NEW.run_at NOT LIKE '____-__-__ __:__:__.___' OR NEW.started_at NOT LIKE '____-__-__ __:__:__.___'
	OR NEW.completed_at NOT LIKE '____-__-__ __:__:__.___' OR NEW.failed_at NOT LIKE '____-__-__ __:__:__.___'
	OR NEW.interrupted_at NOT LIKE '____-__-__ __:__:__.___')
BEGIN
	UPDATE background_jobs SET
		created_at = strftime('%Y-%m-%d %H:%M:%f', created_at), updated_at = strftime('%Y-%m-%d %H:%M:%f', updated_at),
		run_at = strftime('%Y-%m-%d %H:%M:%f', run_at), started_at = strftime('%Y-%m-%d %H:%M:%f', started_at),
		completed_at = strftime('%Y-%m-%d %H:%M:%f', completed_at), failed_at = strftime('%Y-%m-%d %H:%M:%f', failed_at),
		interrupted_at = strftime('%Y-%m-%d %H:%M:%f', interrupted_at)
	WHERE id = NEW.id;
END;

CREATE TRIGGER background_jobs_times_changed
AFTER UPDATE OF created_at, updated_at, run_at, started_at, completed_at, failed_at, interrupted_at ON background_jobs
WHEN (NEW.created_at NOT LIKE '____-__-__ __:__:__.___' OR NEW.updated_at NOT LIKE '____-__-__ __:__:__.___'
	OR NEW.run_at NOT LIKE '____-__-__ __:__:__.___' OR NEW.started_at NOT LIKE '____-__-__ __:__:__.___'
	OR NEW.completed_at NOT LIKE '____-__-__ __:__:__.___' OR NEW.failed_at NOT LIKE '____-__-__ __:__:__.___'
	OR NEW.interrupted_at NOT LIKE '____-__-__ __:__:__.___')
BEGIN
	UPDATE background_jobs SET
		created_at = strftime('%Y-%m-%d %H:%M:%f', created_at), updated_at = strftime('%Y-%m-%d %H:%M:%f', updated_at),
		run_at = strftime('%Y-%m-%d %H:%M:%f', run_at), started_at = strftime('%Y-%m-%d %H:%M:%f', started_at),
		completed_at = strftime('%Y-%m-%d %H:%M:%f', completed_at), failed_at = strftime('%Y-%m-%d %H:%M:%f', failed_at),
		interrupted_at = strftime('%Y-%m-%d %H:%M:%f', interrupted_at)
	WHERE id = NEW.id;
END;

-- The last number given out as a position.
CREATE TABLE job_queue (
	id            INTEGER PRIMARY KEY CHECK (id = 1),
	last_position INTEGER NOT NULL
) STRICT;
INSERT INTO job_queue (id, last_position) VALUES (1, 0);

CREATE TABLE job_steps (
	job_id TEXT NOT NULL,
	seq    INTEGER NOT NULL CHECK (seq > 0),
	data   TEXT NOT NULL,
	PRIMARY KEY (job_id, seq) -- with a rowid: rows of some kilobytes lie better in its leaves
) STRICT;

-- AUTOINCREMENT: an id is never used again, so that a reader may go on after
-- the last one it saw.
CREATE TABLE job_events (
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	job_id      TEXT NOT NULL,
	at          TEXT NOT NULL,
	event       TEXT NOT NULL CHECK (event IN ('accepted', 'started', 'completed', 'failed', 'retrying', 'interrupted', 'resumed', 'restarted')),
	from_status TEXT,
	to_status   TEXT NOT NULL,
	cause       TEXT,
	instance_id TEXT,
	attempt     INTEGER NOT NULL,
	detail      TEXT
) STRICT;

CREATE INDEX job_events_by_job ON job_events (job_id);

CREATE TABLE job_instances (
	id              TEXT PRIMARY KEY NOT NULL,
	host            TEXT NOT NULL,
	pid             INTEGER NOT NULL,
	version         TEXT NOT NULL,
	boot            TEXT NOT NULL,
	started_at      TEXT NOT NULL,
	seen_at         TEXT NOT NULL,
	lease_until     TEXT NOT NULL,
	lease_ms        INTEGER NOT NULL,
	state           TEXT NOT NULL CHECK (state IN ('live', 'stopping', 'stopped', 'dead')),
	draining_since  TEXT,
	draining_reason TEXT
) STRICT;

-- Versions of the tables that other packages keep beside these.
CREATE TABLE schema_versions (
	component TEXT PRIMARY KEY NOT NULL,
	version   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- However a job's row goes (cleanup, by hand, with its document), its history
-- goes with it, and its steps unless they are a document's content.
CREATE TRIGGER background_jobs_deleted AFTER DELETE ON background_jobs
BEGIN
	DELETE FROM job_events WHERE job_id = OLD.id;
	DELETE FROM job_steps WHERE job_id = OLD.id AND NOT EXISTS (SELECT 1 FROM documents WHERE content_job_id = OLD.id);
END;

-- A document's content goes with it, also when the job's row is long gone.
CREATE TRIGGER documents_deleted AFTER DELETE ON documents WHEN OLD.content_job_id IS NOT NULL
BEGIN
	DELETE FROM job_steps WHERE job_id = OLD.content_job_id;
END;

-- The engine's tables. background_jobs is a public interface: people read it,
-- and insert into it, with SQL. jobs_schema stands for the schema's name.
--
-- No index may name a column that a checkpoint changes (progress, steps_done,
-- steps_total, updated_at): then a checkpoint is a HOT update, which touches no
-- index and leaves nothing for vacuum but space in its own page.

CREATE TABLE jobs_schema.documents (
	id             UUID PRIMARY KEY,
	content_job_id UUID -- the job whose steps are the document's content
);

CREATE INDEX documents_by_content_job ON jobs_schema.documents (content_job_id) WHERE content_job_id IS NOT NULL;

-- What holds for every job. It is one function and one CHECK because the server
-- reads the text of every CHECK anew with each statement that writes, however few
-- rows: with a CHECK for each rule an update took twice as long. A rule that is
-- broken is named in the error.
CREATE FUNCTION jobs_schema.job_is_sound(status TEXT, progress INTEGER, metadata JSONB, error TEXT, created_at TIMESTAMPTZ, updated_at TIMESTAMPTZ,
	started_at TIMESTAMPTZ, completed_at TIMESTAMPTZ, failed_at TIMESTAMPTZ, interrupted_at TIMESTAMPTZ, attempt BIGINT, steps_done INTEGER,
	steps_total INTEGER, crashes INTEGER, failures INTEGER, interruptions INTEGER, cause TEXT, error_code TEXT, instance_id TEXT, recovery TEXT,
	run_at TIMESTAMPTZ, max_failures INTEGER, max_crashes INTEGER, retry_delay_ms INTEGER)
RETURNS BOOLEAN LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
	rule TEXT;
BEGIN
	rule := CASE
		WHEN attempt < 0 OR least(steps_done, steps_total, crashes, failures, interruptions) < 0 THEN 'counts are not negative'
		WHEN least(max_failures, max_crashes, retry_delay_ms) <= 0 THEN 'budgets are positive' -- least leaves out NULLs
		WHEN steps_total > 0 AND steps_done > steps_total THEN 'steps are within their total'
		WHEN cause NOT IN ('shutdown', 'crash', 'lease_lost', 'cancelled', 'operator') THEN 'the cause is shutdown, crash, lease_lost, cancelled or operator'
		WHEN recovery NOT IN ('auto', 'manual') THEN 'recovery is auto or manual'
		WHEN jsonb_typeof(metadata) <> 'object' THEN 'metadata is an object'
		-- What Go and JSON can hold; infinity is no time.
		WHEN least(created_at, updated_at, run_at, started_at, completed_at, failed_at, interrupted_at) < '0001-01-02 UTC'
			OR greatest(created_at, updated_at, run_at, started_at, completed_at, failed_at, interrupted_at) > '9999-12-30 UTC' THEN 'times are of the years 1 to 9999'
		-- What holds for every row that the engine has run: attempt 0 is a row
		-- that was inserted, perhaps by hand.
		WHEN attempt = 0 THEN NULL
		WHEN (progress = 100) <> (status = 'completed') THEN 'progress 100 is completed'
		WHEN (error_code IS NOT NULL) <> (status = 'failed') OR (cause IS NOT NULL) <> (status = 'interrupted')
			OR (error IS NOT NULL) <> (num_nonnulls(error_code, cause) > 0) THEN 'an error and its code with failed, an error and a cause with interrupted, none of them otherwise'
		WHEN CASE status
			WHEN 'processing' THEN num_nulls(instance_id, started_at)
			WHEN 'completed' THEN num_nulls(completed_at)
			WHEN 'failed' THEN num_nulls(failed_at)
			WHEN 'interrupted' THEN num_nulls(interrupted_at)
			ELSE 0 END > 0 THEN 'a time for every status, and an instance with processing'
		END;
	IF rule IS NULL THEN
		RETURN TRUE;
	END IF;
	RAISE EXCEPTION 'a job must keep the rule: %', rule USING ERRCODE = 'check_violation', CONSTRAINT = 'job_is_sound', TABLE = 'background_jobs';
END $$;

CREATE TABLE jobs_schema.background_jobs (
	-- The guide's columns, to the letter.
	id UUID PRIMARY KEY,
	document_id UUID REFERENCES jobs_schema.documents(id) ON DELETE CASCADE,
	filename TEXT NOT NULL,
	status TEXT NOT NULL CHECK (status IN ('pending', 'processing', 'completed', 'failed', 'interrupted')),
	progress INTEGER DEFAULT 0 CHECK (progress >= 0 AND progress <= 100),
	metadata JSONB DEFAULT '{}'::jsonb,
	error TEXT,
	created_at TIMESTAMPTZ DEFAULT NOW(),
	updated_at TIMESTAMPTZ DEFAULT NOW(),
	started_at TIMESTAMPTZ,
	completed_at TIMESTAMPTZ,
	failed_at TIMESTAMPTZ,
	interrupted_at TIMESTAMPTZ,

	-- Ours. What a claim, a checkpoint and an end change stands together, behind
	-- the guide's columns, and what stays as it was inserted at the end: an update
	-- logs the bytes from the first to the last that it changed.
	attempt         BIGINT NOT NULL DEFAULT 0,
	status_at       TIMESTAMPTZ NOT NULL DEFAULT NOW(), -- updated_at as of the last change of the status
	steps_done      INTEGER NOT NULL DEFAULT 0,
	steps_total     INTEGER NOT NULL DEFAULT 0,
	crashes         INTEGER NOT NULL DEFAULT 0,
	failures        INTEGER NOT NULL DEFAULT 0,
	interruptions   INTEGER NOT NULL DEFAULT 0,
	cause           TEXT,
	error_code      TEXT,
	instance_id     TEXT,
	recovery        TEXT, -- NULL: stamped at the first claim
	run_at          TIMESTAMPTZ NOT NULL DEFAULT NOW(),
	position        BIGINT, -- NULL: not in the queue yet
	priority        INTEGER NOT NULL DEFAULT 0,
	max_failures    INTEGER, -- NULL: the policy's
	max_crashes     INTEGER, -- NULL: the policy's
	retry_delay_ms  INTEGER, -- NULL: the policy's
	kind            TEXT NOT NULL DEFAULT 'extract',
	payload         JSON NOT NULL DEFAULT '{}', -- JSON, not JSONB: kept byte for byte
	owner           TEXT,
	idempotency_key TEXT,

	CONSTRAINT job_is_sound CHECK (jobs_schema.job_is_sound(status, progress, metadata, error, created_at, updated_at,
		started_at, completed_at, failed_at, interrupted_at, attempt, steps_done, steps_total, crashes, failures, interruptions,
		cause, error_code, instance_id, recovery, run_at, max_failures, max_crashes, retry_delay_ms))
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 5000,
	autovacuum_analyze_scale_factor = 0.0, autovacuum_analyze_threshold = 20000);

-- Claiming. Jobs with an owner and jobs without stand in two lines, so that the
-- end of each owner's line is found at once; a claim merges them by position.
CREATE INDEX jobs_by_position ON jobs_schema.background_jobs (kind, priority DESC, position)
	WHERE status = 'pending' AND position IS NOT NULL AND crashes = 0 AND owner IS NULL;
CREATE INDEX jobs_owned ON jobs_schema.background_jobs (kind, priority DESC, position)
	WHERE status = 'pending' AND position IS NOT NULL AND crashes = 0 AND owner IS NOT NULL;
CREATE INDEX jobs_by_owner ON jobs_schema.background_jobs (kind, priority, owner, position)
	WHERE status = 'pending' AND position IS NOT NULL AND owner IS NOT NULL;
CREATE INDEX jobs_suspect ON jobs_schema.background_jobs (kind, priority DESC, position)
	WHERE status = 'pending' AND position IS NOT NULL AND crashes > 0;
CREATE INDEX jobs_scheduled ON jobs_schema.background_jobs (run_at, created_at)
	WHERE status = 'pending' AND position IS NULL;

-- Recovery.
CREATE INDEX jobs_processing ON jobs_schema.background_jobs (kind) WHERE status = 'processing'; -- the kind: for limits
CREATE INDEX jobs_resumable ON jobs_schema.background_jobs (interrupted_at)
	WHERE status = 'interrupted' AND recovery = 'auto' AND cause <> 'cancelled';

-- Lists, counts and cleanup. A processing row is in none; there are never many.
-- Completed rows, of which there are the most, have indexes of their own that
-- need not name the status. A pending row that nothing happened to since it was
-- inserted is found by its creation in either order.
CREATE INDEX jobs_completed_by_created ON jobs_schema.background_jobs (created_at, id) WHERE status = 'completed';
CREATE INDEX jobs_completed_by_status_at ON jobs_schema.background_jobs (status_at, id) WHERE status = 'completed';
CREATE INDEX jobs_by_created ON jobs_schema.background_jobs (status, created_at, id)
	WHERE status <> 'processing' AND status <> 'completed';
CREATE INDEX jobs_by_status_at ON jobs_schema.background_jobs (status, status_at, id)
	WHERE status <> 'processing' AND status <> 'completed' AND (status <> 'pending' OR status_at <> created_at);
CREATE INDEX jobs_of_owner ON jobs_schema.background_jobs (owner, created_at, id) WHERE status <> 'processing' AND owner IS NOT NULL;
-- The engine sets status_at with every end; a row by hand says itself when. (Not
-- updated_at, which a checkpoint changes: it would be no HOT update any more.)
CREATE INDEX jobs_ended_by_hand ON jobs_schema.background_jobs (
	(CASE status WHEN 'completed' THEN coalesce(completed_at, status_at) WHEN 'failed' THEN coalesce(failed_at, status_at)
	ELSE coalesce(interrupted_at, status_at) END))
	WHERE attempt = 0 AND (status IN ('completed', 'failed') OR (status = 'interrupted' AND cause = 'cancelled'));
CREATE INDEX jobs_by_document ON jobs_schema.background_jobs (document_id) WHERE document_id IS NOT NULL;
CREATE UNIQUE INDEX jobs_by_key ON jobs_schema.background_jobs (idempotency_key, coalesce(owner, '')) WHERE idempotency_key IS NOT NULL;

-- Places in the queue. Every place that is given out takes a number, so that no
-- place is ever behind the next number.
CREATE SEQUENCE jobs_schema.job_positions CACHE 1;

-- Places for n jobs of an owner (NULL: none) at the end of its line, within a
-- kind and priority. The line of who waits beside others begins at the head of
-- the queue, so that the nth job of each owner stands beside the nth of every
-- other. The transaction that gives other lines places too names their first as
-- beside: it cannot be seen here yet. Two that ask at once may get equal places, which is harmless.
CREATE FUNCTION jobs_schema.job_places(of_kind TEXT, of_priority INTEGER, of_owner TEXT, n INTEGER, beside BIGINT DEFAULT NULL) RETURNS SETOF BIGINT
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	fresh BIGINT; -- the first number taken
	head BIGINT;
	tail BIGINT;
BEGIN
	IF n <= 0 THEN
		RETURN;
	END IF;
	IF of_owner IS NULL AND beside IS NULL AND NOT EXISTS (SELECT FROM jobs_schema.background_jobs
		WHERE status = 'pending' AND position IS NOT NULL AND crashes = 0 AND owner IS NOT NULL AND kind = of_kind AND priority = of_priority) THEN
		RETURN QUERY SELECT nextval('jobs_schema.job_positions') FROM generate_series(1, n);
		RETURN;
	END IF;
	head := least(beside,
		(SELECT position FROM jobs_schema.background_jobs
		WHERE status = 'pending' AND position IS NOT NULL AND crashes = 0 AND owner IS NULL AND kind = of_kind AND priority = of_priority
		ORDER BY position LIMIT 1),
		(SELECT position FROM jobs_schema.background_jobs
		WHERE status = 'pending' AND position IS NOT NULL AND crashes = 0 AND owner IS NOT NULL AND kind = of_kind AND priority = of_priority
		ORDER BY position LIMIT 1));
	IF of_owner IS NULL THEN
		tail := (SELECT position FROM jobs_schema.background_jobs
			WHERE status = 'pending' AND position IS NOT NULL AND crashes = 0 AND owner IS NULL AND kind = of_kind AND priority = of_priority
			ORDER BY position DESC LIMIT 1);
	ELSE
		tail := (SELECT position FROM jobs_schema.background_jobs
			WHERE status = 'pending' AND position IS NOT NULL AND owner = of_owner AND kind = of_kind AND priority = of_priority
			ORDER BY position DESC LIMIT 1);
	END IF;
	fresh := min(taken.number) FROM (SELECT nextval('jobs_schema.job_positions') AS number FROM generate_series(1, n)) AS taken;
	fresh := greatest(coalesce(head, fresh) - 1, tail) + 1;
	RETURN QUERY SELECT fresh + i FROM generate_series(0, n - 1) AS i;
END $$;

-- A row by hand may leave out, or set to NULL, what has a default; status_at
-- follows updated_at except while checkpoints change it.
CREATE FUNCTION jobs_schema.background_jobs_complete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.progress := coalesce(NEW.progress, 0);
	NEW.metadata := coalesce(NEW.metadata, '{}'::jsonb);
	NEW.created_at := coalesce(NEW.created_at, now());
	NEW.updated_at := coalesce(NEW.updated_at, now());
	IF NEW.status <> 'processing' THEN
		NEW.status_at := NEW.updated_at;
	END IF;
	RETURN NEW;
END $$;

CREATE TRIGGER background_jobs_complete BEFORE INSERT OR UPDATE ON jobs_schema.background_jobs FOR EACH ROW
WHEN (NEW.progress IS NULL OR NEW.metadata IS NULL OR NEW.created_at IS NULL OR NEW.updated_at IS NULL
	OR NEW.status <> 'processing' AND NEW.status_at IS DISTINCT FROM NEW.updated_at)
EXECUTE FUNCTION jobs_schema.background_jobs_complete();

CREATE TABLE jobs_schema.job_steps (
	job_id UUID NOT NULL,
	seq    INTEGER NOT NULL CHECK (seq > 0),
	data   JSON NOT NULL, -- kept byte for byte
	PRIMARY KEY (job_id, seq)
);

CREATE TABLE jobs_schema.job_events (
	id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	job_id      UUID NOT NULL,
	at          TIMESTAMPTZ NOT NULL DEFAULT now(),
	event       TEXT NOT NULL CHECK (event IN ('accepted', 'started', 'completed', 'failed', 'retrying', 'interrupted', 'resumed', 'restarted')),
	from_status TEXT,
	to_status   TEXT NOT NULL,
	cause       TEXT,
	instance_id TEXT,
	attempt     BIGINT NOT NULL,
	detail      TEXT
);

CREATE INDEX job_events_by_job ON jobs_schema.job_events (job_id, id);

-- Ids are given before the commit: a lower one may appear after a higher one. So
-- a transaction that tells something first takes a lock that is named for the
-- last id given out: its own are above it. Who reads all events in the order of
-- their ids stops at the lowest of these locks. The lock is shared, waits for
-- nobody, and ends with the transaction.
CREATE FUNCTION jobs_schema.job_events_begin() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	known TEXT := 'mivaa.telling_' || TG_RELID; -- set while this transaction has its lock
BEGIN
	IF coalesce(current_setting(known, true), '') = '' THEN
		PERFORM pg_advisory_xact_lock_shared(
			(TG_RELID::bigint - (TG_RELID::bigint >> 31 << 32))::integer,
			((last & 4294967295) - ((last & 4294967295) >> 31 << 32))::integer)
		FROM (SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS last FROM jobs_schema.job_events_id_seq) AS given;
		PERFORM set_config(known, 'yes', true);
	END IF;
	RETURN NULL;
END $$;

CREATE TRIGGER job_events_begin BEFORE INSERT ON jobs_schema.job_events
FOR EACH STATEMENT EXECUTE FUNCTION jobs_schema.job_events_begin();

CREATE TABLE jobs_schema.job_instances (
	id              TEXT PRIMARY KEY,
	host            TEXT NOT NULL,
	pid             INTEGER NOT NULL,
	version         TEXT NOT NULL,
	boot            TEXT NOT NULL,
	started_at      TIMESTAMPTZ NOT NULL DEFAULT now(),
	seen_at         TIMESTAMPTZ NOT NULL DEFAULT now(),
	lease_until     TIMESTAMPTZ NOT NULL,
	lease_ms        BIGINT NOT NULL CHECK (lease_ms > 0),
	state           TEXT NOT NULL CHECK (state IN ('live', 'stopping', 'stopped', 'dead')),
	death           TEXT, -- of a dead one: how it was proved; begins with "lease" where it was not, and its lease ran out
	recovered_at    TIMESTAMPTZ, -- of a dead or stopped one: when nothing was left in its hands
	draining_since  TIMESTAMPTZ,
	draining_reason TEXT
) WITH (fillfactor = 50);

-- Whose jobs are to be recovered: looked at by every claim.
CREATE INDEX job_instances_alive ON jobs_schema.job_instances (id) WHERE state IN ('live', 'stopping');
CREATE INDEX job_instances_to_recover ON jobs_schema.job_instances (id) WHERE state IN ('dead', 'stopped') AND recovered_at IS NULL;

-- The session locks by which instances prove that they live. Unlogged: after a
-- crash of the server it is empty, and so nobody takes the locks that the crash
-- set free for deaths.
CREATE UNLOGGED TABLE jobs_schema.job_instance_locks (
	instance_id  TEXT PRIMARY KEY,
	key          BIGINT NOT NULL,      -- of the advisory lock
	generation   BIGINT NOT NULL,      -- raised each time the lock is taken
	server_start TIMESTAMPTZ NOT NULL, -- pg_postmaster_start_time() when it was taken
	patience_ms  BIGINT NOT NULL       -- how long it may be free before that means something
);

-- One row a kind whose number of running jobs is limited: who counts and claims
-- holds it, so that two never count the same.
CREATE TABLE jobs_schema.job_limits (
	kind TEXT PRIMARY KEY
);

-- Versions of the tables that other packages keep beside these.
CREATE TABLE jobs_schema.schema_versions (
	component TEXT PRIMARY KEY,
	version   INTEGER NOT NULL
);

-- However a job's row goes (cleanup, by hand, with its document), its history
-- goes with it, and its steps unless they are a document's content.
CREATE FUNCTION jobs_schema.background_jobs_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	-- By arrays: then it is never planned as a join that reads all of a table.
	DELETE FROM jobs_schema.job_events WHERE job_id = ANY (ARRAY (SELECT id FROM gone));
	DELETE FROM jobs_schema.job_steps WHERE job_id = ANY (ARRAY (SELECT id FROM gone
		WHERE NOT EXISTS (SELECT FROM jobs_schema.documents d WHERE d.content_job_id = gone.id)));
	RETURN NULL;
END $$;

CREATE TRIGGER background_jobs_deleted AFTER DELETE ON jobs_schema.background_jobs
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION jobs_schema.background_jobs_deleted();

-- A document's content goes with it, also when the job's row is long gone.
CREATE FUNCTION jobs_schema.documents_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM jobs_schema.job_steps WHERE job_id = ANY (ARRAY (SELECT content_job_id FROM gone));
	RETURN NULL;
END $$;

CREATE TRIGGER documents_deleted AFTER DELETE ON jobs_schema.documents
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION jobs_schema.documents_deleted();

-- What an operator's pages ask: how far a job was with each event, what an
-- instance can do and holds, and lists that are narrowed.

-- In the order in which claims take them: else the two would wait for each other.
LOCK TABLE jobs_schema.job_instances IN ACCESS EXCLUSIVE MODE;
LOCK TABLE jobs_schema.background_jobs IN SHARE MODE;
LOCK TABLE jobs_schema.job_events IN ACCESS EXCLUSIVE MODE;

ALTER TABLE jobs_schema.job_events ADD COLUMN steps_done INTEGER NOT NULL DEFAULT 0;      -- of the job, when it happened
ALTER TABLE jobs_schema.job_instances ADD COLUMN slots INTEGER NOT NULL DEFAULT 0;        -- 0: not known
ALTER TABLE jobs_schema.job_instances ADD COLUMN memory_bytes BIGINT NOT NULL DEFAULT 0;  -- 0: not known

-- What ended badly, by why it did.
CREATE INDEX jobs_interrupted_by_created ON jobs_schema.background_jobs (cause, created_at, id) WHERE status = 'interrupted';
CREATE INDEX jobs_interrupted_by_status_at ON jobs_schema.background_jobs (cause, status_at, id) WHERE status = 'interrupted';
CREATE INDEX jobs_failed_by_created ON jobs_schema.background_jobs (error_code, created_at, id) WHERE status = 'failed';
CREATE INDEX jobs_failed_by_status_at ON jobs_schema.background_jobs (error_code, status_at, id) WHERE status = 'failed';

-- Events of a span of time. A summary of each stretch of the table costs an
-- event nothing, and holds where times do not rise with ids.
CREATE INDEX job_events_by_time ON jobs_schema.job_events USING brin (at) WITH (pages_per_range = 32, autosummarize = on);

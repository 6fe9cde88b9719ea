-- What an operator's pages ask: how far a job was with each event, what an
-- instance can do and holds, and lists that are narrowed.

ALTER TABLE job_events ADD COLUMN steps_done INTEGER NOT NULL DEFAULT 0;       -- of the job, when it happened
ALTER TABLE job_instances ADD COLUMN slots INTEGER NOT NULL DEFAULT 0;         -- 0: not known
ALTER TABLE job_instances ADD COLUMN memory_bytes INTEGER NOT NULL DEFAULT 0;  -- 0: not known

-- The indexes of lists carry what lists are narrowed by, so that rows that do
-- not match are passed over without being read.
DROP INDEX jobs_by_created;
DROP INDEX jobs_by_updated;
CREATE INDEX jobs_by_created ON background_jobs (status, created_at, id, filename, owner, kind, instance_id) WHERE status <> 'processing';
CREATE INDEX jobs_by_updated ON background_jobs (status, updated_at, id, filename, owner, kind, instance_id) WHERE status <> 'processing';

-- What ended badly, by why it did.
CREATE INDEX jobs_interrupted_by_created ON background_jobs (cause, created_at, id, filename, owner, kind, instance_id) WHERE status = 'interrupted';
CREATE INDEX jobs_interrupted_by_updated ON background_jobs (cause, updated_at, id, filename, owner, kind, instance_id) WHERE status = 'interrupted';
CREATE INDEX jobs_failed_by_created ON background_jobs (error_code, created_at, id, filename, owner, kind, instance_id) WHERE status = 'failed';
CREATE INDEX jobs_failed_by_updated ON background_jobs (error_code, updated_at, id, filename, owner, kind, instance_id) WHERE status = 'failed';

-- A job's own budgets, and two lines for claiming: jobs without an owner and
-- jobs with one, so that the end of each owner's line is found at once.

ALTER TABLE background_jobs ADD COLUMN max_failures INTEGER CHECK (max_failures > 0);     -- NULL: the policy's
ALTER TABLE background_jobs ADD COLUMN max_crashes INTEGER CHECK (max_crashes > 0);       -- NULL: the policy's
ALTER TABLE background_jobs ADD COLUMN retry_delay_ms INTEGER CHECK (retry_delay_ms > 0); -- NULL: the policy's

DROP INDEX jobs_by_position;
CREATE INDEX jobs_by_position ON background_jobs (kind, priority DESC, position)
	WHERE status = 'pending' AND position IS NOT NULL AND crashes = 0 AND owner IS NULL;
CREATE INDEX jobs_owned ON background_jobs (kind, priority DESC, position)
	WHERE status = 'pending' AND position IS NOT NULL AND crashes = 0 AND owner IS NOT NULL;
CREATE INDEX jobs_by_owner ON background_jobs (kind, priority, owner, position)
	WHERE status = 'pending' AND position IS NOT NULL AND owner IS NOT NULL;

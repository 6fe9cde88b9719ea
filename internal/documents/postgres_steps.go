package documents

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/jobs"
)

// dropSteps deletes the steps of a job while the condition holds, the first
// ones first: whoever reads them meanwhile learns at once that they go, and
// never takes what is left for the whole. The job's row is held meanwhile, so
// that nobody makes the condition untrue. Steps that another process is deleting
// are left to it.
func (s *Postgres) dropSteps(ctx context.Context, job jobs.ID, while string) error {
	for {
		var n int64
		err := s.update(ctx, func(ctx context.Context, tx pgx.Tx) (err error) {
			if _, err := s.exec(ctx, tx, `SELECT FROM jobs_schema.background_jobs WHERE id = $1::uuid FOR UPDATE`, pgUUID(job)); err != nil {
				return err
			}
			n, err = s.exec(ctx, tx, `
DELETE FROM jobs_schema.job_steps WHERE job_id = $1::uuid AND `+while+`
	AND seq = ANY (ARRAY(SELECT seq FROM jobs_schema.job_steps WHERE job_id = $1::uuid ORDER BY seq LIMIT $2::bigint FOR UPDATE SKIP LOCKED))`, pgUUID(job), stepsDeletedAtOnce)
			return err
		})
		if err != nil || n < stepsDeletedAtOnce {
			return err
		}
	}
}

// dropReplaced deletes the steps that were a document's content before; of all
// documents for the zero ID. What a death leaves undone the next call does.
func (s *Postgres) dropReplaced(ctx context.Context, document jobs.ID) error {
	replaced, err := pgRead(ctx, s, "find pages that were replaced", pgScanID,
		`SELECT job_id FROM jobs_schema.document_replaced WHERE document_id = $1::uuid OR $1::uuid IS NULL`, pgUUID(document))
	if err != nil {
		return err
	}
	for _, job := range replaced {
		// A person may have restarted it meanwhile.
		const unused = `NOT EXISTS (SELECT FROM jobs_schema.documents WHERE content_job_id = $1::uuid)
	AND NOT EXISTS (SELECT FROM jobs_schema.background_jobs WHERE id = $1::uuid AND ` + postgresLive + `)`
		// Some may be left because another process was deleting them: it, or the
		// next call, comes to the end.
		const done = `
DELETE FROM jobs_schema.document_replaced WHERE job_id = $1::uuid
	AND NOT (` + unused + ` AND EXISTS (SELECT FROM jobs_schema.job_steps WHERE job_id = $1::uuid))`
		err := s.dropSteps(ctx, job, unused)
		if err == nil {
			err = s.update(ctx, func(ctx context.Context, tx pgx.Tx) error {
				_, err := s.exec(ctx, tx, done, pgUUID(job))
				return err
			})
		}
		if err != nil {
			return fmt.Errorf("delete pages that were replaced: %w", err)
		}
	}
	return nil
}

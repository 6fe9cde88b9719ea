package documents

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/mivaa/mivaa/jobs"
)

// stepsDeletedAtOnce is how many steps one transaction deletes: a long document's all
// at once would keep every other writer waiting for seconds.
const stepsDeletedAtOnce = 200

// dropSteps deletes the steps of a job while the condition holds, the first
// ones first: whoever reads them meanwhile learns at once that they go, and
// never takes what is left for the whole.
func (s *SQLite) dropSteps(ctx context.Context, job jobs.ID, while string) error {
	for {
		var n int64
		err := s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
			r, err := tx.ExecContext(ctx, `
DELETE FROM job_steps WHERE job_id = ?1 AND `+while+`
	AND seq IN (SELECT seq FROM job_steps WHERE job_id = ?1 ORDER BY seq LIMIT ?2)`, job.String(), stepsDeletedAtOnce)
			if err != nil {
				return err
			}
			n, err = r.RowsAffected()
			return err
		})
		if err != nil || n < stepsDeletedAtOnce {
			return err
		}
	}
}

// dropReplaced deletes the steps that were a document's content before. What a
// death leaves undone the next call does.
func (s *SQLite) dropReplaced(ctx context.Context) error {
	replaced, err := query(ctx, s.db.Reader(), scanID, `SELECT job_id FROM document_replaced`)
	if err != nil {
		return s.explain("find pages that were replaced", err)
	}
	for _, job := range replaced {
		// A person may have restarted it meanwhile.
		const unused = `NOT EXISTS (SELECT 1 FROM documents WHERE content_job_id = ?1)
	AND NOT EXISTS (SELECT 1 FROM background_jobs WHERE id = ?1 AND ` + live + `)`
		err := s.dropSteps(ctx, job, unused)
		if err == nil {
			err = s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, `DELETE FROM document_replaced WHERE job_id = ?`, job.String())
				return err
			})
		}
		if err != nil {
			return fmt.Errorf("delete pages that were replaced: %w", err)
		}
	}
	return nil
}

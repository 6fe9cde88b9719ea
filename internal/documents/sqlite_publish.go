package documents

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/mivaa/mivaa/jobs"
)

// fenced is the condition that the attempt ?1, ?2 still owns its job.
const fenced = `(SELECT document_id FROM background_jobs WHERE id = ?1 AND attempt = ?2 AND status = 'processing')`

// SetFacts implements Store.
func (s *SQLite) SetFacts(ctx context.Context, f jobs.Fence, facts json.RawMessage) error {
	err := s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return writeFenced(ctx, tx, `UPDATE documents SET facts = ?3 WHERE id = `+fenced, f.Job.String(), f.Attempt, string(facts))
	})
	if err != nil {
		return fmt.Errorf("write facts of job %s: %w", f.Job, err)
	}
	return nil
}

// Publish implements Store.
func (s *SQLite) Publish(ctx context.Context, f jobs.Fence, profile json.RawMessage) error {
	err := s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		const replaced = `
INSERT INTO document_replaced (job_id, document_id)
SELECT content_job_id, id FROM documents WHERE id = ` + fenced + ` AND content_job_id <> ?1
ON CONFLICT (job_id) DO NOTHING`
		if _, err := tx.ExecContext(ctx, replaced, f.Job.String(), f.Attempt); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM document_replaced WHERE job_id = ?`, f.Job.String()); err != nil {
			return err
		}
		// It answers for its bytes again where a failure had ended that and no
		// other document does.
		return writeFenced(ctx, tx, `
UPDATE documents SET content_job_id = ?1, profile = ?3, updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now'),
	dedup_key = coalesce(dedup_key, (SELECT d.record_key FROM documents d
		WHERE d.id = documents.id AND NOT EXISTS (SELECT 1 FROM documents o WHERE o.dedup_key = d.record_key)))
WHERE id = `+fenced, f.Job.String(), f.Attempt, string(profile))
	})
	if err != nil {
		return fmt.Errorf("publish job %s: %w", f.Job, err)
	}
	return s.dropReplaced(ctx)
}

func writeFenced(ctx context.Context, tx *sql.Tx, stmt string, args ...any) error {
	r, err := tx.ExecContext(ctx, stmt, args...)
	if err != nil {
		return err
	}
	n, err := r.RowsAffected()
	if err == nil && n == 0 {
		err = jobs.ErrLeaseLost
	}
	return err
}

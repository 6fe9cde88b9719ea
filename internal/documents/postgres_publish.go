package documents

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/mivaa/mivaa/jobs"
)

// SetFacts implements Store.
func (s *Postgres) SetFacts(ctx context.Context, f jobs.Fence, facts json.RawMessage) error {
	err := s.update(ctx, func(ctx context.Context, tx pgx.Tx) error {
		document, err := s.own(ctx, tx, f)
		if err != nil {
			return err
		}
		_, err = s.exec(ctx, tx, `UPDATE jobs_schema.documents SET facts = $2::json WHERE id = $1::uuid`, pgUUID(document), string(facts))
		return err
	})
	if err != nil {
		return fmt.Errorf("write facts of job %s: %w", f.Job, err)
	}
	return nil
}

// Publish implements Store.
func (s *Postgres) Publish(ctx context.Context, f jobs.Fence, profile json.RawMessage) error {
	var document jobs.ID
	err := s.update(ctx, func(ctx context.Context, tx pgx.Tx) (err error) {
		if document, err = s.own(ctx, tx, f); err != nil {
			return err
		}
		return s.publish(ctx, tx, document, f.Job, profile)
	})
	if err != nil {
		return fmt.Errorf("publish job %s: %w", f.Job, err)
	}
	return s.dropReplaced(ctx, document)
}

func (s *Postgres) publish(ctx context.Context, tx pgx.Tx, document, job jobs.ID, profile json.RawMessage) error {
	const replaced = `
INSERT INTO jobs_schema.document_replaced (job_id, document_id)
SELECT content_job_id, id FROM jobs_schema.documents WHERE id = $1::uuid AND content_job_id <> $2::uuid
ON CONFLICT (job_id) DO NOTHING`
	if _, err := s.exec(ctx, tx, replaced, pgUUID(document), pgUUID(job)); err != nil {
		return err
	}
	if _, err := s.exec(ctx, tx, `DELETE FROM jobs_schema.document_replaced WHERE job_id = $1::uuid`, pgUUID(job)); err != nil {
		return err
	}
	// It answers for its bytes again where a failure had ended that and no other
	// document does.
	_, err := s.exec(ctx, tx, `
UPDATE jobs_schema.documents d SET content_job_id = $2::uuid, profile = $3::json, updated_at = now(),
	dedup_key = coalesce(dedup_key, CASE WHEN NOT EXISTS (SELECT FROM jobs_schema.documents o WHERE o.dedup_key = d.record_key) THEN record_key END)
WHERE id = $1::uuid`, pgUUID(document), pgUUID(job), string(profile))
	return err
}

// own returns the document of an attempt's job and holds the job's row until the
// transaction ends: the attempt cannot lose it before. jobs.ErrLeaseLost.
func (s *Postgres) own(ctx context.Context, tx pgx.Tx, f jobs.Fence) (jobs.ID, error) {
	found, err := pgQuery(ctx, s, tx, func(row pgx.CollectableRow) (jobs.ID, error) {
		var id pgtype.UUID
		err := row.Scan(&id)
		return id.Bytes, err
	}, `
SELECT document_id FROM jobs_schema.background_jobs
WHERE id = $1::uuid AND attempt = $2::bigint AND status = 'processing' AND document_id IS NOT NULL FOR NO KEY UPDATE`, pgUUID(f.Job), f.Attempt)
	if err != nil {
		return jobs.ID{}, err
	}
	if len(found) == 0 {
		return jobs.ID{}, jobs.ErrLeaseLost
	}
	return found[0], nil
}

package documents

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/mivaa/mivaa/jobs"
)

// Submit implements Store. Of several at once for the same bytes one makes the
// document; the others wait for it at the unique index of dedup_key, begin
// again, and find it.
func (s *Postgres) Submit(ctx context.Context, sub Submission) (Submitted, error) {
	sub, d, j, err := sub.prepare()
	if err != nil {
		return Submitted{}, err
	}
	for {
		var found pair
		err := s.update(ctx, func(ctx context.Context, tx pgx.Tx) (err error) {
			found, err = s.submit(ctx, tx, sub, d, j)
			return err
		})
		if err != nil {
			return Submitted{}, fmt.Errorf("submit document: %w", refused(err))
		}
		out, err := answerSubmission(ctx, s, s.db, sub, found, j.ID)
		if errors.Is(err, ErrNotFound) && found.job != j.ID && ctx.Err() == nil {
			continue // what was found is deleted by now
		}
		return out, err
	}
}

func (s *Postgres) submit(ctx context.Context, tx pgx.Tx, sub Submission, d Document, j jobs.NewJob) (pair, error) {
	key := sub.recordKey()
	holder, err := s.holder(ctx, tx, key)
	if err != nil {
		return pair{}, err
	}
	switch {
	case holder.document.IsZero() || !sub.hasPassword(holder.password):
	case sub.Fresh:
		return s.submitAfresh(ctx, tx, holder.document, sub, d, j)
	case sub.IdempotencyKey == "":
		return holder.pair, nil
	}
	if err := s.insertDocument(ctx, tx, d, key, holder.document.IsZero()); err != nil {
		return pair{}, err
	}
	if sub.Password != "" {
		if err := s.setPassword(ctx, tx, d.ID, sub.Password); err != nil {
			return pair{}, err
		}
	}
	inserted, err := s.db.InsertTx(ctx, tx, j)
	if err != nil {
		return pair{}, err
	}
	if first := inserted[0]; first.ID != j.ID {
		// The key was given before: its document answers, not the new one.
		if err := s.givenBefore(ctx, tx, sub, first.DocumentID); err != nil {
			return pair{}, err
		}
		_, err := s.exec(ctx, tx, `DELETE FROM jobs_schema.documents WHERE id = $1::uuid`, pgUUID(d.ID))
		return pair{first.DocumentID, first.ID}, err
	}
	return pair{d.ID, j.ID}, s.insertRequest(ctx, tx, sub, j.ID)
}

// submitAfresh makes a new job for the document that holds the key, if it still
// does once nobody can take the key from it.
func (s *Postgres) submitAfresh(ctx context.Context, tx pgx.Tx, holder jobs.ID, sub Submission, d Document, j jobs.NewJob) (pair, error) {
	// A job may not be inserted by metadata that the document then refuses.
	if _, err := s.exec(ctx, tx, `SELECT $1::jsonb`, string(d.Metadata)); err != nil {
		return pair{}, err
	}
	alive, err := s.lock(ctx, tx, holder)
	if err != nil {
		return pair{}, err
	}
	now, err := s.holder(ctx, tx, sub.recordKey())
	if err != nil {
		return pair{}, err
	}
	if now.document != holder {
		return pair{}, errTaken
	}
	d.ID, j.DocumentID = holder, holder
	found, err := s.replaceJobs(ctx, tx, alive, j, "submitted afresh")
	if err != nil {
		return pair{}, err
	}
	if found.job != j.ID { // the idempotency key was given before
		return found, s.givenBefore(ctx, tx, sub, found.document)
	}
	if err := s.insertRequest(ctx, tx, sub, j.ID); err != nil {
		return pair{}, err
	}
	return found, s.updateDocument(ctx, tx, d)
}

// givenBefore refuses a submission whose idempotency key is that of a document
// with another password.
func (s *Postgres) givenBefore(ctx context.Context, tx pgx.Tx, sub Submission, document jobs.ID) error {
	stored, err := s.passwordOf(ctx, tx, document)
	if err == nil && !sub.hasPassword(stored) {
		err = jobs.ErrKeyReused
	}
	return err
}

// Reprocess implements Store.
func (s *Postgres) Reprocess(ctx context.Context, id jobs.ID, r Reprocess) (Submitted, error) {
	d, err := s.Get(ctx, id)
	if err != nil {
		return Submitted{}, err
	}
	j, err := r.prepare(d)
	if err != nil {
		return Submitted{}, fmt.Errorf("reprocess document %s: %w", id, err)
	}
	var found pair
	err = s.update(ctx, func(ctx context.Context, tx pgx.Tx) error {
		alive, err := s.lock(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := s.exists(ctx, tx, id); err != nil {
			return err
		}
		before, err := s.jobOf(ctx, tx, id)
		if err != nil {
			return err
		}
		if found, err = s.replaceJobs(ctx, tx, alive, j, r.By); err != nil {
			return err
		}
		return s.copyCallback(ctx, tx, before, j.ID)
	})
	if err != nil {
		return Submitted{}, fmt.Errorf("reprocess document %s: %w", id, err)
	}
	return answer(ctx, s, s.db, found, j.ID)
}

// replaceJobs inserts the job, then cancels those of its document that are alive
// and locked: in this order the document is never without one.
func (s *Postgres) replaceJobs(ctx context.Context, tx pgx.Tx, alive []jobs.ID, j jobs.NewJob, by string) (pair, error) {
	inserted, err := s.db.InsertTx(ctx, tx, j)
	if err != nil {
		return pair{}, err
	}
	if first := inserted[0]; first.ID != j.ID {
		return pair{first.DocumentID, first.ID}, nil
	}
	if err := s.cancel(ctx, tx, alive, by); err != nil {
		return pair{}, err
	}
	_, err = s.exec(ctx, tx, `UPDATE jobs_schema.documents SET updated_at = now() WHERE id = $1::uuid`, pgUUID(j.DocumentID))
	return pair{j.DocumentID, j.ID}, err
}

// insertDocument inserts a document, which answers for its bytes unless another
// does. errTaken: another has begun to meanwhile.
func (s *Postgres) insertDocument(ctx context.Context, tx pgx.Tx, d Document, key string, answers bool) error {
	n, err := s.exec(ctx, tx, `
INSERT INTO jobs_schema.documents (id, owner, filename, source_sha256, source_size, media_type, metadata, options, record_key, dedup_key)
VALUES ($1::uuid, $2::text, $3::text, $4::text, $5::bigint, $6::text, $7::jsonb, $8::json, $9::text, CASE WHEN $10::boolean THEN $9::text END)
ON CONFLICT (dedup_key) WHERE dedup_key IS NOT NULL DO NOTHING`,
		pgUUID(d.ID), d.Owner, d.Filename, d.SourceSHA256, d.SourceSize, d.MediaType, string(d.Metadata), string(d.Options), key, answers)
	if err == nil && n == 0 {
		err = errTaken
	}
	return err
}

// updateDocument writes what a fresh submission says of a document that is
// there. Its password is the same.
func (s *Postgres) updateDocument(ctx context.Context, tx pgx.Tx, d Document) error {
	_, err := s.exec(ctx, tx, `
UPDATE jobs_schema.documents SET filename = $2::text, media_type = $3::text, metadata = $4::jsonb, options = $5::json WHERE id = $1::uuid`,
		pgUUID(d.ID), d.Filename, d.MediaType, string(d.Metadata), string(d.Options))
	return err
}

func (s *Postgres) setPassword(ctx context.Context, tx pgx.Tx, id jobs.ID, password string) error {
	_, err := s.exec(ctx, tx, `
INSERT INTO jobs_schema.document_secrets (document_id, password) VALUES ($1::uuid, $2::text)
ON CONFLICT (document_id) DO UPDATE SET password = excluded.password`, pgUUID(id), password)
	return err
}

// holder is a document, its password and the job that answers for it.
type holder struct {
	pair
	password string
}

// holder returns the document that answers for a key; zero if none does.
func (s *Postgres) holder(ctx context.Context, tx pgx.Tx, key string) (holder, error) {
	return s.holds(ctx, tx, `d.dedup_key = $1::text`, key)
}

// jobOf returns the job that answers for a document; zero if there is none.
func (s *Postgres) jobOf(ctx context.Context, tx pgx.Tx, document jobs.ID) (jobs.ID, error) {
	h, err := s.holds(ctx, tx, `d.id = $1::uuid`, pgUUID(document))
	return h.job, err
}

// holds returns the document that a condition is true of, and the job that
// answers for it: the one alive, else the one that made its content, else the
// newest; zero if there is none. In one statement, so that they belong together.
func (s *Postgres) holds(ctx context.Context, tx pgx.Tx, where string, arg any) (holder, error) {
	found, err := pgQuery(ctx, s, tx, func(row pgx.CollectableRow) (holder, error) {
		var h holder
		var job pgtype.UUID
		err := row.Scan((*[16]byte)(&h.document), &job, &h.password)
		if job.Valid {
			h.job = job.Bytes
		}
		return h, err
	}, `
SELECT d.id, (SELECT id FROM jobs_schema.background_jobs WHERE document_id = d.id
	ORDER BY `+postgresLive+` DESC, coalesce(id = d.content_job_id, FALSE) DESC, created_at DESC, id DESC LIMIT 1),
	coalesce((SELECT password FROM jobs_schema.document_secrets WHERE document_id = d.id), '')
FROM jobs_schema.documents d WHERE `+where, arg)
	if err != nil || len(found) == 0 {
		return holder{}, err
	}
	return found[0], nil
}

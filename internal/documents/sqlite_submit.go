package documents

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/mivaa/mivaa/jobs"
)

// Submit implements Store.
func (s *SQLite) Submit(ctx context.Context, sub Submission) (Submitted, error) {
	sub, d, j, err := sub.prepare()
	if err != nil {
		return Submitted{}, err
	}
	for {
		var found pair
		err := s.update(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
			found, err = s.submit(ctx, tx, sub, d, j)
			return err
		})
		if err != nil {
			return Submitted{}, fmt.Errorf("submit document: %w", err)
		}
		out, err := answerSubmission(ctx, s, s.db, sub, found, j.ID)
		if errors.Is(err, ErrNotFound) && found.job != j.ID && ctx.Err() == nil {
			continue // what was found is deleted by now
		}
		return out, err
	}
}

func (s *SQLite) submit(ctx context.Context, tx *sql.Tx, sub Submission, d Document, j jobs.NewJob) (pair, error) {
	key := sub.recordKey()
	holder, err := documentByKey(ctx, tx, key)
	if err != nil {
		return pair{}, err
	}
	same, err := hasPassword(ctx, tx, sub, holder)
	if err != nil {
		return pair{}, err
	}
	switch {
	case holder.IsZero() || !same:
	case sub.Fresh:
		return s.submitAfresh(ctx, tx, holder, sub, d, j)
	case sub.IdempotencyKey == "":
		job, err := jobOf(ctx, tx, holder)
		return pair{holder, job}, err
	}
	if err := insertDocument(ctx, tx, d, key, holder.IsZero()); err != nil {
		return pair{}, err
	}
	if sub.Password != "" {
		if err := setPassword(ctx, tx, d.ID, sub.Password); err != nil {
			return pair{}, err
		}
	}
	inserted, err := s.db.InsertTx(ctx, tx, j)
	if err != nil {
		return pair{}, err
	}
	if first := inserted[0]; first.ID != j.ID {
		// The key was given before: its document answers, not the new one.
		if err := givenBefore(ctx, tx, sub, first.DocumentID); err != nil {
			return pair{}, err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM documents WHERE id = ?`, d.ID.String())
		return pair{first.DocumentID, first.ID}, err
	}
	return pair{d.ID, j.ID}, insertRequest(ctx, tx, sub, j.ID)
}

// submitAfresh makes a new job for the document that holds the key.
func (s *SQLite) submitAfresh(ctx context.Context, tx *sql.Tx, holder jobs.ID, sub Submission, d Document, j jobs.NewJob) (pair, error) {
	d.ID, j.DocumentID = holder, holder
	found, err := s.replaceJob(ctx, tx, j, "submitted afresh")
	if err != nil {
		return pair{}, err
	}
	if found.job != j.ID { // the idempotency key was given before
		return found, givenBefore(ctx, tx, sub, found.document)
	}
	if err := insertRequest(ctx, tx, sub, j.ID); err != nil {
		return pair{}, err
	}
	return found, updateDocument(ctx, tx, d)
}

// hasPassword reports whether a document's password is the submission's.
func hasPassword(ctx context.Context, tx *sql.Tx, sub Submission, document jobs.ID) (bool, error) {
	stored, err := passwordOf(ctx, tx, document)
	return err == nil && sub.hasPassword(stored), err
}

// givenBefore refuses a submission whose idempotency key is that of a document
// with another password.
func givenBefore(ctx context.Context, tx *sql.Tx, sub Submission, document jobs.ID) error {
	same, err := hasPassword(ctx, tx, sub, document)
	if err == nil && !same {
		err = jobs.ErrKeyReused
	}
	return err
}

// Reprocess implements Store.
func (s *SQLite) Reprocess(ctx context.Context, id jobs.ID, r Reprocess) (Submitted, error) {
	d, err := s.Get(ctx, id)
	if err != nil {
		return Submitted{}, err
	}
	j, err := r.prepare(d)
	if err != nil {
		return Submitted{}, fmt.Errorf("reprocess document %s: %w", id, err)
	}
	var found pair
	err = s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := exists(ctx, tx, id); err != nil {
			return err
		}
		before, err := jobOf(ctx, tx, id)
		if err != nil {
			return err
		}
		if found, err = s.replaceJob(ctx, tx, j, r.By); err != nil {
			return err
		}
		return copyCallback(ctx, tx, before, j.ID)
	})
	if err != nil {
		return Submitted{}, fmt.Errorf("reprocess document %s: %w", id, err)
	}
	return answer(ctx, s, s.db, found, j.ID)
}

// replaceJob inserts the job, then cancels the others of its document that are
// alive: in this order the document is never without one.
func (s *SQLite) replaceJob(ctx context.Context, tx *sql.Tx, j jobs.NewJob, by string) (pair, error) {
	inserted, err := s.db.InsertTx(ctx, tx, j)
	if err != nil {
		return pair{}, err
	}
	first := inserted[0]
	if first.ID != j.ID {
		return pair{first.DocumentID, first.ID}, nil
	}
	if _, err := tx.ExecContext(ctx, `UPDATE documents SET updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE id = ?`, j.DocumentID.String()); err != nil {
		return pair{}, err
	}
	if err := s.cancelJobs(ctx, tx, j.DocumentID, j.ID, by); err != nil {
		return pair{}, err
	}
	return pair{j.DocumentID, j.ID}, nil
}

// cancelJobs cancels the document's live jobs but one.
func (s *SQLite) cancelJobs(ctx context.Context, tx *sql.Tx, document, but jobs.ID, by string) error {
	ids, err := query(ctx, tx, scanID, `SELECT id FROM background_jobs WHERE document_id = ? AND id <> ? AND `+live, document.String(), but.String())
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := s.db.MoveTx(ctx, tx, id, jobs.Cancel, by); err != nil {
			return err
		}
	}
	return nil
}

func insertDocument(ctx context.Context, tx *sql.Tx, d Document, key string, answers bool) error {
	_, err := tx.ExecContext(ctx, `
INSERT INTO documents (id, owner, filename, source_sha256, source_size, media_type, metadata, options, record_key, dedup_key)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, CASE WHEN ?10 THEN ?9 END)`,
		d.ID.String(), d.Owner, d.Filename, d.SourceSHA256, d.SourceSize, d.MediaType, string(d.Metadata), string(d.Options), key, answers)
	return err
}

// updateDocument writes what a fresh submission says of a document that is
// there. Its password is the same.
func updateDocument(ctx context.Context, tx *sql.Tx, d Document) error {
	_, err := tx.ExecContext(ctx, `UPDATE documents SET filename = ?, media_type = ?, metadata = ?, options = ? WHERE id = ?`,
		d.Filename, d.MediaType, string(d.Metadata), string(d.Options), d.ID.String())
	return err
}

func documentByKey(ctx context.Context, tx *sql.Tx, key string) (jobs.ID, error) {
	id, err := scanID(tx.QueryRowContext(ctx, `SELECT id FROM documents WHERE dedup_key = ?`, key))
	if errors.Is(err, sql.ErrNoRows) {
		return jobs.ID{}, nil
	}
	return id, err
}

// jobOf returns the job that answers for a document: the one alive, else the
// one that made its content, else the newest; zero if there is none.
func jobOf(ctx context.Context, tx *sql.Tx, document jobs.ID) (jobs.ID, error) {
	id, err := scanID(tx.QueryRowContext(ctx, `
SELECT id FROM background_jobs WHERE document_id = ?1
ORDER BY `+live+` DESC, id = (SELECT content_job_id FROM documents WHERE id = ?1) DESC, created_at DESC, id DESC LIMIT 1`, document.String()))
	if errors.Is(err, sql.ErrNoRows) {
		return jobs.ID{}, nil
	}
	return id, err
}

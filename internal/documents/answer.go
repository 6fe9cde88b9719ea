package documents

import (
	"context"
	"errors"
	"fmt"

	"github.com/mivaa/mivaa/jobs"
)

// pair is a document and a job of it. The job may be zero.
type pair struct{ document, job jobs.ID }

// prepare turns a submission into the document and the job that are to be made.
func (s Submission) prepare() (Submission, Document, jobs.NewJob, error) {
	s, err := s.normalize()
	if err != nil {
		return s, Document{}, jobs.NewJob{}, err
	}
	d := Document{
		ID: jobs.NewID(), Owner: s.Owner, Filename: s.Filename, SourceSHA256: s.Source.SHA256, SourceSize: s.Source.Size,
		MediaType: s.MediaType, Metadata: s.Metadata, Options: s.Options,
	}
	j, err := d.job()
	if err != nil {
		return s, Document{}, jobs.NewJob{}, err
	}
	j.IdempotencyKey, j.Priority, j.Recovery, j.Instance = s.IdempotencyKey, s.Priority, s.Recovery, s.Instance
	return s, d, j, nil
}

// prepare returns the job that reads a document again.
func (r Reprocess) prepare(d Document) (jobs.NewJob, error) {
	if _, err := d.Source(); err != nil {
		return jobs.NewJob{}, err
	}
	j, err := d.job()
	j.Priority, j.Recovery, j.Instance = r.Priority, r.Recovery, r.Instance
	return j, err
}

// registering is a store that can have a job that is there told of.
type registering interface {
	Store
	register(ctx context.Context, job jobs.ID, callback string) (bool, error)
}

// answerSubmission is answer to a submission, whose callback is registered for
// a job that was there if it can be.
func answerSubmission(ctx context.Context, docs registering, engine jobs.Store, sub Submission, p pair, ours jobs.ID) (Submitted, error) {
	var told *bool
	if sub.Callback != "" {
		told = new(p.job == ours)
		if !*told {
			var err error
			if *told, err = docs.register(ctx, p.job, sub.Callback); err != nil {
				return Submitted{}, err
			}
		}
	}
	out, err := answer(ctx, docs, engine, p, ours)
	out.CallbackRegistered = told
	return out, err
}

// answer reads what was found or made. ours is the id of the job that was to be
// made.
func answer(ctx context.Context, docs Store, engine jobs.Store, p pair, ours jobs.ID) (Submitted, error) {
	out := Submitted{Deduplicated: p.job != ours}
	var err error
	if !p.document.IsZero() { // it is for a job by hand whose key was given again
		if out.Document, err = docs.Get(ctx, p.document); err != nil {
			return Submitted{}, err
		}
	}
	if p.job.IsZero() {
		return out, nil
	}
	out.Job, err = jobs.Get(ctx, engine, p.job)
	if errors.Is(err, jobs.ErrNotFound) { // deleted meanwhile
		if out.Deduplicated {
			return out, nil
		}
		return Submitted{}, fmt.Errorf("read document %s: %w", p.document, ErrNotFound) // its document went with it
	}
	return out, err
}

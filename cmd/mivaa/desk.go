package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/mivaa/mivaa/client"
	"github.com/mivaa/mivaa/internal/api"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/jobs"
)

// desk is where the operator's commands work: on a store, or on a service that
// has one. They do not know which.
type desk struct {
	jobs      jobDesk
	documents documentDesk
	content   func(ctx context.Context, r extract.Request) (content, error)
	story     func(ctx context.Context, j jobs.Job) (client.Story, error)
}

// jobDesk is what they ask about jobs: of the store's methods those, with their
// contracts, that a service offers as well.
type jobDesk interface {
	List(ctx context.Context, f jobs.Filter) ([]jobs.Job, error)
	Move(ctx context.Context, id jobs.ID, m jobs.Move, by string) (jobs.Job, error)
	Events(ctx context.Context, id jobs.ID, after int64, limit int) ([]jobs.Event, error)
	Ahead(ctx context.Context, id jobs.ID) (int, error)
	Statistics(ctx context.Context) (jobs.Statistics, error)
	Groups(ctx context.Context, f jobs.Filter) ([]jobs.Group, error)
	Watch(ctx context.Context) <-chan jobs.Hint
	Instances(ctx context.Context, limit int) ([]jobs.InstanceState, error)
	Drain(ctx context.Context, reason string) error
	Undrain(ctx context.Context) error
}

// documentDesk is what they ask about documents. Pages are asked for by the job
// that recorded them and its document: the job may be gone.
type documentDesk interface {
	Get(ctx context.Context, id jobs.ID) (documents.Document, error)
	List(ctx context.Context, f documents.Filter) ([]documents.Document, error)
	ByPrefix(ctx context.Context, prefix string, limit int) ([]jobs.ID, error)
	Delete(ctx context.Context, id jobs.ID, by string) error
	Recorded(ctx context.Context, document, job jobs.ID) (int, error)
	FailedPages(ctx context.Context, document, job jobs.ID) ([]documents.FailedPage, error)
}

// content is a document's content, ready to be written once.
type content struct {
	extract.Summary
	write func(ctx context.Context, w io.Writer) error
}

// at opens the desk for the time of one command.
func (c *console) at(ctx context.Context, s *deskSettings, do func(*desk) error) error {
	service, err := s.service(c)
	switch {
	case err != nil:
		return err
	case service != nil:
		return do(newRemote(service).desk())
	}
	return c.with(ctx, &s.storeSettings, func(d *data) error { return do(d.desk()) })
}

// desk is the desk on a store.
func (d *data) desk() *desk {
	return &desk{
		jobs: d.jobs, documents: storedDocuments{d.documents},
		content: func(ctx context.Context, r extract.Request) (content, error) {
			results := &extract.Results{Documents: d.documents, Jobs: d.jobs}
			end := func() error { return nil }
			if r.Format == extract.Zip {
				if _, err := d.sources(ctx); err != nil {
					return content{}, err
				}
				results.Pictures, end = usualWork().pictures(d, nil, slog.New(slog.DiscardHandler))
			}
			result, err := results.Open(ctx, r)
			if err != nil {
				return content{}, errors.Join(err, end())
			}
			return content{Summary: result.Summary, write: func(ctx context.Context, w io.Writer) error {
				return errors.Join(result.Write(ctx, w), end())
			}}, nil
		},
		story: func(ctx context.Context, j jobs.Job) (client.Story, error) {
			told, err := api.ReadStory(ctx, d.jobs, j, time.Now())
			if err != nil {
				return client.Story{}, err
			}
			return asSent(told)
		},
	}
}

// asSent is a story as a client of the API would get it.
func asSent(told api.Story) (client.Story, error) {
	var s client.Story
	data, err := json.Marshal(told)
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		return s, fmt.Errorf("convert story: %w", err)
	}
	return s, nil
}

// storedDocuments are the documents of a store, which finds pages by their job
// alone.
type storedDocuments struct{ documents.Store }

func (s storedDocuments) Recorded(ctx context.Context, _, job jobs.ID) (int, error) {
	return s.Store.Recorded(ctx, job)
}

func (s storedDocuments) FailedPages(ctx context.Context, _, job jobs.ID) ([]documents.FailedPage, error) {
	return s.Store.FailedPages(ctx, job)
}

// get returns one job.
func (d *desk) get(ctx context.Context, id jobs.ID) (jobs.Job, error) {
	found, err := d.jobs.List(ctx, jobs.Filter{IDs: []jobs.ID{id}, Limit: 1})
	switch {
	case err != nil:
		return jobs.Job{}, err
	case len(found) == 0:
		return jobs.Job{}, jobs.ErrNotFound
	}
	return found[0], nil
}

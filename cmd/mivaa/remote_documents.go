package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mivaa/mivaa/client"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/jobs"
)

// remoteDocuments are the documents of a service.
type remoteDocuments struct{ *remote }

// Get returns one document. Its profile stays with the service.
func (r remoteDocuments) Get(ctx context.Context, id jobs.ID) (documents.Document, error) {
	sent, err := r.service.Document(ctx, id.String())
	if err != nil {
		return documents.Document{}, ofDocument(err, id)
	}
	return documentOf(sent)
}

// List returns the documents that match, the newest first.
func (r remoteDocuments) List(ctx context.Context, f documents.Filter) ([]documents.Document, error) {
	page := client.DocumentPage{Owner: f.Owner, Limit: min(f.Limit, mostRemote)}
	if f.After != nil {
		page.After = f.After.ID.String()
	}
	return r.list(ctx, page)
}

func (r remoteDocuments) list(ctx context.Context, page client.DocumentPage) ([]documents.Document, error) {
	list, err := r.service.ListDocuments(ctx, page)
	if err != nil {
		return nil, err
	}
	found := make([]documents.Document, len(list.Documents))
	for i, sent := range list.Documents {
		if found[i], err = documentOf(sent); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// ByPrefix returns the ids that begin with prefix.
func (r remoteDocuments) ByPrefix(ctx context.Context, prefix string, limit int) ([]jobs.ID, error) {
	if prefix == "" { // for completion: the newest
		found, err := r.List(ctx, documents.Filter{Limit: limit})
		return idsOf(found), err
	}
	found, err := r.list(ctx, client.DocumentPage{Prefix: prefix, Limit: limit})
	return idsOf(found), err
}

func idsOf(found []documents.Document) []jobs.ID {
	all := make([]jobs.ID, len(found))
	for i, d := range found {
		all[i] = d.ID
	}
	return all
}

// Delete deletes a document.
func (r remoteDocuments) Delete(ctx context.Context, id jobs.ID, _ string) error {
	return ofDocument(r.service.DeleteDocument(ctx, id.String()), id)
}

// Recorded counts the pages of a job, whose row may be gone: then those of its
// document.
func (r remoteDocuments) Recorded(ctx context.Context, document, job jobs.ID) (int, error) {
	j, err := r.service.Job(ctx, job.String())
	if err == nil {
		return j.StepsDone, nil
	}
	if !isGone(err) {
		return 0, err
	}
	list, err := r.service.ListPages(ctx, document.String(), 0, 1)
	return list.Recorded, ofDocument(err, document)
}

// FailedPages returns the pages of a job that could not be read.
func (r remoteDocuments) FailedPages(ctx context.Context, document, job jobs.ID) ([]documents.FailedPage, error) {
	var failed []documents.FailedPage
	j, err := r.service.Job(ctx, job.String())
	switch {
	case isGone(err):
		pages, err := r.pages(ctx, document, nil)
		return failedOf(pages), err
	case err != nil:
		return nil, err
	case j.PagesFailed == 0:
		return nil, nil
	case j.Result != nil:
		for _, p := range j.Result.FailedPages {
			failed = append(failed, documents.FailedPage(p))
		}
		return failed, nil
	}
	for p, err := range r.service.Checkpoints(ctx, job.String(), 0) {
		if err != nil {
			return nil, ofJob(err, job, "")
		}
		if p.Status == "failed" {
			failed = append(failed, documents.FailedPage{PageNumber: p.PageNumber, Code: p.ErrorCode})
		}
	}
	return failed, nil
}

// pages returns the pages of a document that are among those wanted.
func (r *remote) pages(ctx context.Context, document jobs.ID, wanted extract.Pages) ([]client.Page, error) {
	var all []client.Page
	for p, err := range r.service.Pages(ctx, document.String(), 0) {
		if err != nil {
			return nil, ofDocument(err, document)
		}
		if wanted.Contains(p.PageNumber) {
			all = append(all, p)
		}
	}
	return all, nil
}

func failedOf(pages []client.Page) []documents.FailedPage {
	var failed []documents.FailedPage
	for _, p := range pages {
		if p.Status == "failed" {
			failed = append(failed, documents.FailedPage{PageNumber: p.PageNumber, Code: p.ErrorCode, Error: p.Error})
		}
	}
	return failed
}

// content opens a document's content, which is streamed from the service as it
// is written.
func (r *remote) content(ctx context.Context, req extract.Request) (content, error) {
	head, err := r.service.ListPages(ctx, req.Document.String(), 0, 1)
	if err != nil {
		return content{}, ofDocument(err, req.Document)
	}
	var read ids
	c := content{Summary: extract.Summary{DocumentID: req.Document, JobID: read.read(head.JobID), PageCount: head.PageCount}}
	if read.err != nil {
		return content{}, read.err
	}
	options := client.ContentOptions{
		Format: string(req.Format), Pages: req.Pages.String(), PageMarkers: req.PageMarkers, Furniture: req.Furniture == extract.FurnitureAll,
		HTMLTables: req.Tables == extract.TablesHTML, Plain: req.Emphasis == extract.Off, Hyphens: string(req.Hyphens),
		Images: req.Images == extract.On, Table: req.Table,
	}
	if req.Cut != nil {
		options.ChunkUnit, options.ChunkSize, options.ChunkOverlap = req.Cut.Unit.String(), req.Cut.Size, req.Cut.Overlap
		if options.ChunkOverlap == 0 {
			options.ChunkOverlap = -1 // none
		}
	}
	body, err := r.service.Content(ctx, req.Document.String(), options)
	if e, ok := answered(err); ok && e.Code == extract.CodeNoSuchPage {
		return content{}, fmt.Errorf("%w: %s of a document with %d pages", extract.ErrNoSuchPage, req.Pages, head.PageCount)
	}
	if err != nil {
		return content{}, ofDocument(err, req.Document)
	}
	c.Complete, c.Partial = body.Complete, body.Partial
	if err := r.count(ctx, &c, req.Pages, head.Recorded); err != nil {
		return content{}, errors.Join(err, body.Close())
	}
	c.write = func(_ context.Context, w io.Writer) error { return copyContent(w, body) }
	return c, nil
}

// count fills in how many of the pages wanted there are, and which of them
// failed.
func (r *remote) count(ctx context.Context, c *content, wanted extract.Pages, recorded int) error {
	c.Pages = recorded
	if len(wanted) == 0 && !c.Partial {
		return nil
	}
	pages, err := r.pages(ctx, c.DocumentID, wanted)
	c.Pages, c.Failed = len(pages), failedOf(pages)
	return err
}

// copyContent writes what was opened, and closes it.
func copyContent(w io.Writer, body io.ReadCloser) error {
	defer func() { _ = body.Close() }() // it was only read
	if _, err := io.Copy(w, body); err != nil {
		return fmt.Errorf("copy content: %w", err)
	}
	return nil
}

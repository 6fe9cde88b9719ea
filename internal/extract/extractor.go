package extract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
	"time"

	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
)

// Document is an open PDF: what *pdf.Document is, so that the handler can be
// tested without an engine.
type Document interface {
	// Info is what the document says of itself.
	Info() pdf.Info
	// HasOutline says whether it has bookmarks.
	HasOutline() bool
	// Outline reads them. It is cheap once pages were read.
	Outline(ctx context.Context) ([]pdf.OutlineItem, error)
	// Pages yields the records of the given pages in order, failed ones too.
	// An error is the last thing it yields: the document is given up.
	Pages(ctx context.Context, numbers []int) iter.Seq2[layout.Page, error]
	// Close ends what is being read and waits until the source is not used.
	Close() error
}

// OpenFunc opens a PDF. src stays the caller's to close, after the document.
type OpenFunc func(ctx context.Context, src io.ReaderAt, size int64, password string) (Document, error)

// Extractor reads documents. All fields but Stats are required.
type Extractor struct {
	Open      OpenFunc
	Documents documents.Store
	Jobs      jobs.Store // the store that holds the steps
	Blobs     blob.Store
	Engine    Engine
	Stats     *Stats
}

// attempt is what the handler uses of a *jobs.Attempt.
type attempt interface {
	Job() jobs.Job
	SetTotal(n int)
	Stopping() <-chan struct{}
	Checkpoint(ctx context.Context, steps ...jobs.Step) error
}

var _ attempt = (*jobs.Attempt)(nil)

// Handle is the jobs.Handler of Kind.
func (e *Extractor) Handle(ctx context.Context, a *jobs.Attempt) error { return e.handle(ctx, a) }

func (e *Extractor) handle(ctx context.Context, a attempt) error {
	// Reading ends when the worker stops; recording goes on in ctx.
	reading, stop := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-a.Stopping():
			stop(jobs.ErrStopping)
		case <-reading.Done():
		}
	})
	defer watch.Wait()
	defer stop(nil)

	err := e.run(ctx, reading, a)
	_, asked := errors.AsType[*jobs.StoppingError](err)
	if err != nil && !asked && ctx.Err() == nil && errors.Is(context.Cause(reading), jobs.ErrStopping) {
		// Whatever broke off did so because reading was told to. Asking is how
		// the attempt learns how much time is left, or that the job is lost.
		if err := a.Checkpoint(ctx); err != nil {
			return err
		}
		return jobs.ErrStopping
	}
	return classify(err)
}

// run makes one attempt. Everything but recording and publishing ends with
// reading.
func (e *Extractor) run(ctx, reading context.Context, a attempt) error {
	job := a.Job()
	if job.DocumentID.IsZero() {
		return jobs.WithCode(blob.CodeMissing, fmt.Errorf("job %s is about no document", job.ID))
	}
	var d documents.Document
	err := patient(reading, func() (err error) { d, err = e.Documents.Get(reading, job.DocumentID); return err })
	if err != nil {
		return err
	}
	facts, err := FactsOf(d)
	if err != nil {
		facts.OutlinePending = true // to be written anew
	}
	total := job.StepsTotal
	var profiler *layout.Profiler // of pages that this attempt read from the first to the last
	if total == 0 || job.StepsDone < total || facts.OutlinePending {
		if facts, profiler, err = e.read(ctx, reading, a, d, facts); err != nil {
			return err
		}
		total = facts.SelectedPages
	}
	return e.publish(ctx, reading, job, total, profiler, facts)
}

// read reads and records what is not recorded yet: facts, pages, and the outline
// after them. It returns the facts; known are those so far.
func (e *Extractor) read(ctx, reading context.Context, a attempt, d documents.Document, known Facts) (_ Facts, _ *layout.Profiler, err error) {
	source, err := d.Source()
	if err != nil {
		return known, nil, err
	}
	_, pages, err := optionsOf(d)
	if err != nil {
		return known, nil, jobs.Permanent(err)
	}
	var password string
	err = patient(reading, func() (err error) { password, err = e.Documents.Password(reading, d.ID); return err })
	if err != nil {
		return known, nil, err
	}
	file, err := e.Blobs.Open(reading, source.SHA256)
	if err != nil {
		return known, nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	doc, err := e.Open(reading, file.File, file.Size(), password)
	if err != nil {
		return known, nil, err
	}
	defer func() { err = errors.Join(err, doc.Close()) }()

	job, info := a.Job(), doc.Info()
	numbers := pages.Select(info.PageCount)
	if len(numbers) == 0 {
		return known, nil, noSuchPage(pages, info.PageCount)
	}
	if job.StepsDone > len(numbers) {
		return known, nil, jobs.Permanent(fmt.Errorf("%d pages are recorded and the document has %d now: restart the job", job.StepsDone, len(numbers)))
	}
	a.SetTotal(len(numbers))
	facts := Facts{Info: info, OutlinePending: doc.HasOutline(), SelectedPages: len(numbers), Engine: e.Engine}
	if facts.OutlinePending {
		facts.Outline = known.Outline // read again, the document still has its content
	}
	if err := e.setFacts(reading, job, facts); err != nil {
		return known, nil, err
	}
	profiler, err := e.record(ctx, reading, a, doc, numbers)
	if err != nil || !facts.OutlinePending {
		return facts, profiler, err
	}
	facts.OutlinePending = false
	if facts.Outline, err = doc.Outline(reading); err != nil {
		return known, nil, err
	}
	return facts, profiler, e.setFacts(reading, job, facts)
}

func (e *Extractor) setFacts(ctx context.Context, job jobs.Job, facts Facts) error {
	data, err := json.Marshal(facts)
	if err != nil {
		return fmt.Errorf("encode facts: %w", err)
	}
	return patient(ctx, func() error { return e.Documents.SetFacts(ctx, job.Fence(), data) })
}

// publish makes the recorded pages the document's content. It is the last act:
// a job that dies before the next line is done all the same.
func (e *Extractor) publish(ctx, reading context.Context, job jobs.Job, total int, profiler *layout.Profiler, facts Facts) error {
	var failed []documents.FailedPage
	err := patient(reading, func() (err error) { failed, err = e.Documents.FailedPages(reading, job.ID); return err })
	if err != nil {
		return err
	}
	if len(failed) == total {
		first := failed[0]
		return jobs.Permanent(jobs.WithCode(first.Code, fmt.Errorf("no page could be read; page %d: %s", first.PageNumber, first.Error)))
	}
	if profiler == nil {
		if profiler, err = profileOf(reading, e.Jobs, job.ID, total); errors.Is(err, ErrReplaced) {
			return jobs.Permanent(fmt.Errorf("recorded pages are gone, restart the job: %w", err))
		} else if err != nil {
			return err
		}
	}
	profiler.Outline(facts.bookmarks())
	profile, err := json.Marshal(profiler.Profile())
	if err != nil {
		return fmt.Errorf("encode profile: %w", err)
	}
	return patient(ctx, func() error { return e.Documents.Publish(ctx, job.Fence(), profile) })
}

// patient calls fn until the store answers, for as long as ctx lasts.
func patient(ctx context.Context, fn func() error) error {
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := fn()
		if !errors.Is(err, jobs.ErrUnavailable) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (%w)", context.Cause(ctx), err)
		case <-time.After(wait):
		}
	}
}

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
	// Those that the recogniser wants it has recognised; nil wants none. An error
	// is the last thing it yields: the document is given up.
	Pages(ctx context.Context, numbers []int, recogniser pdf.Recogniser) iter.Seq2[layout.Page, error]
	// Close ends what is being read and waits until the source is not used.
	Close() error
}

// OpenFunc opens a PDF. src stays the caller's to close, after the document.
type OpenFunc func(ctx context.Context, src io.ReaderAt, size int64, password string) (Document, error)

// Extractor reads documents. All fields but OCR and Stats are required.
type Extractor struct {
	Open      OpenFunc
	Documents documents.Store
	Jobs      jobs.Store // the store that holds the steps
	Blobs     blob.Store
	Engine    Engine
	OCR       Recognition
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
	options, pages, err := optionsOf(d)
	if err != nil {
		return jobs.Permanent(err)
	}
	r := reader{Extractor: e, attempt: a, document: d, options: options, pages: pages, facts: facts, total: job.StepsTotal}
	if r.total == 0 || job.StepsDone < r.total || facts.OutlinePending {
		if err := r.read(ctx, reading); err != nil {
			return err
		}
	}
	return r.publish(ctx, reading)
}

// reader is one attempt at a document.
type reader struct {
	*Extractor
	attempt  attempt
	document documents.Document
	options  Options
	pages    Pages
	facts    Facts  // as they are known so far
	total    int    // steps of the job; 0: not known yet
	all      *tally // of all pages; nil: earlier attempts have read some of them
}

// read reads and records what is not recorded yet: facts, pages, and the outline
// after them.
func (r *reader) read(ctx, reading context.Context) (err error) {
	source, err := r.document.Source()
	if err != nil {
		return err
	}
	var password string
	err = patient(reading, func() (err error) { password, err = r.Documents.Password(reading, r.document.ID); return err })
	if err != nil {
		return err
	}
	file, err := r.Blobs.Open(reading, source.SHA256)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	doc, err := r.Open(reading, file.File, file.Size(), password)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, doc.Close()) }()

	info := doc.Info()
	numbers := r.pages.Select(info.PageCount)
	if len(numbers) == 0 {
		return noSuchPage(r.pages, info.PageCount)
	}
	if done := r.attempt.Job().StepsDone; done > len(numbers) {
		return jobs.Permanent(fmt.Errorf("%d pages are recorded and the document has %d now: restart the job", done, len(numbers)))
	}
	r.total = len(numbers)
	r.attempt.SetTotal(r.total)
	// Read again, the document still has its content, and what is known of that.
	facts := Facts{Info: info, OutlinePending: doc.HasOutline(), SelectedPages: r.total, Engine: r.Engine, OCR: r.facts.OCR}
	if facts.OutlinePending {
		facts.Outline = r.facts.Outline
	}
	if err := r.setFacts(reading, facts); err != nil {
		return err
	}
	r.all, err = r.record(ctx, reading, r.attempt, doc, numbers, r.options)
	if err != nil || !facts.OutlinePending {
		return err
	}
	facts.OutlinePending = false
	if facts.Outline, err = doc.Outline(reading); err != nil {
		return err
	}
	return r.setFacts(reading, facts)
}

func (r *reader) setFacts(ctx context.Context, facts Facts) error {
	data, err := json.Marshal(facts)
	if err != nil {
		return fmt.Errorf("encode facts: %w", err)
	}
	r.facts = facts
	return patient(ctx, func() error { return r.Documents.SetFacts(ctx, r.attempt.Job().Fence(), data) })
}

// publish makes the recorded pages the document's content. It is the last act:
// a job that dies before the next line is done all the same.
func (r *reader) publish(ctx, reading context.Context) error {
	job := r.attempt.Job()
	var failed []documents.FailedPage
	err := patient(reading, func() (err error) { failed, err = r.Documents.FailedPages(reading, job.ID); return err })
	if err != nil {
		return err
	}
	if len(failed) == r.total {
		first := failed[0]
		return jobs.Permanent(jobs.WithCode(first.Code, fmt.Errorf("no page could be read; page %d: %s", first.PageNumber, first.Error)))
	}
	if r.all == nil {
		if r.all, err = tallyOf(reading, r.Jobs, job.ID, r.total, r.OCR.mode(r.options)); errors.Is(err, ErrReplaced) {
			return jobs.Permanent(fmt.Errorf("recorded pages are gone, restart the job: %w", err))
		} else if err != nil {
			return err
		}
	}
	if err := r.tellOCR(reading); err != nil {
		return err
	}
	r.all.Outline(r.facts.bookmarks())
	profile, err := json.Marshal(published{r.all.Profile(), r.all.found()})
	if err != nil {
		return fmt.Errorf("encode profile: %w", err)
	}
	return patient(ctx, func() error { return r.Documents.Publish(ctx, job.Fence(), profile) })
}

// tellOCR keeps what recognising came to, in place of what it was when the
// document was read before.
func (r *reader) tellOCR(ctx context.Context) error {
	found, facts := r.all.facts(), r.facts
	if found == nil && facts.OCR == nil {
		return nil
	}
	facts.OCR = found
	if err := r.setFacts(ctx, facts); err != nil {
		return err
	}
	if found != nil {
		r.OCR.tell(r.attempt.Job(), found)
	}
	return nil
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

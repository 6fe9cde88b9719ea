package extract

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/ocr"
	"github.com/mivaa/mivaa/jobs"
)

// Results reads what was recorded of documents.
type Results struct {
	Documents documents.Store
	Jobs      jobs.Store // the store that holds the steps
	Pictures  *Pictures  // what images and attachments of an archive are read with; nil: it has none
}

// Format is a form of a document.
type Format string

// The formats.
const (
	Markdown Format = "markdown" // pages parted by an empty line, but for a paragraph that goes on over them
	Text     Format = "text"     // verbatim; each page ended by a form feed, as pdftotext does
	JSON     Format = "json"     // everything, one object
	Chunks   Format = "chunks"   // the head of JSON, and the chunks
	CSV      Format = "csv"      // the tables, or one of them
	Zip      Format = "zip"      // an archive of all of these, and the images
)

// Formats returns all of them.
func Formats() []Format { return []Format{Markdown, Text, JSON, Chunks, CSV, Zip} }

// MediaType returns what an HTTP answer in this format says of itself.
func (f Format) MediaType() string {
	switch f {
	case Markdown:
		return "text/markdown; charset=utf-8"
	case Text:
		return "text/plain; charset=utf-8"
	case JSON, Chunks:
		return "application/json"
	case CSV:
		return "text/csv; charset=utf-8"
	case Zip:
		return "application/zip"
	}
	return "application/octet-stream"
}

// Tables says how tables are written as Markdown.
type Tables string

// How they may be written.
const (
	TablesPipe Tables = "pipe" // with pipes; one whose cells span as HTML
	TablesHTML Tables = "html" // all as HTML
)

// Hyphens says what becomes of words that are broken at a line's end.
type Hyphens string

// What may become of them.
const (
	HyphensJoin Hyphens = "join"
	HyphensKeep Hyphens = "keep"
)

// Switch is on or off.
type Switch string

// Its two positions.
const (
	On  Switch = "on"
	Off Switch = "off"
)

// Furniture says what becomes of running headers, footers and page numbers in
// Markdown and text. JSON marks them either way.
type Furniture string

// What may become of them.
const (
	FurnitureNone Furniture = "none" // left out
	FurnitureAll  Furniture = "all"  // kept where they stand
)

// Request is what a reader wants of a document. Document is required; every
// other zero value works.
type Request struct {
	Document    jobs.ID
	Format      Format    // zero: Markdown
	Pages       Pages     // of the document; zero: all
	PageMarkers bool      // Markdown: <!-- page N --> before each page
	Furniture   Furniture // zero: FurnitureNone
	Tables      Tables    // Markdown; zero: TablesPipe
	Emphasis    Switch    // Markdown: marks for bold, italic, code, links; zero: On
	Hyphens     Hyphens   // zero: Markdown joins them, text is as printed
	Images      Switch    // Markdown: images where they stand; zero: Off
	ImageBase   string    // what the addresses of images begin with; zero: images/
	Table       string    // CSV: the id of the one table wanted; zero: all of them
	Cut         *Cut      // nil: the document's, else DefaultCut
	Shape       Shape     // of chunks; zero: ours
}

// Validate reports everything that is wrong, and fills in defaults.
func (r Request) Validate() (Request, error) {
	var errs []error
	switch r.Format {
	case "":
		r.Format = Markdown
	case Markdown, Text, JSON, Chunks, CSV, Zip:
	default:
		errs = append(errs, fmt.Errorf("format %.20q is none of markdown, text, json, chunks, csv, zip", r.Format))
	}
	if r.Table != "" && r.Format != CSV {
		errs = append(errs, errors.New("one table is asked for as csv"))
	}
	switch r.Furniture {
	case "":
		r.Furniture = FurnitureNone
	case FurnitureNone, FurnitureAll:
	default:
		errs = append(errs, fmt.Errorf("furniture %.20q is neither none nor all", r.Furniture))
	}
	errs = append(errs, r.validateStyle()...)
	if r.Cut != nil {
		errs = append(errs, r.Cut.Validate())
	}
	errs = append(errs, r.Shape.validate(r.Format))
	if err := errors.Join(errs...); err != nil {
		return r, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	return r, nil
}

var (
	// ErrRequest: a Request asks for what does not exist.
	ErrRequest = errors.New("invalid request")
	// ErrReplaced: the pages changed while they were read. Reading again gives
	// the new ones.
	ErrReplaced = errors.New("the document's pages changed while they were read")
)

// Summary says what a result is, before it is written.
type Summary struct {
	DocumentID jobs.ID `json:"document_id"`
	JobID      jobs.ID `json:"job_id"`     // whose steps are the pages
	Complete   bool    `json:"complete"`   // false: the pages there are; the job is not at its end, or failed
	Partial    bool    `json:"partial"`    // some of the pages asked for failed
	PageCount  int     `json:"page_count"` // of the document; 0: not known yet
	Pages      int     `json:"pages"`      // in the result, failed ones included
	// Failed names the pages asked for that could not be read.
	Failed []documents.FailedPage `json:"failed_pages"`
	// NeedsOCR names the document's pages that are pictures and were not
	// recognised, as a selection of pages: 1-3,7. It is known once it is complete.
	NeedsOCR string `json:"needs_ocr,omitempty"`
}

// Result is a document as it is at one moment, ready to be written.
type Result struct {
	Summary
	request  Request
	document documents.Document
	facts    Facts
	options  Options
	profile  layout.Profile
	steps    steps
	pictures *Pictures
}

// Write opens a result and writes it.
func (r *Results) Write(ctx context.Context, w io.Writer, req Request) (Summary, error) {
	res, err := r.Open(ctx, req)
	if err != nil {
		return Summary{}, err
	}
	return res.Summary, res.Write(ctx, w)
}

// Open finds out what there is to write. Before a document is complete this
// reads the pages there are, to tell headings from text.
//
// Errors: ErrRequest, documents.ErrNotFound, documents.ErrNoContent,
// ErrNoSuchPage (of a complete document).
func (r *Results) Open(ctx context.Context, req Request) (*Result, error) {
	req, err := req.Validate()
	if err != nil {
		return nil, err
	}
	if req.Table != "" {
		page, ok := pageOfTable(req.Table)
		if !ok || !req.Pages.Contains(page) {
			return nil, noTable(req.Table)
		}
		req.Pages = Pages{{page, page}}
	}
	res, content, err := r.find(ctx, req)
	if err != nil {
		return nil, err
	}
	if res.Pages == 0 && req.Table != "" {
		return nil, noTable(req.Table)
	}
	if res.Pages == 0 && res.Complete {
		return nil, noSuchPage(req.Pages, res.facts.PageCount)
	}
	if err := res.findFailed(ctx, r.Documents); err != nil {
		return nil, err
	}
	if err := res.findProfile(ctx, content); err != nil {
		return nil, err
	}
	return res, nil
}

// find finds out which pages there are, without a look at them.
func (r *Results) find(ctx context.Context, req Request) (*Result, documents.Content, error) {
	content, err := r.Documents.Content(ctx, req.Document)
	if err != nil {
		return nil, content, err
	}
	res := &Result{request: req, pictures: r.Pictures}
	if res.document, err = r.Documents.Get(ctx, req.Document); err != nil {
		return nil, content, err
	}
	if res.facts, err = FactsOf(res.document); err != nil {
		return nil, content, err
	}
	var selected Pages
	if res.options, selected, err = optionsOf(res.document); err != nil {
		return nil, content, err
	}
	last, err := r.Documents.Recorded(ctx, content.JobID)
	if err != nil {
		return nil, content, err
	}
	res.steps = newSteps(r.Jobs, content.JobID, last, selected.Select(res.facts.PageCount), req.Pages)
	res.Summary = Summary{
		DocumentID: req.Document, JobID: content.JobID, Complete: content.Complete,
		PageCount: res.facts.PageCount, Pages: len(res.steps.wanted), Failed: []documents.FailedPage{},
	}
	if ocr := res.facts.OCR; ocr != nil {
		res.NeedsOCR = ocr.Needed
	}
	return res, content, nil
}

func (res *Result) findFailed(ctx context.Context, docs documents.Store) error {
	failed, err := docs.FailedPages(ctx, res.JobID)
	if err != nil {
		return err
	}
	for _, f := range failed {
		if res.steps.has(f.PageNumber) {
			res.Failed = append(res.Failed, f)
		}
	}
	res.Partial = len(res.Failed) > 0
	return nil
}

// findProfile takes the profile that was published, or makes one of the pages
// there are. The one of an older version of the program is made anew.
func (res *Result) findProfile(ctx context.Context, content documents.Content) error {
	if content.Complete && content.JobID == res.document.ContentJobID && len(res.document.Profile) > 0 {
		if err := json.Unmarshal(res.document.Profile, &res.profile); err == nil && res.profile.Version == layout.Version {
			return nil
		}
	}
	t, err := tallyOf(ctx, res.steps.jobs, res.JobID, res.steps.last, ocr.Auto)
	if err != nil {
		return err
	}
	t.Outline(res.facts.bookmarks())
	res.profile = t.Profile()
	return nil
}

// Basename is the document's file name without its ending.
func (res *Result) Basename() string {
	name := FileName(res.document.Filename)
	return cmp.Or(strings.TrimSuffix(name, path.Ext(name)), "document")
}

// Tag names what Write gives: equal tags, equal bytes, as long as the program is
// the same. It is "" while the document is not complete: more may come.
func (res *Result) Tag() string {
	if !res.Complete || res.request.Format == Zip { // what is missing of an archive may be there the next time
		return ""
	}
	parts, err := json.Marshal([]any{
		SchemaVersion, layout.Version, res.request, res.JobID, res.document.Filename, res.document.Metadata, res.document.Options, res.document.UpdatedAt,
	})
	if err != nil {
		return "" // metadata by hand that is no JSON: it is then read each time
	}
	sum := sha256.Sum256(parts)
	return hex.EncodeToString(sum[:16])
}

// Write writes the result. It may be called again.
//
// Errors: ErrReplaced; what w or ctx says. By then a part is written: an answer
// over HTTP has to be cut off, so that nobody takes it for the whole.
func (res *Result) Write(ctx context.Context, w io.Writer) error {
	switch res.request.Format {
	case Text:
		return res.writeText(ctx, w)
	case Chunks:
		if res.request.Shape != "" {
			return res.writeShape(ctx, w)
		}
		return res.writeJSON(ctx, w)
	case JSON:
		return res.writeJSON(ctx, w)
	case CSV:
		return res.writeCSV(ctx, w)
	case Zip:
		return res.writeZip(ctx, w)
	default:
		return res.writeMarkdown(ctx, w)
	}
}

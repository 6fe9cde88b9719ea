package extract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/ocr"
	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/sqlite"
)

// spec is what the engine of these tests takes for a PDF.
type spec struct {
	Pages   int    `json:"pages"`
	Failed  []int  `json:"failed,omitempty"`   // pages that cannot be read
	GivenUp int    `json:"given_up,omitempty"` // after this page the document is lost
	Outline string `json:"outline,omitempty"`  // code of the error that reading the outline ends with
	Open    string `json:"open,omitempty"`     // code of the error that opening ends with
	Salt    string `json:"salt,omitempty"`     // makes other bytes

	Scans      []int `json:"scans,omitempty"`      // pages that are pictures of text
	Recognised []int `json:"recognised,omitempty"` // of them, those that a recogniser has made text of
	Garbage    []int `json:"garbage,omitempty"`    // pages whose text is none
	Stream     []int `json:"stream,omitempty"`     // pages in the order of the file

	Attached []string `json:"attached,omitempty"` // names of files
	Flowing  bool     `json:"flowing,omitempty"`  // one text that goes on from page to page
}

// engine reads specs. Its hooks are called from the goroutine that reads.
type engine struct {
	before func(ctx context.Context, number int) error // each page

	mu        sync.Mutex
	opened    int
	read      []int
	passwords []string
}

func (g *engine) open(ctx context.Context, src io.ReaderAt, size int64, password string) (Document, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.opened++
	g.passwords = append(g.passwords, password)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	data, err := io.ReadAll(io.NewSectionReader(src, 0, size))
	if err != nil {
		return nil, err
	}
	d := &document{engine: g}
	if err := json.Unmarshal(data, &d.spec); err != nil {
		return nil, &pdf.Error{Code: pdf.CodeNotAPDF, Err: err}
	}
	switch d.spec.Open {
	case "":
		return d, nil
	case "plain":
		return nil, errors.New("read source: input/output error")
	}
	return nil, &pdf.Error{Code: d.spec.Open, Err: errors.New("cannot open: " + d.spec.Open)}
}

type document struct {
	*engine
	spec spec
}

func (d *document) Info() pdf.Info {
	return pdf.Info{PageCount: d.spec.Pages, Title: "Fake", Attachments: d.spec.Attached}
}

func (d *document) HasOutline() bool { return true }

func (d *document) Outline(ctx context.Context) ([]pdf.OutlineItem, error) {
	if d.before != nil {
		if err := d.before(ctx, d.spec.Pages+1); err != nil {
			return nil, err
		}
	}
	if d.spec.Outline != "" {
		return nil, &pdf.Error{Code: d.spec.Outline, Err: errors.New("read outline: " + d.spec.Outline)}
	}
	return []pdf.OutlineItem{{Title: "One", Level: 1, Page: 1}}, nil
}

func (d *document) Close() error { return nil }

func (d *document) Pages(ctx context.Context, numbers []int, _ pdf.Recogniser) iter.Seq2[layout.Page, error] {
	return func(yield func(layout.Page, error) bool) {
		for _, n := range numbers {
			if d.before != nil {
				if err := d.before(ctx, n); err != nil {
					yield(layout.Page{}, err)
					return
				}
			}
			d.mu.Lock()
			d.read = append(d.read, n)
			d.mu.Unlock()
			page := pageOf(n)
			if d.spec.Flowing {
				page = flowingPage(n)
			}
			if slices.Contains(d.spec.Scans, n) {
				page = layout.Read(layout.Glyphs{Number: n, Width: 612, Height: 792, Images: []layout.Box{{0, 0, 612, 792}}})
			}
			page.Garbage = slices.Contains(d.spec.Garbage, n)
			if slices.Contains(d.spec.Stream, n) {
				page.Order = layout.OrderStream
			}
			how := layout.OCR{Engine: ocr.Name, Version: "5", Languages: "eng"}
			switch {
			case slices.Contains(d.spec.Recognised, n):
				page = layout.Recognised(page, ocr.Name, pageGlyphs(n), how)
			case len(d.spec.Recognised) > 0 && page.NeedsOCR:
				page = layout.Unrecognised(page, how, ocr.CodeCrashed, "it crashed")
			}
			if slices.Contains(d.spec.Failed, n) {
				page = layout.Failed(n, pdf.CodePageTimeout, fmt.Sprintf("page %d: too slow", n))
			}
			if !yield(page, nil) {
				return
			}
			if n == d.spec.GivenUp {
				yield(layout.Page{}, &pdf.Error{Code: pdf.CodeReaderCrashed, Err: errors.New("10 pages in a row could not be read")})
				return
			}
		}
	}
}

// pageOf sets a page: a heading on odd ones, paragraphs, a list; a table, an
// icon and an image on even ones, with a remark and a field.
func pageOf(n int) layout.Page {
	var s setter
	if n%2 == 1 {
		s.line(20, fmt.Sprintf("Chapter %d: Ünicode & <tags>", n))
		s.gap(20)
	}
	for p := range 3 {
		for l := range 4 {
			s.line(10, fmt.Sprintf("Line %d of paragraph %d on page %d says naïve things, 日本語 too.", l+1, p+1, n))
		}
		s.gap(15)
		if p == 1 { // not at the foot of the page, where what is always the same is furniture
			s.line(10, "• first item")
			s.line(10, "• second item")
			s.gap(15)
		}
	}
	g := layout.Glyphs{Number: n, Label: fmt.Sprint(n), Width: 612, Height: 792, Fonts: []layout.Font{{Name: "Test"}}, Glyphs: s.glyphs}
	if n%2 == 1 {
		return layout.Read(g)
	}
	g.Images = []layout.Box{{10, 10, 20, 20}, {72, 500, 300, 600}}
	g.ImageData = []layout.ImageData{{Width: 64, Height: 64, MediaType: pdf.PNG}, {Width: 640, Height: 280, MediaType: pdf.JPEG, SHA256: strings.Repeat(fmt.Sprintf("%02x", n), 32)}}
	g.Annotations = []layout.Annotation{{Kind: "text", Box: layout.Box{1, 2, 3, 4}, Text: "Is this so?", Author: "Ann"}}
	g.Fields = []layout.Field{{Name: "agree", Kind: "checkbox", Checked: true, Value: "Yes", Box: layout.Box{5, 6, 7, 8}}}
	p := layout.Read(g)
	tabulate(&p)
	return p
}

// flowingPage sets a page that begins and ends in the middle of a paragraph.
func flowingPage(n int) layout.Page {
	var s setter
	if n > 1 {
		s.line(10, fmt.Sprintf("meter %d.", n))
		s.gap(10)
	}
	for range 3 {
		s.line(10, "The lines of this paragraph are of the same length, all of")
	}
	s.line(10, "them but this one, which breaks a word at the page's para-")
	return layout.Read(layout.Glyphs{Number: n, Width: 612, Height: 792, Fonts: []layout.Font{{Name: "Test"}}, Glyphs: s.glyphs})
}

// tabulate makes a table of the page's first paragraph: a line a row, its first
// word and the rest, a header above.
func tabulate(p *layout.Page) {
	b := &p.Blocks[0]
	t := &layout.Table{Cols: 2, HeaderRows: 1}
	for i := b.First; i <= b.Last; i++ {
		l := &p.Lines[i]
		at := l.Start + strings.IndexByte(p.Text[l.Start:l.End], ' ')
		t.Cells = append(t.Cells,
			layout.Cell{Row: t.Rows, Col: 0, Box: l.Box, Spans: []layout.Span{{Start: l.Start, End: at}}},
			layout.Cell{Row: t.Rows, Col: 1, Box: l.Box, Spans: []layout.Span{{Start: at + 1, End: l.End}}})
		t.Rows++
	}
	b.Kind, b.Table = layout.BlockTable, t
}

// setter sets type, as plainly as can be.
type setter struct {
	glyphs []layout.Glyph
	y      float32
}

func (s *setter) gap(h float32) { s.y += h }

func (s *setter) line(size float32, text string) {
	s.y += size * 1.2
	x := float32(72)
	for _, r := range text {
		w := size * 0.5
		s.glyphs = append(s.glyphs, layout.Glyph{Rune: r, Box: layout.Box{x, s.y + 50 - size*0.7, x + w, s.y + 50}, X: x, Y: s.y + 50, Size: size})
		x += w
	}
}

// env is the product without a worker and without PDFium.
type env struct {
	*testing.T
	jobs      *sqlite.Store
	docs      documents.Store
	blobs     *blob.Folder
	engine    *engine
	extractor *Extractor
	results   *Results
	instance  string
}

func newEnv(t *testing.T) *env {
	t.Helper()
	dir := t.TempDir()
	store, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(dir, "mivaa.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	docs, err := documents.NewSQLite(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := blob.OpenFolder(t.Context(), filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = blobs.Close() })
	e := &env{T: t, jobs: store, docs: docs, blobs: blobs, engine: &engine{}, instance: jobs.NewID().String()}
	e.extractor = &Extractor{Open: e.engine.open, Documents: docs, Jobs: store, Blobs: blobs, Engine: Engine{"fake", "1"}, Stats: new(Stats)}
	e.results = &Results{Documents: docs, Jobs: store}
	proof, err := store.Join(t.Context(), jobs.Instance{ID: e.instance, Host: "test", PID: 1, Lease: time.Hour})
	e.ok(err)
	t.Cleanup(func() { _ = proof.Close() })
	return e
}

func (e *env) ok(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

func (e *env) submit(s spec, o Options) documents.Submitted {
	e.Helper()
	data, err := json.Marshal(s)
	e.ok(err)
	return e.submitBytes(string(data), o)
}

func (e *env) submitBytes(data string, o Options) documents.Submitted {
	e.Helper()
	ref, err := e.blobs.Put(e.Context(), strings.NewReader(data), 0)
	e.ok(err)
	sub := documents.Submission{Source: ref, Filename: "fake.pdf", Metadata: json.RawMessage(`{"title":"Mine"}`)}
	e.ok(o.Apply(&sub))
	out, err := e.docs.Submit(e.Context(), sub)
	e.ok(err)
	return out
}

// tried is an attempt in the hands of a test.
type tried struct {
	e        *env
	job      jobs.Job
	stopping chan struct{}
	once     sync.Once
	// before is called before each checkpoint; an error is returned instead.
	before func(steps []jobs.Step) error

	mu          sync.Mutex
	total, done int
}

func (e *env) attempt() *tried {
	e.Helper()
	got, err := e.jobs.Claim(e.Context(), jobs.ClaimParams{Instance: e.instance, Kinds: []string{Kind}, Limit: 1, Suspects: 1})
	e.ok(err)
	if len(got.Jobs) != 1 {
		e.Fatalf("claimed %d jobs, want 1", len(got.Jobs))
	}
	return &tried{e: e, job: got.Jobs[0], stopping: make(chan struct{}), done: got.Jobs[0].StepsDone}
}

func (a *tried) Job() jobs.Job             { return a.job }
func (a *tried) SetTotal(n int)            { a.mu.Lock(); a.total = n; a.mu.Unlock() }
func (a *tried) Stopping() <-chan struct{} { return a.stopping }
func (a *tried) stop()                     { a.once.Do(func() { close(a.stopping) }) }

func (a *tried) Checkpoint(ctx context.Context, steps ...jobs.Step) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.before != nil {
		if err := a.before(steps); err != nil {
			return err
		}
	}
	if err := a.e.jobs.Checkpoint(ctx, a.job.Fence(), a.total, steps...); err != nil {
		return err
	}
	a.done += len(steps)
	select {
	case <-a.stopping:
		return &jobs.StoppingError{Left: time.Second}
	default:
		return nil
	}
}

// end writes how the attempt ended, as a worker does.
func (a *tried) end(err error) {
	a.e.Helper()
	o := jobs.Outcome{Fence: a.job.Fence(), Status: jobs.Completed}
	if err != nil {
		o.Status, o.Cause, o.Error = jobs.Interrupted, jobs.CauseLeaseLost, "stop" // what an instance gives up by stopping it does not take up again
	}
	lost, ferr := a.e.jobs.Finish(a.e.Context(), o)
	a.e.ok(ferr)
	if len(lost) > 0 {
		a.e.Fatal("the attempt was lost")
	}
}

// run runs the next job to its end.
func (e *env) run() jobs.Job {
	e.Helper()
	a := e.attempt()
	e.ok(e.extractor.handle(e.Context(), a))
	a.end(nil)
	return a.job
}

// work runs a job by a real worker that does not wait between failures.
func (e *env) work(id jobs.ID) jobs.Job {
	e.Helper()
	w := &jobs.Worker{Store: e.jobs, Handlers: map[string]jobs.Handler{Kind: e.extractor.Handle}, Slots: 1,
		Policy: jobs.Policy{MaxFailures: 2, Backoff: func(int) time.Duration { return 0 }}}
	j, err := w.Do(e.Context(), id)
	e.ok(err)
	return j
}

func (e *env) read(id jobs.ID, change ...func(*Request)) (string, Summary) {
	e.Helper()
	req := Request{Document: id}
	for _, c := range change {
		c(&req)
	}
	var sb strings.Builder
	s, err := e.results.Write(e.Context(), &sb, req)
	e.ok(err)
	return sb.String(), s
}

func as(f Format) func(*Request) { return func(r *Request) { r.Format = f } }

func only(pages string) func(*Request) {
	return func(r *Request) {
		p, err := ParsePages(pages)
		if err != nil {
			panic(err)
		}
		r.Pages = p
	}
}

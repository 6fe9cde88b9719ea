package extract

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/jobs"
)

func TestMarkdown(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	s := e.submit(spec{Pages: 3, Failed: []int{2}}, Options{})
	e.run()
	md, sum := e.read(s.Document.ID)
	if !sum.Complete || !sum.Partial || sum.Pages != 3 || len(sum.Failed) != 1 || sum.Failed[0].PageNumber != 2 || sum.Failed[0].Code != "page_timeout" {
		t.Errorf("summary %+v", sum)
	}
	if !strings.HasPrefix(md, "# Chapter 1") || !strings.Contains(md, "- second item\n\nLine 1") || !strings.Contains(md, "too.\n\n# Chapter 3") || strings.Contains(md, "<!--") {
		t.Errorf("markdown:\n%s", md)
	}
	md, _ = e.read(s.Document.ID, func(r *Request) { r.PageMarkers = true })
	for _, want := range []string{"<!-- page 1 -->\n\n# Chapter 1", "<!-- page 2: page_timeout -->\n\n<!-- page 3 -->\n\n#"} {
		if !strings.Contains(md, want) {
			t.Errorf("%q is not in:\n%s", want, md)
		}
	}
	md, sum = e.read(s.Document.ID, only("3"))
	if sum.Partial || sum.Pages != 1 || !strings.HasPrefix(md, "# Chapter 3") {
		t.Errorf("page 3: %+v\n%s", sum, md)
	}
}

// A paragraph goes on over pages: Markdown joins its parts where nothing says
// where a page begins, JSON names what each goes on with.
func TestParagraphOverPages(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	s := e.submit(spec{Pages: 4, Failed: []int{3}, Flowing: true}, Options{})
	e.run()
	id := s.Document.ID
	md, _ := e.read(id)
	if !strings.Contains(md, "at the page's parameter 2.\n\nThe lines") || !strings.Contains(md, "para-\n\nmeter 4.\n") || strings.Count(md, "para-") != 2 {
		t.Errorf("markdown:\n%s", md)
	}
	for _, part := range []string{"1", "2", "4"} {
		if got, _ := e.read(id, only(part)); !strings.HasSuffix(got, "page's para-\n") {
			t.Errorf("page %s by itself:\n%s", part, got)
		}
	}
	md, _ = e.read(id, func(r *Request) { r.PageMarkers = true })
	if !strings.Contains(md, "para-\n\n<!-- page 2 -->\n\nmeter 2.\n") {
		t.Errorf("with markers:\n%s", md)
	}
	text, _ := e.read(id, as(Text))
	if !strings.Contains(text, "para-\n\fmeter 2.\n") {
		t.Errorf("text: %q", text)
	}
	for _, w := range []whole{e.whole(id), e.whole(id, only("2-"))} { // of some pages the same is said as in the whole
		got := map[string]string{}
		for _, el := range w.Elements {
			if el.Continues != "" {
				got[el.ID] = el.Continues
			}
		}
		if want := map[string]string{"p2e0": "p1e0"}; !cmp.Equal(got, want) {
			t.Errorf("what goes on with what is %v, want %v", got, want)
		}
	}
	p, err := e.results.Page(t.Context(), id, 2)
	e.ok(err)
	if p.Elements[0].Continues != "p1e0" || !strings.HasPrefix(p.Markdown, "meter 2.\n") {
		t.Errorf("page 2: %+v", p)
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	s := e.submit(spec{Pages: 3, Failed: []int{2}}, Options{})
	e.run()
	text, _ := e.read(s.Document.ID, as(Text))
	if want := pageOf(1).Text + "\f\f" + pageOf(3).Text + "\f"; text != want {
		t.Errorf("got %q, want %q", text, want)
	}
}

// whole is what a reader of the JSON makes of it.
type whole struct {
	SchemaVersion string `json:"schema_version"`
	DocumentID    string `json:"document_id"`
	PageCount     int    `json:"page_count"`
	Complete      bool   `json:"complete"`
	Partial       bool   `json:"partial"`
	FailedPages   []documents.FailedPage
	Engine        map[string]string
	Metadata      map[string]any
	Submitted     map[string]any `json:"submitted_metadata"`
	Outline       []map[string]any
	Pages         []PageContent
	Elements      []Element
	Tables        []Table
	Images        []DocumentImage
	FormFields    []Field `json:"form_fields"`
	Annotations   []Annotation
	Attachments   []AttachedFile
	Chunks        []Chunk
}

func (e *env) whole(id jobs.ID, change ...func(*Request)) whole {
	e.Helper()
	out, _ := e.read(id, append([]func(*Request){as(JSON)}, change...)...)
	dec := json.NewDecoder(strings.NewReader(out))
	var w whole
	if err := dec.Decode(&w); err != nil {
		e.Fatalf("%v in:\n%s", err, out)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		e.Error("more than one object")
	}
	return w
}

func TestJSON(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	s := e.submit(spec{Pages: 20, Failed: []int{5}}, Options{})
	e.run()
	w := e.whole(s.Document.ID)
	if w.SchemaVersion != SchemaVersion || w.DocumentID != s.Document.ID.String() || w.PageCount != 20 || !w.Complete || !w.Partial ||
		len(w.Pages) != 20 || w.Tables == nil || w.Images == nil || w.Metadata["title"] != "Fake" || w.Submitted["title"] != "Mine" ||
		len(w.Outline) != 1 || w.Outline[0]["page_number"] != 1.0 || len(w.Engine["options_hash"]) != 64 || w.Engine["name"] != "fake" {
		t.Errorf("got %+v", w)
	}
	if p := w.Pages[4]; p.Status != layout.StatusFailed || p.ErrorCode != "page_timeout" || p.PageNumber != 5 || p.Text != "" {
		t.Errorf("page 5: %+v", p)
	}
	ids := map[string]bool{}
	for i, el := range w.Elements {
		text := []rune(w.Pages[el.PageNumber-1].Text)
		if el.Order != i || ids[el.ID] || el.CharEnd > len(text) {
			t.Fatalf("element %d: %+v", i, el)
		}
		ids[el.ID] = true
		if el.ParentID != "" && !ids[el.ParentID] {
			t.Errorf("parent %q of %q comes later or not at all", el.ParentID, el.ID)
		}
		if verbatim := string(text[el.CharStart:el.CharEnd]); el.Type == layout.TypeHeading && verbatim != el.Text {
			t.Errorf("heading %q is cut from %q", el.Text, verbatim)
		}
	}
	checkChunks(t, w)

	// Of some pages the same is said as in the whole.
	part := e.whole(s.Document.ID, only("4"))
	for i, el := range part.Elements {
		j := slices.IndexFunc(w.Elements, func(o Element) bool { return o.ID == el.ID })
		if j < 0 || !slices.Equal(w.Elements[j].HeadingPath, el.HeadingPath) || w.Elements[j].Order != el.Order || len(el.HeadingPath) == 0 {
			t.Errorf("element %d of page 4: %+v", i, el)
		}
	}
	if len(part.Pages) != 1 || part.Partial {
		t.Errorf("page 4: %d pages, partial %v", len(part.Pages), part.Partial)
	}
	out, _ := e.read(s.Document.ID, as(Chunks))
	var chunks whole
	e.ok(json.Unmarshal([]byte(out), &chunks))
	if chunks.Pages != nil || len(chunks.Chunks) != len(w.Chunks) {
		t.Errorf("chunks alone: %d, want %d", len(chunks.Chunks), len(w.Chunks))
	}
}

func checkChunks(t *testing.T, w whole) {
	t.Helper()
	covered := map[int][]bool{}
	for _, p := range w.Pages {
		covered[p.PageNumber] = make([]bool, len([]rune(p.Text)))
	}
	ids := map[string]bool{}
	for i, c := range w.Chunks {
		text := []rune(w.Pages[c.PageNumbers[0]-1].Text)
		// Tables read as rows: of them the words are the same.
		verbatim, said := string(text[c.CharStart:c.CharEnd]), strings.ReplaceAll(c.Text, " | ", " ")
		if c.Index != i || ids[c.ID] || verbatim != said || verbatim != c.Text && !slices.ContainsFunc(w.Tables, func(t Table) bool { return slices.Contains(c.ElementIDs, t.ElementID) }) {
			t.Fatalf("chunk %d: %+v", i, c)
		}
		ids[c.ID] = true
		if len(c.ElementIDs) == 0 || len(c.Boxes) != 1 || c.TokenCount == 0 {
			t.Errorf("chunk %d: %+v", i, c)
		}
		for n := c.CharStart; n < c.CharEnd; n++ {
			covered[c.PageNumbers[0]][n] = true
		}
	}
	for _, el := range w.Elements {
		for n := el.CharStart; n < el.CharEnd && el.Layer == layout.LayerBody; n++ {
			if !covered[el.PageNumber][n] {
				t.Fatalf("character %d of page %d is in no chunk", n, el.PageNumber)
			}
		}
	}
}

func TestChunkParameters(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	s := e.submit(spec{Pages: 4}, Options{Cut: &Cut{Size: 120, Overlap: 30}})
	e.run()
	longest := func(w whole) int {
		n := 0
		for _, c := range w.Chunks {
			n = max(n, c.CharEnd-c.CharStart)
		}
		return n
	}
	if w := e.whole(s.Document.ID); longest(w) > 120 || longest(w) < 60 {
		t.Errorf("the document's own length: %d", longest(w))
	}
	if w := e.whole(s.Document.ID, func(r *Request) { r.Cut = &Cut{Size: 300} }); longest(w) > 300 || longest(w) < 150 {
		t.Errorf("the request's length: %d", longest(w))
	}
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	s := e.submit(spec{Pages: 2}, Options{})
	e.run()
	_, err := e.results.Write(t.Context(), io.Discard, Request{Document: s.Document.ID, Format: "docx", Furniture: "some", Cut: &Cut{Size: 1}})
	if !errors.Is(err, ErrRequest) {
		t.Fatalf("got %v", err)
	}
	for _, what := range []string{"docx", "some", "chunk_size"} {
		if !strings.Contains(err.Error(), what) {
			t.Errorf("%q is not named in: %v", what, err)
		}
	}
	if _, err := e.results.Write(t.Context(), io.Discard, Request{Document: s.Document.ID, Pages: Pages{{5, 6}}}); !errors.Is(err, ErrNoSuchPage) {
		t.Errorf("no such page: %v", err)
	}
	if _, err := e.results.Write(t.Context(), io.Discard, Request{Document: jobs.NewID()}); !errors.Is(err, documents.ErrNotFound) {
		t.Errorf("no such document: %v", err)
	}
}

// Pages of a job that runs are readable, and it is said that there will be more.
func TestReadWhileRunning(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	s := e.submit(spec{Pages: 8}, Options{})
	if out, sum := e.read(s.Document.ID); out != "" || sum.Complete || sum.Pages != 0 {
		t.Errorf("pending: %+v", sum)
	}
	a := e.attempt()
	e.engine.before = func(ctx context.Context, n int) error {
		if n < 5 {
			return nil
		}
		<-ctx.Done()
		return context.Cause(ctx)
	}
	done := make(chan error, 1)
	go func() { done <- e.extractor.handle(t.Context(), a) }()
	for n := 0; n < 4; {
		var err error
		n, err = e.docs.Recorded(t.Context(), a.job.ID)
		e.ok(err)
	}
	w := e.whole(s.Document.ID)
	if w.Complete || w.PageCount != 8 || len(w.Pages) != 4 || len(w.Chunks) == 0 {
		t.Errorf("running: %+v", w)
	}
	if md, sum := e.read(s.Document.ID); sum.Complete || !strings.Contains(md, "# Chapter 3") {
		t.Errorf("running: %+v\n%s", sum, md)
	}
	a.stop()
	if err := <-done; !errors.Is(err, jobs.ErrStopping) {
		t.Errorf("got %v", err)
	}
}

// writerFunc is an io.Writer.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// A reader whose document goes away under it is told so, and holds nothing open.
func TestReplacedWhileReading(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string]func(e *env, id jobs.ID){
		"deleted": func(e *env, id jobs.ID) { e.ok(e.docs.Delete(e.Context(), id, "test")) },
		"read again": func(e *env, id jobs.ID) {
			_, err := e.docs.Reprocess(e.Context(), id, documents.Reprocess{})
			e.ok(err)
			e.run()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			s := e.submit(spec{Pages: 120}, Options{})
			e.run()
			first := true
			w := writerFunc(func(p []byte) (int, error) {
				if first {
					first = false
					replace(e, s.Document.ID)
				}
				return len(p), nil
			})
			if _, err := e.results.Write(t.Context(), w, Request{Document: s.Document.ID, Format: JSON}); !errors.Is(err, ErrReplaced) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestWriterFails(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	s := e.submit(spec{Pages: 30}, Options{})
	e.run()
	gone := errors.New("client went away")
	for _, f := range Formats() {
		w := writerFunc(func([]byte) (int, error) { return 0, gone })
		if _, err := e.results.Write(t.Context(), w, Request{Document: s.Document.ID, Format: f}); !errors.Is(err, gone) {
			t.Errorf("%s: %v", f, err)
		}
	}
}

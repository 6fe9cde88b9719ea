package extract

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/pdf"
)

// SchemaVersion is the version of the document's JSON. A change that a reader
// has to know of raises its first number.
const SchemaVersion = "1.2"

// Head is what the JSON begins with.
type Head struct {
	SchemaVersion string                 `json:"schema_version" doc:"A change that a reader has to know of raises its first number"`
	DocumentID    string                 `json:"document_id" format:"uuid"`
	JobID         string                 `json:"job_id" format:"uuid" doc:"Whose steps the pages are"`
	Filename      string                 `json:"filename"`
	SHA256        string                 `json:"sha256" doc:"Of the source"`
	PageCount     int                    `json:"page_count" doc:"Of the document; 0: not known yet"`
	Complete      bool                   `json:"complete" doc:"false: the job has not come to its end; these are the pages there are"`
	Partial       bool                   `json:"partial" doc:"Some of these pages could not be read"`
	FailedPages   []documents.FailedPage `json:"failed_pages" nullable:"false"`
	Engine        EngineOf               `json:"engine"`
	Metadata      pdf.Info               `json:"metadata" doc:"The file's own"`
	Submitted     json.RawMessage        `json:"submitted_metadata" doc:"What came with the file"`
	OCR           *OCRFacts              `json:"ocr,omitempty" doc:"What recognising pages from their pictures came to, or would have to be done"`
	Outline       []pdf.OutlineItem      `json:"outline" nullable:"false" doc:"The bookmarks, depth first"`
	Attachments   []AttachedFile         `json:"attachments" nullable:"false" doc:"Files that the document carries"`
}

// EngineOf names what read the document, and how.
type EngineOf struct {
	Engine
	OptionsHash string `json:"options_hash"`
}

// PageContent is a page.
type PageContent struct {
	PageNumber int         `json:"page_number" doc:"From 1"`
	PageLabel  string      `json:"page_label,omitempty" doc:"As the document names it: iv, A-3"`
	Width      float64     `json:"width" doc:"In points, as shown"`
	Height     float64     `json:"height"`
	Rotation   int         `json:"rotation"`
	Status     string      `json:"status" enum:"ok,failed"`
	ErrorCode  string      `json:"error_code,omitempty"`
	Error      string      `json:"error,omitempty"`
	NeedsOCR   bool        `json:"needs_ocr" doc:"Images and hardly any text, and it was not recognised"`
	OCR        *layout.OCR `json:"ocr,omitempty" doc:"Of a page that was to be recognised from its picture"`
	Garbage    bool        `json:"garbage,omitempty" doc:"The text is none: the file does not say which letters its fonts show"`
	Order      string      `json:"order,omitempty" enum:"stream" doc:"stream: the text is in the order of the file, for its reading order was not found"`
	Language   string      `json:"language,omitempty" doc:"As BCP 47 names it; none where it is not certain"`
	Truncated  bool        `json:"truncated,omitempty" doc:"The page has more than a record holds"`
	Text       string      `json:"text" doc:"Verbatim, in reading order: char_start and char_end slice it"`
	Markdown   string      `json:"markdown"`
}

// Chunk is a part of the text, as retrieval wants it.
type Chunk struct {
	ID          string   `json:"chunk_id" doc:"The same for the same document, place and length"`
	Index       int      `json:"chunk_index"`
	Text        string   `json:"text" doc:"As on the page, but for tables, which read as rows: their header first, cells parted by a bar"`
	TokenCount  int      `json:"token_count" doc:"Of cl100k_base"`
	CharStart   int      `json:"char_start" doc:"In the text of its page, in characters"`
	CharEnd     int      `json:"char_end"`
	PageNumbers []int    `json:"page_numbers" nullable:"false"`
	Boxes       []Boxed  `json:"boxes" nullable:"false" doc:"One for each column that it runs through"`
	HeadingPath []string `json:"heading_path" nullable:"false"`
	ElementIDs  []string `json:"element_ids" nullable:"false"`
}

// Boxed is a place in the document.
type Boxed struct {
	PageNumber int        `json:"page_number"`
	Box        layout.Box `json:"bbox" nullable:"false" doc:"Left, top, right, bottom in points from the top left of the page as shown"`
}

// writeJSON writes one object. Each list is a pass of its own over the pages,
// so that none of them is held in memory.
func (res *Result) writeJSON(ctx context.Context, w io.Writer) error {
	out := &jsonWriter{w: bufio.NewWriterSize(w, 64<<10)}
	out.head(res.head())
	if res.request.Format == JSON {
		has := new(kinds)
		out.list("pages", func() error { return res.eachPage(ctx, out, has) })
		out.list("elements", func() error { return res.eachElement(ctx, out, has) })
		out.listIf(has.tables, "tables", func() error { return res.eachTable(ctx, func(t *Table) error { return out.item(t) }) })
		out.listIf(has.images, "images", func() error { return res.eachImage(ctx, func(i *DocumentImage) error { return out.item(i) }) })
		out.listIf(has.fields, "form_fields", func() error { return res.eachField(ctx, out) })
		out.listIf(has.annotations, "annotations", func() error { return res.eachAnnotation(ctx, out) })
	}
	out.list("chunks", func() error {
		return res.eachChunk(ctx, func(_ *layout.Page, ch *Chunk) error { return out.item(ch) })
	})
	return out.close()
}

// kinds says which lists have something in them, from the passes before.
type kinds struct{ tables, images, fields, annotations bool }

func (res *Result) head() Head {
	h := Head{
		SchemaVersion: SchemaVersion, DocumentID: res.DocumentID.String(), JobID: res.JobID.String(),
		Filename: res.document.Filename, SHA256: res.document.SourceSHA256, PageCount: res.PageCount,
		Complete: res.Complete, Partial: res.Partial, FailedPages: res.Failed,
		Metadata: res.facts.Info, Submitted: res.document.Metadata, OCR: res.facts.OCR, Outline: res.facts.Outline, Attachments: res.attached(),
	}
	h.Engine = EngineOf{res.facts.Engine, res.options.hash()}
	if h.Outline == nil {
		h.Outline = []pdf.OutlineItem{}
	}
	return h
}

func (res *Result) eachPage(ctx context.Context, out *jsonWriter, has *kinds) error {
	for p, err := range res.steps.pages(ctx) {
		if err != nil {
			return err
		}
		has.fields = has.fields || len(p.Fields) > 0
		has.annotations = has.annotations || len(p.Annotations) > 0
		err := out.item(PageContent{
			PageNumber: p.Number, PageLabel: p.Label, Width: p.Width, Height: p.Height, Rotation: p.Rotation,
			Status: p.Status, ErrorCode: p.Code, Error: p.Error, NeedsOCR: p.NeedsOCR, OCR: p.OCR, Garbage: p.Garbage, Order: p.Order, Truncated: p.Truncated, Language: languageOf(p.Text),
			Text: p.Text, Markdown: layout.Markdown(p, res.profile, res.request.style()),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (res *Result) eachElement(ctx context.Context, out *jsonWriter, has *kinds) error {
	return res.eachElements(ctx, func(_ *layout.Page, elements []Element) error {
		for i := range elements {
			has.tables = has.tables || elements[i].TableID != ""
			has.images = has.images || elements[i].ImageID != ""
			if err := out.item(&elements[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// eachChunk tells f of the chunks, with the page each is of.
func (res *Result) eachChunk(ctx context.Context, f func(*layout.Page, *Chunk) error) error {
	cut := DefaultCut()
	if res.options.Cut != nil {
		cut = *res.options.Cut
	}
	if res.request.Cut != nil {
		cut = *res.request.Cut
	}
	index := 0
	return res.eachElements(ctx, func(p *layout.Page, elements []Element) error {
		count := counter{text: p.Text}
		for _, fl := range flowsOf(p, elements) {
			c := cutter{flow: fl, cut: cut, measure: measureOf(cut.Unit)}
			for _, s := range c.passages() {
				ch := res.chunk(p, elements, s, &count)
				ch.Index = index
				index++
				if err := f(p, ch); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (res *Result) chunk(p *layout.Page, elements []Element, of passage, count *counter) *Chunk {
	s := of.place
	ch := &Chunk{Text: of.text, CharStart: count.at(s.start), PageNumbers: []int{p.Number}, ElementIDs: []string{}, HeadingPath: []string{}, Boxes: []Boxed{}}
	ch.CharEnd = ch.CharStart + utf8.RuneCountInString(p.Text[s.start:s.end])
	ch.TokenCount = tokens{}.length(ch.Text)
	ch.ID = fmt.Sprintf("%s:%d:%d-%d", res.DocumentID, p.Number, ch.CharStart, ch.CharEnd)
	for i := range elements {
		e := &elements[i]
		if e.Layer != layout.LayerBody || e.end <= s.start || e.start >= s.end || e.Type == layout.TypeImage {
			continue
		}
		if len(ch.ElementIDs) == 0 {
			ch.HeadingPath = e.HeadingPath
			if e.heads() {
				ch.HeadingPath = slices.Concat(e.HeadingPath, []string{e.Text})
			}
		}
		ch.ElementIDs = append(ch.ElementIDs, e.ID)
	}
	ch.Boxes = boxesOf(p, s)
	return ch
}

// boxesOf are the boxes of the lines that a span touches: another one where the
// text goes on in another column.
func boxesOf(p *layout.Page, s span) []Boxed {
	out := []Boxed{}
	var top float32 // of the line before
	for i := range p.Lines {
		l := &p.Lines[i]
		if l.End <= s.start || l.Start >= s.end {
			continue
		}
		n := len(out)
		if n == 0 || l.Box[3] < top { // above the line before
			out = append(out, Boxed{p.Number, l.Box})
		} else {
			b := out[n-1].Box
			out[n-1].Box = layout.Box{min(b[0], l.Box[0]), min(b[1], l.Box[1]), max(b[2], l.Box[2]), max(b[3], l.Box[3])}
		}
		top = l.Box[1]
	}
	return out
}

// jsonWriter writes an object with lists, an item at a time. The first error
// stays.
type jsonWriter struct {
	w     *bufio.Writer
	err   error
	items int // in the current list
}

func (j *jsonWriter) write(s string) {
	if j.err == nil {
		_, j.err = j.w.WriteString(s)
	}
}

// head writes the first keys and leaves the object open.
func (j *jsonWriter) head(h Head) {
	data, err := encode(h)
	if err != nil {
		j.err = err
		return
	}
	j.write(string(bytes.TrimSuffix(data, []byte("}"))))
}

func (j *jsonWriter) list(key string, items func() error) {
	j.write(",\n\"" + key + "\":[")
	j.items = 0
	if items != nil && j.err == nil {
		if err := items(); err != nil && j.err == nil {
			j.err = err
		}
	}
	j.write("]")
}

// listIf writes an empty list where there is known to be nothing for it.
func (j *jsonWriter) listIf(some bool, key string, items func() error) {
	if !some {
		items = nil
	}
	j.list(key, items)
}

func (j *jsonWriter) item(v any) error {
	data, err := encode(v)
	if err != nil {
		return err
	}
	if j.items > 0 {
		j.write(",")
	}
	j.items++
	j.write("\n")
	j.write(string(data))
	return j.err
}

func (j *jsonWriter) close() error {
	j.write("}\n")
	return j.flush()
}

func (j *jsonWriter) flush() error {
	if j.err != nil {
		return j.err
	}
	return j.w.Flush()
}

// encode is json.Marshal without escaping for HTML.
func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

package extract

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/pdf"
)

// SchemaVersion is the version of the document's JSON. A change that a reader
// has to know of raises its first number.
const SchemaVersion = "1.0"

// head is what the JSON begins with.
type head struct {
	SchemaVersion string                 `json:"schema_version"`
	DocumentID    string                 `json:"document_id"`
	JobID         string                 `json:"job_id"`
	Filename      string                 `json:"filename"`
	SHA256        string                 `json:"sha256"`
	PageCount     int                    `json:"page_count"`
	Complete      bool                   `json:"complete"`
	Partial       bool                   `json:"partial"`
	FailedPages   []documents.FailedPage `json:"failed_pages"`
	Engine        struct {
		Engine
		OptionsHash string `json:"options_hash"`
	} `json:"engine"`
	Metadata  pdf.Info          `json:"metadata"`           // the file's own
	Submitted json.RawMessage   `json:"submitted_metadata"` // what came with it
	Outline   []pdf.OutlineItem `json:"outline"`
}

type page struct {
	PageNumber int     `json:"page_number"`
	PageLabel  string  `json:"page_label,omitempty"`
	Width      float64 `json:"width"`
	Height     float64 `json:"height"`
	Rotation   int     `json:"rotation"`
	Status     string  `json:"status"`
	ErrorCode  string  `json:"error_code,omitempty"`
	Error      string  `json:"error,omitempty"`
	NeedsOCR   bool    `json:"needs_ocr"`
	Garbage    bool    `json:"garbage,omitempty"`
	Order      string  `json:"order,omitempty"` // stream: not in reading order
	Truncated  bool    `json:"truncated,omitempty"`
	Text       string  `json:"text"`
	Markdown   string  `json:"markdown"`
}

type chunk struct {
	ID          string   `json:"chunk_id"` // the same for the same document, place and length
	Index       int      `json:"chunk_index"`
	Text        string   `json:"text"`
	TokenCount  int      `json:"token_count"` // an estimate: a token each four characters
	CharStart   int      `json:"char_start"`  // in the text of its page, in characters
	CharEnd     int      `json:"char_end"`
	PageNumbers []int    `json:"page_numbers"`
	Boxes       []boxed  `json:"boxes"`
	HeadingPath []string `json:"heading_path"`
	ElementIDs  []string `json:"element_ids"`
}

type boxed struct {
	PageNumber int        `json:"page_number"`
	Box        layout.Box `json:"bbox"`
}

// writeJSON writes one object. Each list is a pass of its own over the pages,
// so that none of them is held in memory.
func (res *Result) writeJSON(ctx context.Context, w io.Writer) error {
	out := &jsonWriter{w: bufio.NewWriterSize(w, 64<<10)}
	out.head(res.head())
	if res.request.Format == JSON {
		out.list("pages", func() error { return res.eachPage(ctx, out) })
		out.list("elements", func() error { return res.eachElement(ctx, out) })
		out.list("tables", nil)
		out.list("images", nil)
	}
	out.list("chunks", func() error {
		return res.eachChunk(ctx, func(_ *layout.Page, ch *chunk) error { return out.item(ch) })
	})
	return out.close()
}

func (res *Result) head() head {
	h := head{
		SchemaVersion: SchemaVersion, DocumentID: res.DocumentID.String(), JobID: res.JobID.String(),
		Filename: res.document.Filename, SHA256: res.document.SourceSHA256, PageCount: res.PageCount,
		Complete: res.Complete, Partial: res.Partial, FailedPages: res.Failed,
		Metadata: res.facts.Info, Submitted: res.document.Metadata, Outline: res.facts.Outline,
	}
	h.Engine.Engine, h.Engine.OptionsHash = res.facts.Engine, res.options.hash()
	if h.Outline == nil {
		h.Outline = []pdf.OutlineItem{}
	}
	return h
}

func (res *Result) eachPage(ctx context.Context, out *jsonWriter) error {
	for p, err := range res.steps.pages(ctx) {
		if err != nil {
			return err
		}
		err := out.item(page{
			PageNumber: p.Number, PageLabel: p.Label, Width: p.Width, Height: p.Height, Rotation: p.Rotation,
			Status: p.Status, ErrorCode: p.Code, Error: p.Error, NeedsOCR: p.NeedsOCR, Garbage: p.Garbage, Order: p.Order, Truncated: p.Truncated,
			Text: p.Text, Markdown: layout.Markdown(p, res.profile, layout.Style{}),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (res *Result) eachElement(ctx context.Context, out *jsonWriter) error {
	var o outline
	for p, err := range res.steps.all(ctx) {
		if err != nil {
			return err
		}
		elements := o.add(p, res.profile)
		if !res.steps.has(p.Number) {
			continue
		}
		for i := range elements {
			if err := out.item(&elements[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// eachChunk tells f of the chunks, with the page each is of.
func (res *Result) eachChunk(ctx context.Context, f func(*layout.Page, *chunk) error) error {
	cut := DefaultCut()
	if res.options.Cut != nil {
		cut = *res.options.Cut
	}
	if res.request.Cut != nil {
		cut = *res.request.Cut
	}
	var o outline
	index := 0
	for p, err := range res.steps.all(ctx) {
		if err != nil {
			return err
		}
		elements := o.add(p, res.profile)
		if !res.steps.has(p.Number) {
			continue
		}
		c := cutter{text: p.Text, elements: elements, cut: cut}
		count := counter{text: p.Text}
		for _, s := range c.spans() {
			ch := res.chunk(&p, elements, s, &count)
			ch.Index = index
			index++
			if err := f(&p, ch); err != nil {
				return err
			}
		}
	}
	return nil
}

func (res *Result) chunk(p *layout.Page, elements []Element, s span, count *counter) *chunk {
	ch := &chunk{Text: p.Text[s.start:s.end], CharStart: count.at(s.start), PageNumbers: []int{p.Number}, ElementIDs: []string{}, HeadingPath: []string{}, Boxes: []boxed{}}
	length := (&counter{text: ch.Text}).at(len(ch.Text))
	ch.CharEnd = ch.CharStart + length
	ch.TokenCount = (length + 3) / 4
	ch.ID = fmt.Sprintf("%s:%d:%d-%d", res.DocumentID, p.Number, ch.CharStart, ch.CharEnd)
	for i := range elements {
		e := &elements[i]
		if e.Layer != layout.LayerBody || e.end <= s.start || e.start >= s.end {
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
	if box, ok := boxOf(p, s); ok {
		ch.Boxes = append(ch.Boxes, boxed{p.Number, box})
	}
	return ch
}

// boxOf is the box of the lines that a span touches.
func boxOf(p *layout.Page, s span) (box layout.Box, ok bool) {
	for i := range p.Lines {
		l := &p.Lines[i]
		if l.End <= s.start || l.Start >= s.end {
			continue
		}
		if !ok {
			box, ok = l.Box, true
			continue
		}
		box = layout.Box{min(box[0], l.Box[0]), min(box[1], l.Box[1]), max(box[2], l.Box[2]), max(box[3], l.Box[3])}
	}
	return box, ok
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
func (j *jsonWriter) head(h head) {
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

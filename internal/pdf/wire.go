package pdf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/mivaa/mivaa/internal/layout"
)

// A page record crosses the pipe in binary: as JSON, reading it would cost the
// service ten times as much, a tenth of all that a page costs. Both ends are the
// same executable, so the form has no version.

// coder writes a record, or reads one: the fields are listed once for both.
// Read from it, a record is as untrusted as the rest of what a reader says.
type coder struct {
	b       []byte // what is written, or still to be read
	reading bool
	err     error // of reading
}

var errRecord = errors.New("a page record that cannot be")

// encodeRecord appends the record of a page to b.
func encodeRecord(b []byte, p *layout.Page) []byte {
	c := coder{b: b}
	c.page(p)
	return c.b
}

// decodeRecord reads the record of a page. What it returns is safe to use:
// every offset slices Text, every index is in range, every number is finite.
func decodeRecord(b []byte) (layout.Page, error) {
	var p layout.Page
	c := coder{b: b, reading: true}
	c.page(&p)
	if c.err == nil && len(c.b) > 0 {
		c.err = errRecord
	}
	if c.err == nil {
		c.err = checkRecord(&p)
	}
	if c.err != nil {
		return layout.Page{}, c.err
	}
	return p, nil
}

func (c *coder) page(p *layout.Page) {
	c.int(&p.Version)
	c.int(&p.Number)
	c.string(&p.Label)
	c.float64(&p.Width)
	c.float64(&p.Height)
	c.int(&p.Rotation)
	c.string(&p.Status)
	c.string(&p.Code)
	c.string(&p.Error)
	c.bool(&p.NeedsOCR)
	c.bool(&p.Garbage)
	c.string(&p.Order)
	c.int(&p.Chars)
	c.int(&p.Unshown)
	c.bool(&p.Truncated)
	c.string(&p.Text)
	sequence(c, &p.Fonts, 5, (*coder).font)
	sequence(c, &p.Lines, 27, (*coder).line)
	sequence(c, &p.Blocks, 29, (*coder).block)
	sequence(c, &p.Rulings, 17, (*coder).ruling)
	sequence(c, &p.Images, 16, (*coder).box)
	sequence(c, &p.Links, 17, (*coder).link)
	sequence(c, &p.ImageData, 5, (*coder).imageData)
	sequence(c, &p.Annotations, 21, (*coder).annotation)
	sequence(c, &p.Fields, 24, (*coder).field)
}

func (c *coder) imageData(d *layout.ImageData) {
	c.int(&d.Width)
	c.int(&d.Height)
	c.string(&d.MediaType)
	c.string(&d.SHA256)
	c.string(&d.Alt)
}

func (c *coder) annotation(a *layout.Annotation) {
	c.string(&a.Kind)
	c.box(&a.Box)
	c.string(&a.Text)
	c.string(&a.Author)
	c.string(&a.Modified)
	c.string(&a.Marked)
}

func (c *coder) field(f *layout.Field) {
	c.string(&f.Name)
	c.string(&f.Label)
	c.string(&f.Kind)
	c.string(&f.Value)
	c.bool(&f.Checked)
	sequence(c, &f.Options, 1, (*coder).string)
	c.bool(&f.ReadOnly)
	c.bool(&f.Required)
	c.box(&f.Box)
}

func (c *coder) font(f *layout.Font) {
	c.string(&f.Name)
	c.bool(&f.Bold)
	c.bool(&f.Italic)
	c.bool(&f.Mono)
	c.bool(&f.Serif)
}

func (c *coder) line(l *layout.Line) {
	c.int(&l.Start)
	c.int(&l.End)
	c.box(&l.Box)
	c.float(&l.Base)
	c.float(&l.Angle)
	sequence(c, &l.Runs, 23, (*coder).run)
}

func (c *coder) run(r *layout.Run) {
	c.int(&r.Start)
	c.int(&r.End)
	c.int(&r.Font)
	c.float(&r.Size)
	c.box(&r.Box)
}

func (c *coder) block(b *layout.Block) {
	c.string(&b.Kind)
	c.int(&b.First)
	c.int(&b.Last)
	c.box(&b.Box)
	c.float(&b.Size)
	c.bool(&b.Bold)
	c.string(&b.Marker)
	c.float(&b.Indent)
	table := b.Table != nil
	if c.bool(&table); table && c.err == nil {
		if b.Table == nil {
			b.Table = new(layout.Table)
		}
		c.table(b.Table)
	}
	c.string(&b.Tag)
	c.int(&b.Level)
}

func (c *coder) table(t *layout.Table) {
	c.int(&t.Rows)
	c.int(&t.Cols)
	c.int(&t.HeaderRows)
	c.bool(&t.Ruled)
	sequence(c, &t.Cells, 21, (*coder).cell)
}

func (c *coder) cell(v *layout.Cell) {
	c.int(&v.Row)
	c.int(&v.Col)
	c.int(&v.RowSpan)
	c.int(&v.ColSpan)
	c.box(&v.Box)
	sequence(c, &v.Spans, 2, (*coder).span)
}

func (c *coder) span(v *layout.Span) {
	c.int(&v.Start)
	c.int(&v.End)
}

func (c *coder) ruling(r *layout.Ruling) {
	c.float(&r.X0)
	c.float(&r.Y0)
	c.float(&r.X1)
	c.float(&r.Y1)
	c.string(&r.Fill)
}

func (c *coder) link(l *layout.Link) {
	c.box(&l.Box)
	c.string(&l.URI)
}

func (c *coder) box(b *layout.Box) {
	for i := range b {
		c.float(&b[i])
	}
}

// sequence is a count and that many elements, each of at least so many bytes:
// a liar cannot ask for much more memory than it sends.
func sequence[T any](c *coder, s *[]T, least int, each func(*coder, *T)) {
	n := len(*s)
	c.int(&n)
	if c.reading {
		if n > len(c.b)/least {
			c.err = errRecord
		}
		if c.err != nil || n == 0 {
			return
		}
		*s = make([]T, n)
	}
	for i := range *s {
		each(c, &(*s)[i])
		if c.err != nil {
			return
		}
	}
}

// int is a number that is not negative, in as few bytes as it takes.
func (c *coder) int(v *int) {
	if !c.reading {
		c.b = binary.AppendUvarint(c.b, uint64(*v))
		return
	}
	u, n := binary.Uvarint(c.b)
	if n <= 0 || u > math.MaxInt32 {
		c.err = errRecord
		return
	}
	*v, c.b = int(u), c.b[n:]
}

func (c *coder) bool(v *bool) {
	n := 0
	if *v {
		n = 1
	}
	c.int(&n)
	*v = n == 1
}

func (c *coder) string(v *string) {
	n := len(*v)
	c.int(&n)
	if !c.reading {
		c.b = append(c.b, *v...)
		return
	}
	if c.err != nil || n > len(c.b) || !utf8.Valid(c.b[:n]) {
		c.err = errRecord
		return
	}
	*v, c.b = string(c.b[:n]), c.b[n:]
}

func (c *coder) float(v *float32) {
	if !c.reading {
		c.b = binary.LittleEndian.AppendUint32(c.b, math.Float32bits(*v))
		return
	}
	if len(c.b) < 4 {
		c.err = errRecord
		return
	}
	*v, c.b = math.Float32frombits(binary.LittleEndian.Uint32(c.b)), c.b[4:]
	c.finite(float64(*v))
}

func (c *coder) float64(v *float64) {
	if !c.reading {
		c.b = binary.LittleEndian.AppendUint64(c.b, math.Float64bits(*v))
		return
	}
	if len(c.b) < 8 {
		c.err = errRecord
		return
	}
	*v, c.b = math.Float64frombits(binary.LittleEndian.Uint64(c.b)), c.b[8:]
	c.finite(*v)
}

// finite refuses what JSON cannot hold.
func (c *coder) finite(v float64) {
	if v-v != 0 {
		c.err = errRecord
	}
}

// checkRecord verifies that a record is one that can be kept, and is of a page
// that was read.
func checkRecord(p *layout.Page) error {
	if p.Version != layout.Version || p.Status != layout.StatusOK || p.Code != "" {
		return fmt.Errorf("%w: version %d, status %.20q", errRecord, p.Version, p.Status)
	}
	if err := p.Check(); err != nil {
		return fmt.Errorf("%w: %w", errRecord, err)
	}
	return nil
}

// weight is about how large a record is as JSON, which is how it will be kept.
func weight(p *layout.Page) int64 {
	n := len(p.Text) + 100*len(p.Lines) + 150*len(p.Blocks) + 60*len(p.Rulings) + 50*len(p.Images)
	for _, l := range p.Lines {
		n += 90 * len(l.Runs)
	}
	for _, l := range p.Links {
		n += 70 + len(l.URI)
	}
	for _, f := range p.Fonts {
		n += 40 + len(f.Name)
	}
	for _, d := range p.ImageData {
		n += 70 + len(d.SHA256) + len(d.Alt)
	}
	for _, a := range p.Annotations {
		n += 120 + len(a.Text) + len(a.Author) + len(a.Marked)
	}
	for _, f := range p.Fields {
		n += 150 + len(f.Name) + len(f.Label) + len(f.Value)
		for _, o := range f.Options {
			n += 3 + len(o)
		}
	}
	return int64(n)
}

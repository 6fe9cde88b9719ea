package layout

import (
	"strconv"
	"unicode/utf8"
)

// scanPage reads a record as Encode writes it, at a fifth of the cost of
// encoding/json, which was nearly all that the output of a document took.
// Whatever else a record may be (of an older version, with white space or the
// keys in another order, damaged) it leaves to encoding/json by reporting false;
// what it does read is what encoding/json would read.
func scanPage(data []byte) (p Page, ok bool) {
	s := scanner{b: data}
	s.need(`{"v":`)
	s.int(&p.Version)
	s.need(`,"page_number":`)
	s.int(&p.Number)
	if s.has(`,"page_label":`) {
		s.string(&p.Label)
	}
	s.need(`,"width":`)
	p.Width = s.float(64)
	s.need(`,"height":`)
	p.Height = s.float(64)
	if s.has(`,"rotation":`) {
		s.int(&p.Rotation)
	}
	s.need(`,"status":`)
	s.string(&p.Status)
	if s.has(`,"error_code":`) {
		s.string(&p.Code)
	}
	if s.has(`,"error":`) {
		s.string(&p.Error)
	}
	p.NeedsOCR = s.has(`,"needs_ocr":true`)
	p.Garbage = s.has(`,"garbage":true`)
	if s.has(`,"order":`) {
		s.string(&p.Order)
	}
	if s.has(`,"chars":`) {
		s.int(&p.Chars)
	}
	if s.has(`,"unshown":`) {
		s.int(&p.Unshown)
	}
	p.Truncated = s.has(`,"truncated":true`)
	if s.has(`,"ocr":`) {
		p.OCR = new(OCR)
		s.ocr(p.OCR)
	}
	s.need(`,"text":`)
	s.string(&p.Text)
	scanList(&s, `,"fonts":`, &p.Fonts, (*scanner).font)
	scanList(&s, `,"lines":`, &p.Lines, (*scanner).line)
	scanList(&s, `,"blocks":`, &p.Blocks, (*scanner).block)
	scanList(&s, `,"rulings":`, &p.Rulings, (*scanner).ruling)
	scanList(&s, `,"images":`, &p.Images, (*scanner).box)
	scanList(&s, `,"links":`, &p.Links, (*scanner).link)
	scanList(&s, `,"image_data":`, &p.ImageData, (*scanner).imageData)
	s.need("}")
	return p, !s.bad && len(s.b) == 0
}

// scanner is at the beginning of b. Once bad, it stays so.
type scanner struct {
	b   []byte
	bad bool
}

func (s *scanner) ocr(o *OCR) {
	s.need(`{"status":`)
	s.string(&o.Status)
	s.need(`,"engine":`)
	s.string(&o.Engine)
	s.need(`,"version":`)
	s.string(&o.Version)
	s.need(`,"languages":`)
	s.string(&o.Languages)
	if s.has(`,"confidence":`) {
		s.int(&o.Confidence)
	}
	if s.has(`,"error_code":`) {
		s.string(&o.Code)
	}
	if s.has(`,"error":`) {
		s.string(&o.Error)
	}
	s.need("}")
}

func (s *scanner) font(f *Font) {
	s.need(`{"name":`)
	s.string(&f.Name)
	f.Bold = s.has(`,"bold":true`)
	f.Italic = s.has(`,"italic":true`)
	f.Mono = s.has(`,"mono":true`)
	f.Serif = s.has(`,"serif":true`)
	s.need("}")
}

func (s *scanner) line(l *Line) {
	s.need(`{"start":`)
	s.int(&l.Start)
	s.need(`,"end":`)
	s.int(&l.End)
	s.need(`,"bbox":`)
	s.box(&l.Box)
	s.need(`,"base":`)
	l.Base = float32(s.float(32))
	if s.has(`,"angle":`) {
		l.Angle = float32(s.float(32))
	}
	scanList(s, `,"runs":`, &l.Runs, (*scanner).run)
	s.need("}")
}

func (s *scanner) run(r *Run) {
	s.need(`{"start":`)
	s.int(&r.Start)
	s.need(`,"end":`)
	s.int(&r.End)
	s.need(`,"font":`)
	s.int(&r.Font)
	s.need(`,"size":`)
	r.Size = float32(s.float(32))
	s.need(`,"bbox":`)
	s.box(&r.Box)
	s.need("}")
}

func (s *scanner) block(b *Block) {
	s.need(`{"kind":`)
	s.string(&b.Kind)
	s.need(`,"first":`)
	s.int(&b.First)
	s.need(`,"last":`)
	s.int(&b.Last)
	s.need(`,"bbox":`)
	s.box(&b.Box)
	s.need(`,"size":`)
	b.Size = float32(s.float(32))
	b.Bold = s.has(`,"bold":true`)
	if s.has(`,"marker":`) {
		s.string(&b.Marker)
	}
	if s.has(`,"indent":`) {
		b.Indent = float32(s.float(32))
	}
	if s.has(`,"table":`) {
		b.Table = &Table{}
		s.table(b.Table)
	}
	if s.has(`,"tag":`) {
		s.string(&b.Tag)
	}
	if s.has(`,"level":`) {
		s.int(&b.Level)
	}
	s.need("}")
}

func (s *scanner) table(t *Table) {
	s.need(`{"rows":`)
	s.int(&t.Rows)
	s.need(`,"cols":`)
	s.int(&t.Cols)
	if s.has(`,"header_rows":`) {
		s.int(&t.HeaderRows)
	}
	t.Ruled = s.has(`,"ruled":true`)
	scanList(s, `,"cells":`, &t.Cells, (*scanner).cell)
	s.need("}")
}

func (s *scanner) cell(c *Cell) {
	s.need(`{"row":`)
	s.int(&c.Row)
	s.need(`,"col":`)
	s.int(&c.Col)
	if s.has(`,"row_span":`) {
		s.int(&c.RowSpan)
	}
	if s.has(`,"col_span":`) {
		s.int(&c.ColSpan)
	}
	s.need(`,"bbox":`)
	s.box(&c.Box)
	scanList(s, `,"spans":`, &c.Spans, (*scanner).span)
	s.need("}")
}

func (s *scanner) span(v *Span) {
	s.need(`{"start":`)
	s.int(&v.Start)
	s.need(`,"end":`)
	s.int(&v.End)
	s.need("}")
}

func (s *scanner) ruling(r *Ruling) {
	s.need(`{"x0":`)
	r.X0 = float32(s.float(32))
	s.need(`,"y0":`)
	r.Y0 = float32(s.float(32))
	s.need(`,"x1":`)
	r.X1 = float32(s.float(32))
	s.need(`,"y1":`)
	r.Y1 = float32(s.float(32))
	if s.has(`,"fill":`) {
		s.string(&r.Fill)
	}
	s.need("}")
}

func (s *scanner) link(l *Link) {
	s.need(`{"bbox":`)
	s.box(&l.Box)
	s.need(`,"uri":`)
	s.string(&l.URI)
	s.need("}")
}

func (s *scanner) imageData(d *ImageData) {
	s.need(`{"width":`)
	s.int(&d.Width)
	s.need(`,"height":`)
	s.int(&d.Height)
	s.need(`,"mime_type":`)
	s.string(&d.MediaType)
	if s.has(`,"sha256":`) {
		s.string(&d.SHA256)
	}
	if s.has(`,"alt":`) {
		s.string(&d.Alt)
	}
	s.need("}")
}

func (s *scanner) box(b *Box) {
	before := "["
	for i := range b {
		s.need(before)
		b[i] = float32(s.float(32))
		before = ","
	}
	s.need("]")
}

// scanList reads the array after a key, if the key is there.
func scanList[T any](s *scanner, key string, list *[]T, each func(*scanner, *T)) {
	if !s.has(key) {
		return
	}
	s.need("[")
	*list = []T{}
	if s.has("]") {
		return
	}
	for !s.bad {
		var v T
		each(s, &v)
		*list = append(*list, v)
		if !s.has(",") {
			s.need("]")
			return
		}
	}
}

// has skips text if it is next.
func (s *scanner) has(text string) bool {
	if len(s.b) < len(text) || string(s.b[:len(text)]) != text {
		return false
	}
	s.b = s.b[len(text):]
	return true
}

func (s *scanner) need(text string) {
	if !s.has(text) {
		s.bad, s.b = true, nil
	}
}

// digits skips digits and counts them.
func (s *scanner) digits() (n int) {
	for n < len(s.b) && s.b[n]-'0' <= 9 {
		n++
	}
	s.b = s.b[n:]
	return n
}

// int reads a number of 1 to 9 digits.
func (s *scanner) int(v *int) {
	from := s.b
	n := s.digits()
	if n == 0 || n > 9 || n > 1 && from[0] == '0' {
		s.bad, s.b = true, nil
		return
	}
	for _, c := range from[:n] {
		*v = 10**v + int(c-'0')
	}
}

// float reads a number of so many bits, which is then exact in float64.
func (s *scanner) float(bits int) float64 {
	from := s.b
	s.has("-")
	leading := len(s.b) > 0 && s.b[0] == '0'
	n := s.digits()
	good := n == 1 || n > 1 && !leading
	if s.has(".") {
		good = s.digits() > 0 && good
	}
	if s.has("e") || s.has("E") {
		if !s.has("-") {
			s.has("+")
		}
		good = s.digits() > 0 && good
	}
	v, err := strconv.ParseFloat(string(from[:len(from)-len(s.b)]), bits)
	if err != nil || !good {
		s.bad, s.b = true, nil
	}
	return v
}

// string reads a string.
func (s *scanner) string(v *string) {
	s.need(`"`)
	text := s.plain()
	if s.has(`"`) {
		*v = string(text)
		return
	}
	text = append(make([]byte, 0, 8*len(text)), text...)
	for !s.bad {
		s.need(`\`)
		text = append(s.escape(text), s.plain()...)
		if s.has(`"`) {
			*v = string(text)
			return
		}
	}
}

// plain takes what stands for itself.
func (s *scanner) plain() []byte {
	n := 0
	for n < len(s.b) && s.b[n] != '"' && s.b[n] != '\\' && s.b[n] >= ' ' {
		n++
	}
	b := s.b[:n]
	s.b = s.b[n:]
	if !utf8.Valid(b) {
		s.bad = true
	}
	return b
}

// escape appends what the rest of an escape sequence stands for: of those that
// Encode writes, the ones that are not rare.
func (s *scanner) escape(text []byte) []byte {
	switch {
	case s.has("n"):
		return append(text, '\n')
	case s.has(`"`):
		return append(text, '"')
	case s.has(`\`):
		return append(text, '\\')
	}
	s.bad, s.b = true, nil
	return text
}

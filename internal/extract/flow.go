package extract

import (
	"slices"
	"strings"
	"unicode"

	"github.com/mivaa/mivaa/internal/layout"
)

// flow is a part of a page's text as chunks have it: verbatim, but for tables,
// which read as rows.
type flow struct {
	text   string
	pieces []piece // one behind the other, all of text
	units  []unit  // where elements and rows begin, rising
}

// piece is a stretch of a flow: verbatim, or a row of a table.
type piece struct {
	span
	page span // of the page's text
	row  bool
	head string // of a row behind the header, which may be on a page before: the header's rows
}

// unit is where a chunk may well begin.
type unit struct {
	at    int
	heads bool // with a heading
}

// flowsOf returns the page's body: a flow for each run of elements that no
// furniture interrupts.
func flowsOf(p *layout.Page, elements []Element) []flow {
	var out []flow
	var run []*Element
	end := func() {
		if len(run) > 0 {
			out = append(out, flowOf(p, run))
			run = nil
		}
	}
	for i := range elements {
		switch e := &elements[i]; {
		case e.Layer != layout.LayerBody:
			end()
		case e.Type != layout.TypeImage: // which has no text
			run = append(run, e)
		}
	}
	end()
	return out
}

func flowOf(p *layout.Page, run []*Element) flow {
	w := flowWriter{page: p, at: run[0].start}
	for _, e := range run {
		w.verbatim(e.start) // what lies between the elements
		w.units = append(w.units, unit{w.sb.Len(), e.heads()})
		if e.table != nil {
			w.table(e)
		}
		w.verbatim(e.end)
	}
	w.text = w.sb.String()
	return w.flow
}

// flowWriter makes a flow.
type flowWriter struct {
	flow
	page *layout.Page
	sb   strings.Builder
	at   int // of the page's text: how far it is written
}

// verbatim goes on to a place of the page's text.
func (w *flowWriter) verbatim(to int) {
	if to > w.at {
		w.write(w.page.Text[w.at:to], to, piece{})
	}
}

func (w *flowWriter) write(text string, to int, p piece) {
	p.span = span{w.sb.Len(), w.sb.Len() + len(text)}
	p.page = span{w.at, to}
	w.sb.WriteString(text)
	w.pieces = append(w.pieces, p)
	w.at = to
}

// table writes the rows of a table. One whose cells do not hold all of its text
// stays verbatim.
func (w *flowWriter) table(e *Element) {
	rows := rowsOf(w.page, e)
	if rows == nil {
		return
	}
	head := e.head
	if slices.ContainsFunc(rows, func(r row) bool { return r.header }) {
		head = "" // it has its own, once more or another
	}
	for i, r := range rows {
		text := r.text
		if i < len(rows)-1 {
			text += "\n"
		}
		if i > 0 {
			w.units = append(w.units, unit{w.sb.Len(), false})
		}
		p := piece{row: true}
		if r.header {
			head += text
		} else {
			p.head = head
		}
		w.write(text, r.end, p)
	}
}

// row is a row of a table, and how far its text goes in the page's.
type row struct {
	text   string
	end    int
	header bool
}

// rowsOf returns the rows of a table that have text; nil where they are not a
// rewriting of all of the table's text.
func rowsOf(p *layout.Page, e *Element) []row {
	byRow := make([][]*layout.Cell, e.table.Rows)
	held := 0
	for i := range e.table.Cells {
		c := &e.table.Cells[i]
		for _, s := range c.Spans {
			held += visible(p.Text[s.Start:s.End])
		}
		if len(c.Spans) > 0 {
			byRow[c.Row] = append(byRow[c.Row], c)
		}
	}
	if held != visible(p.Text[e.start:e.end]) {
		return nil
	}
	var rows []row
	for i, cells := range byRow {
		if len(cells) == 0 {
			continue
		}
		texts := make([]string, len(cells))
		first := cells[0].Spans[0].Start
		for k, c := range cells {
			texts[k] = p.CellText(c)
			first = min(first, c.Spans[0].Start)
		}
		if n := len(rows); n > 0 {
			if first < rows[n-1].end {
				return nil // rows of whose text none comes before the other
			}
			rows[n-1].end = first
		}
		rows = append(rows, row{text: strings.Join(texts, " | "), end: first, header: i < e.table.HeaderRows})
	}
	if n := len(rows); n > 0 {
		rows[n-1].end = e.end
	}
	return rows
}

// visible counts the bytes that are no white space.
func visible(s string) int {
	n := 0
	for _, r := range s {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

// pieceAt returns the piece that text[at:] begins in, and whether that is where
// a row begins.
func (f *flow) pieceAt(at int) (*piece, bool) {
	i, found := slices.BinarySearchFunc(f.pieces, at, func(p piece, at int) int {
		switch {
		case p.end <= at:
			return -1
		case p.start > at:
			return 1
		}
		return 0
	})
	if !found {
		return nil, false
	}
	return &f.pieces[i], f.pieces[i].row && f.pieces[i].start == at
}

// rowAround returns the row that a place lies within: behind its beginning and
// before its end.
func (f *flow) rowAround(at int) (span, bool) {
	p, _ := f.pieceAt(at)
	if p == nil || !p.row || p.start == at {
		return span{}, false
	}
	return p.span, true
}

// headAt returns the header of the table in which text[at:] begins, where that
// is behind the header.
func (f *flow) headAt(at int) string {
	if p, row := f.pieceAt(at); row {
		return p.head
	}
	return ""
}

// pageStart returns where text[at:] begins in the page's text, pageEnd where
// text[:at] ends.
func (f *flow) pageStart(at int) int {
	p, _ := f.pieceAt(at)
	if p.row {
		return p.page.start
	}
	return p.page.start + at - p.start
}

func (f *flow) pageEnd(at int) int {
	p, _ := f.pieceAt(at - 1)
	if p.row {
		return p.page.end
	}
	return p.page.start + at - p.start
}

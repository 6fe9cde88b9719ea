package layout

import (
	"unicode"
	"unicode/utf8"
)

// part is a stretch of lines that makes one element: a block, what is left of
// one without the running header in it, or blocks that are one piece of code.
type part struct {
	first, last int // lines
	box         Box
	column      Box     // what of it stands in the last of its columns
	size        float32 // that most of its characters have
	bold        bool    // all of it
	list        bool    // the page alone makes it a list item
	marker      string
	table       *Table
	tag         string // what a tagged document says that it is
	depth       int    // of a heading or list item, as the tags have it

	kind  string // of Element
	level int
	sure  float32
}

// parts divides the page into what its elements are made of and says what each
// one is.
func (prof *Profile) parts(p *Page) []part {
	out := p.divide(prof.furnishings(p))
	p.markTagged(out)
	prof.markHeadings(p, out)
	out = p.joinHeadings(out)
	for i := range out {
		s := &out[i]
		switch {
		case s.kind != "":
		case s.table != nil:
			s.kind, s.sure = TypeTable, 0.8
			if s.table.Ruled {
				s.sure = 0.95
			}
		case p.isCaption(s):
			s.kind, s.sure = TypeCaption, 0.9
		case prof.isFormula(p, s):
			s.kind, s.sure = TypeFormula, 0.7
		case prof.isCode(p, s):
			s.kind, s.sure = TypeCode, 0.9
		case s.list:
			s.kind, s.sure = TypeListItem, 0.95
			if isDigit(s.marker) {
				s.sure = 0.85
			}
		default:
			s.kind, s.sure = TypeParagraph, 0.9
		}
	}
	prof.markFootnotes(p, out)
	return p.joinSentences(p.joinCode(out))
}

// joinSentences makes one part of a paragraph that goes on in the next column,
// or beside or under something that made its lines shorter. Tags know where
// paragraphs end.
func (p *Page) joinSentences(parts []part) []part {
	out := parts[:0]
	for i := range parts {
		s := &parts[i]
		if n := len(out); n > 0 && s.kind == TypeParagraph && s.tag == "" && p.goesOn(&out[n-1], s) {
			t := &out[n-1]
			if p.Lines[s.first].Base < p.Lines[t.last].Base {
				t.column = s.box
			} else {
				t.column = t.column.union(s.box)
			}
			t.last, t.box = s.last, t.box.union(s.box)
			continue
		}
		s.column = s.box
		out = append(out, *s)
	}
	return out
}

// goesOn reports whether s goes on with the last sentence of t: higher up in a
// column to the right, or right under a line that is not short.
func (p *Page) goesOn(t, s *part) bool {
	if t.kind != TypeParagraph && t.kind != TypeListItem || steps(s.size) != steps(t.size) || s.bold != t.bold {
		return false
	}
	a, b := &p.Lines[t.last], &p.Lines[s.first]
	last, _ := utf8.DecodeLastRuneInString(p.Text[a.Start:a.End])
	first, _ := utf8.DecodeRuneInString(p.Text[b.Start:b.End])
	if !unicode.IsLower(first) || endsSentence(last) || a.Angle != 0 || b.Angle != 0 || a.cells() != 1 || b.cells() != 1 {
		return false
	}
	width := a.Box[2] - a.Box[0]
	if width < 12*s.size || width < 0.6*(t.column[2]-t.column[0]) {
		return false
	}
	if b.Base < a.Base {
		return b.Box[0] >= a.Box[2]-s.size
	}
	return b.Base-a.Base <= 1.9*s.size && b.Box[0] < a.Box[2] && b.Box[2] > a.Box[0]
}

// divide makes parts of the page's blocks. Lines that are furniture are parts
// of their own: as says of each line what it is, or is nil.
func (p *Page) divide(as []string) []part {
	out := make([]part, 0, len(p.Blocks)+4)
	for i := range p.Blocks {
		b := &p.Blocks[i]
		whole := part{
			first: b.First, last: b.Last, box: b.Box, size: b.Size, bold: b.Bold,
			list: b.Kind == BlockListItem, marker: b.Marker, table: b.Table, tag: b.Tag, depth: b.Level,
		}
		if as == nil || b.Table != nil || !p.furnished(as, b) {
			whole.size = p.capitalSize(&whole)
			out = append(out, whole)
			continue
		}
		for from := b.First; from <= b.Last; {
			to := from
			for to < b.Last && as[to+1] == as[from] {
				to++
			}
			s := p.stretch(from, to)
			if s.kind, s.sure = as[from], 0.9; s.kind == "" && from == b.First {
				s.list, s.marker = whole.list, whole.marker
			}
			out = append(out, s)
			from = to + 1
		}
	}
	return out
}

// capitalSize returns the size of a part of one line, which is that of its
// capitals where the rest of it is set in small ones.
func (p *Page) capitalSize(s *part) float32 {
	if s.first != s.last || s.table != nil || len(p.Lines[s.first].Runs) < 3 || !capitals(p.text(s)) {
		return s.size
	}
	larger, size := 0, s.size
	for _, r := range p.Lines[s.first].Runs {
		if r.Size > 1.15*s.size && startsUpper(p.Text[r.Start:r.End]) {
			larger, size = larger+1, max(size, r.Size)
		}
	}
	if larger < 2 {
		return s.size
	}
	return size
}

func startsUpper(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	return unicode.IsUpper(r)
}

// furnished reports whether any line of the block is furniture.
func (p *Page) furnished(as []string, b *Block) bool {
	for _, kind := range as[b.First : b.Last+1] {
		if kind != "" {
			return true
		}
	}
	return false
}

// stretch makes a part of lines.
func (p *Page) stretch(first, last int) part {
	s := part{first: first, last: last}
	s.size, s.bold = p.style(p.Lines[first : last+1])
	for i := first; i <= last; i++ {
		s.box = s.box.union(p.Lines[i].Box)
	}
	return s
}

// text returns what the part says, lines ended by "\n".
func (p *Page) text(s *part) string {
	return p.Text[p.Lines[s.first].Start:p.Lines[s.last].End]
}

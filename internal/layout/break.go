package layout

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Break is the paragraph or list item that the text of a page breaks off with:
// the next page may go on with it. The zero value is none.
//
// A wrong join is worse than none: what may well be the end of a paragraph is no
// Break, and what may well begin one does not go on with it.
type Break struct {
	ID string // of the element

	at     int // its index among the elements of its page
	page   int
	list   bool
	seam   seam
	word   bool    // it ends within a word, with a hyphen
	figure bool    // it ends with a figure, as entries of an index and of tables do
	room   float32 // that its last line leaves, in ems
	even   bool    // the line before that is as long
	hangs  bool    // its lines hang from the first
}

// seam is a line at which the text of one page meets that of the next.
type seam struct {
	size float32 // that most of its paragraph has
	font string  // that most of the line has
	bold bool    // its words next to the other page are bold
}

// BreakOf returns what a page breaks off with: the last of its elements, but for
// furniture, notes, and pictures with their captions, if its last line is full
// and ends no sentence. The elements are all of the page's.
func BreakOf(p Page, elements []Element) Break { return breakOf(&p, elements) }

func breakOf(p *Page, elements []Element) Break {
	at := p.lastText(elements)
	if at < 0 || p.Order != "" || p.Garbage {
		return Break{}
	}
	e := &elements[at]
	l := &p.Lines[e.last]
	if e.Type != TypeParagraph && e.Type != TypeListItem || !plainLine(l) {
		return Break{}
	}
	end := p.ending(l)
	if !runsOn(end) {
		return Break{}
	}
	text := p.Text[l.Start:l.End]
	last, n := utf8.DecodeLastRuneInString(text)
	before, _ := utf8.DecodeLastRuneInString(text[:len(text)-n])
	b := Break{
		ID: e.ID, at: at, page: p.Number, list: e.Type == TypeListItem, seam: p.seamOf(e, l, len(l.Runs)-1),
		word: isHyphen(last) && unicode.IsLetter(before), figure: unicode.IsDigit(end),
	}
	from, to := p.reach(l)
	c, _ := p.columnOf(e.last, e, elements)
	if c.lines == 0 || to-from < 10*b.seam.size && !b.word {
		return Break{}
	}
	b.room, b.even = (c.to-to)/b.seam.size, c.to-c.nearTo < 0.5*b.seam.size
	b.hangs = p.hangs(e)
	return b
}

// GoesOn returns which of a page's elements goes on with what the page before
// breaks off with, -1 for none. The elements are all of the page's.
//
// The rest of a broken word does, and a small letter, behind a line in which its
// word has no room. Capitals and scripts that have none need more: a line as
// long as the column, and one that is not indented to follow it; where sentences
// have no mark at their end either, nothing tells.
func (b Break) GoesOn(p Page, elements []Element) int { return b.goesOn(&p, elements) }

func (b *Break) goesOn(p *Page, elements []Element) int {
	if b.ID == "" || p.Number != b.page+1 || p.Order != "" || p.Garbage {
		return -1
	}
	at := p.firstText(elements)
	if at < 0 || elements[at].Type != TypeParagraph {
		return -1
	}
	e := &elements[at]
	l := &p.Lines[e.first]
	if !plainLine(l) || !b.seam.meets(p.seamOf(e, l, 0)) {
		return -1
	}
	if b.leadsTo(p, e, l, elements) {
		return at
	}
	return -1
}

// leadsTo reports whether the words at the break make one paragraph.
func (b *Break) leadsTo(p *Page, e *Element, l *Line, elements []Element) bool {
	text := strings.TrimLeft(p.Text[l.Start:l.End], "([{\"'“‘«‹„‚「『（〈《")
	first, _ := utf8.DecodeRuneInString(text)
	if b.word && unicode.IsLower(first) {
		return true
	}
	c, own := p.columnOf(e.first, e, elements)
	switch from, _ := p.reach(l); {
	case own && from-c.nearFrom > 0.8*b.seam.size:
		return false // indented, as a paragraph begins
	case b.hangs && p.hangs(e):
		return false // the next entry of a glossary or a bibliography
	}
	word := 0.5 * float32(min(utf8.RuneCountInString(firstWord(text)), 12))
	switch {
	case unicode.IsLower(first) && !b.figure:
		return b.room < word+1
	case unicode.IsLower(first):
		return b.room < 0.5
	case b.list || b.figure || !unicode.IsLetter(first) || unicode.In(first, unicode.Thai, unicode.Lao) || !own || b.seam.font != p.fontOf(l):
		return false
	case unspaced(first):
		return abs(b.room) < 1.1
	}
	return abs(b.room) < 0.5 && b.even
}

// hangs reports whether the second line of an element is indented under its first,
// as in entries.
func (p *Page) hangs(e *Element) bool {
	if e.first == e.last {
		return false
	}
	first, _ := p.reach(&p.Lines[e.first])
	second, _ := p.reach(&p.Lines[e.first+1])
	size, _ := p.style(p.Lines[e.first : e.last+1])
	return second-first > 0.8*size
}

// meets reports whether two lines are set as lines of one paragraph are.
func (a seam) meets(b seam) bool {
	return min(a.size, b.size) >= 0.96*max(a.size, b.size) && a.bold == b.bold
}

// seamOf describes a line of an element, of whose runs one is next to the break.
func (p *Page) seamOf(e *Element, l *Line, run int) seam {
	s := seam{font: p.fontOf(l), bold: p.Fonts[l.Runs[run].Font].Bold}
	s.size, _ = p.style(p.Lines[e.first : e.last+1])
	return s
}

// fontOf returns the name of the font that the longest run of a line has.
func (p *Page) fontOf(l *Line) string {
	longest := &l.Runs[0]
	for i := range l.Runs {
		if r := &l.Runs[i]; r.End-r.Start > longest.End-longest.Start {
			longest = r
		}
	}
	return p.Fonts[longest.Font].Name
}

// plainLine reports whether a line stands upright and is no row of cells.
func plainLine(l *Line) bool { return l.Angle == 0 && len(l.Runs) > 0 && l.cells() == 1 }

// ending returns the last character of a line that is neither the sign of a note
// nor closes around what stands before it, as brackets and quotes do.
func (p *Page) ending(l *Line) rune {
	end, size := len(l.Runs)-1, l.size()
	for end > 0 && l.Runs[end].Size <= 0.85*size {
		end--
	}
	text := strings.TrimRight(p.Text[l.Start:l.Runs[end].End], " *†‡)]}\"'”’»›」』）】〉》")
	last, _ := utf8.DecodeLastRuneInString(text)
	return last
}

// runsOn reports whether a sentence may go on behind a character.
func runsOn(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.N) || isHyphen(r) || strings.ContainsRune(",،、，–—", r)
}

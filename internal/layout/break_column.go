package layout

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// lastText returns the index of the element that ends the text of a page, -1
// where there is none.
func (p *Page) lastText(elements []Element) int {
	for i := range slices.Backward(elements) {
		if !p.besides(elements, i) {
			return i
		}
	}
	return -1
}

// firstText returns the index of the element that the text of a page begins
// with.
func (p *Page) firstText(elements []Element) int {
	for i := range elements {
		if !p.besides(elements, i) {
			return i
		}
	}
	return -1
}

// besides reports whether an element stands at the edge of a page without being
// in the way of its text: furniture, notes, pictures with their captions, what
// is written up its side.
func (p *Page) besides(elements []Element, i int) bool {
	e := &elements[i]
	switch {
	case e.Layer != LayerBody || e.Type == TypeFootnote || e.Type == TypeImage:
		return true
	case e.Type == TypeCaption:
		if hasPrefixFold(p.Text[e.Start:e.End], "fig") {
			return true
		}
		for k := range elements {
			if elements[k].Type == TypeImage && p.Caption(elements, k) == i {
				return true
			}
		}
	case e.Type == TypeParagraph:
		return p.Lines[e.first].Angle != 0
	}
	return false
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// extent is how far the lines of a column reach along the writing.
type extent struct {
	to               float32
	nearFrom, nearTo float32 // of the nearest of them
	lines            int
}

// columnOf returns how far the lines around line i reach that stand in its
// column: those of its own element e; where it has none, those of running text
// of its size.
func (p *Page) columnOf(i int, e *Element, elements []Element) (c extent, own bool) {
	if p.widen(&c, i, e); c.lines > 0 {
		return c, true
	}
	size, _ := p.style(p.Lines[i : i+1])
	for k := range elements {
		o := &elements[k]
		if o.Type != TypeParagraph && o.Type != TypeListItem {
			continue
		}
		if s, _ := p.style(p.Lines[o.first : o.last+1]); steps(s) == steps(size) {
			p.widen(&c, i, o)
		}
	}
	return c, false
}

// widen takes in the lines of an element that stand in the column of line i.
func (p *Page) widen(c *extent, i int, e *Element) {
	l, near := &p.Lines[i], float32(far)
	for k := e.first; k <= e.last; k++ {
		m := &p.Lines[k]
		if k == i || m.Angle != 0 || len(m.Runs) == 0 || !m.Box.overlaps(l.Box) {
			continue
		}
		from, to := p.reach(m)
		if c.lines++; c.lines == 1 {
			c.to = to
		}
		c.to = max(c.to, to)
		if d := abs(m.Base - l.Base); d < near {
			near, c.nearFrom, c.nearTo = d, from, to
		}
	}
}

// reach returns where a line begins and ends along its writing, which runs to
// the left where its first letter does.
func (p *Page) reach(l *Line) (from, to float32) {
	text := p.Text[l.Start:l.End]
	if i := strings.IndexFunc(text, unicode.IsLetter); i >= 0 {
		if r, _ := utf8.DecodeRuneInString(text[i:]); classify(r) == classRTL {
			return -l.Box[2], -l.Box[0]
		}
	}
	return l.Box[0], l.Box[2]
}

package layout

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// markHeadings finds the headings among the parts.
func (prof *Profile) markHeadings(p *Page, parts []part) {
	cand, titles := p.candidates(parts), prof.titles(p)
	for i := range parts {
		s := &parts[i]
		if s.kind != "" || s.table != nil {
			continue
		}
		if level := p.bookmarked(s, titles); level > 0 {
			s.heads(TypeHeading, level, 0.99)
			continue
		}
		// Tags that know headings are believed where they name none, but for what
		// nobody would take for anything else.
		if !cand[i] || prof.Tagged && s.tag != "" && s.size < 1.25*prof.BodySize {
			continue
		}
		if h, ok := prof.rung(s); ok {
			prof.onRung(p, s, h)
		} else if prof.minor(p, parts, i) {
			s.heads(TypeHeading, prof.lowest(), 0.6)
		}
	}
	p.markLabels(parts)
}

func (s *part) heads(kind string, level int, sure float32) {
	s.kind, s.level, s.sure = kind, min(max(level, 1), 6), sure
}

// rung returns the rung of the ladder that a part stands on.
func (prof *Profile) rung(s *part) (Heading, bool) {
	for _, h := range prof.Headings {
		if steps(h.Size) == steps(s.size) && h.Bold == s.bold {
			return h, true
		}
	}
	return Heading{}, false
}

// onRung makes the part a heading. One whose number is deeper than those of
// its style ranks lower by as much.
func (prof *Profile) onRung(p *Page, s *part, h Heading) {
	text := p.text(s)
	if r, n := utf8.DecodeRuneInString(text); h.Size <= 1.15*prof.BodySize && unicode.IsLower(r) {
		if next, _ := utf8.DecodeRuneInString(text[n:]); !unicode.IsUpper(next) {
			return // bold words in the middle of a sentence
		}
	}
	level, sure := h.Level, float32(0.8)
	if depth := numbered(text); h.Depth > 0 && depth > h.Depth {
		level += depth - h.Depth
	}
	if h.Size > 1.15*prof.BodySize {
		sure = 0.9
	}
	kind := TypeHeading
	if h.Title {
		kind = TypeTitle
	}
	s.heads(kind, level, sure)
}

// lowest returns the level under the ladder.
func (prof *Profile) lowest() int {
	level := 0
	for _, h := range prof.Headings {
		level = max(level, h.Level)
	}
	return level + 1
}

// minor reports whether a part is a heading though it is no larger than the
// body and not bold: one line with text under it that is in capitals, or in
// another font than the body and numbered or slanted.
func (prof *Profile) minor(p *Page, parts []part, i int) bool {
	s := &parts[i]
	if s.first != s.last || i+1 == len(parts) || s.size < 0.97*prof.BodySize || prof.BodyFont == "" || len(p.Lines[s.first].Runs) == 0 {
		return false
	}
	next := &parts[i+1]
	if next.last-next.first < 1 || next.table != nil || next.list || next.box[1] < s.box[1] || s.list && i > 0 && parts[i-1].list {
		return false
	}
	text := p.text(s)
	if i > 0 && parts[i-1].level > 0 && parts[i-1].size > 1.2*prof.BodySize && numbered(text) == 0 {
		return false // the author's name under a title
	}
	switch last := text[len(text)-1]; {
	case capitals(text) && !coded(text):
		return true
	case p.fontName(s) == prof.BodyFont:
		return false
	case numbered(text) > 1:
		return true
	default:
		return p.slanted(s) && len(text) <= maxSlanted && last != '.' && last != ':' && startsUpper(text)
	}
}

const maxSlanted = 80 // bytes of a heading that nothing but its slant makes one

// slanted reports whether all of the part's first line is italic.
func (p *Page) slanted(s *part) bool {
	for _, r := range p.Lines[s.first].Runs {
		if !p.Fonts[r.Font].Italic {
			return false
		}
	}
	return true
}

// coded reports whether a word has letters and digits mixed, as numbers of
// products and papers have them.
func coded(text string) bool {
	for w := range strings.FieldsSeq(text) {
		if trimmed := trimDigits(w); strings.ContainsAny(trimmed, "0123456789") || len(w)-len(trimmed) > 3 && len(trimmed) > 1 {
			return true
		}
	}
	return false
}

// joinHeadings makes one part of a heading whose lines stand further apart than
// those of text do: the second goes on in the middle of a sentence.
func (p *Page) joinHeadings(parts []part) []part {
	out := parts[:0]
	for i := range parts {
		s := &parts[i]
		if n := len(out); n > 0 && s.level > 0 && out[n-1].level > 0 && p.headingGoesOn(&out[n-1], s) {
			t := &out[n-1]
			t.last, t.box = s.last, t.box.union(s.box)
			continue
		}
		out = append(out, *s)
	}
	return out
}

func (p *Page) headingGoesOn(t, s *part) bool {
	first, _ := utf8.DecodeRuneInString(p.text(s))
	pitch := p.Lines[s.first].Base - p.Lines[t.last].Base
	return unicode.IsLower(first) && steps(s.size) == steps(t.size) && s.bold == t.bold && s.last-t.first < maxHeadingLines &&
		pitch > 0 && pitch <= 2.2*s.size && abs(s.box[0]-t.box[0]) < 6*s.size
}

// fontName returns the name of the font that most of the part's first line has.
func (p *Page) fontName(s *part) string {
	name, most := "", 0
	for _, r := range p.Lines[s.first].Runs {
		if n := r.End - r.Start; n > most {
			name, most = p.Fonts[r.Font].Name, n
		}
	}
	return name
}

// markLabels makes headings of what stands right above one and only says which
// it is ("Chapter 7", or "7" in large type), and of the title of a table of
// contents.
func (p *Page) markLabels(parts []part) {
	for i := range parts[:max(len(parts)-1, 0)] {
		s, next := &parts[i], &parts[i+1]
		if s.kind != "" && s.kind != TypeHeading || s.table != nil || s.first != s.last || next.box[1] < s.box[1] {
			continue
		}
		text := p.text(s)
		label := keyword(text) || len(text) <= 3 && trimDigits(text) == "" && s.size >= next.size
		switch heads := next.kind == TypeHeading || next.kind == TypeTitle; {
		case heads && label:
			s.heads(TypeHeading, next.level, max(s.sure, 0.7))
		case s.kind == "" && slices.Contains(contentsTitles, bare(text)) && p.isEntry(&p.Lines[next.first]):
			s.heads(TypeHeading, 1, 0.8)
		}
	}
}

// contentsTitles are the titles of tables of contents, as bare has them.
var contentsTitles = []string{
	"contents", "tableofcontents", "inhalt", "inhaltsverzeichnis", "tabledesmatières", "sommaire", "índice", "contenido", "indice", "sommario",
	"sumário", "inhoud", "inhoudsopgave", "spistreści", "innehåll", "indhold", "содержание", "оглавление", "目次", "目录", "目錄", "차례",
}

package layout

import (
	"strings"
	"unicode/utf8"
)

// markFootnotes finds the notes at the foot of the page: small text in its
// lower part that begins with the sign of a note, with nothing of the body's
// size under it.
func (prof *Profile) markFootnotes(p *Page, parts []part) {
	if prof.BodySize <= 0 {
		return
	}
	lowest := float32(0) // where the last line of body text stands
	for i := range parts {
		s := &parts[i]
		if s.size > 0.93*prof.BodySize && s.kind != TypePageFooter && s.kind != TypePageNumber && s.kind != TypePageHeader {
			lowest = max(lowest, p.Lines[s.last].Base)
		}
	}
	for i := range parts {
		s := &parts[i]
		if s.kind != TypeParagraph && s.kind != TypeListItem {
			continue
		}
		if s.size > 0.93*prof.BodySize || float64(s.box[1]) < 0.5*p.Height || p.Lines[s.first].Base < lowest {
			continue
		}
		if p.noteSign(s) {
			s.kind, s.sure, s.list, s.marker = TypeFootnote, 0.85, false, ""
		}
	}
}

// noteSign reports whether the part begins with the sign of a note: a number,
// or one of the signs that printers use.
func (p *Page) noteSign(s *part) bool {
	l := &p.Lines[s.first]
	text := p.Text[l.Start:l.End]
	if r, _ := utf8.DecodeRuneInString(text); strings.ContainsRune("*†‡§¶∗", r) {
		return true
	}
	n := 0
	for n < len(text) && n < 4 && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	if n == 0 || n == 4 || n == len(text) {
		return false
	}
	if text[n] == ' ' || text[n] == '.' {
		return true
	}
	return len(l.Runs) > 1 && l.Runs[0].End-l.Runs[0].Start == n && l.Runs[0].Size < 0.9*l.Runs[1].Size
}

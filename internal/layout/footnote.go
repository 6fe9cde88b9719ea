package layout

import (
	"strings"
	"unicode"
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
	var raised map[string]bool
	for i := range parts {
		s := &parts[i]
		if s.kind != TypeParagraph && s.kind != TypeListItem {
			continue
		}
		if s.size > 0.93*prof.BodySize || float64(s.box[1]) < 0.5*p.Height || p.Lines[s.first].Base < lowest {
			continue
		}
		if raised == nil {
			raised = p.raised()
		}
		if p.noteSign(s, raised) {
			s.kind, s.sure, s.list, s.marker = TypeFootnote, 0.85, false, ""
		}
	}
}

// noteSign reports whether the part begins with the sign of a note: one that
// printers use, a raised number, or a number that is raised in the text above.
func (p *Page) noteSign(s *part, raised map[string]bool) bool {
	l := &p.Lines[s.first]
	text := p.Text[l.Start:l.End]
	if r, n := utf8.DecodeRuneInString(text); strings.ContainsRune("*†‡§¶∗", r) {
		next, _ := utf8.DecodeRuneInString(strings.TrimLeft(text[n:], " *†‡§¶∗"))
		return unicode.IsLetter(next) || unicode.IsDigit(next)
	}
	n := 0
	for n < len(text) && n < 4 && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	if n == 0 || n == 4 || n == len(text) {
		return false
	}
	if len(l.Runs) > 1 && strings.TrimSpace(p.Text[l.Runs[0].Start:l.Runs[0].End]) == text[:n] && l.Runs[0].Size < 0.9*l.Runs[1].Size {
		return true
	}
	next, _ := utf8.DecodeRuneInString(text[n:])
	return raised[text[:n]] && (next == ' ' || next == '.' || next == ')' || unicode.IsUpper(next))
}

// raised returns the numbers that stand small in lines of larger text.
func (p *Page) raised() map[string]bool {
	out := map[string]bool{}
	for i := range p.Lines {
		l := &p.Lines[i]
		if len(l.Runs) < 2 {
			continue
		}
		size := l.size()
		for _, r := range l.Runs[1:] {
			if text := strings.Trim(p.Text[r.Start:r.End], " ,()[]"); r.Size < 0.85*size && text != "" && len(text) <= 3 && trimDigits(text) == "" {
				out[text] = true
			}
		}
	}
	return out
}

package layout

import (
	"math"
	"strings"
	"unicode/utf8"
)

// isCode reports whether all of the part is typewritten in a document that is
// not. A bullet makes it an item of a list all the same.
func (prof *Profile) isCode(p *Page, s *part) bool {
	if prof.Mono || s.list && (s.marker == "" || s.marker[0] >= utf8.RuneSelf) {
		return false
	}
	for i := s.first; i <= s.last; i++ {
		if l := &p.Lines[i]; l.Angle != 0 || len(l.Runs) == 0 || !p.mono(l.Runs) {
			return false
		}
	}
	return true
}

// joinCode makes one part of the parts of one listing, lines of code that stand
// one under the other. A line by itself is code if it has the signs of it.
func (p *Page) joinCode(parts []part) []part {
	out := parts[:0]
	for i := range parts {
		s := &parts[i]
		if n := len(out); n > 0 && s.kind == TypeCode && out[n-1].kind == TypeCode && p.under(&out[n-1], s) {
			t := &out[n-1]
			t.last, t.box = s.last, t.box.union(s.box)
			continue
		}
		out = append(out, *s)
	}
	for i := range out {
		if s := &out[i]; s.kind == TypeCode && s.first == s.last && !strings.ContainsAny(p.text(s), "(){}[];=<>/\\$#|\"") {
			s.kind = TypeParagraph // a word or two: marked in the line
		}
	}
	return out
}

// under reports whether s begins at most two empty lines under the end of t,
// in its column.
func (p *Page) under(t, s *part) bool {
	a, b := &p.Lines[t.last], &p.Lines[s.first]
	pitch := b.Base - a.Base
	return pitch > 0.5*s.size && pitch < 4*s.size && b.Box[0] < t.box[2] && b.Box[2] > t.box[0]-8*s.size
}

// codeLike reports whether a line has the signs of code rather than of prose.
func codeLike(text string) bool {
	if text == "" {
		return false
	}
	switch text[len(text)-1] {
	case ';', '{', '}':
		return true
	}
	for _, sign := range [...]string{"()", "==", "!=", ":=", "->", "=>", "//", "/*", "*/", " = ", "</", "/>", "#include"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

const (
	maxIndent = 40 // characters that a line of code is moved to the right at most
	maxBlank  = 2  // empty lines that are kept between two lines of code
)

// code returns lines of code as they stand: indents are made of the distance
// from the leftmost line, gaps inside a line of their width.
func (p *Page) code(first, last int) string {
	left, em := p.Lines[first].Box[0], float32(0)
	chars := 0
	for i := first; i <= last; i++ {
		l := &p.Lines[i]
		left = min(left, l.Box[0])
		for k := range l.Runs {
			r := &l.Runs[k]
			em += r.Box[2] - r.Box[0]
			chars += utf8.RuneCountInString(p.Text[r.Start:r.End])
		}
	}
	em = max(em/float32(max(chars, 1)), 1)
	size, _ := p.style(p.Lines[first : last+1])
	size = max(size, 1)
	var sb strings.Builder
	for i := first; i <= last; i++ {
		l := &p.Lines[i]
		if i > first {
			sb.WriteByte('\n')
			pitch := (l.Base - p.Lines[i-1].Base) / size
			for blank := range maxBlank {
				if pitch > 1.8+1.2*float32(blank) {
					sb.WriteByte('\n')
				}
			}
		}
		writeSpaces(&sb, (l.Box[0]-left)/em)
		for k := range l.Runs {
			r := &l.Runs[k]
			if k > 0 {
				writeSpaces(&sb, (r.Box[0]-l.Runs[k-1].Box[2])/em-1)
			}
			sb.WriteString(p.Text[r.Start:r.End])
		}
	}
	return sb.String()
}

func writeSpaces(sb *strings.Builder, n float32) {
	if n > 0.5 { // a number, and one that fits
		sb.WriteString(strings.Repeat(" ", int(math.Round(float64(min(n, maxIndent))))))
	}
}

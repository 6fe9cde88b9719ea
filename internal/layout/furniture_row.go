package layout

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// edgeRow is what stands on one baseline near an edge.
type edgeRow struct {
	edge  string
	step  int
	lines []int
}

// edgeRows returns the rows at the page's top and at its foot, and its turned
// lines, the outermost first.
func (p *Page) edgeRows() []edgeRow {
	var turned []int
	down := make([]int, 0, len(p.Lines))
	for i := range p.Lines {
		if p.Lines[i].Angle == 0 {
			down = append(down, i)
		} else {
			turned = append(turned, i)
		}
	}
	slices.SortStableFunc(turned, func(a, b int) int { return compare(p.fromSide(a), p.fromSide(b)) })
	var side []edgeRow
	for _, i := range turned[:min(len(turned), edgeRows)] {
		side = append(side, edgeRow{edgeSide, int(p.Lines[i].Box[0] / edgeStep), []int{i}})
	}
	slices.SortStableFunc(down, func(a, b int) int { return cmp.Compare(p.Lines[a].Base, p.Lines[b].Base) })
	rows := p.outermost(nil, edgeTop, down)
	slices.Reverse(down)
	return append(p.outermost(rows, edgeBottom, down), side...)
}

// fromSide is how far a line stands from the nearer side of the page.
func (p *Page) fromSide(i int) float32 {
	b := &p.Lines[i].Box
	return min(b[0], float32(p.Width)-b[2])
}

// outermost appends the first rows of lines that are in order from an edge.
func (p *Page) outermost(rows []edgeRow, edge string, lines []int) []edgeRow {
	found, last := 0, float32(0)
	for _, i := range lines {
		base := p.Lines[i].Base
		if found > 0 && abs(base-last) <= 2 {
			if r := &rows[len(rows)-1]; len(r.lines) < edgeLines {
				r.lines = append(r.lines, i)
			}
			continue
		}
		if found == edgeRows {
			break
		}
		found, last = found+1, base
		from := base
		if edge == edgeBottom {
			from = float32(p.Height) - base
		}
		rows = append(rows, edgeRow{edge, int(from / edgeStep), []int{i}})
	}
	return rows
}

// edgeTexts returns what a line is counted as: what it says, the same with one
// of the numbers in it counted from the page's own number, and that number with
// anything ("*") before or behind it, as names of chapters change.
func (p *Page) edgeTexts(i int) []string {
	l := &p.Lines[i]
	if l.End-l.Start > maxEdgeText || l.End == l.Start {
		return nil
	}
	text := strings.ToLower(p.Text[l.Start:l.End])
	words := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	out := []string{text}
	if len(l.Runs) > 1 && l.Runs[0].Size < 0.85*l.Runs[1].Size {
		return out // the number is that of a note
	}
	at, found := 0, 0
	for k, w := range words {
		at += strings.Index(text[at:], w)
		n, ok := pageNumber(w, k == 0 || k == len(words)-1)
		if ok && found < maxEdgeNumbers {
			found++
			number := "#" + strconv.Itoa(n-p.Number)
			out = append(out, text[:at]+number+text[at+len(w):])
			switch {
			case len(words) == 1:
			case k == 0 && at == 0:
				out = append(out, number+" *")
			case k == len(words)-1 && at+len(w) == len(text):
				out = append(out, "* "+number)
			}
		}
		at += len(w)
	}
	return out
}

// pageNumber reads a number as pages have them; Roman ones stand at an end of
// a line.
func pageNumber(w string, end bool) (int, bool) {
	if len(w) <= 5 && trimDigits(w) == "" {
		n, err := strconv.Atoi(w)
		return n, err == nil
	}
	if !end || len(w) > 8 {
		return 0, false
	}
	return roman(w)
}

func roman(w string) (int, bool) {
	n, last := 0, 0
	for i := len(w) - 1; i >= 0; i-- {
		k := strings.IndexByte("ivxlc", w[i])
		if k < 0 {
			return 0, false
		}
		v := [...]int{1, 5, 10, 50, 100}[k]
		if v < last {
			n -= v
		} else {
			n, last = n+v, v
		}
	}
	return n, n > 0
}

package layout

import (
	"unicode"
	"unicode/utf8"
)

// grouper decides which lines of a region belong together.
type grouper struct {
	ls           []liner
	right, width float32
	pitch        float32
	size         float32 // that most of the page has
	mono         bool    // the whole page is typewritten
}

// marker returns the marker of line i if it begins a list item. A dash or a
// number may as well be a word that the line before ran into, so it counts
// only where a sentence can begin.
// Where it follows an item whose marker stands above it, it counts anyway; i is
// then the line and first that of the item, otherwise first is negative.
func (g *grouper) marker(i, first int) string {
	l := &g.ls[i]
	if l.marker == "" || i == 0 {
		return l.marker
	}
	if first >= 0 {
		item := &g.ls[first]
		alike := item.marker == l.marker || isDigit(item.marker) && isDigit(l.marker)
		if alike && abs(item.l-l.l) < 0.7*l.size {
			return l.marker
		}
	}
	if r, _ := utf8.DecodeRuneInString(l.marker); l.symbol || r >= 0x80 && r != '–' && r != '—' && r != '·' {
		return l.marker
	}
	prev := &g.ls[i-1]
	full := prev.r > g.right-max(0.08*g.width, 2*l.size)
	if full && !endsSentence(prev.last) && l.base-prev.base < 1.5*l.size && abs(l.l-prev.l) < l.size {
		return ""
	}
	return l.marker
}

func isDigit(marker string) bool {
	return marker != "" && marker[0] >= '0' && marker[0] <= '9'
}

func endsSentence(r rune) bool {
	switch r {
	case '.', '!', '?', ':', ';', '\u3002', '\uFF01', '\uFF1F', '\uFF1A': // and their wide forms
		return true
	}
	return false
}

// continues reports whether line j goes on with the block that began at line i.
func (g *grouper) continues(i, j int, inList bool) bool {
	first, prev, cur := &g.ls[i], &g.ls[j-1], &g.ls[j]
	item := -1
	if inList {
		item = i
	}
	if g.differ(prev, cur) || g.marker(j, item) != "" {
		return false
	}
	em := max(prev.size, cur.size)
	if pitch := cur.base - prev.base; pitch > g.reach(em) || pitch < -0.3*em {
		return false
	}
	in := cur.l - prev.l
	centred := abs((cur.l+cur.r)-(prev.l+prev.r)) < em && abs(in) > 0.5*em
	if centred || isHyphen(prev.last) && unicode.IsLower(cur.first) {
		return true
	}
	// A line that ends although the next word had room ends on purpose, but
	// for the lines of a heading.
	room := g.right - prev.r
	full := room < cur.width+2*em
	ends := endsSentence(prev.last)
	heading := cur.size > 1.1*g.size && !unicode.IsDigit(cur.first)
	if !heading && room > cur.width+2*em && room > 0.12*g.width && abs(in) < 3*em && (ends || !unicode.IsLower(cur.first)) {
		return false
	}
	switch {
	case !inList && full && !ends && unicode.IsLower(cur.first) && abs(in) < 6*em:
		return true // in the middle of a sentence
	case inList && full && !ends && cur.l > first.l-3*em:
		return true // back at the margin of the text that the list stands in
	case inList:
		return cur.l >= first.text-0.7*em || abs(cur.l-first.l) < 0.7*em && full
	case heading && prev.big > 1.1*g.size && abs(in) < 6*em:
		return true // under the number of a heading, or whatever it hangs from
	case in > 0.8*em:
		// Indented: a new paragraph, unless all further lines hang like this.
		return j == i+1 && j+1 < len(g.ls) && abs(g.ls[j+1].l-cur.l) < 0.3*em
	case in < -0.8*em:
		// Back at the margin: fine after an indented first line, the next
		// entry where lines hang. What stood further in was no first line.
		return j == i+1 && in > -4*em
	}
	return true
}

// differ reports whether two lines that follow one another are of different
// kinds, or each a thing of its own: code, rows, entries of a table of contents.
func (g *grouper) differ(prev, cur *liner) bool {
	switch {
	case min(prev.size, cur.size) < 0.89*max(prev.size, cur.size) && min(prev.big, cur.big) < 0.89*max(prev.big, cur.big):
		return true
	case prev.bold != cur.bold && !(prev.bold && cur.opens):
		return true
	case prev.mono && cur.mono && !g.mono:
		return true
	}
	return prev.cells > 2 && cur.cells > 2 || prev.leader && cur.leader
}

// reach returns how far apart baselines of one paragraph stand at most.
func (g *grouper) reach(em float32) float32 {
	if g.pitch > 0 {
		return min(max(1.2*g.pitch, 1.4*em), 2.6*em)
	}
	return 1.7 * em
}

package layout

import (
	"strings"
	"unicode"
)

const maxNesting = 8

// nesting holds where the markers stand of the list items that the current one
// lies in, and what they look like.
type nesting struct {
	at    []float32
	class []string
	last  Box // of the item before
}

// end says that something else than an item follows.
func (n *nesting) end() { n.at, n.class = n.at[:0], n.class[:0] }

// depth returns how deep a list item lies, from 1.
func (n *nesting) depth(s *part) int {
	class := markerClass(s.marker)
	if len(n.at) > 0 && s.box[1] < n.last[1] && s.box[0] >= n.last[2]-s.size {
		n.move(s.box[0], class)
	}
	n.last = s.box
	at := s.box[0]
	slack := max(0.7*s.size, 2) // numbers of one and of two digits may end, not begin, together
	for len(n.at) > 1 && at < n.at[len(n.at)-1]-slack {
		n.at, n.class = n.at[:len(n.at)-1], n.class[:len(n.class)-1]
	}
	if len(n.at) == 0 || at > n.at[len(n.at)-1]+slack && len(n.at) < maxNesting {
		n.at, n.class = append(n.at, at), append(n.class, class)
	}
	return len(n.at)
}

// move takes the list to the next column, where its first item stands at x: it
// lies as deep as the last one that looks like it.
func (n *nesting) move(x float32, class string) {
	level := 0
	for i, c := range n.class {
		if c == class {
			level = i
		}
	}
	by := x - n.at[level]
	for i := range n.at {
		n.at[i] += by
	}
}

// markerClass returns what markers of one list have in common: "(1)" stands
// for "(12)" as well.
func markerClass(marker string) string {
	var sb strings.Builder
	last := rune(0)
	for _, r := range marker {
		switch {
		case unicode.IsDigit(r):
			r = '1'
		case unicode.IsLetter(r) && len(marker) > 1:
			r = 'a'
		}
		if r != last || r != '1' && r != 'a' {
			sb.WriteRune(r)
		}
		last = r
	}
	return sb.String()
}

package extract

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mivaa/mivaa/internal/layout"
)

// span is a part of a page's text, in bytes.
type span struct{ start, end int }

// cutter cuts the text of one page.
//
// Every character of the body is in a chunk; a chunk is a slice of the page's
// text and so never crosses pages or furniture. A chunk ends where an element
// does, else where a sentence, a line or a word does, whichever comes first in
// the second half of its length; a heading begins a new one where the one before
// is at least half full.
type cutter struct {
	text     string
	elements []Element
	cut      Cut
}

func (c *cutter) spans() []span {
	var out []span
	for i := 0; i < len(c.elements); {
		if c.elements[i].Layer != layout.LayerBody {
			i++
			continue
		}
		j := i + 1
		for j < len(c.elements) && c.elements[j].Layer == layout.LayerBody {
			j++
		}
		out = c.segment(out, c.elements[i:j])
		i = j
	}
	return out
}

// segment cuts a run of body elements.
func (c *cutter) segment(out []span, elements []Element) []span {
	start, end := elements[0].start, elements[len(elements)-1].end
	for start < end {
		least := forward(c.text, start, end, c.cut.Size/2)
		most := forward(c.text, start, end, c.cut.Size)
		at, heading := headingIn(elements, least, most)
		switch {
		case heading:
		case most == end:
			at = end
		default:
			at = c.boundary(elements, least, most)
		}
		out = append(out, span{start, at})
		if at == end {
			break
		}
		start = at
		if !heading {
			start = c.overlap(out[len(out)-1])
		}
	}
	return out
}

// headingIn returns where the first heading begins in text[least:most].
func headingIn(elements []Element, least, most int) (int, bool) {
	for i := range elements {
		if e := &elements[i]; e.heads() && e.start >= least && e.start < most && e.start > elements[0].start {
			return e.start, true
		}
	}
	return 0, false
}

// boundary returns the best place to end a chunk in text[least:most].
func (c *cutter) boundary(elements []Element, least, most int) int {
	for i := len(elements) - 1; i > 0; i-- {
		if at := elements[i].start; at > least && at <= most {
			return at
		}
	}
	var sentence, word int
	for i := most; i > least; {
		r, n := utf8.DecodeLastRuneInString(c.text[:i])
		if unicode.IsSpace(r) {
			word = max(word, i)
			before, _ := utf8.DecodeLastRuneInString(c.text[:i-n])
			if strings.ContainsRune(".!?…。！？", before) {
				sentence = i
				break
			}
		}
		i -= n
	}
	switch {
	case sentence > 0:
		return sentence
	case word > 0:
		return word
	}
	return most
}

// overlap returns where the chunk after s begins: at a word within its last
// characters.
func (c *cutter) overlap(s span) int {
	from := backward(c.text, s, c.cut.Overlap)
	if from == s.end || from == s.start {
		return s.end
	}
	if r, _ := utf8.DecodeLastRuneInString(c.text[:from]); unicode.IsSpace(r) {
		return from
	}
	if i := strings.IndexFunc(c.text[from:s.end], unicode.IsSpace); i >= 0 {
		_, n := utf8.DecodeRuneInString(c.text[from+i:])
		return from + i + n
	}
	return from // one long word, or a script that does not part them
}

// forward returns the offset n characters behind from, at most to.
func forward(text string, from, to, n int) int {
	for ; n > 0 && from < to; n-- {
		_, size := utf8.DecodeRuneInString(text[from:])
		from += size
	}
	return min(from, to)
}

// backward returns the offset n characters before the end of s, at least its
// start.
func backward(text string, s span, n int) int {
	at := s.end
	for ; n > 0 && at > s.start; n-- {
		_, size := utf8.DecodeLastRuneInString(text[:at])
		at -= size
	}
	return max(at, s.start)
}

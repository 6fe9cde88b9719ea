package extract

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// span is a part of a text, in bytes.
type span struct{ start, end int }

// passage is a chunk before it has a name.
type passage struct {
	text  string
	place span // of the page's text
}

// cutter cuts a flow.
//
// Every character of it is in a chunk. A chunk ends where an element or a row of
// a table does, else where a sentence, a line or a word does, whichever comes
// first in the second half of its length; a heading begins a new one where the
// one before is at least half full. A row of a table is never cut: one that is
// longer than a chunk is a chunk by itself.
type cutter struct {
	flow
	cut     Cut
	measure measure
}

// passages cuts the flow.
func (c *cutter) passages() []passage {
	var out []passage
	start, end := 0, len(c.text)
	for start < end {
		head := c.headAt(start)
		size := c.cut.Size
		if n := c.measure.length(head); n > size/2 {
			head = "" // it would leave no room for what it heads
		} else {
			size -= n
		}
		least := c.measure.forward(c.text, span{start, end}, size/2)
		most := c.measure.forward(c.text, span{start, end}, size)
		at, heading := c.headingIn(least, most)
		switch {
		case heading:
		case most == end:
			at = end
		default:
			at = c.whole(c.boundary(least, most), start)
		}
		out = append(out, passage{head + c.text[start:at], span{c.pageStart(start), c.pageEnd(at)}})
		if at == end {
			break
		}
		if heading {
			start = at
		} else {
			start = c.overlap(span{start, at})
		}
	}
	return out
}

// headingIn returns where the first heading begins in text[least:most].
func (c *cutter) headingIn(least, most int) (int, bool) {
	for _, u := range c.units {
		if u.heads && u.at >= least && u.at < most && u.at > 0 {
			return u.at, true
		}
	}
	return 0, false
}

// boundary returns the best place to end a chunk in text[least:most].
func (c *cutter) boundary(least, most int) int {
	for i := len(c.units) - 1; i > 0; i-- {
		if at := c.units[i].at; at > least && at <= most {
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

// whole moves an end out of the row of a table: before it or, where the chunk
// begins with the row, behind it.
func (c *cutter) whole(at, start int) int {
	row, within := c.rowAround(at)
	switch {
	case !within:
		return at
	case row.start > start:
		return row.start
	}
	return row.end
}

// overlap returns where the chunk after s begins: at a word within its last
// characters, or at a row.
func (c *cutter) overlap(s span) int {
	from := c.measure.backward(c.text, s, c.cut.Overlap)
	if from == s.end || from == s.start {
		return s.end
	}
	if row, within := c.rowAround(from); within {
		return row.end
	}
	if _, row := c.pieceAt(from); row {
		return from
	}
	if r, _ := utf8.DecodeLastRuneInString(c.text[:from]); unicode.IsSpace(r) {
		return from
	}
	i := strings.IndexFunc(c.text[from:s.end], unicode.IsSpace)
	if i < 0 {
		return from // one long word, or a script that does not part them
	}
	_, n := utf8.DecodeRuneInString(c.text[from+i:])
	if row, within := c.rowAround(from + i + n); within {
		return row.start // the word ends in front of a table
	}
	return from + i + n
}

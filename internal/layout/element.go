package layout

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Element types.
const (
	TypeTitle      = "title"
	TypeHeading    = "heading"
	TypeParagraph  = "paragraph"
	TypeListItem   = "list_item"
	TypeTable      = "table"
	TypeImage      = "image"
	TypeCaption    = "caption"
	TypeCode       = "code"
	TypeFormula    = "formula"
	TypeFootnote   = "footnote"
	TypePageHeader = "page_header"
	TypePageFooter = "page_footer"
	TypePageNumber = "page_number"
)

// Layers: what belongs to the document's text, and what belongs to its pages.
const (
	LayerBody      = "body"
	LayerFurniture = "furniture"
)

// Element is one piece of a document: what Markdown and the document's JSON
// are made of.
type Element struct {
	ID     string `json:"element_id"` // the same for the same page and profile
	Type   string `json:"type"`
	Layer  string `json:"layer"`
	Level  int    `json:"level,omitempty"`  // of a heading, 1 to 6; of a list item, how deep it is nested, from 1
	Marker string `json:"marker,omitempty"` // of a list item, as printed
	Text   string `json:"text"`             // for reading: lines and broken words joined, without the marker
	Page   int    `json:"page_number"`
	Box    Box    `json:"bbox"`
	Start  int    `json:"start"` // Page.Text[Start:End] is what the element was made from
	End    int    `json:"end"`
	Order  int    `json:"order"` // on its page, from 0

	Confidence float32 `json:"confidence,omitempty"` // that the type is right, to 1
	Table      *Table  `json:"-"`                    // of a table
	Image      int     `json:"-"`                    // of an image: its index in Page.Images
}

// Elements returns what the page consists of, in reading order. Every block of
// the page is in exactly one element.
func Elements(p Page, prof Profile) []Element {
	out := make([]Element, 0, len(p.Blocks))
	var n nesting
	for i := range p.Blocks {
		b := &p.Blocks[i]
		e := Element{
			ID: "p" + strconv.Itoa(p.Number) + "e" + strconv.Itoa(i), Type: TypeParagraph, Layer: LayerBody,
			Page: p.Number, Box: b.Box, Order: i,
			Start: p.Lines[b.First].Start, End: p.Lines[b.Last].End,
		}
		from := e.Start
		h, isHeading := prof.heading(&p, b)
		switch {
		case b.Table != nil:
			e.Type, e.Table = TypeTable, b.Table
			e.Text = b.Table.text(&p)
			n = n[:0]
			out = append(out, e)
			continue
		case isHeading:
			e.Type, e.Level = TypeHeading, h.Level
			if h.Title {
				e.Type = TypeTitle
			}
		case b.Kind == BlockListItem:
			e.Type, e.Marker, e.Level = TypeListItem, b.Marker, n.depth(b)
			from += len(b.Marker)
		}
		if e.Type != TypeListItem {
			n = n[:0]
		}
		e.Text = joinLines(p.Text[from:e.End])
		out = append(out, e)
	}
	return out
}

// nesting holds where the markers stand of the list items that the current one
// lies in.
type nesting []float32

// depth returns how deep a list item lies, from 1.
func (n *nesting) depth(b *Block) int {
	at := b.Box[0]
	slack := max(0.7*b.Size, 2) // numbers of one and of two digits may end, not begin, together
	for len(*n) > 1 && at < (*n)[len(*n)-1]-slack {
		*n = (*n)[:len(*n)-1]
	}
	if len(*n) == 0 || at > (*n)[len(*n)-1]+slack && len(*n) < maxNesting {
		*n = append(*n, at)
	}
	return len(*n)
}

const maxNesting = 8

// joinLines makes running text of lines: words broken at a line's end are
// joined, soft hyphens go, Latin ligatures are spelt out.
func joinLines(text string) string {
	out := make([]byte, 0, len(text))
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		first, _ := utf8.DecodeRuneInString(line)
		last, n := utf8.DecodeLastRune(out)
		switch {
		case len(out) == 0, unspaced(last) && unspaced(first):
		case !isHyphen(last):
			out = append(out, ' ')
		default:
			before, _ := utf8.DecodeLastRune(out[:len(out)-n])
			switch {
			case !wordRune(before): // a dash
				out = append(out, ' ')
			case last == softHyphen || unicode.IsLetter(before) && unicode.IsLower(first):
				out = out[:len(out)-n]
			}
		}
		out = append(out, line...)
	}
	return reading.Replace(string(out))
}

const softHyphen = '\u00AD'

func isHyphen(r rune) bool { return r == '-' || r == softHyphen || r == '\u2010' }

// unspaced reports whether r is of a script that does not part words.
func unspaced(r rune) bool {
	return r >= 0x2E80 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) || r >= 0x3000 && r <= 0x303F || r >= 0xFF00 && r <= 0xFF65
}

// reading spells out what the record keeps as printed.
var reading = strings.NewReplacer("\u00AD", "", "\uFB00", "ff", "\uFB01", "fi", "\uFB02", "fl",
	"\uFB03", "ffi", "\uFB04", "ffl", "\uFB05", "st", "\uFB06", "st")

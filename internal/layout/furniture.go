package layout

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Furnishing is a line that several pages have in the same place: part of
// their furniture, such as a running header.
type Furnishing struct {
	Text  string `json:"text"` // in lower case; "#2" is the page's number and 2 more, "*" anything
	Edge  string `json:"edge"`
	Step  int    `json:"step"`  // its baseline's distance from the edge, in steps of three points
	Pages int    `json:"pages"` // that have it
}

// Edges of a page.
const (
	edgeTop    = "top"
	edgeBottom = "bottom"
	edgeSide   = "side" // text that is turned
)

const (
	edgeStep          = 3   // points
	edgeRows          = 8   // rows at an edge that may be furniture
	edgeLines         = 16  // lines in one of them: more are a table
	maxEdgeText       = 160 // bytes of a line of furniture: longer ones are text
	maxEdgeNumbers    = 12  // numbers of a line that may be the page's
	maxEdgeKeys       = 8_192
	maxFurnitureLines = 4 // of one block: longer ones are text
	maxFurniture      = 512
	minRepeats        = 3    // pages that have a line, but for documents that are shorter
	smallHead         = 0.95 // of the text's size: a header that fewer pages have is smaller
)

type edgeKey struct {
	edge string
	step int
	text string
}

type edgeCount struct {
	pages int
	page  int // the last of them
	heads int // of them, but for the document's first, those that it is at the head of
}

// edges counts the lines that stand at the edges of pages. It forgets what was
// seen once when there is too much of it.
type edges struct {
	page   int
	purged int // the page at which it last forgot
	count  map[edgeKey]edgeCount
}

func (e *edges) add(p *Page) {
	e.page++
	if e.count == nil {
		e.count = map[edgeKey]edgeCount{}
	}
	for at, r := range p.edgeRows() {
		for _, i := range r.lines {
			if p.Lines[i].cells() > 2 && at > 0 && r.edge == edgeTop {
				continue // the head of a table that goes on
			}
			for as, text := range p.edgeTexts(i) {
				k := edgeKey{r.edge, r.step, text}
				c, known := e.count[k]
				if c.page == e.page || !known && !e.room() {
					continue
				}
				c.pages, c.page = c.pages+1, e.page
				if as == 0 && at == 0 && r.edge == edgeTop && p.Number > 1 && p.alone(i) {
					c.heads++
				}
				e.count[k] = c
			}
		}
	}
}

// room makes sure that one more line can be counted.
func (e *edges) room() bool {
	if len(e.count) < maxEdgeKeys || e.purged == e.page {
		return len(e.count) < maxEdgeKeys
	}
	e.purged = e.page
	for k, c := range e.count {
		if c.pages == 1 && c.page < e.page-16 {
			delete(e.count, k)
		}
	}
	return len(e.count) < maxEdgeKeys
}

// furniture returns what enough of the pages have.
func (e *edges) furniture(pages int) []Furnishing {
	if pages < 2 {
		return nil
	}
	var out []Furnishing
	for k, c := range e.count {
		n := c.pages
		for _, d := range [2]int{-1, 1} { // a point more or less is the same place
			n += e.count[edgeKey{k.edge, k.step + d, k.text}].pages
		}
		// The first page of a document often has no running header: of three
		// pages that leaves two.
		late := pages == minRepeats && c.pages == pages-1 && c.heads == c.pages
		if (n >= min(minRepeats, pages) || late) && (k.edge != edgeSide || 2*n >= pages) {
			out = append(out, Furnishing{Text: k.text, Edge: k.edge, Step: k.step, Pages: c.pages})
		}
	}
	slices.SortFunc(out, func(a, b Furnishing) int {
		return cmp.Or(cmp.Compare(b.Pages, a.Pages), cmp.Compare(a.Edge, b.Edge), cmp.Compare(a.Step, b.Step), cmp.Compare(a.Text, b.Text))
	})
	out = out[:min(len(out), maxFurniture)]
	slices.SortFunc(out, func(a, b Furnishing) int {
		return cmp.Or(cmp.Compare(edgeOrder(a.Edge), edgeOrder(b.Edge)), cmp.Compare(a.Step, b.Step), cmp.Compare(a.Text, b.Text))
	})
	return out
}

func edgeOrder(edge string) int { return slices.Index([]string{edgeTop, edgeBottom, edgeSide}, edge) }

// furnishings says of each line of the page what furniture it is, "" for none.
// It is nil where the page has no furniture.
func (prof *Profile) furnishings(p *Page) []string {
	if len(prof.Furniture) == 0 {
		return nil
	}
	var out []string
	begun := map[string]Box{} // what is text at an edge: nothing under it is furniture
	for _, r := range p.edgeRows() {
		text, number := begun[r.edge], false
		for _, i := range r.lines {
			if r.edge != edgeSide && p.Lines[i].Box.overlaps(text) {
				continue
			}
			if kind := prof.furnishing(p, i, &r); kind != "" {
				if out == nil {
					out = make([]string, len(p.Lines))
				}
				out[i], number = kind, number || kind == TypePageNumber
			}
		}
		if number {
			p.neighbours(r, out, text)
		}
		for _, i := range r.lines {
			if len(out) == 0 || out[i] == "" {
				begun[r.edge] = begun[r.edge].union(p.Lines[i].Box)
			}
		}
	}
	p.keepParagraphs(out)
	if !slices.Contains(out, "") {
		return nil // what is all there is on a page is what it says
	}
	return out
}

// keepParagraphs takes back lines that paragraphs go on from, long ones, and
// items of lists: they repeat what another page says, as text may.
func (p *Page) keepParagraphs(as []string) {
	if as == nil {
		return
	}
	for i := range p.Blocks {
		b := &p.Blocks[i]
		list := b.Kind == BlockListItem && !isDigit(b.Marker)
		if !list && b.Last-b.First < maxFurnitureLines && !slices.Contains(as[b.First:b.Last+1], "") {
			continue
		}
		for k := b.First; k <= b.Last; k++ {
			if as[k] != TypePageNumber {
				as[k] = ""
			}
		}
	}
}

// overlaps reports whether two boxes stand over one another, in part. The zero
// Box stands nowhere.
func (b Box) overlaps(c Box) bool { return c != Box{} && b[0] < c[2] && b[2] > c[0] }

// neighbours makes furniture of what stands beside furniture by itself: the
// name of a chapter beside the page's number.
func (p *Page) neighbours(r edgeRow, as []string, text Box) {
	for _, i := range r.lines {
		if as[i] != "" || !p.alone(i) || p.Lines[i].Box.overlaps(text) {
			continue
		}
		as[i] = TypePageHeader
		if r.edge == edgeBottom {
			as[i] = TypePageFooter
		}
	}
}

// alone reports whether a line is a block of its own.
func (p *Page) alone(i int) bool {
	at, found := slices.BinarySearchFunc(p.Blocks, i, func(b Block, line int) int {
		switch {
		case b.Last < line:
			return -1
		case b.First > line:
			return 1
		}
		return 0
	})
	return found && p.Blocks[at].First == i && p.Blocks[at].Last == i && p.Blocks[at].Table == nil
}

// furnishing returns what furniture a line is, "" for none. What is as large as
// a heading is one, unless a third of the pages have the very same, or a number.
func (prof *Profile) furnishing(p *Page, i int, r *edgeRow) string {
	size, _ := p.style(p.Lines[i : i+1])
	for _, text := range p.edgeTexts(i) {
		pages := 0
		for d := -1; d <= 1; d++ {
			pages += prof.repeats(r.edge, r.step+d, text)
		}
		if pages == 0 {
			continue
		}
		large := size > 1.15*prof.BodySize
		if large && 3*pages < prof.Pages {
			continue
		}
		if pages == minRepeats-1 && prof.Pages == minRepeats && size > smallHead*prof.BodySize {
			continue // so few may say the same by chance, but not in small print
		}
		// "Chapter 3" counts with the pages where each has a chapter, and so
		// may a line of a paragraph.
		if strings.Contains(text, "#") && !onlyNumber(text) && (large || !p.alone(i)) {
			continue
		}
		switch {
		case r.edge != edgeSide && onlyNumber(text):
			return TypePageNumber
		case r.edge == edgeBottom:
			return TypePageFooter
		default:
			return TypePageHeader
		}
	}
	return ""
}

// repeats returns how many pages have the line there.
func (prof *Profile) repeats(edge string, step int, text string) int {
	at, found := slices.BinarySearchFunc(prof.Furniture, Furnishing{Edge: edge, Step: step, Text: text}, func(a, b Furnishing) int {
		return cmp.Or(cmp.Compare(edgeOrder(a.Edge), edgeOrder(b.Edge)), cmp.Compare(a.Step, b.Step), cmp.Compare(a.Text, b.Text))
	})
	if !found {
		return 0
	}
	return prof.Furniture[at].Pages
}

// onlyNumber reports whether a line of furniture is the number of the page and
// no more than a word such as "page" beside it.
func onlyNumber(text string) bool {
	_, rest, found := strings.Cut(text, "#")
	if !found || strings.Contains(text, "*") {
		return false
	}
	before := text[:len(text)-len(rest)-1]
	letters := 0
	for _, r := range before + rest {
		if unicode.IsLetter(r) {
			letters++
		}
	}
	first, _, _ := strings.Cut(strings.TrimSpace(before), " ")
	return letters == 0 || slices.Contains([]string{"page", "seite", "página", "pagina", "p.", "pag.", "s."}, first) && utf8.RuneCountInString(text) <= 24
}

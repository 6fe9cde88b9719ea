package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
)

// A4 in points, and where text stands on it.
const (
	width, height = 595, 842
	left, right   = 72, width - 72
	top, bottom   = height - 96, 90
)

// look of a kind of block, in points.
type look struct {
	font    string // its name in the page's resources
	size    float64
	leading float64
	before  float64 // space above
	indent  float64
}

var looks = map[kind]look{
	cover:     {"B", 26, 30, 0, 0},
	by:        {"I", 12, 15, 4, 0},
	h1:        {"B", 17, 21, 22, 0},
	h2:        {"B", 13, 16, 16, 0},
	h3:        {"B", 11, 14, 12, 0},
	paragraph: {"T", 11, 14.5, 7, 0},
	bullet:    {"T", 11, 14.5, 4, 26},
	number:    {"T", 11, 14.5, 4, 26},
	listing:   {"C", 10, 13, 9, 14},
	table:     {"H", 9.5, 19, 10, 5},
}

// fonts of the page's resources: all of the fourteen that need no embedding.
var fonts = [...][2]string{
	{"B", "Helvetica-Bold"}, {"H", "Helvetica"}, {"I", "Helvetica-Oblique"}, {"T", "Times-Roman"}, {"C", "Courier"},
}

// columns are the left edges of a table's cells.
var columns = [...]float64{left, left + 90, left + 280}

// entry is a line of the outline.
type entry struct {
	title string
	level int
	page  int // from 0
	y     float64
}

// document collects pages as they are drawn.
type document struct {
	pages   []string // content streams
	outline []entry
	err     error // the first letter that the encoding lacks
}

// canvas is the content stream of one page.
type canvas struct {
	strings.Builder
	doc *document
	y   float64 // the next block's top
}

// page draws one page: its blocks, its header and its number.
func (d *document) page(n, of int, blocks []block) {
	c := &canvas{doc: d, y: top}
	if n > 1 {
		c.show("I", 9, left, height-54, title)
		c.line(left, height-60, right, height-60)
	}
	c.show("H", 9, right-50, 48, fmt.Sprintf("Page %d of %d", n, of))
	count := 0
	for _, b := range blocks {
		if count++; b.kind != number {
			count = 0
		}
		c.block(b, count)
	}
	if c.y < bottom {
		d.fail(fmt.Errorf("page %d is too long by %.0f points", n, bottom-c.y))
	}
	d.pages = append(d.pages, c.String())
}

// block draws a block; count is the number of the item in a numbered list.
func (c *canvas) block(b block, count int) {
	l := looks[b.kind]
	c.y -= l.before
	switch b.kind {
	case h1, h2, h3:
		c.doc.outline = append(c.doc.outline, entry{b.lines[0], int(b.kind - h1), len(c.doc.pages), c.y})
	case bullet:
		c.show(l.font, l.size, left+12, c.y-l.size, "•")
	case number:
		c.show(l.font, l.size, left+12, c.y-l.size, fmt.Sprintf("%d.", count))
	case table:
		c.table(b.lines, l)
		return
	}
	for _, line := range b.lines {
		c.show(l.font, l.size, left+l.indent, c.y-l.size, line)
		c.y -= l.leading
	}
}

func (c *canvas) table(rows []string, l look) {
	c.line(left, c.y, right, c.y)
	for i, row := range rows {
		font := l.font
		if i == 0 {
			font = "B"
		}
		for j, cell := range strings.Split(row, "|") {
			c.show(font, l.size, columns[j]+l.indent, c.y-l.size-3, cell)
		}
		c.y -= l.leading
		c.line(left, c.y, right, c.y)
	}
	for _, x := range append(columns[:], right) {
		c.line(x, c.y, x, c.y+l.leading*float64(len(rows)))
	}
}

func (c *canvas) show(font string, size, x, y float64, s string) {
	fmt.Fprintf(c, "BT /%s %g Tf %g %g Td %s Tj ET\n", font, size, x, y, c.doc.literal(s))
}

func (c *canvas) line(x1, y1, x2, y2 float64) {
	fmt.Fprintf(c, "0.5 w %g %g m %g %g l S\n", x1, y1, x2, y2)
}

// winAnsi has the letters of this text that Latin-1 has elsewhere or not at all.
var winAnsi = map[rune]byte{'“': 0x93, '”': 0x94, '•': 0x95, '–': 0x96}

// literal writes a string as PDF does, in WinAnsiEncoding.
func (d *document) literal(s string) string {
	out := []byte{'('}
	for _, r := range s {
		b, ok := winAnsi[r]
		switch {
		case ok:
			out = append(out, b)
		case strings.ContainsRune(`()\`, r):
			out = append(out, '\\', byte(r))
		case r >= 0xA0 && r <= 0xFF, r >= ' ' && r <= '~':
			out = append(out, byte(r))
		default:
			d.fail(fmt.Errorf("no place in WinAnsiEncoding for %q", r))
		}
	}
	return string(append(out, ')'))
}

func (d *document) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// bytes writes the file. Objects are numbered in the order in which they stand:
// catalog, tree of pages, information, root of the outline, fonts, then a page
// and its content in turn, then the outline's entries.
func (d *document) bytes() ([]byte, error) {
	const catalog, tree, info, outline, firstFont = 1, 2, 3, 4, 5
	firstPage := firstFont + len(fonts)
	firstEntry := firstPage + 2*len(d.pages)
	pageRef := func(i int) int { return firstPage + 2*i }

	objects := []string{
		fmt.Sprintf("<< /Type /Catalog /Pages %d 0 R /Outlines %d 0 R /PageMode /UseOutlines /Lang (en) >>", tree, outline),
	}
	var kids, resources strings.Builder
	for i := range d.pages {
		fmt.Fprintf(&kids, "%d 0 R ", pageRef(i))
	}
	for i, f := range fonts {
		fmt.Fprintf(&resources, "/%s %d 0 R ", f[0], firstFont+i)
	}
	tops, entries := d.entries(outline, firstEntry, pageRef)
	objects = append(objects,
		fmt.Sprintf("<< /Type /Pages /Kids [ %s] /Count %d /MediaBox [ 0 0 %d %d ] /Resources << /Font << %s>> >> >>",
			&kids, len(d.pages), width, height, &resources),
		fmt.Sprintf("<< /Title %s /Author %s /Subject %s /CreationDate (D:20260101000000Z) >>",
			d.literal(title), d.literal("The MIVAA PDF Extractor authors"), d.literal("A sample of headings, lists and a table")),
		tops,
	)
	for _, f := range fonts {
		objects = append(objects, fmt.Sprintf("<< /Type /Font /Subtype /Type1 /BaseFont /%s /Encoding /WinAnsiEncoding >>", f[1]))
	}
	for i, content := range d.pages {
		objects = append(objects,
			fmt.Sprintf("<< /Type /Page /Parent %d 0 R /Contents %d 0 R >>", tree, pageRef(i)+1),
			fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(content), content))
	}
	objects = append(objects, entries...)

	var out bytes.Buffer
	out.WriteString("%PDF-1.4\n%\xE2\xE3\xCF\xD3\n")
	var xref strings.Builder
	for i, o := range objects {
		fmt.Fprintf(&xref, "%010d 00000 n \n", out.Len())
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	id := sha256.Sum256(out.Bytes())
	start := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n%s", len(objects)+1, &xref)
	fmt.Fprintf(&out, "trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R /ID [ <%x> <%x> ] >>\nstartxref\n%d\n%%%%EOF\n",
		len(objects)+1, catalog, info, id[:16], id[:16], start)
	return out.Bytes(), d.err
}

// entries returns the outline's root and its entries: a tree in which each one
// names its parent, its neighbours and its first and last child.
func (d *document) entries(root, first int, pageRef func(int) int) (string, []string) {
	dicts := make([]string, len(d.outline))
	children := func(parent, from, level int) string { // entries after from, down to the next of a lower level
		var kids []int
		for i := from; i < len(d.outline) && d.outline[i].level >= level; i++ {
			if d.outline[i].level == level {
				kids = append(kids, i)
			}
		}
		for k, i := range kids {
			dicts[i] = fmt.Sprintf("/Parent %d 0 R", parent)
			if k > 0 {
				dicts[i] += fmt.Sprintf(" /Prev %d 0 R", first+kids[k-1])
			}
			if k+1 < len(kids) {
				dicts[i] += fmt.Sprintf(" /Next %d 0 R", first+kids[k+1])
			}
		}
		if kids == nil {
			return ""
		}
		return fmt.Sprintf(" /First %d 0 R /Last %d 0 R /Count %d", first+kids[0], first+kids[len(kids)-1], len(kids))
	}
	tops := "<< /Type /Outlines" + children(root, 0, 0) + " >>"
	for i, e := range d.outline {
		inner := children(first+i, i+1, e.level+1)
		dicts[i] = fmt.Sprintf("<< /Title %s %s%s /Dest [ %d 0 R /XYZ 0 %g null ] >>",
			d.literal(e.title), dicts[i], inner, pageRef(e.page), e.y+6)
	}
	return tops, dicts
}

package layout

import (
	"cmp"
	"slices"
)

// Limits of a page. They are far above any page that people read; a file made
// to hurt meets them. What is beyond is left out of the record, which says so
// (Truncated): the first ones are kept.
const (
	MaxGlyphs  = 200_000
	MaxFonts   = 4_096
	MaxRulings = 20_000
	MaxImages  = 2_000
	MaxLinks   = 5_000

	// MaxLines bounds the record of a page of scattered letters. No text is
	// left out for it: what is beyond is all in the last line.
	MaxLines = 20_000

	maxString = 4_096  // bytes of a name, label, message or URI
	maxRemark = 32_768 // bytes of a remark or of a field's value
)

// Read makes the record of a page from what the engine saw on it.
func Read(g Glyphs) Page {
	p, c := begin(g)
	rows := c.rows
	if c.structure == nil {
		rows = readingOrder(c)
	}
	p.arrange(rows, c)
	p.NeedsOCR = needsOCR(&p, len(c.marks)) && !g.Hidden
	return p
}

// begin makes the record without its text, and the pieces of that.
func begin(g Glyphs) (Page, content) {
	p := Page{
		Version: Version, Number: g.Number, Label: cleanString(g.Label), Status: StatusOK,
		Width: round2d(g.Width), Height: round2d(g.Height), Rotation: (g.Rotation%360 + 360) % 360,
	}
	p.furnish(&g)
	s := structureOf(&g)
	marks, count := clean(g, len(p.Fonts), s)
	p.Chars, p.Unshown = len(marks)+count.unshown, count.unshown
	p.Garbage = garbage(marks, p.Fonts, count.unmapped)
	for i := range marks {
		if int(marks[i].font) == len(p.Fonts) {
			p.Fonts = append(p.Fonts, Font{}) // for glyphs whose font does not exist
			break
		}
	}
	c := p.pieces(marks)
	if s != nil && s.sound(c) {
		c.structure = s
		c.rows, c.grids = s.arrange(c.frags, marks, p.Height)
	} else if s != nil {
		for i := range marks {
			marks[i].piece = 0
		}
		c = p.pieces(marks)
	}
	return p, c
}

// pieces makes fragments of marks, and finds tables among them.
func (p *Page) pieces(marks []mark) content {
	frags := fragments(marks)
	combine(frags, marks)
	respace(frags, marks)
	dropCaps(frags)
	leftwards(frags, marks)
	numbersLeftward(frags, marks)
	c := content{marks: marks, rulings: p.Rulings}
	c.frags, c.grids = findTables(frags, marks, p)
	c.figures = figures(p, c.frags)
	return c
}

// content is what the text of a page is made of.
type content struct {
	marks   []mark
	frags   []fragment
	grids   []grid
	figures []Box
	rulings []Ruling

	structure *structure // of a tagged page, where that is sound
	rows      []row      // in its order
}

// arrange writes the page's text in the order of the rows, or in that of the
// file if the rows are not all of it.
func (p *Page) arrange(rows []row, c content) {
	unshown := p.Unshown
	p.compose(rows, c)
	if p.whole() {
		return
	}
	p.Unshown, p.Order = unshown, OrderStream
	c.grids, c.structure = nil, nil
	p.compose(streamOrder(c.frags), c)
}

// compose writes the rows as the page's text, lines and blocks.
func (p *Page) compose(rows []row, c content) {
	w := writer{page: p, structure: c.structure, buf: make([]byte, 0, len(c.marks)+len(c.marks)/4), grids: c.grids, homes: homes(len(c.frags), c.grids)}
	w.spans = make([]Span, len(w.homes))
	p.Lines, p.Blocks = nil, nil
	if len(rows) > 0 {
		p.Lines = make([]Line, 0, len(rows))
	}
	for i := range rows {
		w.write(&rows[i], c.frags, c.marks)
		p.Unshown += rows[i].twice
	}
	p.Text = string(w.buf)
	w.blocks(rows, c.frags, c.marks)
}

// furnish copies what is not text, cleaned and within the limits.
func (p *Page) furnish(g *Glyphs) {
	for _, f := range within(g.Fonts, MaxFonts, &p.Truncated) {
		f.Name = cleanString(f.Name)
		p.Fonts = append(p.Fonts, f)
	}
	for _, r := range within(g.Rulings, MaxRulings, &p.Truncated) {
		p.Rulings = append(p.Rulings, Ruling{round2(r.X0), round2(r.Y0), round2(r.X1), round2(r.Y1), cleanString(r.Fill)})
	}
	for _, b := range within(g.Images, MaxImages, &p.Truncated) {
		p.Images = append(p.Images, b.round())
	}
	if len(g.ImageData) == len(g.Images) {
		p.ImageData = slices.Clone(g.ImageData[:len(p.Images)])
		for i := range p.ImageData {
			p.ImageData[i].Alt = cleanString(p.ImageData[i].Alt)
		}
	}
	p.annotate(g)
	for _, l := range within(g.Links, MaxLinks, &p.Truncated) {
		if len(l.URI) > maxString {
			p.Truncated = true // half an address leads nowhere
			continue
		}
		p.Links = append(p.Links, Link{Box: l.Box.round(), URI: cleanString(l.URI)})
	}
	g.Glyphs = within(g.Glyphs, MaxGlyphs, &p.Truncated)
}

// within returns at most limit elements of s and notes if there were more.
func within[T any](s []T, limit int, more *bool) []T {
	if len(s) <= limit {
		return s
	}
	*more = true
	return s[:limit]
}

// readingOrder makes lines of fragments and puts them in the order they are
// read. Text of each direction of writing is read by itself, the direction that
// most of the page has first, but for insets. A table is read row by row, as one
// piece; a figure parts what stands around it.
func readingOrder(c content) []row {
	r := reader{content: c}
	byTurn := map[int16][]int{}
	count := map[int16]int{}
	var free []int
	r.units, free = tableUnits(c.frags, c.grids)
	r.units, free, r.insets = insetUnits(r.units, free)
	r.units, free = figureUnits(r.units, free, c.figures)
	for _, i := range free {
		f := &r.units[i]
		byTurn[f.turn] = append(byTurn[f.turn], i)
		count[f.turn] += f.last - f.first
	}
	turns := make([]int16, 0, len(byTurn))
	for t := range byTurn {
		turns = append(turns, t)
	}
	slices.SortFunc(turns, func(a, b int16) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b))
	})
	for _, t := range turns {
		r.read(byTurn[t])
	}
	return bounded(r.out)
}

// reader puts a page in order. Its units are the fragments and, behind them, one
// for each table, each inset and each figure.
type reader struct {
	content
	units  []fragment
	insets [][]int // the units that each has
	out    []row
	region int
}

// read appends the lines of units of one direction.
func (r *reader) read(of []int) {
	o := orderer{frags: r.units, em: usual(r.units, of), marks: r.marks, rulings: r.rulings}
	o.cut(of, 0)
	for _, leaf := range o.leaves {
		leaf = slices.DeleteFunc(leaf, func(i int) bool { return r.units[i].figure })
		if len(leaf) == 0 {
			continue
		}
		for _, part := range tableParts(leaf, r.units, len(r.frags)) {
			switch k := part[0] - len(r.frags); {
			case k >= len(r.grids):
				r.read(r.insets[k-len(r.grids)])
				continue
			case k >= 0:
				r.out = append(r.out, r.grids[k].lines(r.frags, r.marks, r.region, k+1)...)
			default:
				r.out = append(r.out, rows(r.frags, r.marks, part, r.region)...)
			}
			r.region++
		}
	}
}

// bounded puts what is beyond MaxLines into the last line.
func bounded(rows []row) []row {
	if len(rows) <= MaxLines {
		return rows
	}
	last := &rows[MaxLines-1]
	for _, r := range rows[MaxLines:] {
		last.frags = append(last.frags, r.frags...)
		last.twice += r.twice
	}
	return rows[:MaxLines]
}

// usual returns the size that most marks of the fragments have.
func usual(frags []fragment, of []int) float32 {
	count := map[float32]int{}
	var best float32
	for _, i := range of {
		f := &frags[i]
		count[f.size] += f.last - f.first
		if n := count[f.size]; best == 0 || n > count[best] || n == count[best] && f.size < best {
			best = f.size
		}
	}
	return best
}

// needsOCR reports whether a page is a picture of text: images cover most of
// it and it has hardly any characters of its own.
func needsOCR(p *Page, chars int) bool {
	if chars >= 50 || p.Width <= 0 || p.Height <= 0 {
		return false
	}
	// Strips of one scan add up; where images overlap, too much is only ever
	// counted for a page that has no text anyway.
	var area float64
	for _, b := range p.Images {
		w := min(float64(b[2]), p.Width) - max(float64(b[0]), 0)
		h := min(float64(b[3]), p.Height) - max(float64(b[1]), 0)
		if w > 0 && h > 0 {
			area += w * h
		}
	}
	return area >= 0.5*p.Width*p.Height
}

package layout

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// liner is what is known of a line when blocks are made.
type liner struct {
	l, r   float32 // its reach along the writing
	base   float32
	size   float32 // most of its characters have
	big    float32 // the largest that a word of it has
	bold   bool    // all of it
	opens  bool    // its beginning is bold, as where a run-in heading ends
	mono   bool    // all of it
	marker string
	symbol bool    // the marker is one by its font
	text   float32 // where the text after the marker begins
	width  float32 // of its first word, about
	cells  int     // stretches with wide gaps between
	leader bool    // dots lead to a page number
	first  rune
	last   rune
}

// blocks groups consecutive lines that belong together. Blocks never span
// regions.
func (w *writer) blocks(rows []row, frags []fragment, marks []mark) {
	p := w.page
	if len(rows) == 0 {
		return
	}
	ls := make([]liner, len(rows))
	for i := range rows {
		ls[i] = p.liner(&rows[i], i, frags, marks)
	}
	size, _ := p.style(p.Lines)
	mono := p.typewritten(ls)
	p.Blocks = make([]Block, 0, len(rows)/4+1)
	for i := 0; i < len(ls); {
		j := i + 1
		for j < len(ls) && (rows[j].region == rows[i].region || rows[j].piece > 0 && rows[j].piece == rows[i].piece) {
			j++
		}
		switch g := rows[i].grid; {
		case g > 0:
			p.Blocks = append(p.Blocks, w.tableBlock(&w.grids[g-1], rows, i, j-1))
		case rows[i].piece > 0:
			p.Blocks = append(p.Blocks, p.pieceBlock(&w.structure.pieces[rows[i].piece], ls[i:j], i))
		default:
			n := len(p.Blocks)
			p.regionBlocks(ls[i:j], i, size, mono)
			for k := n; k < len(p.Blocks) && rows[i].piece < 0; k++ {
				p.Blocks[k].Tag = TagFurnish
			}
		}
		i = j
	}
}

// typewritten reports whether the page is text from a typewriter or its like,
// and no listing: hardly a line has the signs of code.
func (p *Page) typewritten(ls []liner) bool {
	typed, code := 0, 0
	for i := range ls {
		if !ls[i].mono {
			continue
		}
		typed++
		if l := &p.Lines[i]; codeLike(p.Text[l.Start:l.End]) {
			code++
		}
	}
	return 10*typed > 9*len(ls) && 5*code < typed
}

func (p *Page) liner(r *row, at int, frags []fragment, marks []mark) liner {
	l := liner{l: r.u0, r: r.u1, base: r.base, text: r.u0}
	l.size, l.bold = p.style(p.Lines[at : at+1])
	runs := p.Lines[at].Runs
	for _, r := range runs {
		if r.Size > l.big && r.End-r.Start >= 3 {
			l.big = r.Size
		}
	}
	if l.big == 0 {
		l.big = l.size
	}
	l.opens, l.mono = p.Fonts[runs[0].Font].Bold, p.mono(runs)
	text := p.Text[p.Lines[at].Start:p.Lines[at].End]
	l.leader = hasLeader(text)
	marker, n := listMarker(text)
	if marker == "" {
		marker, n = p.symbol(&p.Lines[at])
		l.symbol = marker != ""
	}
	if l.marker = marker; marker != "" {
		l.text = reach(r, n, frags, marks)
	}
	l.first, _ = utf8.DecodeRuneInString(text)
	l.last, _ = utf8.DecodeLastRuneInString(text)
	word := 0
	for word < len(text) && text[word] != ' ' {
		word++
	}
	l.width = 0.5 * l.size * float32(word)
	l.cells = 1
	for k := 1; k < len(r.frags); k++ {
		if frags[r.frags[k-1]].distance(&frags[r.frags[k]]) > gapDrawn*l.size {
			l.cells++
		}
	}
	return l
}

// mono reports whether all of the runs are typewritten.
func (p *Page) mono(runs []Run) bool {
	for _, r := range runs {
		if !p.Fonts[r.Font].Mono {
			return false
		}
	}
	return true
}

// symbol returns a marker that only its font makes one: fonts of symbols print
// bullets, arrows and the like in the place of letters.
func (p *Page) symbol(l *Line) (string, int) {
	r := l.Runs[0]
	mark := strings.TrimSuffix(p.Text[r.Start:r.End], " ")
	if len(l.Runs) == 1 || utf8.RuneCountInString(mark) != 1 || r.Font == l.Runs[1].Font {
		return "", 0
	}
	if p.Fonts[r.Font].pictures() {
		return mark, r.End - r.Start
	}
	return "", 0
}

// symbolFonts are parts of the names of fonts whose letters are pictures.
var symbolFonts = [...]string{"symbol", "dingbats", "wingding", "webding", "bookmaster"}

// hasLeader reports whether dots lead from one end of the line to the other.
func hasLeader(text string) bool {
	return strings.Contains(text, "....") || strings.Contains(text, ". . . .") || strings.Contains(text, "\u2026\u2026")
}

// reach returns how far along the writing the mark stands that was written n
// bytes into the row.
func reach(r *row, n int, frags []fragment, marks []mark) float32 {
	at := 0
	for _, i := range r.frags {
		for k := frags[i].first; k < frags[i].last; k++ {
			m := &marks[k]
			if m.space && at > 0 {
				at++
			}
			if at >= n {
				return m.u0
			}
			at += utf8.RuneLen(m.r)
		}
	}
	return r.u0
}

// regionBlocks appends the blocks of one region, whose first line is p.Lines[at].
// size is what most of the page has, mono whether it is typewritten.
func (p *Page) regionBlocks(ls []liner, at int, size float32, mono bool) {
	left, right := ls[0].l, ls[0].r
	for i := range ls {
		left, right = min(left, ls[i].l), max(right, ls[i].r)
	}
	g := grouper{ls: ls, right: right, width: right - left, pitch: usualPitch(ls), size: size, mono: mono}
	item := -1 // the line that began the block before, if that is a list item
	for i := 0; i < len(ls); {
		j := i + 1
		marker := g.marker(i, item)
		for j < len(ls) && g.continues(i, j, marker != "") {
			j++
		}
		b := Block{Kind: BlockParagraph, First: at + i, Last: at + j - 1}
		if marker != "" {
			b.Kind, b.Marker, b.Indent = BlockListItem, marker, round2(ls[i].text-left)
		}
		b.Size, b.Bold = p.style(p.Lines[b.First : b.Last+1])
		for k := b.First; k <= b.Last; k++ {
			b.Box = b.Box.union(p.Lines[k].Box)
		}
		p.Blocks = append(p.Blocks, b)
		if item = -1; marker != "" {
			item = i
		}
		i = j
	}
}

// usualPitch returns the median distance of baselines, or 0 when there are too
// few lines to tell.
func usualPitch(ls []liner) float32 {
	var d []float32
	for i := 1; i < len(ls); i++ {
		if x := ls[i].base - ls[i-1].base; x > 0.5*ls[i].size {
			d = append(d, x)
		}
	}
	if len(d) < 3 {
		return 0
	}
	slices.Sort(d)
	return d[len(d)/2]
}

// style returns the size that most of the text of the lines has, and whether
// all of it is bold.
func (p *Page) style(lines []Line) (size float32, bold bool) {
	// A block has few sizes; a ninth is not what most of it has.
	var sizes [8]float32
	var count [8]int
	bold, best := true, 0
	for i := range lines {
		for _, run := range lines[i].Runs {
			bold = bold && p.Fonts[run.Font].Bold
			k := 0
			for k < len(sizes) && count[k] > 0 && sizes[k] != run.Size {
				k++
			}
			if k == len(sizes) {
				continue
			}
			sizes[k] = run.Size
			count[k] += run.End - run.Start
			if count[k] > count[best] {
				best = k
			}
		}
	}
	return sizes[best], bold
}

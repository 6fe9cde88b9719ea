package layout

import (
	"math"
	"slices"
	"unicode"
)

// The geometry of words, in ems (multiples of the font size).
const (
	gapWord     = 0.25 // a gap of ink that parts words although the file has no space there
	gapGuess    = 0.05 // the least gap at which the engine's guessed space is believed
	gapPen      = 0.15 // ... or the least way that the pen went without ink
	gapFragment = 1.0  // a gap that may part columns or cells
	gapDrawn    = 1.5  // ... although a space is drawn in it, as in a loosely justified line
	gapSpread   = 0.12 // the least gap between letters that are set apart on purpose
	overlap     = 0.5  // how far a glyph may reach back over the one before it
	shift       = 0.6  // how far a superscript or subscript may stand off its baseline
	jitter      = 0.1  // how far apart two baselines may be that are the same
)

// mark is a glyph that has become text: cleaned, with its place in the frame
// of its writing, where text runs along +u and lines follow along +v. For
// ordinary text the frame is the page.
type mark struct {
	r      rune
	box    Box // on the page
	u0, u1 float32
	v      float32 // the baseline
	size   float32
	font   int32
	turn   int16 // degrees, 0 for ordinary text
	piece  int32 // of the page's structure: 0: none; -1: no part of the text
	class  class
	space  bool    // a space comes before it
	guess  bool    // ... which only the engine saw
	pen    float32 // ... the way of the pen from that guess on
}

// fragment is a stretch of marks that follow each other in the file and on the
// page, on one baseline, without a gap that could part columns.
type fragment struct {
	first, last    int // marks[first:last]
	u0, u1, v0, v1 float32
	base, size     float32
	letters        int // about; one of a script without word spaces counts twice
	rtl            bool
	note           bool // nothing but figures, or another mark of a note, so far
	figure         bool // stands for an image: there is nothing to read
	drop           bool // a drop cap: the next fragment is the rest of its word
	turn           int16
	inset          int16 // that it is part of, from 1; 0: none
	cut            bool  // cut off the fragment before: its space is settled
}

// clean makes marks of glyphs: drops what is no text and mends what is not a
// number.
func clean(g Glyphs, fonts int, s *structure) ([]mark, census) {
	var count census
	marks := make([]mark, 0, len(g.Glyphs))
	space, guess := false, true
	var x, y, pen float32
	page := Box{-1, -1, finite(float32(g.Width)) + 1, finite(float32(g.Height)) + 1}
	cells := upright(g.Glyphs)
	sized := g.Width > 0 && g.Height > 0
	for i := range g.Glyphs {
		in := &g.Glyphs[i]
		r := in.Rune
		c := classify(r)
		if in.Hyphen && c == classDrop {
			r, c = '-', classPlain // engines mark a word break by a code of their own
		}
		switch c {
		case classDrop:
			continue
		case classSpace, classBreak:
			space = true
			guess = guess && in.Generated
			if pen = far; c == classSpace {
				pen = in.X
			}
			continue
		}
		m := mark{r: r, class: c, piece: s.pieceOf(in.Tag), space: space, guess: space && guess, font: int32(in.Font)}
		if in.Font < 0 || in.Font >= fonts {
			m.font = int32(fonts)
		}
		m.place(in, x, y)
		if len(cells) > 0 && cells[i].parts > 0 {
			column := in.X
			if cells[i].at > 0 {
				column = g.Glyphs[i-int(cells[i].at)].X
			}
			m.stand(finite(column), finite(in.Y), cells[i])
		}
		if m.guess && m.turn == 0 {
			m.pen = finite(in.X - pen)
		}
		if sized && m.box.outside(page) {
			space = true
			count.unshown++
			continue
		}
		space, guess = false, true
		x, y = m.box[2], in.Y
		if n := len(marks); n > 0 && !m.space && m.again(&marks[n-1]) {
			count.unshown++
			continue
		}
		if in.Unmapped {
			count.unmapped++
		}
		marks = append(marks, m)
	}
	return marks, count
}

// census counts characters.
type census struct {
	unshown  int // nobody sees them, or everybody sees them twice
	unmapped int // their font does not say what they mean
}

// place gives m its geometry; x and y is where the mark before it ended, for a
// glyph that has no place of its own.
func (m *mark) place(in *Glyph, x, y float32) {
	m.size = round2(in.Size)
	if m.size <= 0 || m.size > 5000 {
		m.size = 1
	}
	gx, gy := in.X, in.Y
	if gx != gx {
		gx = x
	}
	if gy != gy {
		gy = y
	}
	gx, gy = finite(gx), finite(gy)
	b := in.Box
	if bad(b) {
		b = Box{gx, gy - 0.7*m.size, gx + 0.5*m.size, gy}
	}
	for i := range b {
		b[i] = finite(b[i])
	}
	if b[0] > b[2] {
		b[0], b[2] = b[2], b[0]
	}
	if b[1] > b[3] {
		b[1], b[3] = b[3], b[1]
	}
	m.box = b
	pen := gx
	if m.turn = turn(in.Angle); m.turn == 0 {
		m.u0, m.u1, m.v = b[0], b[2], gy
	} else {
		m.u0, m.u1 = along(b, m.turn, m.size)
		pen, m.v = rotate(gx, gy, m.turn)
	}
	// The white on both sides of the ink belongs to the glyph: without it a
	// hyphen of a typewriter font or the figure 1 would stand alone. And what
	// reaches over the pen, as an f may, is no part of the distance. Only the
	// white on the left is known; the right has about as much.
	if white := m.u0 - pen; abs(white) < 0.6*m.size && m.u1 > pen { // else it is drawn over the letter before
		m.u0 = pen
		m.u1 = max(m.u1+max(white, 0), pen)
	}
}

// again reports whether m is the mark before it drawn a second time, as some
// programs do to make it look bold.
func (m *mark) again(prev *mark) bool {
	return m.r == prev.r && m.size == prev.size &&
		abs(m.box[0]-prev.box[0]) < 0.1*m.size && abs(m.box[1]-prev.box[1]) < 0.1*m.size &&
		!(m.r == 'f' && m.box == prev.box) // the engine took a ligature apart
}

func bad(b Box) bool {
	s := b[0] + b[1] + b[2] + b[3]
	return s-s != 0 || b == (Box{}) // NaN, Inf
}

// turn rounds an angle to whole degrees in (-180, 180]; what a skewed scan has
// is none.
func turn(a float32) int16 {
	if a == 0 || a-a != 0 {
		return 0
	}
	d := int16(math.Round(math.Remainder(float64(a), 360)))
	if d == -180 {
		d = 180
	}
	if d >= -4 && d <= 4 {
		return 0
	}
	for _, right := range [...]int16{-90, 90, 180} {
		if d >= right-2 && d <= right+2 {
			return right
		}
	}
	return d
}

// rotate returns a point of the page in the frame of text that runs at the
// angle t (clockwise, y downwards).
func rotate(x, y float32, t int16) (u, v float32) {
	switch t {
	case 0:
		return x, y
	case 90:
		return y, -x
	case -90:
		return -y, x
	case 180:
		return -x, -y
	}
	s, c := math.Sincos(float64(t) * math.Pi / 180)
	return x*float32(c) + y*float32(s), -x*float32(s) + y*float32(c)
}

// along returns how far the box reaches along text at the angle t.
func along(b Box, t int16, size float32) (u0, u1 float32) {
	if t%90 == 0 {
		u0, _ = rotate(b[0], b[1], t)
		u1, _ = rotate(b[2], b[3], t)
		return min(u0, u1), max(u0, u1)
	}
	// The box of a slanted glyph says little: take its middle.
	u, _ := rotate((b[0]+b[2])/2, (b[1]+b[3])/2, t)
	return u - 0.25*size, u + 0.25*size
}

// fragments cuts marks where the next one does not go on on the same baseline,
// and settles before which marks a space comes.
func fragments(marks []mark) []fragment {
	out := make([]fragment, 0, len(marks)/16+1)
	for i := range marks {
		m := &marks[i]
		if len(out) > 0 {
			f := &out[len(out)-1]
			if f.joins(&marks[i-1], m) {
				f.add(m)
				f.last = i + 1
				continue
			}
		}
		f := fragment{
			first: i, last: i + 1, turn: m.turn, rtl: m.class == classRTL,
			u0: m.u0, u1: m.u1, base: m.v, size: m.size,
			v0: m.v - 0.75*m.size, v1: m.v + 0.25*m.size, letters: m.letters(), note: isNoteMark(m.r),
		}
		out = append(out, f)
	}
	return out
}

// dropCaps puts each drop cap on the baseline of the first line beside it.
func dropCaps(frags []fragment) {
	for i := range len(frags) - 1 {
		f, g := &frags[i], &frags[i+1]
		gap := g.u0 - f.u1
		if f.last-f.first <= 2 && f.size > 1.7*g.size && f.turn == g.turn && g.last-g.first > 1 &&
			gap > -0.5*g.size && gap < 1.5*g.size &&
			g.base < f.base-0.5*g.size && g.base > f.base-0.9*f.size {
			f.base, f.size, f.v0, f.v1, f.drop = g.base, g.size, g.v0, g.v1, true
		}
	}
}

// respace takes back the spaces that the engine guessed inside words set with
// wide letter spacing: there a space is only what is wider than usual.
func respace(frags []fragment, marks []mark) {
	var gaps []float32
	for _, f := range frags {
		if f.rtl {
			continue
		}
		gaps = gaps[:0] // between letters; dots that lead to a number are no word, and Chinese has none
		guessed := 0
		for i := f.first + 1; i < f.last; i++ {
			if marks[i].letters() != 1 || marks[i-1].letters() != 1 {
				continue
			}
			gaps = append(gaps, marks[i].u0-marks[i-1].u1)
			if marks[i].guess && marks[i].space {
				guessed++
			}
		}
		if len(gaps) < 5 || 2*guessed < len(gaps) {
			continue
		}
		slices.Sort(gaps)
		if gaps[len(gaps)/8] < gapSpread*f.size {
			continue // some letters touch: these are short words
		}
		usual := gaps[len(gaps)/2]
		for i := f.first + 1; i < f.last; i++ {
			if m := &marks[i]; m.guess && m.u0-marks[i-1].u1 < max(1.6*usual, usual+0.1*m.size) {
				m.space = false
			}
		}
	}
}

// joins reports whether m goes on where the fragment ended, and decides about
// the space between them.
func (f *fragment) joins(prev, m *mark) bool {
	if m.turn != f.turn || m.piece != prev.piece || m.class == classRTL && !f.rtl || f.rtl && m.class == classPlain && unicode.IsLetter(m.r) {
		return false // each direction has fragments of its own; lines put them in order
	}
	em := max(m.size, prev.size)
	gap := m.u0 - prev.u1
	if f.rtl && m.u0 < f.u0 { // leftwards; numbers inside go right
		gap = f.u0 - m.u1
	}
	dv := abs(m.v - prev.v)
	if m.class == classMark {
		return dv <= em && gap <= em && gap >= -2*em
	}
	widest := float32(gapFragment)
	if m.space && !m.guess {
		widest = gapDrawn
	}
	if gap > widest*em || gap < -overlap*em {
		return false
	}
	if dv > jitter*em {
		off := abs(m.v - f.base)
		small := m.size <= 0.85*f.size
		switch {
		case dv > shift*max(em, f.size) || gap > 0.5*em:
			return false
		case off > 0.25*f.size && (!small || m.size < 0.4*f.size): // not raised or lowered: another line
			return false
		}
	}
	switch {
	case !m.space:
		m.space = gap > gapWord*em
	case m.guess && dv > jitter*em: // the engine took what is raised or lowered for another line
		m.space = gap > gapWord*em || m.pen > gapPen*em
	case m.guess:
		m.space = gap > gapGuess*em || m.pen > gapPen*em
	}
	return true
}

func (f *fragment) add(m *mark) {
	f.u0, f.u1 = min(f.u0, m.u0), max(f.u1, m.u1)
	if m.size > f.size { // the largest size is the line's own, the rest stands on it
		f.base, f.size = m.v, m.size
	}
	f.v0, f.v1 = min(f.v0, m.v-0.75*m.size), max(f.v1, m.v+0.25*m.size)
	f.letters += m.letters()
	f.note = f.note && isNoteMark(m.r)
}

// isNoteMark reports whether r may be of the mark of a note.
func isNoteMark(r rune) bool {
	return r >= '0' && r <= '9' || r == '*' || r == '\u2020' || r == '\u2021' || r == '\u00A7'
}

func (m *mark) letters() int {
	switch {
	case m.r >= 0x2E80:
		return 2
	case m.r >= 0x80 || m.r|0x20 >= 'a' && m.r|0x20 <= 'z':
		return 1
	}
	return 0
}

func abs(x float32) float32 {
	if x < 0 {
		return -x
	}
	return x
}

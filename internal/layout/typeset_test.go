package layout

// sheet is a page being typeset by hand: what the tests read.
type sheet struct{ Glyphs }

// Fonts of every sheet.
const (
	regular = iota
	bold
	mono
)

func newSheet() *sheet {
	return &sheet{Glyphs{
		Number: 1, Width: 612, Height: 792,
		Fonts: []Font{{Name: "Times-Roman", Serif: true}, {Name: "Times-Bold", Bold: true, Serif: true}, {Name: "Courier", Mono: true}},
	}}
}

// advance is a crude font: narrow, wide and middling letters.
func advance(r rune) float32 {
	switch r {
	case 0, 0x1B, 0x200B, 0x202E, 0xFEFF, 0xFFFE:
		return 0
	case 'i', 'j', 'l', 't', 'f', 'r', '.', ',', ';', ':', '\'', '!', '(', ')', '-', ' ', '[', ']':
		return 0.3
	case 'm', 'w', 'M', 'W', '—':
		return 0.8
	}
	if r >= 0x2E80 {
		return 1
	}
	return 0.5
}

// put sets s with its baseline at y, from x to the right, and returns where it
// ends. Spaces are drawn.
func (s *sheet) put(x, y, size float32, font int, text string) float32 {
	for _, r := range text {
		w := advance(r) * size
		g := Glyph{Rune: r, X: x, Y: y, Size: size, Font: font}
		if r != ' ' {
			g.Box = Box{x + 0.03*size, y - 0.7*size, x + w - 0.03*size, y}
		}
		s.Glyphs.Glyphs = append(s.Glyphs.Glyphs, g)
		x += w
	}
	return x
}

// lines sets each text on a line of its own and returns the next baseline.
func (s *sheet) lines(x, y, size float32, font int, texts ...string) float32 {
	for _, t := range texts {
		s.put(x, y, size, font, t)
		s.newline()
		y += 1.2 * size
	}
	return y
}

// newline is what the engine adds where it sees a line end.
func (s *sheet) newline() {
	s.Glyphs.Glyphs = append(s.Glyphs.Glyphs, Glyph{Rune: '\r', Generated: true}, Glyph{Rune: '\n', Generated: true})
}

// filler is text of so many lines that each fill a column of about width ems.
func filler(lines int, width float32) []string {
	words := []string{"the", "record", "of", "a", "page", "holds", "every", "line", "that", "people", "would", "read", "and", "nothing", "more", "than", "it", "says"}
	out := make([]string, lines)
	k := 0
	for i := range out {
		var line string
		var w float32
		for {
			word := words[(k*7+i)%len(words)]
			k++
			if line != "" {
				word = " " + word
			}
			var ww float32
			for _, r := range word {
				ww += advance(r)
			}
			if w+ww > width {
				break
			}
			line += word
			w += ww
		}
		out[i] = line
	}
	return out
}

// turned sets s along the direction of angle (clockwise, a multiple of 90)
// from (x, y).
func (s *sheet) turned(x, y, size, angle float32, text string) {
	for _, r := range text {
		w := advance(r) * size
		g := Glyph{Rune: r, X: x, Y: y, Size: size, Angle: angle}
		switch angle {
		case 90: // downwards: letters stand with their feet to the left
			g.Box = Box{x, y + 0.03*size, x + 0.7*size, y + w - 0.03*size}
			y += w
		case -90:
			g.Box = Box{x - 0.7*size, y - w + 0.03*size, x, y - 0.03*size}
			y -= w
		default: // 180
			g.Box = Box{x - w + 0.03*size, y, x - 0.03*size, y + 0.7*size}
			x -= w
		}
		s.Glyphs.Glyphs = append(s.Glyphs.Glyphs, g)
	}
}

// leftwards sets text of a script that runs right to left, its last letter
// furthest to the left, starting at x, and returns where it ends.
func (s *sheet) leftwards(x, y, size float32, text string) float32 {
	for _, r := range text {
		w := advance(r) * size
		x -= w
		g := Glyph{Rune: r, X: x, Y: y, Size: size, Box: Box{x + 0.03*size, y - 0.7*size, x + w - 0.03*size, y}}
		if r == ' ' {
			g.Box = Box{}
		}
		s.Glyphs.Glyphs = append(s.Glyphs.Glyphs, g)
	}
	return x
}

// guess adds a space that the engine inferred at x.
func (s *sheet) guess(x, y float32) {
	s.Glyphs.Glyphs = append(s.Glyphs.Glyphs, Glyph{Rune: ' ', X: x, Y: y, Generated: true})
}

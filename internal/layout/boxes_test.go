package layout

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

// boxes is a page of things in random places: columns, tables with and without
// rulings, lists, captions beside pictures, turned text, words alone. They may
// lie over each other. No letter stands on it twice, so that each can be looked
// for.
type boxes struct {
	Glyphs
	r      *rand.Rand
	letter rune
	tag    int // of what is written
}

func randomBoxes(seed uint64, things int) Glyphs {
	b := boxes{r: rand.New(rand.NewPCG(seed, 7)), letter: 'A' - 1}
	b.Glyphs = Glyphs{Number: 1, Width: 612, Height: 792, Rotation: 90 * b.r.IntN(4), Fonts: []Font{
		{Name: "A"}, {Name: "B", Bold: true}, {Name: "M", Mono: true}, {Name: "ZapfDingbats", Italic: true},
	}}
	tagged := seed%2 == 0
	for range things {
		if tagged {
			b.open()
		}
		x, y := 20+b.r.Float32()*400, 20+b.r.Float32()*600
		size, font := 4+b.r.Float32()*20, b.r.IntN(len(b.Fonts))
		switch b.r.IntN(7) {
		case 0:
			b.paragraph(x, y, size, font, 1+b.r.IntN(12))
		case 1:
			b.grid(x, y, size, font, b.r.IntN(2) == 0)
		case 2:
			b.list(x, y, size, font)
		case 3:
			b.Images = append(b.Images, Box{x, y, x + 80, y + 60})
			b.paragraph(x, y+60+size, size, font, 1+b.r.IntN(2))
		case 4:
			b.word(x, y, size, float32(90*b.r.IntN(4)), font)
		case 5:
			b.word(x, y, size, b.r.Float32()*360, font)
		case 6:
			b.aside(x, y, size, []int16{90, -90, 180}[b.r.IntN(3)], font)
		}
	}
	return b.Glyphs
}

// next is the next letter that has not been used. An o alone may be a bullet,
// of which Markdown has its own.
func (b *boxes) next() rune {
	for b.letter++; ; b.letter++ {
		if unicode.IsLetter(b.letter) && !strings.ContainsRune(bullets, b.letter) && reading.Replace(string(b.letter)) == string(b.letter) {
			return b.letter
		}
	}
}

func (b *boxes) put(r rune, x, y, size, angle float32, font int) {
	b.Glyphs.Glyphs = append(b.Glyphs.Glyphs, Glyph{
		Rune: r, Box: Box{x, y - 0.7*size, x + 0.5*size, y}, X: x, Y: y, Size: size, Angle: angle, Font: font, Tag: b.tag,
	})
}

// open opens some elements of structure, the last of which has what comes next.
func (b *boxes) open() {
	types := []string{
		"Document", "Sect", "P", "P", "H1", "H", "H3", "Title", "L", "LI", "LBody", "Table", "Table", "TR", "TR", "TD", "TD", "TD", "TH",
		"Note", "Caption", "Code", "Formula", "Figure", "Span", "Link", "NonStruct", "", "Div", "TOCI",
	}
	for range 1 + b.r.IntN(6) {
		parent := len(b.Tags) - 1 - b.r.IntN(3)
		b.Tags = append(b.Tags, Tag{
			Type: types[b.r.IntN(len(types))], Parent: max(parent, -1), RowSpan: b.r.IntN(4), ColSpan: b.r.IntN(4) * b.r.IntN(60),
		})
	}
	if b.tag = len(b.Tags); b.r.IntN(10) == 0 {
		b.tag = TagArtifact
	}
}

// word writes a word and returns where the next one begins.
func (b *boxes) word(x, y, size, angle float32, font int) float32 {
	for range 1 + b.r.IntN(7) {
		switch {
		case x+size > 600 || y+size > 780:
			return x // what is not on the page is not read
		case angle == 90:
			b.put(b.next(), x, y, size, angle, font)
			y += 0.5 * size
		default:
			b.put(b.next(), x, y, size, angle, font)
			x += 0.5 * size
		}
	}
	return x + (0.2+b.r.Float32())*size
}

// aside writes lines of words that are turned around (x, y), in columns or not.
func (b *boxes) aside(x, y, size float32, turn int16, font int) {
	u0, v := rotate(x, y, turn)
	width := size * b.r.Float32() * 8
	for range 1 + b.r.IntN(5) {
		u := u0
		for k := range 1 + b.r.IntN(4) {
			for range 1 + b.r.IntN(6) {
				x0, y0 := rotate(u, v, -turn)
				x1, y1 := rotate(u+0.5*size, v-0.7*size, -turn)
				if min(x0, x1) < 0 || max(x0, x1) > 612 || min(y0, y1) < 0 || max(y0, y1) > 792 {
					return // what is not on the page is not read
				}
				b.Glyphs.Glyphs = append(b.Glyphs.Glyphs, Glyph{
					Rune: b.next(), Box: Box{x0, y0, x1, y1}.round(), X: x0, Y: y0, Size: size, Angle: float32(turn), Font: font, Tag: b.tag,
				})
				u += 0.5 * size
			}
			u = max(u+size/2, u0+float32(k+1)*width)
		}
		v += size * (1 + b.r.Float32())
	}
}

func (b *boxes) paragraph(x, y, size float32, font, lines int) {
	for range lines {
		at := x
		for range 1 + b.r.IntN(8) {
			at = b.word(at, y, size, 0, font)
		}
		if b.r.IntN(4) == 0 {
			b.put('-', min(at, 590), min(y, 780), size, 0, font)
		}
		y += size * (0.9 + b.r.Float32()/2)
	}
}

func (b *boxes) grid(x, y, size float32, font int, ruled bool) {
	rows, columns, width := 1+b.r.IntN(6), 1+b.r.IntN(5), size*(2+b.r.Float32()*6)
	for i := range rows {
		for j := range columns {
			if b.tag > 0 && b.r.IntN(2) == 0 {
				b.open()
			}
			if b.r.IntN(5) > 0 {
				b.word(x+float32(j)*width+2, y+float32(i)*1.5*size, size, 0, font)
			}
		}
	}
	if !ruled {
		return
	}
	right, top := x+float32(columns)*width, y-size
	bottom := top + float32(rows)*1.5*size
	for i := range rows + 1 {
		at := top + float32(i)*1.5*size
		b.Rulings = append(b.Rulings, Ruling{X0: x, Y0: at, X1: right, Y1: at})
	}
	for j := range columns + 1 {
		at := x + float32(j)*width
		b.Rulings = append(b.Rulings, Ruling{X0: at, Y0: top, X1: at, Y1: bottom})
	}
}

func (b *boxes) list(x, y, size float32, font int) {
	markers := []string{"\u2022", "-", "1.", "(a)", "iv)"}
	marker := markers[b.r.IntN(len(markers))]
	for range 1 + b.r.IntN(5) {
		at := x + size*float32(b.r.IntN(3))
		for _, r := range marker {
			if !unicode.IsLetter(r) {
				b.put(r, at, y, size, 0, font)
				at += 0.5 * size
			}
		}
		at = b.word(at+size, y, size, 0, font)
		b.word(at, y, size, 0, font)
		y += 1.3 * size
	}
}

// FuzzBoxes lays out random boxes: whatever lies where, every letter is in the
// record once and in Markdown once, and the same is read a second time.
func FuzzBoxes(f *testing.F) {
	for seed := range uint64(150) {
		f.Add(seed, uint8(seed%25))
	}
	f.Fuzz(func(t *testing.T, seed uint64, things uint8) {
		g := randomBoxes(seed, int(things%64))
		want := lettersOf(g)
		glyphs := slices.Clone(g.Glyphs)
		p := Read(g)
		if d := cmp.Diff(glyphs, g.Glyphs); d != "" {
			t.Fatalf("the glyphs were changed: %s", d)
		}
		verify(t, p)
		if d := cmp.Diff(string(p.Encode()), string(Read(g).Encode())); d != "" {
			t.Fatalf("another result: %s", d)
		}
		onceEach(t, "the text", p.Text, want)
		var pr Profiler
		pr.Add(p)
		for _, style := range []Style{
			{Furniture: true},
			{Furniture: true, Plain: true, HTMLTables: true, KeepHyphens: true},
		} {
			onceEach(t, "Markdown", Markdown(p, pr.Profile(), style), want)
		}
	})
}

// lettersOf returns the letters of the page, sorted.
func lettersOf(g Glyphs) string {
	var all []rune
	for _, gl := range g.Glyphs {
		if unicode.IsLetter(gl.Rune) {
			all = append(all, gl.Rune)
		}
	}
	slices.Sort(all)
	return string(all)
}

// onceEach checks that the text has each of the letters once. Markup is of
// ASCII, and so are some of the letters: those are only looked for.
func onceEach(t *testing.T, what, text, want string) {
	t.Helper()
	count := map[rune]int{}
	for _, r := range text {
		count[r]++
	}
	var lost, twice strings.Builder
	for _, r := range want {
		switch n := count[r]; {
		case n == 0:
			lost.WriteRune(r)
		case n > 1 && r > unicode.MaxASCII:
			twice.WriteRune(r)
		}
	}
	if lost.Len()+twice.Len() > 0 {
		t.Fatalf("%s has lost %q and has %q twice: %q", what, lost.String(), twice.String(), text)
	}
}

package pdf

import (
	"encoding/binary"
	"math"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/mivaa/mivaa/internal/layout"
)

// style is what all characters of a text object share. It is read once an
// object: a font's name costs more than all else about a character.
type style struct {
	font     int
	size     float32
	angle    float32
	unmapped bool // its first character has no meaning: nor may the others
	tag      int
}

// chars reads the characters of the page.
func (r *pageReader) chars() {
	// One more than a record holds, so that the record says it was cut.
	n := min(r.count(fnTextCount, r.text), layout.MaxGlyphs+1)
	var current style
	var object uint64
	for i := range uint64(max(n, 0)) {
		char := rune(uint32(r.call(fnTextUnicode, r.text, i)))
		g := layout.Glyph{Rune: char}
		// A character that was inferred belongs to no object: it is like the one before.
		if next := r.call(fnTextObject, r.text, i); next != object && next != 0 {
			object, current = next, r.style(next, i)
		}
		g.Font, g.Size, g.Angle, g.Tag = current.font, current.size, current.angle, current.tag
		if r.ok(fnTextOrigin, r.text, i, r.arg(0), r.arg(8)) {
			b := r.result(16)
			g.X, g.Y = r.view.point(double(b), double(b[8:]))
		}
		if r.ok(fnTextBox, r.text, i, r.arg(0), r.arg(8), r.arg(16), r.arg(24)) { // left, right, bottom, top
			b := r.result(32)
			g.Box = r.view.box(double(b), double(b[16:]), double(b[8:]), double(b[24:]))
		}
		switch char {
		case ' ', '\r', '\n': // all that PDFium ever infers
			g.Generated = r.ok(fnTextGenerated, r.text, i)
		case '\x02': // what it makes of a hyphen that breaks a word
			if g.Hyphen = r.ok(fnTextHyphen, r.text, i); g.Hyphen {
				g.Rune = '-'
			}
		}
		r.meaning(&g, current.unmapped, i)
		r.out.Glyphs = append(r.out.Glyphs, g)
	}
	r.out.Glyphs = cleanRunes(r.out.Glyphs)
	if len(r.out.Fonts) == 0 && len(r.out.Glyphs) > 0 {
		r.out.Fonts = append(r.out.Fonts, layout.Font{})
	}
}

// meaning settles what becomes of a character that the font gives no meaning to,
// or one that nobody could see although there is ink. PDFium has its code in
// place of a meaning, which may be right (many fonts number their letters like
// everyone else) unless it is that of no character at all. suspect says that
// another of the same text object has none.
func (r *pageReader) meaning(g *layout.Glyph, suspect bool, i uint64) {
	none := !unicode.IsGraphic(g.Rune) && !unicode.Is(unicode.Co, g.Rune) // of private characters some are known
	if !suspect && !none || g.Generated {
		return
	}
	g.Unmapped = g.Rune == 0 || r.ok(fnTextMapError, r.text, i)
	ink := g.Box[0] != g.Box[2] && g.Box[1] != g.Box[3]
	switch {
	case g.Unmapped && !ink && (none || unicode.IsSpace(g.Rune)):
		g.Rune, g.Unmapped = ' ', false
	case g.Unmapped && (none || unicode.IsSpace(g.Rune)), ink && unicode.IsControl(g.Rune) && !unicode.IsSpace(g.Rune):
		g.Rune = utf8.RuneError
	}
}

func double(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) }

// style reads the style of a text object, char being one of its characters.
func (r *pageReader) style(object, char uint64) style {
	s := style{font: r.font(r.call(fnObjectFont, object)), tag: r.tagOf(object)}
	size := math.Float64frombits(r.call(fnTextSize, r.text, char))
	m := identity
	if r.ok(fnTextMatrix, r.text, char, r.arg(0)) {
		m = r.matrixAt(0)
	}
	s.size = finite(math.Abs(size) * math.Hypot(m.c, m.d))
	if size < 0 {
		m.a, m.b = -m.a, -m.b
	}
	s.angle = r.view.angle(m.a, m.b)
	s.unmapped = r.ok(fnTextMapError, r.text, char)
	const invisible = 3 // ISO 32000-1, table 106
	r.out.Hidden = r.out.Hidden || r.count(fnTextRenderMode, object) == invisible
	return s
}

// cleanRunes joins surrogates, which some fonts' maps give one by one, and
// replaces what is no character.
func cleanRunes(glyphs []layout.Glyph) []layout.Glyph {
	out := glyphs[:0]
	for i := 0; i < len(glyphs); i++ {
		g := glyphs[i]
		switch {
		case utf16.IsSurrogate(g.Rune):
			if i+1 < len(glyphs) {
				g.Rune = utf16.DecodeRune(g.Rune, glyphs[i+1].Rune)
				if g.Rune != utf8.RuneError {
					i++
				}
			} else {
				g.Rune = utf8.RuneError
			}
		case !utf8.ValidRune(g.Rune):
			g.Rune = utf8.RuneError
		}
		out = append(out, g)
	}
	return out
}

// maxFonts bounds the fonts of one page; further ones are taken for the last.
const maxFonts = 1000

func (r *pageReader) font(handle uint64) int {
	if i, ok := r.fonts[handle]; ok {
		return i
	}
	if len(r.out.Fonts) < maxFonts {
		r.out.Fonts = append(r.out.Fonts, r.describeFont(handle))
	}
	i := len(r.out.Fonts) - 1
	r.fonts[handle] = i
	return i
}

// Bits of a font descriptor's flags (ISO 32000-1, table 123).
const (
	flagFixedPitch = 1 << 0
	flagSerif      = 1 << 1
	flagItalic     = 1 << 6
	flagForceBold  = 1 << 18
)

func (r *pageReader) describeFont(handle uint64) layout.Font {
	if handle == 0 {
		return layout.Font{}
	}
	name := r.bytes8(func(buf, size uint64) uint64 { return r.call(fnFontName, handle, buf, size) })
	if name == "" {
		name = r.bytes8(func(buf, size uint64) uint64 { return r.call(fnFontFamily, handle, buf, size) })
	}
	flags := max(r.count(fnFontFlags, handle), 0)
	weight := r.count(fnFontWeight, handle)
	slanted := r.ok(fnFontItalic, handle, r.arg(0)) && int32(binary.LittleEndian.Uint32(r.result(4))) != 0
	return fontFrom(name, flags, weight, slanted)
}

// fontFrom puts together what the descriptor and the name say: many producers
// fill in only one of the two.
func fontFrom(name string, flags, weight int, slanted bool) layout.Font {
	if len(name) > 7 && name[6] == '+' {
		name = name[7:] // the tag of a subset
	}
	low := strings.ToLower(name)
	bold := containsAny(low, "bold", "black", "heavy", "demi", "-bd", "cmbx", "cmb1", "sfbx", "cmssbx", "ecbx")
	return layout.Font{
		Name: name,
		// "Demi" and the like are bold against their family's regular.
		Bold:   bold || flags&flagForceBold != 0 || weight >= 600 && !containsAny(low, "light", "regular"),
		Italic: slanted || flags&flagItalic != 0 || containsAny(low, "italic", "oblique", "slanted", "cmti", "cmsl", "cmmi", "sfti", "ecti"),
		Mono:   flags&flagFixedPitch != 0 || containsAny(low, "courier", "mono", "typewriter", "consolas", "menlo", "cmtt", "sftt", "ectt", "lmtt"),
		Serif:  flags&flagSerif != 0 || containsAny(low, "times", "serif", "cmr", "garamond", "georgia", "roman") && !strings.Contains(low, "sansserif") && !strings.Contains(low, "sans"),
	}
}

func containsAny(s string, subs ...string) bool {
	for _, sub := range subs {
		if strings.Contains(s, sub) {
			return true
		}
	}
	return false
}

// fromBytes makes text of bytes whose encoding is not known: UTF-8 if they are,
// Latin-1 otherwise. Control characters go.
func fromBytes(s string) string {
	if !utf8.ValidString(s) {
		runes := make([]rune, 0, len(s))
		for i := range len(s) {
			runes = append(runes, rune(s[i]))
		}
		s = string(runes)
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

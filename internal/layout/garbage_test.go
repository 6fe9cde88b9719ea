package layout

import (
	"strings"
	"testing"
)

func TestReadGarbage(t *testing.T) {
	t.Parallel()
	prose := filler(20, 40)
	// What glyph numbers look like where they stand for characters: 29 less.
	shift := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r == ' ' {
				return r
			}
			return r - 29
		}, s)
	}
	shifted := make([]string, len(prose))
	for i := range prose {
		shifted[i] = shift(prose[i])
	}
	every := func(from, to string) []string {
		return strings.Split(strings.ReplaceAll(strings.Join(prose, "\n"), from, to), "\n")
	}
	for _, tt := range []struct {
		name     string
		text     []string
		unmapped bool
		font     int
		want     bool
	}{
		{"nothing", nil, false, regular, false},
		{"prose", prose, false, regular, false},
		{"prose of a font that numbers its letters like others", prose, true, regular, false},
		{"numbers of glyphs", shifted, true, regular, true},
		{"the same, if a font says so", shifted, false, regular, false},
		{"characters without meaning", every("e", "\uFFFD\uFFFD\uFFFD"), false, regular, true},
		{"some of them", every("e", "\uFFFD"), false, regular, false},
		{"private characters", every("e", "\uE123\uE124\uE125"), false, regular, true},
		{"private characters of a font of symbols", every("e", "\uE123\uE124\uE125"), false, mono + 1, false},
		{"scripts at random", every("e", "\u0915\u0416"), false, regular, true},
		{"Greek in formulas", every("e", "\u03B1"), false, regular, false},
		{"Japanese with Latin words", every(" ", "\u65E5\u672C"), false, regular, false},
		{"Russian", every("e", " \u0416\u0451\u044F \u0490\u0491 "), false, regular, false},
		{"Hindi and English", every(" ", " \u0915\u093E\u092E "), false, regular, false},
		{"a table of figures", []string{"12.5 13.7 99.1", "(4.2) 17 %", "x = 12"}, true, regular, false},
	} {
		s := newSheet()
		s.Fonts = append(s.Fonts, Font{Name: "Wingdings-Regular"})
		s.lines(72, 100, 10, tt.font, tt.text...)
		for i := range s.Glyphs.Glyphs {
			s.Glyphs.Glyphs[i].Unmapped = tt.unmapped
		}
		p := Read(s.Glyphs)
		if p.Garbage != tt.want {
			t.Errorf("%s: %v: %.60q", tt.name, p.Garbage, p.Text)
		}
	}
}

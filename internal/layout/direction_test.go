package layout

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// reversed returns the runes of s from its end.
func reversed(s string) string {
	r := []rune(s)
	slices.Reverse(r)
	return string(r)
}

// downwards sets text of a script that is written so in a column, from y on.
func (s *sheet) downwards(x, y, size float32, text string) {
	for _, r := range text {
		s.put(x, y, size, regular, string(r))
		y += size
	}
	s.newline()
}

func TestReadRightToLeft(t *testing.T) {
	t.Parallel()
	const line = "שלום לכל העולם"
	for _, tt := range []struct {
		name string
		set  func(s *sheet)
		want string
	}{
		{"letter by letter", func(s *sheet) { s.leftwards(500, 100, 10, line) }, line},
		{"each word from its left end", func(s *sheet) {
			x := float32(500)
			for word := range strings.FieldsSeq(line) {
				x -= 5 * float32(len([]rune(word)))
				s.put(x, 100, 10, regular, reversed(word))
				x -= 4
				s.put(x, 100, 10, regular, " ")
			}
		}, line},
		{"a line from its left end", func(s *sheet) { s.put(300, 100, 10, regular, reversed(line)) }, line},
		{"figures in it", func(s *sheet) {
			s.put(300, 100, 10, regular, "12.5 "+reversed("בשנת"))
		}, "בשנת 12.5"},
		{"points under letters", func(s *sheet) { s.leftwards(500, 100, 10, "שָׁלוֹם") }, "שָׁלוֹם"},
	} {
		s := newSheet()
		tt.set(s)
		p := Read(s.Glyphs)
		verify(t, p)
		if d := cmp.Diff(tt.want+"\n", p.Text); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
}

func TestReadVertical(t *testing.T) {
	t.Parallel()
	columns := []string{"吾輩は猫である。名前はまだ", "無い。どこで生れたかとんと", "見当がつかぬ。何でも"}
	for _, tt := range []struct {
		name string
		set  func(s *sheet)
		want []string
	}{
		{"columns from the right", func(s *sheet) {
			for i, c := range columns {
				s.downwards(500-15*float32(i), 100, 10, c)
			}
		}, columns},
		{"strokes that fill little of their cell", func(s *sheet) {
			s.downwards(500, 100, 10, "一二三一二三")
		}, []string{"一二三一二三"}},
		{"a rest of one letter, and a number across", func(s *sheet) {
			s.downwards(500, 100, 10, "これは平成")
			s.put(500, 150, 10, regular, "12")
			s.downwards(500, 160, 10, "年のこと")
			s.downwards(485, 100, 10, "だ")
		}, []string{"これは平成12年のこと", "だ"}},
		{"lines of that script stay lines", func(s *sheet) {
			s.lines(72, 100, 10, regular, columns...)
		}, columns},
		{"a column of single letters beside lines", func(s *sheet) {
			for i, c := range columns {
				s.put(72, 100+12*float32(i), 10, regular, string([]rune("甲乙丙")[i])+" "+c)
				s.newline()
			}
		}, []string{"甲 " + columns[0], "乙 " + columns[1], "丙 " + columns[2]}},
	} {
		s := newSheet()
		tt.set(s)
		p := Read(s.Glyphs)
		verify(t, p)
		if d := cmp.Diff(tt.want, strings.Split(strings.TrimSuffix(p.Text, "\n"), "\n")); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
}

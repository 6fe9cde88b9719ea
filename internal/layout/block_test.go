package layout

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadBlocks(t *testing.T) {
	t.Parallel()
	const long = "a line that is so long that it fills the column from its left end to its right one and"
	for _, tt := range []struct {
		name string
		set  func(s *sheet)
		want []string
	}{
		{"space between", func(s *sheet) {
			y := s.lines(72, 100, 10, regular, long, long, long, "ends.")
			s.lines(72, y+6, 10, regular, long, long)
		}, []string{"a line", "a line"}},
		{"indent", func(s *sheet) {
			y := s.lines(72, 100, 10, regular, long, long)
			y = s.lines(84, y, 10, regular, "Another "+long[20:])
			s.lines(72, y, 10, regular, long)
		}, []string{"a line", "Another"}},
		{"hanging entries", func(s *sheet) {
			y := s.lines(72, 100, 10, regular, "One "+long[8:])
			y = s.lines(90, y, 10, regular, long[:80], long[:80])
			y = s.lines(72, y, 10, regular, "Two "+long[8:])
			s.lines(90, y, 10, regular, long[:80], "and ends")
		}, []string{"One", "Two"}},
		{"a short line ends", func(s *sheet) {
			s.lines(72, 100, 10, regular, long, "and ends here.", "Another "+long[20:], long)
		}, []string{"a line", "Another"}},
		{"a broken word goes on", func(s *sheet) {
			s.lines(72, 100, 10, regular, long, "a bro-", "ken word")
		}, []string{"a line"}},
		{"a centred heading of two lines", func(s *sheet) {
			s.lines(160, 70, 16, bold, "A Heading That Is Broken")
			s.lines(190, 89, 16, bold, "Over Two Lines")
			s.lines(72, 120, 10, regular, long, long, long)
		}, []string{"A Heading", "a line"}},
		{"a run-in heading", func(s *sheet) {
			s.lines(72, 100, 10, regular, long, "and ends.")
			s.lines(72, 130, 10, bold, "Domestic production activities and whatever else it is that fills one line")
			x := s.put(72, 142, 10, bold, "deduction. ")
			s.put(x, 142, 10, regular, "The rate is "+long[10:60])
		}, []string{"a line", "Domestic"}},
		{"code", func(s *sheet) {
			y := s.lines(72, 100, 10, regular, long, long, long)
			s.lines(72, y+6, 10, mono, "for all", "do this")
		}, []string{"a line", "for all", "do this"}},
		{"rows", func(s *sheet) {
			for i := range 3 {
				for k, cell := range []string{"alpha", "beta", "gamma"} {
					s.put(72+100*float32(k), 100+12*float32(i), 10, regular, cell)
				}
			}
		}, []string{"alpha", "alpha", "alpha"}},
		{"contents", func(s *sheet) {
			s.lines(72, 100, 10, regular, "one ........ 1", "two ........ 2", "three . . . . . 3")
		}, []string{"one", "two", "three"}},
		{"a list of symbols", func(s *sheet) {
			s.Fonts = append(s.Fonts, Font{Name: "ZapfDingbats"})
			for i := range 2 {
				y := 100 + 12*float32(i)
				s.put(72, y, 10, 3, "r")
				s.put(84, y, 10, regular, "item")
			}
		}, []string{"r item", "r item"}},
		{"a number that the line before ran into", func(s *sheet) {
			s.lines(72, 100, 10, regular, long+" of", "12. of May it was and so", "on")
		}, []string{"a line"}},
		{"an item after a full one", func(s *sheet) {
			s.lines(72, 100, 10, regular, "- "+long, "- item")
		}, []string{"- a line", "- item"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSheet()
			tt.set(s)
			p := Read(s.Glyphs)
			verify(t, p)
			var got []string
			for i, b := range p.Blocks {
				text := p.Text[p.Lines[b.First].Start:p.Lines[b.Last].End]
				if i < len(tt.want) {
					text = text[:min(len(text), len(tt.want[i]))]
				}
				got = append(got, text)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("%s\n%s", d, p.Text)
			}
		})
	}
}

package layout

import (
	"fmt"
	"strings"
	"testing"
)

// What looks like a table and is none.
func TestReadNoTables(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(s *sheet){
		"a frame": func(s *sheet) {
			s.lattice([]float32{72, 400}, []float32{80, 180})
			s.lines(80, 100, 10, regular, filler(5, 28)...)
		},
		"columns of text between lines": func(s *sheet) {
			s.rule(72, 80, 540, 80)
			s.rule(72, 560, 540, 560)
			s.lines(72, 100, 10, regular, filler(30, 20)...)
			s.lines(320, 100, 10, regular, filler(30, 20)...)
		},
		"columns of text in frames": func(s *sheet) {
			s.lattice([]float32{68, 304, 545}, []float32{80, 90, 480})
			s.lines(72, 100, 10, regular, filler(30, 20)...)
			s.lines(320, 100, 10, regular, filler(30, 20)...)
		},
		"a list": func(s *sheet) {
			for i, text := range filler(6, 20) {
				s.cells(100+14*float32(i), 10, regular, []float32{72, 100}, fmt.Sprintf("%d.", i+1), text)
			}
		},
		"contents": func(s *sheet) {
			for i, text := range []string{"Introduction", "Methods", "Results", "Discussion", "Conclusions", "References"} {
				y := 100 + 14*float32(i)
				s.put(72, y, 10, regular, fmt.Sprint(i+1))
				s.put(100, y, 10, regular, text)
				s.right(400, y, 10, regular, fmt.Sprint(3+7*i))
				s.newline()
			}
		},
		"contents with dots": func(s *sheet) {
			for i, text := range []string{"Introduction", "Methods", "Results", "Discussion", "Conclusions"} {
				y := 100 + 14*float32(i)
				x := s.put(72, y, 10, regular, text)
				s.put(x+5, y, 10, regular, strings.Repeat(".", 40))
				s.right(400, y, 10, regular, fmt.Sprint(31-3*i))
				s.newline()
			}
		},
		"a chart": func(s *sheet) {
			for i := range 6 {
				y := 100 + 30*float32(i)
				s.rule(100, y, 400, y)
				s.right(96, y+3, 8, regular, fmt.Sprint(100-20*i))
				s.newline()
			}
			for i := range 4 {
				x := 130 + 70*float32(i)
				s.shade(x, 130+20*float32(i), x+30, 250, "3366cc")
				s.cells(126+20*float32(i), 8, regular, []float32{x + 8}, fmt.Sprint(80-13*i))
			}
			s.cells(262, 8, regular, []float32{130, 200, 270, 340}, "2016", "2017", "2018", "2019")
		},
		"code on a colour": func(s *sheet) {
			for i, text := range []string{"func main() {", "	a, b := 1, 2", "	c, d := 3, 4", "	e, f := 5, 6", "}"} {
				y := 100 + 12*float32(i)
				s.shade(72, y-9, 400, y+3, "f5f5f5")
				s.lines(76, y, 10, mono, strings.ReplaceAll(text, "\t", "    "))
			}
		},
		"a listing with numbers": func(s *sheet) {
			s.lines(72, 60, 10, regular, filler(6, 40)...)
			for i := range 5 {
				y := 160 + 12*float32(i)
				x := s.put(72, y, 10, mono, fmt.Sprintf("box %d", i))
				x = s.put(x+15, y, 10, mono, fmt.Sprint(997+i))
				s.put(x+15, y, 10, mono, fmt.Sprint(123*i))
				s.newline()
			}
		},
		"equations": func(s *sheet) {
			for i := range 5 {
				s.cells(100+20*float32(i), 10, regular, []float32{100, 160, 200, 400}, "x", "=", fmt.Sprintf("%d + y", i), fmt.Sprintf("(%d)", i+1))
			}
		},
		"a head and a foot of a page": func(s *sheet) {
			s.rule(72, 50, 540, 50)
			s.rule(72, 66, 540, 66)
			s.cells(62, 9, regular, []float32{72, 480}, "The Journal", "No. 12")
			s.lines(72, 100, 10, regular, filler(30, 46)...)
			s.rule(72, 740, 540, 740)
		},
		"a form": func(s *sheet) {
			for i := range 6 {
				y := 100 + 14*float32(i)
				x := s.put(72, y, 10, regular, fmt.Sprintf("%d Enter the amount that line %d of the form has in box", i+1, i+2))
				s.put(x+3, y, 10, regular, "two here "+fmt.Sprint(i+1))
				s.newline()
			}
			s.lattice([]float32{250, 262, 274}, []float32{90, 104, 118, 132, 146, 160, 174})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSheet()
			set(s)
			if got := tablesOf(t, s); len(got) > 0 {
				t.Errorf("read as a table:\n%s", strings.Join(got, "\n\n"))
			}
		})
	}
}

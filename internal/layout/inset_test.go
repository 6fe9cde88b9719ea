package layout

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var town = [][]string{{"Town", "Rain", "Sun"}, {"Aberdeen", "815 mm", "1,435 h"}, {"Bristol", "843 mm", "1,604 h"}, {"Cardiff", "1,152 mm", "1,549 h"}}

// turnedTable sets a table whose rows stand side by side from x on, the first
// cells at y.
func (s *sheet) turnedTable(x, y, angle float32) {
	down := float32(1)
	if angle < 0 {
		down = -1
	}
	for r, row := range town {
		for c, text := range row {
			s.turned(x-down*14*float32(r), y+down*70*float32(c), 10, angle, text)
		}
		s.newline()
	}
}

// Turned text that stands by itself is read where it stands; what labels
// something or stands in the margin comes last.
func TestReadInset(t *testing.T) {
	t.Parallel()
	above, below := filler(4, 40), filler(3, 40)
	const table = "Town|Rain|Sun\nAberdeen|815 mm|1,435 h\nBristol|843 mm|1,604 h\nCardiff|1,152 mm|1,549 h"
	flat := []string{"Town Rain Sun", "Aberdeen 815 mm 1,435 h", "Bristol 843 mm 1,604 h", "Cardiff 1,152 mm 1,549 h"}
	for _, tt := range []struct {
		name   string
		set    func(s *sheet) // between the text above, to 140, and that below, from 500
		want   []string
		tables []string
	}{
		{"a table that runs upwards", func(s *sheet) {
			s.turnedTable(200, 450, -90)
		}, slices.Concat(above, flat, below), []string{table}},
		{"a table that runs downwards", func(s *sheet) {
			s.turnedTable(250, 200, 90)
		}, slices.Concat(above, flat, below), []string{table}},
		{"a table of lines that cross", func(s *sheet) {
			s.turnedTable(200, 450, -90)
			for k := range 5 {
				s.rule(188+14*float32(k), 240, 188+14*float32(k), 455)
			}
			for _, y := range []float32{240, 315, 385, 455} {
				s.rule(188, y, 244, y)
			}
		}, slices.Concat(above, flat, below), []string{table}},
		{"answers head over", func(s *sheet) {
			s.turned(400, 300, 10, 180, "the second line is none of those")
			s.turned(400, 312, 10, 180, "The first answer is a word and")
		}, slices.Concat(above, []string{"The first answer is a word and", "the second line is none of those"}, below), nil},
		{"two that stand apart", func(s *sheet) {
			for k := range 2 {
				x := 120 + 200*float32(k)
				s.turned(x, 300, 10, -90, "beside a door")
				s.turned(x+12, 300, 10, -90, "that is open")
			}
		}, slices.Concat(above, []string{"beside a door", "that is open", "beside a door", "that is open"}, below), nil},
		{"one below the other", func(s *sheet) {
			s.turned(120, 220, 10, -90, "beside a door")
			s.turned(132, 220, 10, -90, "that is open")
			s.lines(72, 300, 10, regular, filler(3, 40)...)
			s.turned(120, 440, 10, -90, "another door")
			s.turned(132, 440, 10, -90, "is not open")
		}, slices.Concat(above, []string{"beside a door", "that is open"}, filler(3, 40), []string{"another door", "is not open"}, below), nil},
		{"lines alone, as the labels of axes", func(s *sheet) {
			s.turned(120, 400, 10, -90, "the label of an axis")
			s.turned(300, 400, 10, -90, "the label of another")
		}, slices.Concat(above, below, []string{"the label of an axis", "the label of another"}), nil},
		{"text at its side", func(s *sheet) {
			s.turned(100, 480, 10, -90, "the first of two lines that read upwards")
			s.turned(112, 480, 10, -90, "and the second of them, beside others")
			s.lines(160, 250, 10, regular, filler(20, 30)...)
		}, slices.Concat(above, filler(20, 30), below, []string{"the first of two lines that read upwards", "and the second of them, beside others"}), nil},
		{"in the margin", func(s *sheet) {
			s.turned(30, 480, 10, -90, "brought to you by a library")
			s.turned(42, 480, 10, -90, "on a day of that year")
		}, slices.Concat(above, below, []string{"brought to you by a library", "on a day of that year"}), nil},
		{"text over it", func(s *sheet) {
			s.turned(100, 480, 10, -90, "the first of two lines that read upwards")
			s.turned(300, 480, 10, -90, "and far from it a third")
			for k := range 17 {
				s.turned(112+11*float32(k), 480, 10, -90, "more")
			}
			s.lines(120, 400, 10, regular, "a line that is written over it")
		}, slices.Concat(above, []string{"a line that is written over it"}, below,
			[]string{"the first of two lines that read upwards"}, slices.Repeat([]string{"more"}, 17), []string{"and far from it a third"}), nil},
		{"on a picture", func(s *sheet) {
			s.Images = append(s.Images, Box{80, 200, 400, 460})
			s.turned(200, 400, 10, -90, "what is on it and")
			s.turned(212, 400, 10, -90, "what is near")
		}, slices.Concat(above, below, []string{"what is on it and", "what is near"}), nil},
		{"in an empty form", func(s *sheet) {
			s.lattice([]float32{72, 112, 212, 312, 412}, []float32{200, 270, 340, 410, 480})
			for c := range 4 {
				s.turned(90, 265+70*float32(c), 10, -90, "two and")
				s.turned(102, 265+70*float32(c), 10, -90, "a half")
			}
		}, slices.Concat(above, []string{"two and two and two and two and", "a half a half a half a half"}, below), nil},
		{"the heads of columns and of rows", func(s *sheet) {
			s.lattice([]float32{262, 282, 362, 402, 442}, []float32{200, 260, 290, 320}, "1,0-")
			for c := range 2 {
				s.turned(380+40*float32(c), 255, 10, -90, "two and")
				s.turned(392+40*float32(c), 255, 10, -90, "a half")
			}
			s.turned(276, 310, 10, -90, "Greek")
			for r, name := range []string{"Alpha", "Beta"} { // the first as far down as the turned word is from the left
				s.cells(276+30*float32(r), 10, regular, []float32{286, 366, 406}, name, "12", "7")
			}
		}, slices.Concat(above, []string{"two and", "a half", "two and", "a half", "Greek", "Alpha 12 7", "Beta 12 7"}, below),
			[]string{"||two and a half|two and a half\n{2,1}Greek|Alpha|12|7\nBeta|12|7"}},
		{"in the way of a table", func(s *sheet) {
			s.lattice([]float32{72, 172, 212, 252}, []float32{200, 260, 275, 290, 305})
			for c := range 2 {
				s.turned(190+40*float32(c), 265, 10, -90, "two and")
				s.turned(202+40*float32(c), 265, 10, -90, "a half")
			}
			for r, name := range []string{"Alpha", "Beta", "Gamma"} {
				s.cells(271+15*float32(r), 10, regular, []float32{76, 176, 216}, name, "12", "7")
			}
		}, slices.Concat(above, []string{"Alpha 12 7", "Beta 12 7", "Gamma 12 7"}, below, []string{"two and", "a half", "two and", "a half"}),
			[]string{"||\nAlpha|12|7\nBeta|12|7\nGamma|12|7"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSheet()
			s.lines(72, 100, 10, regular, above...)
			tt.set(s)
			s.newline()
			s.lines(72, 500, 10, regular, below...)
			p := Read(s.Glyphs)
			verify(t, p)
			if d := cmp.Diff(tt.want, strings.Split(strings.TrimSuffix(p.Text, "\n"), "\n")); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(tt.tables, tablesOf(t, s)); d != "" {
				t.Error(d)
			}
		})
	}
}

// A page of turned text has no insets: what is upright on it comes last.
func TestReadTurnedPage(t *testing.T) {
	t.Parallel()
	s := newSheet()
	head := filler(1, 24)
	s.lines(120, 60, 10, regular, head...)
	text := filler(20, 40)
	for i, line := range text {
		s.turned(120+12*float32(i), 700, 10, -90, line)
		s.newline()
	}
	p := Read(s.Glyphs)
	verify(t, p)
	if d := cmp.Diff(append(text, head...), strings.Split(strings.TrimSuffix(p.Text, "\n"), "\n")); d != "" {
		t.Error(d)
	}
}

// The boxes of an inset's table are those of the page.
func TestReadInsetBoxes(t *testing.T) {
	t.Parallel()
	s := newSheet()
	s.lines(72, 100, 10, regular, filler(8, 40)...)
	s.turnedTable(200, 450, -90)
	p := Read(s.Glyphs)
	for i := range p.Blocks {
		if tab := p.Blocks[i].Table; tab != nil {
			if got, want := tab.Cells[3].Box, (Box{206.5, 410, 216.5, 450}); got[0] != want[0] || got[2] != want[2] || got[3] != want[3] || abs(got[1]-want[1]) > 5 {
				t.Errorf("the fourth cell is at %v, want about %v", got, want)
			}
			return
		}
	}
	t.Error("there is no table")
}

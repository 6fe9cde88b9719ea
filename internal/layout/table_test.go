package layout

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rule draws a line.
func (s *sheet) rule(x0, y0, x1, y1 float32) {
	s.Rulings = append(s.Rulings, Ruling{X0: x0, Y0: y0, X1: x1, Y1: y1})
}

// shade fills a box.
func (s *sheet) shade(x0, y0, x1, y1 float32, colour string) {
	s.Rulings = append(s.Rulings, Ruling{X0: x0, Y0: y0, X1: x1, Y1: y1, Fill: colour})
}

// lattice draws the edges of places at xs and ys, but for those named "r,c-"
// (the lower edge of a place) and "r,c|" (its right edge).
func (s *sheet) lattice(xs, ys []float32, but ...string) {
	missing := map[string]bool{}
	for _, b := range but {
		missing[b] = true
	}
	for r := range ys {
		for c := range len(xs) - 1 {
			if !missing[fmt.Sprintf("%d,%d-", r-1, c)] {
				s.rule(xs[c], ys[r], xs[c+1], ys[r])
			}
		}
	}
	for c := range xs {
		for r := range len(ys) - 1 {
			if !missing[fmt.Sprintf("%d,%d|", r, c-1)] {
				s.rule(xs[c], ys[r], xs[c], ys[r+1])
			}
		}
	}
}

// cells sets a line of texts, each at its own x.
func (s *sheet) cells(y, size float32, font int, xs []float32, texts ...string) {
	for i, text := range texts {
		if text != "" {
			s.put(xs[i], y, size, font, text)
		}
	}
	s.newline()
}

// right sets a text that ends at x.
func (s *sheet) right(x, y, size float32, font int, text string) {
	var w float32
	for _, r := range text {
		w += advance(r) * size
	}
	s.put(x-w, y, size, font, text)
}

// tablesOf reads the sheet and says what tables it has: a line a row, cells
// between bars, {rows,columns} before one that spans.
func tablesOf(t *testing.T, s *sheet) []string {
	t.Helper()
	p := Read(s.Glyphs)
	verify(t, p)
	var out []string
	for i := range p.Blocks {
		if p.Blocks[i].Table != nil {
			out = append(out, say(&p, p.Blocks[i].Table))
		}
	}
	return out
}

func say(p *Page, t *Table) string {
	rows := make([][]string, t.Rows)
	for i := range t.Cells {
		c := &t.Cells[i]
		text := c.text(p)
		if c.RowSpan > 1 || c.ColSpan > 1 {
			text = fmt.Sprintf("{%d,%d}%s", max(c.RowSpan, 1), max(c.ColSpan, 1), text)
		}
		rows[c.Row] = append(rows[c.Row], text)
	}
	lines := make([]string, len(rows))
	for i, r := range rows {
		lines[i] = strings.Join(r, "|")
	}
	return strings.Join(lines, "\n")
}

func TestReadTables(t *testing.T) {
	t.Parallel()
	left := []float32{76, 206, 306, 406}
	for name, test := range map[string]struct {
		set  func(s *sheet)
		want []string
	}{
		"lines around each cell": {func(s *sheet) {
			s.lattice([]float32{72, 200, 300, 400}, []float32{100, 120, 140, 160})
			s.cells(114, 10, bold, left, "Name", "Year", "Count")
			s.cells(134, 10, regular, left, "Alpha", "1999", "12")
			s.cells(154, 10, regular, left, "Beta", "", "7")
		}, []string{"Name|Year|Count\nAlpha|1999|12\nBeta||7"}},

		"lines that are missing": {func(s *sheet) {
			s.lattice([]float32{72, 200, 300, 400}, []float32{100, 120, 140, 160}, "0,1|", "0,0-")
			s.cells(124, 10, bold, left, "Name")
			s.cells(114, 10, bold, []float32{0, 260}, "", "Figures of")
			s.cells(134, 10, regular, left, "", "Year", "Count")
			s.cells(154, 10, regular, left, "Beta", "2001", "7")
		}, []string{"{2,1}Name|{1,2}Figures of\nYear|Count\nBeta|2001|7"}},

		"lines that are drawn twice": {func(s *sheet) {
			for _, d := range []float32{0, 0.8} {
				s.lattice([]float32{72 + d, 200 + d, 300 + d}, []float32{100 + d, 120 + d, 140 + d})
			}
			s.cells(114, 10, regular, left, "a", "b")
			s.cells(134, 10, regular, left, "c", "d")
		}, []string{"a|b\nc|d"}},

		"no lines outside": {func(s *sheet) {
			for _, x := range []float32{200, 300} {
				s.rule(x, 100, x, 160)
			}
			for _, y := range []float32{120, 140} {
				s.rule(72, y, 400, y)
			}
			s.cells(114, 10, bold, left, "Name", "Year", "Count")
			s.cells(134, 10, regular, left, "Alpha", "1999", "12")
			s.cells(154, 10, regular, left, "Beta", "2001", "7")
		}, []string{"Name|Year|Count\nAlpha|1999|12\nBeta|2001|7"}},

		"cells of several lines": {func(s *sheet) {
			s.lattice([]float32{72, 200, 300}, []float32{100, 140, 180})
			s.cells(114, 10, regular, left, "a long", "x")
			s.cells(126, 10, regular, left, "name")
			s.cells(154, 10, regular, left, "other", "y")
			s.cells(166, 10, regular, left, "", "and z")
		}, []string{"a long name|x\nother|y and z"}},

		"text that fills its cell": {func(s *sheet) {
			s.lattice([]float32{72, 97, 122, 147}, []float32{100, 114, 128})
			for i, x := range []float32{74, 99, 124} { // less apart than columns are
				s.put(x, 111, 10, regular, []string{"1234", "5678", "9012"}[i])
			}
			s.newline()
			for i, x := range []float32{74, 99, 124} {
				s.put(x, 125, 10, regular, []string{"abcd", "efgh", "ijkl"}[i])
			}
		}, []string{"1234|5678|9012\nabcd|efgh|ijkl"}},

		"coloured rows": {func(s *sheet) {
			for i, y := range []float32{100, 140, 180} {
				s.shade(72, y, 400, y+20, []string{"336699", "ddeeff", "ddeeff"}[i])
			}
			s.cells(114, 10, bold, left, "Name", "Year", "Count")
			s.cells(134, 10, regular, left, "Alpha", "1999", "12")
			s.cells(154, 10, regular, left, "Beta", "2001", "7")
			s.cells(174, 10, regular, left, "Gamma", "2005", "9")
			s.cells(194, 10, regular, left, "Delta", "2009", "11")
		}, []string{"Name|Year|Count\nAlpha|1999|12\nBeta|2001|7\nGamma|2005|9\nDelta|2009|11"}},

		"every second row coloured": {func(s *sheet) {
			for _, y := range []float32{120, 160} {
				s.shade(72, y, 400, y+20, "ddeeff")
			}
			s.cells(114, 10, bold, left, "Item", "Size", "Colour")
			s.cells(134, 10, regular, left, "Shirt", "M", "blue")
			s.cells(154, 10, regular, left, "Hat", "L", "red")
			s.cells(174, 10, regular, left, "Shoes", "42", "black")
			s.cells(194, 10, regular, left, "Gloves", "9", "brown")
			s.lines(72, 240, 10, regular, filler(2, 38)...)
		}, []string{"Item|Size|Colour\nShirt|M|blue\nHat|L|red\nShoes|42|black\nGloves|9|brown"}},

		"coloured cells": {func(s *sheet) {
			for r := range 3 {
				for c := range 3 {
					x, y := 72+float32(c)*100, 100+float32(r)*20
					s.shade(x, y, x+99, y+19, "fde9d9")
				}
			}
			at := []float32{76, 176, 276}
			s.cells(114, 10, bold, at, "Name", "Year", "Count")
			s.cells(134, 10, regular, at, "Alpha", "1999", "12")
			s.cells(154, 10, regular, at, "Beta", "2001", "7")
		}, []string{"Name|Year|Count\nAlpha|1999|12\nBeta|2001|7"}},

		"lines above and below": {func(s *sheet) {
			for _, y := range []float32{100, 118, 160} {
				s.rule(72, y, 460, y)
			}
			s.cells(113, 10, bold, left, "Name", "Year", "Count")
			s.cells(132, 10, regular, left, "Alpha", "1999", "12")
			s.cells(144, 10, regular, left, "Beta", "2001", "7")
			s.cells(156, 10, regular, left, "Gamma", "2005", "9")
		}, []string{"Name|Year|Count\nAlpha|1999|12\nBeta|2001|7\nGamma|2005|9"}},

		"a head over several columns": {func(s *sheet) {
			s.rule(72, 100, 460, 100)
			s.rule(206, 118, 440, 118)
			s.rule(72, 136, 460, 136)
			s.rule(72, 164, 460, 164)
			s.cells(114, 10, bold, []float32{300}, "Figures")
			s.cells(131, 10, bold, left, "Name", "Year", "Count", "Sum")
			s.cells(150, 10, regular, left, "Alpha", "1999", "12", "40")
			s.cells(162, 10, regular, left, "Beta", "2001", "7", "41")
		}, []string{"{2,1}Name|{1,3}Figures\nYear|Count|Sum\nAlpha|1999|12|40\nBeta|2001|7|41"}},

		"rows of several lines": {func(s *sheet) {
			for _, y := range []float32{100, 118, 190} {
				s.rule(72, y, 460, y)
			}
			s.cells(113, 10, bold, left, "Name", "Year", "Count")
			s.cells(132, 10, regular, left, "Alpha", "1999", "12")
			s.cells(144, 10, regular, left, "", "at least")
			s.cells(162, 10, regular, left, "Beta", "2001", "7")
			s.cells(174, 10, regular, left, "and more", "")
			s.cells(186, 10, regular, left, "of it", "")
		}, []string{"Name|Year|Count\nAlpha|1999 at least|12\nBeta and more of it|2001|7"}},

		"tables one above the other": {func(s *sheet) {
			for _, y := range []float32{100, 118, 146, 200, 218, 246} {
				s.rule(72, y, 460, y)
			}
			for _, y := range []float32{100, 200} {
				s.cells(y+13, 10, bold, left, "Name", "Year", "Count")
				s.cells(y+30, 10, regular, left, "Alpha", "1999", "12")
				s.cells(y+42, 10, regular, left, "Beta", "2001", "7")
			}
			s.lines(72, 165, 10, regular, filler(2, 38)...)
		}, []string{"Name|Year|Count\nAlpha|1999|12\nBeta|2001|7", "Name|Year|Count\nAlpha|1999|12\nBeta|2001|7"}},

		"no lines": {func(s *sheet) {
			s.lines(72, 72, 10, regular, filler(3, 40)...)
			for i, row := range [][2]string{{"Alpha", "1999"}, {"Beta", "2001"}, {"Gamma", "2005"}, {"Delta", "2009"}} {
				y := 132 + float32(i)*14
				s.put(76, y, 10, regular, row[0])
				s.right(250, y, 10, regular, row[1])
				s.right(320, y, 10, regular, fmt.Sprint(7+i*40))
				s.newline()
			}
			s.lines(72, 200, 10, regular, filler(3, 40)...)
		}, []string{"Alpha|1999|7\nBeta|2001|47\nGamma|2005|87\nDelta|2009|127"}},

		"headings between": {func(s *sheet) {
			for i, title := range []string{"Summary", "Details"} {
				y := 100 + 80*float32(i)
				s.lines(72, y, 14, bold, title)
				s.cells(y+18, 10, regular, left, "Name", "Year", "Count")
				s.cells(y+32, 10, regular, left, "Alpha", "1999", "12")
				s.cells(y+46, 10, regular, left, "Beta", "2001", "7")
			}
		}, []string{"Name|Year|Count\nAlpha|1999|12\nBeta|2001|7", "Name|Year|Count\nAlpha|1999|12\nBeta|2001|7"}},

		"a coloured head and words": {func(s *sheet) {
			for i, x := range []float32{72, 200, 300} {
				s.shade(x, 100, []float32{200, 300, 400}[i], 120, "003366")
			}
			s.cells(114, 10, bold, left, "Product", "Maker", "Place")
			s.cells(134, 10, regular, left, "Bread", "Bakers", "Oslo")
			s.cells(154, 10, regular, left, "Cheese", "Farmers", "Bern")
			s.cells(174, 10, regular, left, "Wine", "Growers", "Bordeaux")
		}, []string{"Product|Maker|Place\nBread|Bakers|Oslo\nCheese|Farmers|Bern\nWine|Growers|Bordeaux"}},

		"a line under each row": {func(s *sheet) {
			for _, y := range []float32{120, 170, 190} {
				s.rule(72, y, 460, y)
			}
			s.cells(114, 10, bold, left, "Name", "Role", "Notes")
			s.cells(138, 10, regular, []float32{306}, "away until the")
			s.cells(150, 10, regular, left, "Anna", "Editor", "end of the year")
			s.cells(162, 10, regular, []float32{306}, "or longer")
			s.cells(184, 10, regular, left, "Ben", "Author", "none")
			s.cells(204, 10, regular, left, "Carla", "Author", "none")
			s.rule(72, 210, 460, 210)
		}, []string{"Name|Role|Notes\nAnna|Editor|away until the end of the year or longer\nBen|Author|none\nCarla|Author|none"}},

		"a head set close": {func(s *sheet) {
			at := []float32{76, 126, 171, 254}
			s.put(76, 100, 10, regular, "Instrument One water Glucose by volume Sum")
			s.newline()
			s.cells(116, 10, regular, at, "2", "24", "10", "34")
			s.cells(132, 10, regular, at, "3", "12", "12", "24")
			s.cells(148, 10, regular, at, "4", "4", "12", "16")
		}, []string{"Instrument|One water|Glucose by volume|Sum\n2|24|10|34\n3|12|12|24\n4|4|12|16"}},

		"titles of rows": {func(s *sheet) {
			for _, y := range []float32{100, 118, 172} {
				s.rule(72, y, 460, y)
			}
			s.cells(113, 10, bold, left, "Name", "Year", "Count")
			s.cells(132, 10, regular, left, "Alpha and the others that come after it")
			s.cells(144, 10, regular, left, "Beta", "2001", "7")
			s.cells(156, 10, regular, left, "Gamma", "2005", "9")
			s.cells(168, 10, regular, left, "Delta", "2009", "11")
		}, []string{"Name|Year|Count\n{1,3}Alpha and the others that come after it\nBeta|2001|7\nGamma|2005|9\nDelta|2009|11"}},

		"to be filled in": {func(s *sheet) {
			s.lattice([]float32{72, 200, 300, 400}, []float32{100, 120, 140, 160, 180})
			s.cells(114, 10, bold, left, "", "Mitosis", "Meiosis")
			s.cells(134, 10, regular, left, "chromosomes")
			s.cells(154, 10, regular, left, "divisions")
			s.cells(174, 10, regular, left, "purpose")
		}, []string{"|Mitosis|Meiosis\nchromosomes||\ndivisions||\npurpose||"}},

		"boxes above each other": {func(s *sheet) {
			s.lattice([]float32{72, 300}, []float32{100, 120, 140, 160, 180})
			s.cells(114, 10, bold, left, "Competences")
			s.cells(134, 10, regular, left, "Reduce and reuse")
			s.cells(154, 10, regular, left, "Life of products")
			s.cells(174, 10, regular, left, "Engagement")
		}, []string{"Competences\nReduce and reuse\nLife of products\nEngagement"}},

		"rows between which no line is drawn": {func(s *sheet) {
			s.lattice([]float32{72, 200, 300, 400}, []float32{100, 120, 180})
			s.cells(114, 10, bold, left, "Name", "Year", "Count")
			s.cells(134, 10, regular, left, "Alpha", "1999", "12")
			s.cells(146, 10, regular, left, "Beta", "2001", "7")
			s.cells(158, 10, regular, left, "Gamma", "2005", "9")
			s.cells(170, 10, regular, left, "Delta", "2009", "11")
		}, []string{"Name|Year|Count\nAlpha|1999|12\nBeta|2001|7\nGamma|2005|9\nDelta|2009|11"}},

		"a word on a colour in a cell": {func(s *sheet) {
			s.lattice([]float32{72, 240, 400}, []float32{100, 120, 180})
			s.cells(114, 10, bold, []float32{76, 244}, "Option", "Meaning")
			s.cells(134, 10, regular, []float32{76}, "start")
			x := s.put(244, 134, 10, regular, "the ")
			y := s.put(x, 134, 10, mono, "page")
			s.shade(x-1, 125, y+1, 137, "eeeeee")
			s.put(y, 134, 10, regular, " to go to")
			s.newline()
			s.cells(152, 10, regular, []float32{0, 244}, "", "first of all")
		}, []string{"Option|Meaning\nstart|the page to go to first of all"}},

		"right to left": {func(s *sheet) {
			s.lattice([]float32{72, 200, 300}, []float32{100, 120, 140})
			s.leftwards(290, 114, 10, "שנה")
			s.newline()
			s.put(80, 114, 10, regular, "1999")
			s.newline()
			s.leftwards(290, 134, 10, "מספר")
			s.newline()
			s.put(80, 134, 10, regular, "12")
		}, []string{"שנה|1999\nמספר|12"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSheet()
			test.set(s)
			if d := cmp.Diff(test.want, tablesOf(t, s)); d != "" {
				t.Error(d)
			}
		})
	}
}

// A table whose writing runs upwards is read like any other.
func TestReadTurnedTable(t *testing.T) {
	t.Parallel()
	s := newSheet()
	for r, row := range [][]string{{"Name", "Year", "Count"}, {"Alpha", "1999", "12"}, {"Beta", "2001", "7"}} {
		for c, text := range row {
			s.turned(114+20*float32(r), 600-100*float32(c), 10, -90, text)
		}
		s.newline()
	}
	for k := range 4 {
		s.rule(100+20*float32(k), 304, 100+20*float32(k), 604)
		s.rule(100, 304+100*float32(k), 160, 304+100*float32(k))
	}
	if d := cmp.Diff([]string{"Name|Year|Count\nAlpha|1999|12\nBeta|2001|7"}, tablesOf(t, s)); d != "" {
		t.Fatal(d)
	}
	p := Read(s.Glyphs)
	for i := range p.Blocks {
		if tab := p.Blocks[i].Table; tab != nil {
			if want := (Box{100, 504, 120, 604}); tab.Cells[0].Box != want {
				t.Errorf("the first cell is at %v, want %v", tab.Cells[0].Box, want)
			}
		}
	}
}

// The text around a table keeps its place, and that of a table is read by rows.
func TestReadTableInText(t *testing.T) {
	t.Parallel()
	s := newSheet()
	s.lines(72, 72, 10, regular, "before it")
	s.lattice([]float32{72, 200, 300}, []float32{100, 130, 160})
	left := []float32{76, 206}
	s.cells(112, 10, regular, left, "a", "x")
	s.cells(124, 10, regular, left, "b")
	s.cells(142, 10, regular, left, "c", "y")
	s.cells(154, 10, regular, left, "", "z")
	s.lines(72, 190, 10, regular, "after it")
	p := Read(s.Glyphs)
	verify(t, p)
	if want := "before it\na x\nb\nc y\nz\nafter it\n"; p.Text != want {
		t.Errorf("the page says %q, want %q", p.Text, want)
	}
	var pr Profiler
	pr.Add(p)
	es := Elements(p, pr.Profile())
	if len(es) != 3 || es[1].Type != TypeTable || es[1].Text != "a b\tx\nc\ty z" {
		t.Errorf("elements are %+v", es)
	}
}

// Whatever lines and words there are, what is read holds together.
func TestReadTablesAtRandom(t *testing.T) {
	t.Parallel()
	tables := 0
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 7))
		data := make([]byte, 12*(20+r.IntN(600)))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		for d := data; len(d) > 0; d = d[12:] {
			if r.IntN(3) == 0 {
				d[7] = byte(6 + r.IntN(3)) // a line or a box
				continue
			}
			x := uint16(r.IntN(16)*36*50 + r.IntN(20)*50)
			d[0], d[1], d[2], d[3] = byte(x), byte(x>>8), byte(r.IntN(32)*8), 64
			d[6], d[7] = 0, 0
		}
		p := Read(glyphsOf(data))
		verify(t, p)
		for i := range p.Blocks {
			if p.Blocks[i].Table != nil {
				tables++
			}
		}
	}
	if tables < 10 {
		t.Errorf("%d tables: nothing was tried", tables)
	}
}

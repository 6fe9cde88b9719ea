package layout

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const full = "a line that is so long that it fills the column from its left end to its right one and"

// kinds returns what the elements of pages are: their types, of headings with
// the level and the text.
func kinds(t *testing.T, bookmarks []Bookmark, sheets ...*sheet) []string {
	t.Helper()
	var pr Profiler
	var pages []Page
	for i, s := range sheets {
		s.Number = i + 1
		p := Read(s.Glyphs)
		verify(t, p)
		pr.Add(p)
		pages = append(pages, p)
	}
	pr.Outline(bookmarks)
	var out []string
	for _, p := range pages {
		verifyElements(t, p, pr.Profile())
		for _, e := range Elements(p, pr.Profile()) {
			if e.Level > 0 && e.Type != TypeListItem {
				out = append(out, strings.Repeat("#", e.Level)+" "+e.Text)
				continue
			}
			out = append(out, e.Type)
		}
	}
	return out
}

func TestHeadings(t *testing.T) {
	t.Parallel()
	body := func(s *sheet, y float32) float32 { return s.lines(72, y, 10, regular, full, full, full, full, "ends.") }
	for _, tt := range []struct {
		name string
		set  func(s *sheet)
		want []string
	}{
		{"a paragraph in large type", func(s *sheet) {
			y := s.lines(72, 100, 14, regular, "This is what we say first, in large type, so that everyone",
				"who opens the page will read it, and it goes on for longer", "than any heading would.")
			body(s, y+10)
		}, []string{"paragraph", "paragraph"}},
		{"a large sentence that leads to a list", func(s *sheet) {
			y := s.lines(72, 100, 14, regular, "With this in mind here are the seven areas that were chosen", "to be part of the frame:")
			body(s, y+10)
		}, []string{"paragraph", "paragraph"}},
		{"authors", func(s *sheet) {
			y := s.lines(72, 100, 16, bold, "A Title of the Paper")
			y = s.lines(72, y+10, 12, regular, "Ada Byron∗, Grace Murray∗†, Mary Lucy†")
			body(s, y+20)
		}, []string{"# A Title of the Paper", "paragraph", "paragraph"}},
		{"authors side by side", func(s *sheet) {
			y := s.lines(72, 100, 16, bold, "A Title of the Paper")
			s.put(100, y+10, 12, regular, "Ada Byron")
			s.newline()
			s.put(350, y+10, 12, regular, "Grace Murray")
			s.newline()
			body(s, y+50)
		}, []string{"# A Title of the Paper", "paragraph", "paragraph"}},
		{"a date", func(s *sheet) {
			y := s.lines(72, 100, 16, bold, "A Title of the Report")
			y = s.lines(72, y+10, 12, regular, "3rd June 2023")
			body(s, y+20)
		}, []string{"# A Title of the Report", "paragraph", "paragraph"}},
		{"labels one after the other", func(s *sheet) {
			y := body(s, 100)
			y = s.lines(72, y+20, 12, bold, "North")
			y = s.lines(72, y+20, 12, bold, "South")
			y = s.lines(72, y+20, 12, bold, "East")
			body(s, y+20)
		}, []string{"paragraph", "paragraph", "paragraph", "paragraph", "paragraph"}},
		{"two headings one after the other", func(s *sheet) {
			y := s.lines(72, 100, 14, bold, "1 Results")
			y = s.lines(72, y+10, 12, bold, "1.1 Of the first year")
			body(s, y+10)
		}, []string{"# 1 Results", "## 1.1 Of the first year", "paragraph"}},
		{"a number that stands off", func(s *sheet) {
			y := body(s, 100)
			s.put(72, y+20, 13, bold, "2.1")
			s.put(120, y+20, 13, bold, "Methods")
			s.newline()
			body(s, y+40)
		}, []string{"paragraph", "# 2.1 Methods", "paragraph"}},
		{"a running header on one page", func(s *sheet) {
			y := s.lines(72, 40, 12, bold, "208 A Study of Aid")
			y = body(s, y+10)
			y = s.lines(72, y+10, 13, bold, "12 Of heads")
			body(s, y+10)
		}, []string{"paragraph", "paragraph", "# 12 Of heads", "paragraph"}},
		{"cells in large type", func(s *sheet) {
			y := body(s, 100)
			s.put(72, y+20, 13, bold, "Volume")
			s.put(300, y+20, 13, bold, "Sugar")
			s.newline()
			body(s, y+40)
		}, []string{"paragraph", "paragraph", "paragraph"}},
		{"a heading under its number", func(s *sheet) {
			y := s.lines(72, 100, 14, bold, "3.1 How the pages of a document are opened and then")
			y = s.lines(102, y, 14, bold, "rendered")
			body(s, y+10)
		}, []string{"# 3.1 How the pages of a document are opened and then rendered", "paragraph"}},
		{"a heading whose lines stand apart", func(s *sheet) {
			y := s.lines(72, 100, 14, bold, "How well the whole of it")
			y = s.lines(72, y+12, 14, bold, "performs")
			body(s, y+10)
		}, []string{"# How well the whole of it performs", "paragraph"}},
		{"contents", func(s *sheet) {
			y := s.lines(72, 100, 10, bold, "Contents")
			y = s.lines(72, y+20, 10, regular, "Foreword . . . . . . . . . . . v", "Thanks . . . . . . . . . . . . vii")
			y = s.lines(72, y+20, 14, bold, "Part One")
			s.lines(72, y+20, 10, regular, "Aims . . . . . . . . . . . . . 1", "Means . . . . . . . . . . . . . 12", "Ends . . . . . . . . . . . . . 24")
		}, []string{"# Contents", "paragraph", "paragraph", "paragraph", "paragraph", "paragraph", "paragraph"}},
		{"a label above a heading", func(s *sheet) {
			y := s.lines(72, 100, 10, regular, "CHAPTER 7.")
			y = s.lines(72, y+20, 14, bold, "Texas")
			y = s.lines(72, y+20, 10, regular, "A NAME")
			body(s, y+20)
		}, []string{"# CHAPTER 7.", "# Texas", "paragraph", "paragraph"}},
		{"small capitals", func(s *sheet) {
			x := s.put(72, 100, 14, regular, "T")
			x = s.put(x, 100, 11, regular, "HE ")
			x = s.put(x, 100, 14, regular, "W")
			x = s.put(x, 100, 11, regular, "HOLE ")
			x = s.put(x, 100, 14, regular, "T")
			s.put(x, 100, 11, regular, "RUTH")
			s.newline()
			s.lines(72, 130, 11, regular, full, full, full, full)
		}, []string{"# THE WHOLE TRUTH", "paragraph"}},
		{"a slanted line", func(s *sheet) {
			s.Fonts = append(s.Fonts, Font{Name: "Times-Italic", Italic: true})
			y := body(s, 100)
			y = s.lines(72, y+20, 10, 3, "What the numbers say")
			y = body(s, y+10)
			y = s.lines(72, y+20, 10, 3, "See the first form.")
			body(s, y+10)
		}, []string{"paragraph", "# What the numbers say", "paragraph", "paragraph", "paragraph"}},
		{"capitals and codes", func(s *sheet) {
			y := body(s, 100)
			y = s.lines(72, y+20, 10, regular, "THE METHOD")
			y = body(s, y+10)
			y = s.lines(72, y+20, 10, regular, "ISIN DE000BU25018")
			body(s, y+10)
		}, []string{"paragraph", "# THE METHOD", "paragraph", "paragraph", "paragraph"}},
		{"capitals in another font", func(s *sheet) {
			s.Fonts = append(s.Fonts, Font{Name: "Lato"})
			y := body(s, 100)
			y = s.lines(72, y+20, 10, 3, "WHAT DRIVES IT")
			body(s, y+10)
		}, []string{"paragraph", "# WHAT DRIVES IT", "paragraph"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSheet()
			tt.set(s)
			if d := cmp.Diff(tt.want, kinds(t, nil, s)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestLevels(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want []Heading }{
		{ // larger is higher where numbers do not say
			[]Heading{{Size: 20, Level: 1}, {Size: 16, Level: 2, Depth: 1}, {Size: 14, Level: 3, Depth: 1}, {Size: 12, Level: 4}},
			[]Heading{{Size: 20, Level: 1}, {Size: 16, Level: 2, Depth: 1}, {Size: 14, Level: 3, Depth: 1}, {Size: 12, Level: 4}},
		},
		{ // 1.1 is larger than 1
			[]Heading{{Size: 20, Level: 1}, {Size: 16, Level: 2, Depth: 2}, {Size: 14, Level: 3, Depth: 1}},
			[]Heading{{Size: 20, Level: 1}, {Size: 16, Level: 3, Depth: 2}, {Size: 14, Level: 2, Depth: 1}},
		},
		{ // what lies between 1 and 1.1 in size does not lie between them
			[]Heading{{Size: 20, Level: 1, Depth: 1}, {Size: 16, Level: 2}, {Size: 14, Level: 3, Depth: 2}, {Size: 12, Level: 5, Depth: 3}},
			[]Heading{{Size: 20, Level: 1, Depth: 1}, {Size: 16, Level: 2}, {Size: 14, Level: 2, Depth: 2}, {Size: 12, Level: 3, Depth: 3}},
		},
	} {
		got := slices.Clone(tt.in)
		levelNumbers(got)
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Error(d)
		}
	}
}

func TestParagraphs(t *testing.T) {
	t.Parallel()
	s := newSheet()
	left := filler(30, 22)
	left[0], left[29] = "The first column begins", "a sentence that does not end but goes on"
	s.lines(72, 100, 10, regular, left...)
	right := filler(20, 22)
	right[0] = "until the second column has"
	s.lines(312, 100, 10, regular, right...)
	if d := cmp.Diff([]string{"paragraph"}, kinds(t, nil, s)); d != "" {
		t.Error(d)
	}
}

// A paragraph over three columns is one: the width of a line is that of its own.
func TestParagraphOverThreeColumns(t *testing.T) {
	t.Parallel()
	s := newSheet()
	for k := range 3 {
		column := filler(14, 14)
		column[0] = "a sentence without an end"
		if k == 0 {
			column[0] = "A sentence without an end"
		}
		s.lines(72+158*float32(k), 100, 10, regular, column...)
	}
	if d := cmp.Diff([]string{"paragraph"}, kinds(t, nil, s)); d != "" {
		t.Error(d)
	}
}

func TestListOverColumns(t *testing.T) {
	t.Parallel()
	s := newSheet()
	y := s.lines(72, 100, 10, regular, filler(20, 22)...)
	y = s.lines(72, y+8, 10, regular, "1. the first item")
	y = s.lines(90, y, 10, regular, "• one inside")
	y = s.lines(72, y, 10, regular, "2. the second item of the list")
	s.lines(90, y, 10, regular, "• another inside")
	y = s.lines(312, 100, 10, regular, "3. the third item of the list")
	y = s.lines(330, y, 10, regular, "• a last one inside")
	s.lines(312, y+8, 10, regular, filler(20, 22)...)
	p := Read(s.Glyphs)
	verify(t, p)
	var got []int
	for _, e := range Elements(p, Profile{}) {
		if e.Type == TypeListItem {
			got = append(got, e.Level)
		}
	}
	if d := cmp.Diff([]int{1, 2, 1, 2, 1, 2}, got); d != "" {
		t.Errorf("%s\n%s", d, p.Text)
	}
}

func TestBookmarks(t *testing.T) {
	t.Parallel()
	s := newSheet()
	y := s.lines(72, 100, 10, regular, full, full, "ends.")
	y = s.lines(72, y+20, 10, regular, "2.3 Of plain head-", "ings")
	y = s.lines(72, y+20, 10, regular, full, full)
	s.lines(72, y+20, 10, regular, "Elsewhere")
	marks := []Bookmark{{"Elsewhere", 1, 7}, {"Of Plain Headings", 3, 1}, {"Nowhere", 1, 0}}
	want := []string{"paragraph", "### 2.3 Of plain headings", "paragraph", "paragraph"}
	if d := cmp.Diff(want, kinds(t, marks, s)); d != "" {
		t.Error(d)
	}
}

// TestBookmarkLevels has bookmarks for some of the headings: all take their
// levels from those.
func TestBookmarkLevels(t *testing.T) {
	t.Parallel()
	s := newSheet()
	y := s.lines(72, 60, 20, bold, "A Great Title")
	for _, h := range []string{"1 First things", "2 Second things"} {
		y = s.lines(72, y+20, 16, bold, h)
		y = s.lines(72, y+10, 10, regular, full, full, "ends.")
		y = s.lines(72, y+20, 12, bold, "A matter of "+h[2:])
		y = s.lines(72, y+10, 10, regular, full, full, "ends.")
	}
	want := []string{
		"# A Great Title", "### 1 First things", "paragraph", "#### A matter of First things", "paragraph",
		"### 2 Second things", "paragraph", "#### A matter of Second things", "paragraph",
	}
	if d := cmp.Diff(want, kinds(t, []Bookmark{{"First Things", 3, 1}}, s)); d != "" {
		t.Error(d)
	}
}

func TestNumbered(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"1 Aim": 1, "1. Aim": 1, "1.2 Aim": 2, "1.2.3. Aim": 3, "A.1 Aim": 2, "IV. Aim": 1, "B. Aim": 1, "2) Aim": 1,
		"A rose": 0, "I am": 0, "1999 was": 0, "3": 0, "": 0, "1.x y": 0, "V2 rocket": 0,
	} {
		if got := numbered(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestCaptions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"Table 1. Of words": true, "Figure 3.2: A cat": true, "Fig. 4 A cat": true, "TABLE IV": true, "Table: The sum": true, "Abbildung 3: Ein Hund": true,
		"Table A.1 More": true, "Figure 3 shows that": false, "Tables are 3": false, "Table About It": false, "Figure": false, "The table 1": false,
	} {
		s := newSheet()
		s.lines(72, 100, 10, regular, text)
		y := s.lines(72, 200, 10, regular, full, full, full)
		s.lines(72, y, 10, regular, full, "ends.")
		if got := kinds(t, nil, s)[0] == TypeCaption; got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestFootnotes(t *testing.T) {
	t.Parallel()
	s := newSheet()
	y := s.lines(72, 100, 10, regular, full, full, full, "ends.")
	y = s.lines(72, y+20, 8, regular, "1 Small, but in the upper half.")
	s.lines(72, y+200, 10, regular, full, full, "ends.")
	x := s.put(72, 700, 5, regular, "1")
	s.put(x, 703, 8, regular, "A note at the foot of the page.")
	s.newline()
	s.lines(72, 720, 8, regular, "* Another note, with a star.")
	s.lines(72, 740, 8, regular, "Small, but no note.")
	want := []string{"paragraph", "paragraph", "paragraph", "footnote", "footnote", "paragraph"}
	if d := cmp.Diff(want, kinds(t, nil, s)); d != "" {
		t.Error(d)
	}
}

func TestFormula(t *testing.T) {
	t.Parallel()
	s := newSheet()
	s.Fonts = append(s.Fonts, Font{Name: "ABCDEF+CMMI10"})
	y := s.lines(72, 100, 10, regular, full, full, "ends:")
	x := s.put(200, y+20, 10, 3, "E")
	x = s.put(x, y+20, 10, regular, " = ")
	s.put(x, y+20, 10, 3, "mc")
	s.newline()
	s.lines(72, y+50, 10, regular, "where E = m and so on and "+full[:40], full)
	if d := cmp.Diff([]string{"paragraph", "formula", "paragraph"}, kinds(t, nil, s)); d != "" {
		t.Error(d)
	}
}

package layout

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadText(t *testing.T) {
	t.Parallel()
	const margin, em = 72, 10
	for _, tt := range []struct {
		name string
		set  func(s *sheet)
		want []string
	}{
		{"nothing", func(s *sheet) {}, nil},
		{"drawn spaces", func(s *sheet) {
			s.put(margin, 100, em, regular, "two  words ")
		}, []string{"two words"}},
		{"a gap without a space", func(s *sheet) {
			x := s.put(margin, 100, em, regular, "two")
			s.put(x+3.5, 100, em, regular, "words")
		}, []string{"two words"}},
		{"kerning is no gap", func(s *sheet) {
			x := s.put(margin, 100, em, regular, "ker")
			x = s.put(x+1.2, 100, em, regular, "ni")
			s.put(x-1.2, 100, em, regular, "ng")
		}, []string{"kerning"}},
		{"a guessed space is believed where there is white", func(s *sheet) {
			x := s.put(margin, 100, em, regular, "one")
			s.guess(x, 100)
			x = s.put(x+1.8, 100, em, regular, "two")
			s.guess(x, 100)
			s.put(x+0.2, 100, em, regular, "half")
		}, []string{"one twohalf"}},
		{"a guessed space behind ink that is wider than its letter", func(s *sheet) {
			x := s.put(margin, 100, em, regular, "one")
			s.Glyphs.Glyphs[2].Box[2] += 2
			s.guess(x, 100)
			s.put(x+2, 100, em, regular, "two")
		}, []string{"one two"}},
		{"letters set apart", func(s *sheet) {
			x := float32(margin)
			for i, word := range []string{"HOW", "CAN", "YOU"} {
				for _, r := range word {
					x = s.put(x, 100, em, regular, string(r))
					s.guess(x, 100)
					x += 2
				}
				if i < 2 {
					x += 4
				}
			}
		}, []string{"HOW CAN YOU"}},
		{"short words are not letters set apart", func(s *sheet) {
			x := float32(margin)
			for _, word := range []string{"I", "do", "as", "a", "b", "is"} {
				x = s.put(x, 100, em, regular, word)
				s.guess(x, 100)
				x += 2.5
			}
		}, []string{"I do as a b is"}},
		{"an f that reaches over the pen", func(s *sheet) {
			x := s.put(margin, 100, em, regular, "damage")
			s.guess(x, 100)
			n := len(s.Glyphs.Glyphs)
			s.put(x+2.2, 100, em, regular, "for")
			s.Glyphs.Glyphs[n].Box[0] -= 2
		}, []string{"damage for"}},
		{"typewriter hyphens", func(s *sheet) {
			s.Glyphs.Glyphs = append(s.Glyphs.Glyphs,
				Glyph{Rune: '-', X: 100, Y: 100, Size: em, Box: Box{101.7, 96, 104.2, 97}},
				Glyph{Rune: '-', X: 106.5, Y: 100, Size: em, Box: Box{108.2, 96, 110.7, 97}},
				Glyph{Rune: 'h', X: 113, Y: 100, Size: em, Box: Box{113.3, 93, 119.2, 100}})
		}, []string{"--h"}},
		{"a line break of the engine inside a line", func(s *sheet) {
			x := s.put(margin, 100, em, regular, "with x")
			s.newline()
			x = s.put(x, 96.5, 6, regular, "2")
			s.newline()
			s.put(x+3, 100, em, regular, "squared")
		}, []string{"with x2 squared"}},
		{"subscript", func(s *sheet) {
			x := s.put(margin, 100, em, regular, "H")
			x = s.put(x, 102, 6, regular, "2")
			s.put(x, 100, em, regular, "O")
		}, []string{"H2O"}},
		{"the mark of a note before its first word, and one inside a line", func(s *sheet) {
			x := s.put(margin, 96.5, 6, regular, "12")
			x = s.put(x, 100, em, regular, "The note has m")
			x = s.put(x, 96.5, 6, regular, "2")
			s.put(x, 100, em, regular, "of text")
		}, []string{"12 The note has m2of text"}},
		{"a superscript drawn later", func(s *sheet) {
			x := s.put(margin, 100, em, regular, "a claim")
			s.lines(margin, 112, em, regular, "and the line below it")
			s.put(x, 96.5, 6, regular, "7")
		}, []string{"a claim7", "and the line below it"}},
		{"lines in the wrong order", func(s *sheet) {
			s.put(margin, 124, em, regular, "third line")
			s.put(margin, 100, em, regular, "first line")
			s.put(margin, 112, em, regular, "second line")
		}, []string{"first line", "second line", "third line"}},
		{"hyphens stay", func(s *sheet) {
			s.lines(margin, 100, em, regular, "a bro-", "ken and a soft\u00ADly hyphened", "word")
		}, []string{"a bro-", "ken and a soft\u00ADly hyphened", "word"}},
		{"a hyphen that the engine has a code for", func(s *sheet) {
			s.put(margin, 100, em, regular, "bro")
			s.Glyphs.Glyphs = append(s.Glyphs.Glyphs, Glyph{Rune: 0x02, X: 84, Y: 100, Size: em, Box: Box{84, 96, 86, 97}, Hyphen: true})
		}, []string{"bro-"}},
		{"ligatures stay", func(s *sheet) {
			s.put(margin, 100, em, regular, "\uFB01ne")
		}, []string{"\uFB01ne"}},
		{"what is no text goes", func(s *sheet) {
			s.put(margin, 100, em, regular, "a\x00b\uFEFFc\uFFFEd\u200Be\x1Bf\u202Eg")
			s.Glyphs.Glyphs = append(s.Glyphs.Glyphs, Glyph{Rune: 0xD800, Size: em}, Glyph{Rune: -1, Size: em}, Glyph{Rune: 0x110000, Size: em})
		}, []string{"abcdefg"}},
		{"drawn twice to look bold", func(s *sheet) {
			for _, r := range "bold" {
				s.put(margin, 100, em, regular, string(r))
			}
			s.Glyphs.Glyphs = nil
			x := float32(margin)
			for _, r := range "bold" {
				s.put(x, 100, em, regular, string(r))
				x = s.put(x+0.3, 100, em, regular, string(r)) - 0.3
			}
		}, []string{"bold"}},
		{"a line drawn twice", func(s *sheet) {
			s.put(margin, 100, em, regular, "shadow")
			s.lines(margin, 112, em, regular, "below")
			s.put(margin+0.4, 100, em, regular, "shadow")
		}, []string{"shadow", "below"}},
		{"letters that do come twice", func(s *sheet) {
			s.put(margin, 100, em, regular, "llama, 11")
		}, []string{"llama, 11"}},
		{"a drop cap", func(s *sheet) {
			s.put(margin, 124, 48, regular, "O")
			s.newline()
			s.lines(margin+26, 100, em, regular, "nce there was a page", "that began with a letter", "three lines tall")
		}, []string{"Once there was a page", "that began with a letter", "three lines tall"}},
		{"outside the page", func(s *sheet) {
			s.put(margin, 100, em, regular, "seen")
			s.put(-300, 112, em, regular, "unseen")
			s.put(margin, 900, em, regular, "unseen")
		}, []string{"seen"}},
		{"turned text keeps to itself", func(s *sheet) {
			s.lines(margin, 100, em, regular, filler(3, 30)...)
			s.turned(30, 400, em, -90, "up the margin")
			s.turned(590, 100, em, 90, "down")
			s.turned(300, 700, em, 180, "head over")
		}, append(filler(3, 30), "up the margin", "head over", "down")},
		{"a skewed scan is not turned", func(s *sheet) {
			s.put(margin, 100, em, regular, "askew")
			for i := range s.Glyphs.Glyphs {
				s.Glyphs.Glyphs[i].Angle = 1.7
			}
		}, []string{"askew"}},
		{"right to left", func(s *sheet) {
			x := s.leftwards(500, 100, em, "שלום עולם")
			x -= 3
			s.put(x-15, 100, em, regular, "123")
			s.leftwards(x-18, 100, em, "סוף")
		}, []string{"שלום עולם 123 סוף"}},
		{"right to left inside a line", func(s *sheet) {
			x := s.put(margin, 100, em, regular, "the word ")
			s.leftwards(x+20, 100, em, "שלום")
			s.put(x+23, 100, em, regular, "is peace")
		}, []string{"the word שלום is peace"}},
		{"rows of a table stay rows", func(s *sheet) {
			for i, row := range [][]string{{"Name", "Year", "Count"}, {"Alpha", "1999", "12"}, {"Beta", "2001", "7"}, {"Gamma", "2010", "31"}, {"Delta", "2015", "8"}} {
				for k, cell := range row {
					s.put(margin+float32(k)*120, 100+float32(i)*14, em, regular, cell)
				}
				s.newline()
			}
		}, []string{"Name Year Count", "Alpha 1999 12", "Beta 2001 7", "Gamma 2010 31", "Delta 2015 8"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSheet()
			tt.set(s)
			p := Read(s.Glyphs)
			verify(t, p)
			var got []string
			if p.Text != "" {
				got = strings.Split(strings.TrimSuffix(p.Text, "\n"), "\n")
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestReadColumns(t *testing.T) {
	t.Parallel()
	left, right := filler(20, 22), filler(26, 22)[6:]
	title := "A Title Set Over Both of the Columns"
	footer := "A note at the foot of the page that runs over both columns as the title does, and ends"
	want := strings.Join(slices.Concat([]string{title}, left, right, []string{footer}), "\n") + "\n"
	for name, set := range map[string]func(s *sheet){
		"column after column": func(s *sheet) {
			s.lines(72, 110, 10, regular, left...)
			s.lines(312, 110, 10, regular, right...)
		},
		"right column first": func(s *sheet) {
			s.lines(312, 110, 10, regular, right...)
			s.lines(72, 110, 10, regular, left...)
		},
		"line by line over both": func(s *sheet) {
			for i := range left {
				y := 110 + 12*float32(i)
				s.lines(72, y, 10, regular, left[i])
				s.lines(312, y, 10, regular, right[i])
			}
		},
		"baselines apart": func(s *sheet) {
			s.lines(72, 110, 10, regular, left...)
			s.lines(312, 115, 10, regular, right...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSheet()
			s.lines(152, 72, 16, bold, title)
			set(s)
			s.lines(72, 400, 10, regular, footer)
			p := Read(s.Glyphs)
			verify(t, p)
			if d := cmp.Diff(want, p.Text); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestReadThreeColumnsByLines(t *testing.T) {
	t.Parallel()
	text := filler(60, 16)
	s := newSheet()
	s.lines(72, 72, 16, bold, "A Title over three columns, each of them")
	for i := range 20 {
		for k := range 3 {
			s.put(72+170*float32(k), 110+12*float32(i)+3*float32(k), 10, regular, text[20*k+i])
			s.newline()
		}
	}
	p := Read(s.Glyphs)
	verify(t, p)
	want := "A Title over three columns, each of them\n" + strings.Join(text, "\n") + "\n"
	if d := cmp.Diff(want, p.Text); d != "" {
		t.Error(d)
	}
}

// A caption beside a text, panels side by side and what small columns there are
// between two wide figures: each is read to its end.
func TestReadBeside(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		set  func(s *sheet) []string // what is to be read, in order
	}{
		{"a caption beside a text, and lines across that end near its gutter", func(s *sheet) []string {
			wide, text, caption := filler(4, 46), filler(12, 30), filler(5, 12)
			s.lines(72, 100, 10, regular, wide...)
			s.lines(72, 230, 9, regular, caption...)
			s.lines(230, 160, 10, regular, text...)
			s.lines(160, 330, 9, regular, "The caption of another figure")
			return slices.Concat(wide, caption, text, []string{"The caption of another figure"})
		}},
		{"panels that the file goes between", func(s *sheet) []string {
			a, b := filler(12, 18), filler(12, 18)
			s.lines(72, 100, 10, regular, a[:4]...)
			s.lines(312, 100, 10, regular, b[:4]...)
			s.lines(72, 148, 10, regular, a[4:8]...)
			s.lines(312, 148, 10, regular, b[4:]...)
			s.lines(72, 196, 10, regular, a[8:]...)
			return slices.Concat(a, b)
		}},
		{"three short columns, and two below in the same places", func(s *sheet) []string {
			a, b, c := filler(3, 14), filler(4, 14), filler(4, 14)
			s.lines(72, 100, 10, regular, a...)
			s.lines(230, 100, 10, regular, b...)
			s.lines(390, 100, 10, regular, c...)
			s.lines(72, 300, 10, regular, a[:2]...)
			s.lines(230, 300, 10, regular, b[:2]...)
			return slices.Concat(a, b, c, a[:2], b[:2])
		}},
		{"the labels of a chart over two columns are no columns", func(s *sheet) []string {
			left, right := filler(20, 22), filler(20, 22)
			for i, y := range []float32{100, 112, 124, 136, 148} {
				s.put(150, y, 8, regular, []string{"50", "40", "30", "20", "10"}[i])
				s.put(400, y, 8, regular, []string{"49", "39", "29", "19", "9"}[i])
			}
			s.lines(72, 170, 10, regular, "The caption of the chart, which stands over both of the columns of the page")
			s.lines(72, 200, 10, regular, left...)
			s.lines(312, 200, 10, regular, right...)
			return slices.Concat([]string{"50 49", "40 39", "30 29", "20 19", "10 9", "The caption of the chart, which stands over both of the columns of the page"}, left, right)
		}},
		{"a title in the middle of three columns, one of which begins on its own line", func(s *sheet) []string {
			var body []string
			s.lines(240, 70, 14, bold, "The Village Gazette")
			for k := range 3 {
				text := filler(9+k, 14)
				s.lines(72+158*float32(k), 100, 10, regular, text...)
				body = append(body, text...)
			}
			return append([]string{"The Village Gazette"}, body...)
		}},
		{"notes at the feet of three columns", func(s *sheet) []string {
			var body, notes []string
			for k := range 3 {
				x := 72 + 160*float32(k)
				text, foot := filler(12-k, 14), filler(3+k, 17)
				foot[0] = "7" + foot[0]
				s.lines(x, 100, 10, regular, text...)
				s.lines(x, 250-12*float32(k), 8, regular, foot...)
				body, notes = append(body, text...), append(notes, foot...)
			}
			return append(body, notes...)
		}},
		{"a note that a line parts from the text, and small print that nothing does", func(s *sheet) []string {
			left, right, note, small := filler(14, 22), filler(14, 22), filler(3, 26), filler(3, 26)
			s.lines(72, 100, 10, regular, left...)
			s.lines(72, 290, 8, regular, note...)
			s.lines(312, 100, 10, regular, right...)
			s.lines(312, 290, 8, regular, small...)
			s.Rulings = []Ruling{{X0: 72, Y0: 275, X1: 140, Y1: 275}}
			return slices.Concat(left, right, small, note)
		}},
		{"a figure over two columns, its caption beside it", func(s *sheet) []string {
			top, left, right := filler(8, 22), filler(12, 22), filler(12, 22)
			s.lines(72, 60, 10, regular, top[:4]...)
			s.lines(312, 60, 10, regular, top[4:]...)
			s.lines(430, 280, 8, regular, "What can be seen here", "on the left")
			s.lines(72, 330, 10, regular, left...)
			s.lines(312, 330, 10, regular, right...)
			s.Images = []Box{{72, 110, 415, 200}, {72, 200, 415, 310}}
			return slices.Concat(top, []string{"What can be seen here", "on the left"}, left, right)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSheet()
			want := tt.set(s)
			p := Read(s.Glyphs)
			verify(t, p)
			if d := cmp.Diff(want, strings.Split(strings.TrimSuffix(p.Text, "\n"), "\n")); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestReadRuns(t *testing.T) {
	t.Parallel()
	s := newSheet()
	x := s.put(72, 100, 10, regular, "plain ")
	x = s.put(x, 100, 10, bold, "bold")
	x = s.put(x, 100, 12.004, bold, " large")
	s.put(x+30, 100, 12.004, bold, "cell")
	p := Read(s.Glyphs)
	verify(t, p)
	type run struct {
		Text string
		Font int
		Size float32
	}
	var got []run
	for _, r := range p.Lines[0].Runs {
		got = append(got, run{p.Text[r.Start:r.End], r.Font, r.Size})
	}
	want := []run{{"plain ", regular, 10}, {"bold ", bold, 10}, {"large ", bold, 12}, {"cell", bold, 12}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestReadFontless(t *testing.T) {
	t.Parallel()
	p := Read(Glyphs{Number: 1, Fonts: []Font{{Name: "A"}}, Glyphs: []Glyph{{Rune: 'x', Size: 10, Font: 7}, {Rune: 'y', Size: 10, Font: -1}}})
	verify(t, p)
	if d := cmp.Diff([]Font{{Name: "A"}, {}}, p.Fonts); d != "" {
		t.Error(d)
	}
}

func TestReadNotANumber(t *testing.T) {
	t.Parallel()
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	g := Glyphs{
		Number: 1, Width: math.NaN(), Height: math.Inf(1), Rotation: -90, Label: "a\xff\x00b",
		Fonts:   []Font{{Name: "\xff\x01F"}},
		Images:  []Box{{nan, inf, -inf, 3}},
		Rulings: []Ruling{{X0: nan, Y0: inf, X1: -inf, Y1: 1e30}},
		Links:   []Link{{Box: Box{inf}, URI: "http://\x00x"}},
	}
	for i, v := range []float32{nan, inf, -inf, 1e38, -1e38, 0} {
		g.Glyphs = append(g.Glyphs,
			Glyph{Rune: 'a' + rune(i), Box: Box{v, v, v, v}, X: v, Y: v, Size: v, Angle: v},
			Glyph{Rune: 'A' + rune(i), Box: Box{1, 2, v, 3}, X: 1, Y: v, Size: 10})
	}
	p := Read(g)
	verify(t, p)
	if n := strings.Count(p.Text, "") - 1 - strings.Count(p.Text, "\n") - strings.Count(p.Text, " "); n != 12 {
		t.Errorf("%d letters of 12 in %q", n, p.Text)
	}
	if p.Label != "a\uFFFDb" || p.Rotation != 270 || p.Width != 0 {
		t.Errorf("label %q, rotation %d, width %v", p.Label, p.Rotation, p.Width)
	}
}

func TestReadNeedsOCR(t *testing.T) {
	t.Parallel()
	scan := []Box{{0, 0, 612, 400}, {0, 400, 612, 800}}
	for _, tt := range []struct {
		name   string
		images []Box
		text   []string
		want   bool
	}{
		{"blank", nil, nil, false},
		{"a scan in strips", scan, nil, true},
		{"a scan with a page number", scan, []string{"Page 12"}, true},
		{"a scan with its text", scan, filler(20, 40), false},
		{"a small picture", []Box{{100, 100, 300, 300}}, nil, false},
	} {
		s := newSheet()
		s.Images = tt.images
		s.lines(72, 100, 10, regular, tt.text...)
		if got := Read(s.Glyphs).NeedsOCR; got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestReadTruncates(t *testing.T) {
	t.Parallel()
	g := Glyphs{Number: 1, Glyphs: make([]Glyph, MaxGlyphs+1), Links: []Link{{URI: strings.Repeat("x", maxString+1)}}}
	for i := range g.Glyphs {
		g.Glyphs[i] = Glyph{Rune: 'x', Size: 0.1, X: float32(i % 7), Y: float32(i) * 0.4}
	}
	p := Read(g)
	if !p.Truncated || len(p.Links) != 0 || len(p.Lines) != MaxLines {
		t.Errorf("truncated %v, %d links, %d lines", p.Truncated, len(p.Links), len(p.Lines))
	}
	if n := strings.Count(p.Text, "x"); n != MaxGlyphs {
		t.Errorf("%d glyphs", n)
	}
	if p := Read(newSheet().Glyphs); p.Truncated {
		t.Error("an empty page is truncated")
	}
}

func TestReadLeavesItsArgument(t *testing.T) {
	t.Parallel()
	s := newSheet()
	s.lines(72, 100, 10, regular, filler(5, 30)...)
	s.Fonts[0].Name = "bad\x00name"
	before := s.Glyphs
	before.Glyphs, before.Fonts = slices.Clone(s.Glyphs.Glyphs), slices.Clone(s.Fonts)
	first := Read(s.Glyphs)
	if d := cmp.Diff(before, s.Glyphs); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(first.Encode(), Read(s.Glyphs).Encode()); d != "" {
		t.Errorf("another result: %s", d)
	}
}

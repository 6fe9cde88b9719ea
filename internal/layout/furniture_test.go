package layout

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// book is pages with running heads that change with the chapter, and numbers
// at the foot, Roman ones first.
func book(pages int) []Page {
	var out []Page
	for n := 1; n <= pages; n++ {
		s := newSheet()
		s.Number = n
		number := fmt.Sprint(n - 2)
		if n <= 2 {
			number = []string{"i", "ii"}[n-1]
		}
		head := fmt.Sprintf("CHAPTER %d. SOMETHING", n/2)
		if n%2 == 1 {
			s.lines(72, 40, 9, regular, head+" "+number)
		} else {
			s.put(72, 40, 9, regular, number)
			s.put(400, 40, 9, regular, "A Book of Pages")
			s.newline()
		}
		y := float32(80)
		if n%4 == 3 {
			y = s.lines(72, y, 14, bold, fmt.Sprintf("Of the number %d", n))
		}
		s.lines(72, y+20, 10, regular, append(filler(20, 46), fmt.Sprintf("ends on page %d.", n))...)
		s.put(72, 740, 7, regular, fmt.Sprintf("Vol. 85, No. 152 of 6 August 2020, 16:21, Frm %05d, Jkt 250001", n))
		s.newline()
		s.lines(300, 760, 9, regular, "Page "+number+" of 99")
		out = append(out, Read(s.Glyphs))
	}
	return out
}

func TestFurniture(t *testing.T) {
	t.Parallel()
	var pr Profiler
	pages := book(12)
	for _, p := range pages {
		pr.Add(p)
	}
	prof := pr.Profile()
	for _, p := range pages[2:] { // two Roman numbers are too few to tell
		verifyElements(t, p, prof)
		md := Markdown(p, prof, Style{})
		for _, text := range []string{"CHAPTER", "A Book", "of 99", "Jkt"} {
			if strings.Contains(md, text) {
				t.Errorf("page %d keeps %q:\n%s", p.Number, text, md)
			}
		}
		if !strings.Contains(md, fmt.Sprintf("ends on page %d.", p.Number)) || p.Number%4 == 3 && !strings.Contains(md, "# Of the number") {
			t.Errorf("page %d has lost text:\n%s", p.Number, md)
		}
		if all := Markdown(p, prof, Style{Furniture: true}); !strings.Contains(all, "of 99") {
			t.Errorf("page %d, furniture and all:\n%s", p.Number, all)
		}
		last := Elements(p, prof)
		if e := last[len(last)-1]; e.Type != TypePageNumber || e.Layer != LayerFurniture {
			t.Errorf("page %d ends with %+v", p.Number, e)
		}
	}
	if _, err := json.Marshal(prof); err != nil {
		t.Error(err)
	}
}

// TestNoFurniture has pages that are alike but whose text is their own.
func TestNoFurniture(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(s *sheet, n int){
		"a chapter a page": func(s *sheet, n int) {
			s.lines(72, 60, 16, bold, fmt.Sprintf("Chapter %d", n))
			s.lines(72, 100, 10, regular, filler(6, 46)...)
		},
		"a paragraph that counts": func(s *sheet, n int) {
			s.lines(72, 60, 10, regular, fmt.Sprintf("Of the page %d one says that %s", n, full[:50]), full, full, "ends.")
		},
		"nothing but a line": func(s *sheet, n int) {
			s.lines(72, 60, 10, regular, fmt.Sprintf("Page %d", n))
		},
		"a list that all end with": func(s *sheet, n int) {
			s.lines(72, 200, 10, regular, filler(6+n, 46)...)
			s.lines(72, 500, 10, regular, "• one", "• two")
		},
		"a title on some": func(s *sheet, n int) {
			if n%4 == 0 {
				s.lines(72, 60, 16, bold, "The same again")
			}
			for i, line := range filler(6, 40) {
				s.lines(72, 200+12*float32(i), 10, regular, line+fmt.Sprintf(" %c-words", 'a'+n))
			}
		},
	} {
		var pr Profiler
		var pages []Page
		for n := 1; n <= 12; n++ {
			s := newSheet()
			s.Number = n
			set(s, n)
			pages = append(pages, Read(s.Glyphs))
			pr.Add(pages[n-1])
		}
		for _, p := range pages {
			for _, e := range Elements(p, pr.Profile()) {
				if e.Layer != LayerBody {
					t.Errorf("%s: %q is %s", name, e.Text, e.Type)
				}
			}
		}
	}
}

// TestFurnitureInTheMargin has running heads beside the text, not above it.
func TestFurnitureInTheMargin(t *testing.T) {
	t.Parallel()
	var pr Profiler
	var pages []Page
	for n := 1; n <= 6; n++ {
		s := newSheet()
		s.Number = n
		for i, line := range filler(20, 30) {
			s.put(72, 80+12*float32(i), 10, regular, line+fmt.Sprintf(" %c-words", 'a'+n))
			if i == 1 {
				s.put(480, 98, 13, bold, "Work")
				s.newline()
				s.put(480, 110, 13, bold, "at night")
			}
			s.newline()
		}
		pages = append(pages, Read(s.Glyphs))
		pr.Add(pages[n-1])
	}
	for _, p := range pages {
		if md := Markdown(p, pr.Profile(), Style{}); strings.Contains(md, "Work") || strings.Contains(md, "at night") || !strings.Contains(md, "-words") {
			t.Errorf("page %d:\n%s", p.Number, md)
		}
	}
}

func TestFurnitureOfOnePage(t *testing.T) {
	t.Parallel()
	p := book(3)[2]
	var pr Profiler
	pr.Add(p)
	for _, e := range Elements(p, pr.Profile()) {
		if e.Layer != LayerBody {
			t.Errorf("%q is %s", e.Text, e.Type)
		}
	}
}

// TestEdgesMemory adds pages that have another head each: what is kept must
// not grow with them.
func TestEdgesMemory(t *testing.T) {
	t.Parallel()
	var e edges
	s := newSheet()
	s.lines(72, 40, 9, regular, "head", "and more", "and more yet")
	p := Read(s.Glyphs)
	for n := range 20_000 {
		p.Number = n + 1
		p.Text = fmt.Sprintf("%04x", n) + p.Text[4:]
		e.add(&p)
	}
	if len(e.count) > maxEdgeKeys {
		t.Errorf("%d lines", len(e.count))
	}
	got := e.furniture(20_000)
	if !slices.ContainsFunc(got, func(f Furnishing) bool { return f.Text == "and more" && f.Pages == 20_000 }) || len(got) > maxFurniture {
		t.Errorf("%d lines, the first %+v", len(got), got[:min(len(got), 3)])
	}
}

func TestRoman(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"i": 1, "iv": 4, "ix": 9, "xiv": 14, "xl": 40, "lxxxviii": 88, "c": 100, "mix": 0, "": 0, "page": 0} {
		if got, _ := roman(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

// TestFurnitureBehindACover has three pages of which the first has no running
// header: two are enough to tell a small line by itself, and nothing else.
func TestFurnitureBehindACover(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		size  float32
		at    float32 // of the line; the text begins at 80
		first bool    // it is on the first page, and not on the last
		is    string
	}{
		"a running header": {9, 40, false, TypePageHeader}, "as large as the text": {11, 40, false, TypeParagraph},
		"a line of the text": {9, 110, false, ""}, "on the first pages": {9, 40, true, TypeParagraph},
	} {
		var pr Profiler
		var pages []Page
		for n := 1; n <= 3; n++ {
			s := newSheet()
			s.Number = n
			if has := n > 1; has != c.first || n == 2 {
				s.lines(72, c.at, c.size, regular, "Work That Survives")
			}
			for i, line := range filler(12, 46) {
				s.lines(72, 80+30*float32(i), 11, regular, line+fmt.Sprintf(" %c-words", 'a'+n))
			}
			pages = append(pages, Read(s.Glyphs))
			pr.Add(pages[n-1])
		}
		prof := pr.Profile()
		for _, e := range Elements(pages[1], prof) {
			if !strings.Contains(e.Text, "Work That Survives") {
				continue
			}
			if c.is != "" && e.Type != c.is || c.is == "" && e.Layer != LayerBody {
				t.Errorf("%s: it is a %s of the %s", name, e.Type, e.Layer)
			}
		}
	}
}

// What runs up the side of every page is found beside turned text of which there
// is more than is looked at.
func TestFurnitureBesideTurnedText(t *testing.T) {
	t.Parallel()
	var pr Profiler
	var pages []Page
	for n := 1; n <= 4; n++ {
		s := newSheet()
		s.Number = n
		s.lines(72, 100, 10, regular, fmt.Sprintf("Page %d says something of its own,", 7*n), "and that it is a page, upright as most of its text is,", "but for what stands in the middle of the third one.")
		s.turned(20, 600, 7, -90, "Downloaded from a library by somebody on a day")
		s.newline()
		for k := 0; n == 3 && k < 12; k++ {
			s.turned(150+14*float32(k), 450, 10, -90, fmt.Sprintf("line number %d", k))
			s.newline()
		}
		s.lines(72, 500, 10, regular, fmt.Sprintf("What page %d says at its end is", 7*n), "its own as well, and so there are letters enough", "on it for all of those that are turned.")
		pages = append(pages, Read(s.Glyphs))
		pr.Add(pages[n-1])
	}
	for _, p := range pages {
		md := Markdown(p, pr.Profile(), Style{})
		if strings.Contains(md, "Downloaded") {
			t.Errorf("page %d:\n%s", p.Number, md)
		}
		if p.Number == 3 && strings.Count(md, "line number") != 12 {
			t.Errorf("the turned text is not all there:\n%s", md)
		}
	}
}

// A header of three pages that stands a little lower on each is one.
func TestFurnitureOfThreePlaces(t *testing.T) {
	t.Parallel()
	var pr Profiler
	var pages []Page
	for n := 1; n <= 3; n++ {
		s := newSheet()
		s.Number = n
		s.lines(72, 37+edgeStep*float32(n), 10, regular, "The Running Head of the Book")
		s.lines(72, 100, 10, regular, filler(14+n, 40)...)
		pages = append(pages, Read(s.Glyphs))
		pr.Add(pages[n-1])
	}
	for _, p := range pages {
		if md := Markdown(p, pr.Profile(), Style{}); strings.Contains(md, "Running Head") {
			t.Errorf("page %d:\n%s", p.Number, md)
		}
	}
}

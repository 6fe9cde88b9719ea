package layout

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// bind returns the Markdown of a document.
func bind(style Style, pages ...Page) string {
	b := Binder{Profile: profileOf(pages...), Style: style}
	var md strings.Builder
	for _, p := range pages {
		md.WriteString(b.Add(p))
	}
	return md.String() + b.End()
}

// loose returns the Markdown of the pages, an empty line between two.
func loose(style Style, pages ...Page) string {
	prof := profileOf(pages...)
	var md []string
	for _, p := range pages {
		if text := Markdown(p, prof, style); text != "" {
			md = append(md, text)
		}
	}
	return strings.Join(md, "\n")
}

// following is the same page once more, as the next one.
func following(p Page) Page {
	p.Number++
	return p
}

// verifyBound checks that no text of a page is lost where it is bound to others.
func verifyBound(t testing.TB, p Page) {
	t.Helper()
	pages := []Page{p, following(p), following(following(p))}
	for _, style := range []Style{{}, {Plain: true}} {
		want, got := letters(unmarked(loose(style, pages...))), letters(unmarked(bind(style, pages...)))
		if sorted(want) != sorted(got) {
			t.Fatalf("%+v: bound, pages say %q, by themselves %q", style, got, want)
		}
	}
}

func TestBinder(t *testing.T) {
	t.Parallel()
	marked := func(n int, y float32, before string, font int, dark, after string) Page {
		s := newSheet()
		s.Number = n
		y = s.lines(72, y, 10, regular, wide+" them,", wide+" them,")
		s.put(s.put(s.put(72, y, 10, regular, before), y, 10, font, dark), y, 10, regular, after)
		s.newline()
		return Read(s.Glyphs)
	}
	bolds := marked(1, 300, wide[:len(wide)-2], bold, "inter-", "")
	next := newSheet()
	next.Number = 2
	next.put(next.put(72, 72, 10, bold, "national"), 72, 10, regular, " words go on here.")
	next.lines(72, 84, 10, regular, "", "1. An item of it.", "2. Another.")
	pictured := upTo("The page ends within a para-")
	pictured.lines(72, 600, 7, regular, "* A note at the foot of the page, which is small.")
	pictured.Images = []Box{{72, 400, 400, 560}}
	para, graph := Read(upTo("The page ends within a para-").Glyphs), Read(from("graph that goes on.").Glyphs)
	above := from("graph that goes on.")
	above.Images = []Box{{72, 300, 400, 400}}
	middle := Read(leaf(2, "graph which has "+wide[:60], wide+" them,", wide+" them").Glyphs)
	for name, test := range map[string]struct {
		style Style
		pages []Page
		want  string // a part of it
	}{
		"a word":         {Style{}, []Page{para, graph}, " The page ends within a paragraph that goes on.\n\nAnother"},
		"a word, kept":   {Style{KeepHyphens: true}, []Page{para, graph}, " within a para- graph that goes on.\n\nAnother"},
		"a compound":     {Style{}, []Page{Read(upTo("The page ends in well-").Glyphs), Read(from("known words.", "", "They are well-known.").Glyphs)}, " in well-known words.\n"},
		"emphasis":       {Style{}, []Page{bolds, Read(next.Glyphs)}, "**international** words go on here.\n\n1. An item"},
		"plain":          {Style{Plain: true}, []Page{bolds, Read(next.Glyphs)}, " international words go on here.\n\n1. An item"},
		"what is behind": {Style{Images: "i/"}, []Page{Read(pictured.Glyphs), Read(above.Glyphs)}, "within a paragraph that goes on.\n\n![](i/p1-1.png)\n\n\\* A note at the foot of the page, which is small.\n\nAnother"},
		"an item":        {Style{}, []Page{Read(upTo("ends here.", "", "• one", "• and para-").Glyphs), Read(from("graph.").Glyphs)}, "\n- one\n- and paragraph.\n\nAnother"},
		"three pages":    {Style{}, []Page{para, middle, Read(leaf(3, "of them.").Glyphs)}, "within a paragraph which has A page"},
		"furniture":      {Style{Furniture: true}, []Page{para, graph}, "within a para-\n\ngraph that goes on.\n\nAnother"},
		"nothing":        {Style{}, []Page{Failed(1, "late", "Late."), Read(leaf(2, "Text.").Glyphs), Failed(3, "late", "Late.")}, "Text.\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := bind(test.style, test.pages...)
			if !strings.Contains(got, test.want) {
				t.Errorf("%q is not in\n%s", test.want, got)
			}
			apart := loose(test.style, test.pages...)
			if d := cmp.Diff(sorted(letters(unmarked(apart))), sorted(letters(unmarked(got)))); d != "" {
				t.Errorf("it says something else than its pages: %s", d)
			}
			if one := bind(test.style, test.pages[0]); one != loose(test.style, test.pages[0]) {
				t.Errorf("the first page by itself: %s", one)
			}
		})
	}
	if got := bind(Style{}, para, middle, Read(leaf(3, "of them.").Glyphs)); !strings.HasSuffix(got, wide+" them of them.\n") || strings.Count(got, "\n\n") != 1 {
		t.Errorf("over three pages: %s", got)
	}
}

// Where no page breaks off, the document is its pages.
func TestBinderOfWholePages(t *testing.T) {
	t.Parallel()
	pages := []Page{Read(upTo("It ends here.").Glyphs), Read(from("• one", "• two").Glyphs), Failed(3, "late", "Late."), Read(benchPage())}
	for _, style := range []Style{{}, {Furniture: true}, {Plain: true}} {
		if d := cmp.Diff(loose(style, pages...), bind(style, pages...)); d != "" {
			t.Error(d)
		}
	}
}

// What waits for the next page does not grow for ever.
func TestBinderHoldsLittle(t *testing.T) {
	t.Parallel()
	p, q := Read(upTo("The page ends within a para-").Glyphs), Read(from("graph.").Glyphs)
	b := Binder{Profile: profileOf(p, q)}
	b.Add(p)
	b.held.behind = strings.Repeat("\n", maxHeld)
	if got := b.Add(q); !strings.Contains(got, "within a para-\n") {
		t.Errorf("%d bytes were held: %q", maxHeld, got[:100])
	}
}

// Nor does what it knows of the words of a paragraph that goes on over any number
// of pages.
func TestBinderKnowsLittle(t *testing.T) {
	t.Parallel()
	page := func(n int) Page {
		own := strings.NewReplacer("x", string(rune('a'+n/26)), "y", string(rune('a'+n%26))).Replace("of xyx-yyx and xyy-xxy ")
		return Read(leaf(n, own+wide[:60], wide+" them,", wide+" them").Glyphs)
	}
	b := Binder{Profile: profileOf(page(1), page(2))}
	for n := 1; n <= 100; n++ {
		if b.Add(page(n)); n > 1 && (b.held == nil || b.held.from.page != n) {
			t.Fatalf("page %d does not go on", n)
		}
	}
	if n := len(b.held.known); n > 4 {
		t.Errorf("%d words with hyphens are known behind page 100", n)
	}
}

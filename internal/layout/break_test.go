package layout

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// leaf sets a page of running text, 10 points large, a line a text. "" begins
// another paragraph.
func leaf(number int, lines ...string) *sheet {
	s := newSheet()
	s.Number = number
	y := float32(72)
	for _, l := range lines {
		if y += 4; l != "" {
			y = s.lines(72, y-4, 10, regular, l)
		}
	}
	return s
}

// wide is a line of text as long as any other here, but without its last word.
const wide = "A page of text has lines that are as long as the page is wide, and this is one of"

// upTo is a page that ends with the lines, from one that begins with them.
func upTo(last ...string) *sheet {
	return leaf(1, append([]string{wide + " them,", "which ends here.", "", wide + " them,", wide + " them,"}, last...)...)
}

func from(first ...string) *sheet {
	return leaf(2, append(first, "", "Another paragraph begins here, and it is one that", "ends with a sentence.")...)
}

// goesOn returns the elements of two pages that are one, as the second says.
func goesOn(t *testing.T, before, after *sheet) (first, second string) {
	t.Helper()
	p, q := Read(before.Glyphs), Read(after.Glyphs)
	verify(t, p)
	verify(t, q)
	prof := profileOf(p, q)
	of, next := Elements(p, prof), Elements(q, prof)
	b := BreakOf(p, of)
	if k := b.GoesOn(q, next); k >= 0 {
		return of[b.at].Text, next[k].Text
	}
	return "", ""
}

func profileOf(pages ...Page) Profile {
	var pr Profiler
	for _, p := range pages {
		pr.Add(p)
	}
	return pr.Profile()
}

func TestBreak(t *testing.T) {
	t.Parallel()
	start := upTo(wide + " them")
	on := from("and it goes on with a line that is", "none of them.")
	after := func(s *sheet, y float32) float32 { return s.lines(72, y, 10, regular, "and it goes on.") }
	for name, test := range map[string]struct {
		before, after *sheet
		want          bool
	}{
		"a small letter":                  {start, on, true},
		"behind a bracket":                {start, from("(and so on) it goes", "with none of them."), true},
		"the rest of a word":              {upTo("The page ends in the middle of a para-"), from("graph."), true},
		"an item of a list":               {upTo("ends here.", "", "• "+wide+" them", "and its second line is"), on, false},
		"an item of a list, full":         {upTo("ends here.", "", "• "+wide[2:]+" them", "  "+wide+" so it"), on, true},
		"a capital behind a full line":    {upTo(wide + " him"), from("Names begin with capitals, and so does this line", "of text."), false},
		"a capital in even lines":         {upTo(wide + " them,"), from("Names have capitals and begin a line at times, but", "not here."), true},
		"a capital, indented":             {upTo(wide + " them,"), indented("Names have capitals and begin a line at times, but", "not here."), false},
		"a capital by itself":             {upTo(wide + " them,"), from("Names have capitals."), false},
		"the sentence ends":               {upTo(wide + " all."), on, false},
		"the sentence ends in quotes":     {upTo(wide + " them.”"), on, false},
		"a word in quotes":                {upTo(wide + " ”me”"), on, true},
		"a word with a note":              {noted(upTo(wide + " me")), on, true},
		"a sign":                          {upTo(wide + " =>=>"), on, false},
		"a row":                           {besideEach(), on, false},
		"an item, then a capital":         {item(), from("Names have capitals and begin a line at times, but", "not here."), false},
		"a figure begins":                 {upTo(wide + " them,"), from("40 of them are what a page has at the least, and", "so on."), false},
		"a capital behind uneven lines":   {upTo(wide+" him", wide+" them,"), from("Names have capitals and begin a line at times, but", "not here."), false},
		"a capital in another font":       {upTo(wide + " them,"), typed("Names have capitals and begin a line"), false},
		"a dash":                          {upTo("This is one of them, which ends so -"), on, false},
		"a narrow column":                 {leaf(1, "in a narrow", "column as a", "label is set"), from("and so it is", "with this one"), false},
		"a row begins":                    {start, rowFirst(), false},
		"a figure, then a capital":        {upTo(wide + " 1980"), from("Names have capitals and begin a line at times, but", "not here."), false},
		"around a picture":                {start, around(), true},
		"a line for itself among others":  {amongOthers(), on, true},
		"a caption":                       {upTo("ends here.", "", "Table 1: "+wide+" them"), on, false},
		"the sentence ends with a note":   {noted(upTo(wide + " all.")), on, false},
		"a colon":                         {upTo(wide + " all:"), on, false},
		"the line has room":               {upTo("This is one of them, and it ends before the end of its line"), on, false},
		"the word has no room":            {upTo(wide + " a"), from("somewhat longish word is what it begins with, and", "so on."), true},
		"one line for itself":             {leaf(1, wide+" them"), on, false},
		"a number":                        {upTo(wide + " 99"), on, false},
		"a row of a list of contents":     {upTo("", "A chapter of it . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . 12"), on, false},
		"a list begins":                   {start, from("• and it goes on with a list", "• that has two items"), false},
		"a heading":                       {start, headed("and so it goes on"), false},
		"in between a heading":            {start, headed("Its Other Half"), false},
		"a larger size":                   {start, set(2, 12, regular, after), false},
		"bold":                            {start, set(2, 10, bold, after), false},
		"typewritten":                     {start, set(2, 10, mono, func(s *sheet, y float32) float32 { return s.lines(72, y, 10, mono, "and.go(on)", "and.so = on();") }), false},
		"indented":                        {start, indented("and it goes on with a line that is", "none of them."), false},
		"the next of hanging entries":     {hanging(1, wide+" them,", wide+" them", wide+" th"), hanging(2, "an entry begins with a small letter and has a line", "which is indented under it."), false},
		"a hanging entry, with a capital": {hanging(1, wide+" them", wide[2:]+" it", wide[2:]+" it"), hanging(2, "Names begin entries of a bibliography, where there is", "no full stop at their end"), false},
		"beside a picture, then under it": {start, hanging(2, "and it goes on with a line that is", "none of them."), true},
		"the rest of a hanging entry":     {hanging(1, wide+" them", wide[2:]+" it", wide[2:]+" it"), indentedAll(), true},
		"not the next":                    {start, leaf(3, "and it goes on with a line that is", "none of them."), false},
		"a table before it":               {ruled(start.Glyphs, 300), on, false},
		"a table after it":                {start, ruled(leaf(2, "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "and it goes on with a line").Glyphs, 60), false},
		"an empty page":                   {start, leaf(2), false},
		"nothing before":                  {leaf(1), on, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second := goesOn(t, test.before, test.after)
			if got := second != ""; got != test.want {
				t.Errorf("goes on: %v\n%s\n%s", got, first, second)
			}
		})
	}
}

// indented sets a page whose first line is indented, as a paragraph begins.
func indented(first string, lines ...string) *sheet {
	s := newSheet()
	s.Number = 2
	s.lines(84, 72, 10, regular, first)
	s.lines(72, 84, 10, regular, lines...)
	return s
}

// hanging sets a page of an entry whose lines hang from its first.
func hanging(number int, first string, lines ...string) *sheet {
	s := newSheet()
	s.Number = number
	s.lines(72, 72, 10, regular, first)
	s.lines(92, 84, 10, regular, lines...)
	return s
}

// indentedAll sets a page that begins with the last lines of a hanging entry.
func indentedAll() *sheet {
	s := newSheet()
	s.Number = 2
	s.lines(92, 72, 10, regular, "and it goes on with a line that hangs from", "the page before.")
	return s
}

// set sets a page that begins with text in a size and font, above running text.
func set(number int, size float32, font int, after func(*sheet, float32) float32) *sheet {
	s := newSheet()
	s.Number = number
	y := s.lines(72, 72, size, font, "and it goes on with a line that is set in", "another way than the others are.")
	y = after(s, y+4)
	s.lines(72, y+20, 10, regular, filler(20, 46)...)
	return s
}

func headed(heading string) *sheet {
	s := newSheet()
	s.Number = 2
	y := s.lines(72, 80, 16, bold, heading)
	s.lines(72, y+10, 10, regular, append([]string{"and it goes on with a line that is"}, filler(20, 46)...)...)
	return s
}

// typed sets a page whose first line is typewritten.
func typed(first string) *sheet {
	s := newSheet()
	s.Number = 2
	s.lines(72, 72, 10, mono, first)
	s.lines(72, 84, 10, regular, "that is set as the others are, and this is the end", "of it.")
	return s
}

// item sets a page that ends with an item of a list whose lines are even.
func item() *sheet {
	s := leaf(1, wide+" them,", "which ends here.")
	s.lines(72, 110, 10, regular, "• "+wide)
	s.lines(80, 122, 10, regular, wide)
	return s
}

// besideEach sets a page whose last line is two, side by side.
func besideEach() *sheet {
	s := upTo(wide + " them")
	y := float32(72 + 5*12 + 4)
	s.put(s.put(72, y, 10, regular, wide[:40])+25, y, 10, mono, wide[:39])
	s.newline()
	return s
}

// rowFirst sets a page whose first line is two, side by side.
func rowFirst() *sheet {
	s := newSheet()
	s.Number = 2
	s.put(s.put(72, 72, 10, regular, "and it goes on with")+25, 72, 10, mono, "what stands beside")
	s.newline()
	s.lines(72, 84, 10, regular, "a line that is as others are.")
	return s
}

// around sets a page whose first lines are beside something.
func around() *sheet {
	s := newSheet()
	s.Number = 2
	s.lines(112, 72, 10, regular, "and it goes on with lines that stand beside a picture, and so", "they begin further to the right than those that are under it,")
	s.lines(72, 96, 10, regular, "as this one is, and it ends.")
	return s
}

// amongOthers sets a page whose last paragraph is one line, under what reaches
// further to the right.
func amongOthers() *sheet {
	s := newSheet()
	s.lines(72, 60, 14, regular, wide+" them.")
	s.lines(72, 90, 10, regular, "Figure 1: "+wide+" them, and it is a caption")
	s.lines(72, 120, 10, regular, wide+" them,", wide+" them,", "which ends here.")
	s.lines(72, 170, 10, regular, wide+" them")
	return s
}

// noted puts the sign of a note behind the last line.
func noted(s *sheet) *sheet {
	last := s.Glyphs.Glyphs[len(s.Glyphs.Glyphs)-3]
	s.put(last.Box[2]+0.2, last.Y-3, 6, regular, "12")
	s.newline()
	return s
}

// ruled adds a table to a page, with its top at y.
func ruled(g Glyphs, y float32) *sheet {
	s := &sheet{g}
	xs, ys := []float32{72, 200, 300, 400}, []float32{y, y + 20, y + 40}
	s.lattice(xs, ys)
	for _, at := range ys[1:] {
		for _, x := range xs[:3] {
			s.put(x+4, at-6, 10, regular, "text")
		}
		s.newline()
	}
	return s
}

// Of pages that were not read as they should be nothing is said.
func TestBreakOfDoubtfulPages(t *testing.T) {
	t.Parallel()
	p, q := Read(upTo(wide+" them").Glyphs), Read(from("and it goes on with a line that is", "none of them.").Glyphs)
	prof := profileOf(p, q)
	of, next := Elements(p, prof), Elements(q, prof)
	if BreakOf(p, of).GoesOn(q, next) != 0 {
		t.Fatal("the pages as they are do not go on")
	}
	for name, change := range map[string]func(*Page){
		"garbage": func(p *Page) { p.Garbage = true }, "order": func(p *Page) { p.Order = OrderStream },
	} {
		bad, next2 := p, q
		change(&bad)
		change(&next2)
		if BreakOf(bad, of).ID != "" || BreakOf(p, of).GoesOn(next2, next) >= 0 {
			t.Errorf("%s: the pages go on", name)
		}
	}
}

// What belongs to the pages does not part the text.
func TestBreakBesides(t *testing.T) {
	t.Parallel()
	dress := func(n int, s *sheet) *sheet {
		s.lines(72, 40, 9, regular, "The Running Head of the Book")
		s.lines(300, 770, 9, regular, strconv.Itoa(n))
		return s
	}
	for caption, images := range map[string][]Box{
		"Figure 1: What is drawn": nil, "Chart 1: What is in the picture": {{72, 400, 400, 560}},
	} {
		before, after := dress(1, upTo(wide+" them")), dress(2, from("and it goes on with a line that is", "none of them."))
		before.lines(72, 600, 7, regular, "* A note at the foot of the page, which is small.")
		before.Images = images
		before.lines(72, 575, 9, regular, caption)
		before.turned(30, 300, 9, -90, "A stamp at the side")
		if first, second := goesOn(t, before, after); !strings.HasSuffix(first, "one of them") || !strings.HasPrefix(second, "and it goes on") {
			t.Errorf("%s: %q goes on with %q", caption, first, second)
		}
	}
}

// The last paragraph of the last column goes on at the head of the first.
func TestBreakInColumns(t *testing.T) {
	t.Parallel()
	page := func(number int, left, right []string) *sheet {
		s := newSheet()
		s.Number = number
		s.lines(72, 72, 10, regular, left...)
		s.lines(312, 72, 10, regular, right...)
		return s
	}
	text := filler(40, 22)
	before := page(1, append([]string{"The left column"}, text[:20]...), text[20:])
	after := page(2, append([]string{"until it ends on this page.", "The next paragraph is what stands"}, text[:20]...), append(text[20:], "and ends here."))
	first, second := goesOn(t, before, after)
	if !strings.HasSuffix(first, text[39]) || !strings.HasPrefix(second, "until it ends") {
		t.Errorf("%q goes on with %q", first, second)
	}
	// What another column has says nothing of this one.
	lines := slices.Repeat([]string{"the lines of the columns are even, and so they"}, 20)
	first, second = goesOn(t, page(1, lines, lines), page(2, append([]string{"Names begin with capitals, which says that it"}, lines...), lines))
	if first == "" {
		t.Errorf("%q goes on with %q", first, second)
	}
}

// Scripts without small letters need a full line, and one that is not indented.
func TestBreakWithoutCase(t *testing.T) {
	t.Parallel()
	line, thai := strings.Repeat("日本語文章", 8), strings.Repeat("กขคงจฉช", 8)
	last := func(l string) *sheet { return leaf(1, line, line, l) }
	next := func(x float32) *sheet {
		s := newSheet()
		s.Number = 2
		s.lines(x, 72, 10, regular, line[:len(line)/2]+"続", line[:30]+"。")
		s.lines(72, 84, 10, regular, line, line[:30]+"。")
		return s
	}
	hebrew := func(number int, lines ...float32) *sheet {
		s := newSheet()
		s.Number = number
		for i, end := range lines {
			x := float32(500)
			for x > end+10 {
				x = s.leftwards(x, 72+12*float32(i), 10, "שלום ")
			}
			s.newline()
		}
		return s
	}
	for name, test := range map[string]struct {
		before, after *sheet
		want          bool
	}{
		"full":             {last(line), leaf(2, line, line[:30]+"。"), true},
		"in quotes":        {last(line[:len(line)-3] + "」"), leaf(2, line, line[:30]+"。"), true},
		"Thai":             {leaf(1, thai, thai, thai), leaf(2, thai, thai), false},
		"with room":        {last(line[:60]), leaf(2, line, line[:30]+"。"), false},
		"ended":            {last(line[:len(line)-3] + "。"), leaf(2, line, line[:30]+"。"), false},
		"indented":         {last(line), next(92), false},
		"to the left":      {hebrew(1, 72, 72, 72), hebrew(2, 72, 72, 300), true},
		"room to the left": {hebrew(1, 72, 72, 200), hebrew(2, 72, 72, 300), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if first, second := goesOn(t, test.before, test.after); (second != "") != test.want {
				t.Errorf("%q goes on with %q", first, second)
			}
		})
	}
}

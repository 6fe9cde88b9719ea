package layout

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tag opens an element under parent (-1 for none), to which belongs what is set
// from now on, and returns its index.
func (s *sheet) tag(parent int, name string) int {
	s.Tags = append(s.Tags, Tag{Type: name, Parent: parent})
	return len(s.Tags) - 1
}

// tagged sets lines that belong to an element.
func (s *sheet) tagged(tag int, x, y, size float32, font int, texts ...string) {
	from := len(s.Glyphs.Glyphs)
	s.lines(x, y, size, font, texts...)
	for i := from; i < len(s.Glyphs.Glyphs); i++ {
		s.Glyphs.Glyphs[i].Tag = tag + 1
	}
}

// shown is the page as Markdown.
func (s *sheet) shown(t *testing.T) string {
	t.Helper()
	p := Read(s.Glyphs)
	verify(t, p)
	var pr Profiler
	pr.Add(p)
	return Markdown(p, pr.Profile(), Style{})
}

// What is set like everything else, in another order than it is read: only the
// tags know.
func TestStructure(t *testing.T) {
	s := newSheet()
	s.tagged(TagArtifact-1, 72, 30, 10, regular, "The yearly report")
	body := s.tag(-1, "Document")
	last := 700
	heading := s.tag(body, "H2")
	first := s.tag(s.tag(body, "Div"), "P")
	list := s.tag(body, "L")
	one := s.tag(s.tag(list, "LI"), "LBody")
	two := s.tag(s.tag(s.tag(one, "L"), "LI"), "P")
	three := s.tag(list, "LI")
	formula := s.tag(s.tag(body, "P"), "Span")
	note := s.tag(body, "Note")
	s.tagged(first, 72, 200, 10, regular, "A paragraph that stands below its", "heading though it is written first.")
	s.tagged(heading, 72, 180, 10, regular, "No larger than the rest")
	s.tagged(formula, 72, 100, 10, regular, "What is read last but for the note.")
	s.tagged(one, 90, 300, 10, regular, "drawn bullets", "are no text")
	s.tagged(two, 110, 330, 10, regular, "deeper")
	s.tagged(three, 90, 345, 10, regular, "the end")
	s.tagged(note, 72, float32(last), 8, regular, "* A note without a number.")
	want := `## No larger than the rest

A paragraph that stands below its heading though it is written first.

- drawn bullets are no text
  - deeper
- the end

What is read last but for the note.

\* A note without a number.
`
	if d := cmp.Diff(want, s.shown(t)); d != "" {
		t.Error(d)
	}
}

func TestStructureTable(t *testing.T) {
	s := newSheet()
	table := s.tag(s.tag(-1, "Document"), "Table")
	x := []float32{72, 172, 272}
	row := func(y float32, cells ...string) {
		tr := s.tag(table, "TR")
		for i, c := range cells {
			if c == "" {
				continue // as programs do
			}
			kind := "TD"
			if y == 100 {
				kind = "TH"
			}
			s.tagged(s.tag(s.tag(tr, kind), "P"), x[i], y, 10, regular, strings.Split(c, "\n")...)
		}
	}
	row(100, "Ship", "From", "Tons")
	row(120, "Anna", "Oslo,\nby night", "310")
	row(150, "all", "", "310")
	span := s.tag(s.tag(table, "TR"), "TD")
	s.Tags[span].ColSpan = 3
	s.tagged(span, 72, 170, 10, regular, "None was lost on the way, says the harbour office")
	p := Read(s.Glyphs)
	verify(t, p)
	if len(p.Blocks) != 1 || p.Blocks[0].Table == nil {
		t.Fatalf("blocks: %+v", p.Blocks)
	}
	tab := p.Blocks[0].Table
	got := map[[4]int]string{}
	for i := range tab.Cells {
		c := &tab.Cells[i]
		got[[4]int{c.Row, c.Col, max(c.RowSpan, 1), max(c.ColSpan, 1)}] = c.text(&p)
	}
	want := map[[4]int]string{
		{0, 0, 1, 1}: "Ship", {0, 1, 1, 1}: "From", {0, 2, 1, 1}: "Tons",
		{1, 0, 1, 1}: "Anna", {1, 1, 1, 1}: "Oslo, by night", {1, 2, 1, 1}: "310",
		{2, 0, 1, 1}: "all", {2, 2, 1, 1}: "310",
		{3, 0, 1, 3}: "None was lost on the way, says the harbour office",
	}
	if d := cmp.Diff(want, got); d != "" || tab.HeaderRows != 1 || tab.Rows != 4 || tab.Cols != 3 {
		t.Errorf("%d rows, %d of them heads, %d columns: %s", tab.Rows, tab.HeaderRows, tab.Cols, d)
	}
}

// Tags that cannot be right are not believed: the page is read as it is seen.
func TestStructureUnsound(t *testing.T) {
	for name, set := range map[string]func(s *sheet) string{
		"half of the text is not tagged": func(s *sheet) string {
			s.tagged(s.tag(-1, "P"), 72, 200, 10, regular, "The second line, tagged first.")
			s.lines(72, 100, 10, regular, "The first line, and not tagged.")
			return "The first line, and not tagged.\n\nThe second line, tagged first.\n"
		},
		"all is one paragraph": func(s *sheet) string {
			all := s.tag(-1, "P")
			text := filler(60, 40)
			s.tagged(all, 72, 400, 10, regular, text[30:]...)
			s.tagged(all, 72, 60, 10, regular, text[:20]...)
			return strings.Join(text[:20], " ") + "\n\n" + strings.Join(text[30:], " ") + "\n"
		},
		"a table was used for layout": func(s *sheet) string {
			row := s.tag(s.tag(-1, "Table"), "TR")
			text := filler(30, 30)
			left, right := s.tag(row, "TD"), s.tag(row, "TD")
			s.tagged(s.tag(left, "P"), 72, 60, 10, regular, text[:15]...)
			s.tagged(s.tag(left, "P"), 72, 240, 10, regular, text[15:]...)
			s.tagged(s.tag(right, "H1"), 400, 60, 10, regular, "A column beside it")
			return strings.Join(text[:15], " ") + "\n\n" + strings.Join(text[15:], " ") + "\n\n# A column beside it\n"
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSheet()
			want := set(s)
			if d := cmp.Diff(want, s.shown(t)); d != "" {
				t.Error(d)
			}
		})
	}
}

// A table whose rows are tagged as paragraphs is one all the same.
func TestStructureOverlooksTable(t *testing.T) {
	s := newSheet()
	for i, row := range [][]string{{"Ship", "From", "Tons"}, {"Anna", "Oslo", "310"}, {"Berta", "Hull", "455"}, {"Clara", "Bergen", "1020"}} {
		tag, y := s.tag(-1, "P"), 100+20*float32(i)
		for k, c := range row {
			s.tagged(tag, 72+120*float32(k), y, 10, regular, c)
		}
	}
	for i := range 5 {
		y := 85 + 20*float32(i)
		s.Rulings = append(s.Rulings, Ruling{X0: 60, Y0: y, X1: 420, Y1: y})
	}
	for i := range 4 {
		x := 60 + 120*float32(i)
		s.Rulings = append(s.Rulings, Ruling{X0: x, Y0: 85, X1: x, Y1: 165})
	}
	if got := s.shown(t); !strings.HasPrefix(got, "| Ship | From | Tons |\n") {
		t.Error(got)
	}
}

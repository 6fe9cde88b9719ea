package layout

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// article is a page with all that plain Markdown knows.
func article() []*sheet {
	s := newSheet()
	s.put(200, 80, 20, bold, "The Keeping of Pages")
	s.newline()
	s.lines(72, 120, 14, bold, "1 Introduction")
	y := s.lines(72, 140, 10, regular, append(filler(4, 46), "and the last of these lines ends with a bro-")...)
	y = s.lines(72, y, 10, regular, "ken word.")
	y = s.lines(84, y, 10, regular, "An indented line begins another paragraph, which the next line then goes on with as")
	y = s.lines(72, y, 10, regular, "far as it goes. A \uFB01ne ligature.")
	y = s.lines(72, y+12, 12, bold, "1.1 What follows")
	y = s.lines(72, y+2, 10, regular, filler(3, 46)...)
	y = s.lines(72, y+8, 10, regular, "• one item", "• another item that is so long that it must go on in the line below it, where it hangs under")
	y = s.lines(80, y, 10, regular, "its text")
	y = s.lines(92, y, 10, regular, "– an item inside", "– and its neighbour")
	y = s.lines(72, y, 10, regular, "• the last")
	y = s.lines(72, y+12, 10, regular, "1. first", "2. second")
	s.lines(72, y+12, 10, regular, "(a) letters", "(b) count too")

	second := newSheet()
	second.Number = 2
	y = second.lines(72, 72, 10, regular, filler(6, 46)...)
	y = second.lines(72, y+14, 14, bold, "2 A heading that runs over two", "lines of the page")
	y = second.lines(72, y+6, 10, regular, filler(12, 46)...)
	second.lines(72, y+14, 12, bold, "Table 1. A caption is no heading")
	return []*sheet{s, second}
}

func TestMarkdownGolden(t *testing.T) {
	t.Parallel()
	for name, sheets := range map[string][]*sheet{
		"article": article(),
		"columns": {func() *sheet {
			s := newSheet()
			s.put(152, 72, 20, bold, "A Title Over Two Columns")
			s.newline()
			s.lines(72, 110, 12, bold, "Left")
			s.lines(72, 124, 10, regular, filler(16, 22)...)
			s.lines(312, 110, 12, bold, "Right")
			s.lines(312, 124, 10, regular, filler(18, 22)...)
			return s
		}()},
		"table": {func() *sheet {
			s := newSheet()
			s.lines(72, 72, 10, regular, filler(5, 46)...)
			for i, row := range [][]string{{"Name", "Year", "Count"}, {"Alpha", "1999", "12"}, {"Beta", "2001", "7"}, {"Gamma", "2010", "31"}} {
				for k, cell := range row {
					s.put(72+float32(k)*120, 150+float32(i)*13, 10, regular, cell)
				}
				s.newline()
			}
			s.lines(72, 220, 10, regular, filler(5, 46)...)
			return s
		}()},
		"markup": {func() *sheet {
			s := newSheet()
			s.lines(72, 72, 10, regular, filler(5, 46)...)
			for i, line := range []string{
				"# not a heading", "> not a quotation", "+ not a list", "--- no rule", "1999. A year", "*starred* and snake_case and _lined_",
				"a * b and c ** d", "`code` and <b>tags</b> but 1 < 2", "[text](link) [1] and ![picture](x)", "C:\\temp\\new and \\* stars",
				"AT&amp;T and R&D", "~~struck~~ ~5", "____ fill in ____",
			} {
				s.lines(72, 160+30*float32(i), 10, regular, line)
			}
			return s
		}()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var pr Profiler
			var pages []Page
			for _, s := range sheets {
				p := Read(s.Glyphs)
				verify(t, p)
				pr.Add(p)
				pages = append(pages, p)
			}
			var got string
			for _, p := range pages {
				verifyElements(t, p, pr.Profile())
				got += Markdown(p, pr.Profile(), Style{}) + "\n"
			}
			file := filepath.Join("testdata", name+".md")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestMarkdownOfNothing(t *testing.T) {
	t.Parallel()
	for _, p := range []Page{Read(newSheet().Glyphs), Failed(1, "timeout", "Too slow.")} {
		if got := Markdown(p, Profile{}, Style{}); got != "" {
			t.Errorf("%q", got)
		}
		if got := Elements(p, Profile{}); len(got) != 0 {
			t.Errorf("%v", got)
		}
	}
}

func TestElements(t *testing.T) {
	t.Parallel()
	var pr Profiler
	var pages []Page
	for _, s := range article() {
		pages = append(pages, Read(s.Glyphs))
		pr.Add(pages[len(pages)-1])
	}
	type row struct {
		Type   string
		Level  int
		Marker string
		Page   int
	}
	var got []row
	for _, p := range pages {
		for i, e := range Elements(p, pr.Profile()) {
			if e.Order != i || e.Layer != LayerBody || e.Page != p.Number || e.Box[2] <= e.Box[0] {
				t.Errorf("%+v", e)
			}
			got = append(got, row{e.Type, e.Level, e.Marker, e.Page})
		}
	}
	want := []row{
		{TypeTitle, 1, "", 1},
		{TypeHeading, 2, "", 1},
		{TypeParagraph, 0, "", 1},
		{TypeParagraph, 0, "", 1},
		{TypeHeading, 3, "", 1},
		{TypeParagraph, 0, "", 1},
		{TypeListItem, 1, "•", 1},
		{TypeListItem, 1, "•", 1},
		{TypeListItem, 2, "–", 1},
		{TypeListItem, 2, "–", 1},
		{TypeListItem, 1, "•", 1},
		{TypeListItem, 1, "1.", 1},
		{TypeListItem, 1, "2.", 1},
		{TypeListItem, 1, "(a)", 1},
		{TypeListItem, 1, "(b)", 1},
		{TypeParagraph, 0, "", 2},
		{TypeHeading, 2, "", 2},
		{TypeParagraph, 0, "", 2},
		{TypeCaption, 0, "", 2},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestJoinLines(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"one\ntwo\n", "one two"},
		{"bro-\nken", "broken"},
		{"soft\u00AD\nly", "softly"},
		{"so\u00ADft", "soft"},
		{"Jean-\nLuc", "Jean-Luc"},
		{"COVID-\n19", "COVID-19"},
		{"1990-\n1999", "1990-1999"},
		{"state-\nof-the-art", "state-of-the-art"},
		{"two-and-a-\nhalf men", "two-and-a-half men"},
		{"a dash -\nand on", "a dash - and on"},
		{"-\nx", "- x"},
		{"中文\n字", "中文字"},
		{"中文\nlatin", "中文 latin"},
		{"한국\n어", "한국 어"},
		{"\uFB01ne o\uFB03ce", "fine office"},
	} {
		if got := joinLines(tt.in); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestCompounds(t *testing.T) {
	t.Parallel()
	p := Page{Text: "A cross-section, and one of the cross-\nsections; the well-\nknown cross-\nsection of the Cross-\nroads\n"}
	const want = "A cross-section, and one of the crosssections; the wellknown cross-section of the Crossroads"
	if got := joinKnowing(p.Text, p.compounds()); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestListMarker(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want string }{
		{"• item", "•"},
		{"•item", "•"},
		{"\uF0B7 item", "\uF0B7"},
		{"- item", "-"},
		{"-5 degrees", ""},
		{"*item", ""},
		{"o item", "o"},
		{"of course", ""},
		{"1. item", "1."},
		{"12) item", "12)"},
		{"(3) item", "(3)"},
		{"a) item", "a)"},
		{"b. item", "b."},
		{"(iv) item", "(iv)"},
		{"ii. item", "ii."},
		{"A. Smith", ""},
		{"A) item", "A)"},
		{"1.5 metres", ""},
		{"1999. A year", ""},
		{"1", ""},
		{"1.", ""},
		{"(", ""},
		{"", ""},
		{"vivid. word", ""},
	} {
		if got, _ := listMarker(tt.in); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.in, got, tt.want)
		}
	}
}

package layout

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// spanned is a table in which a cell reaches over two columns.
func spanned(t *testing.T, texts ...string) Page {
	t.Helper()
	s := newSheet()
	s.lattice([]float32{72, 200, 300}, []float32{100, 120, 140}, "0,0|")
	s.cells(114, 10, regular, []float32{150}, texts[0])
	s.cells(134, 10, regular, []float32{76, 206}, texts[1:]...)
	p := Read(s.Glyphs)
	verify(t, p)
	return p
}

func TestMarkdownTables(t *testing.T) {
	t.Parallel()
	s := newSheet()
	s.lattice([]float32{72, 200, 300}, []float32{100, 120, 140, 160})
	left := []float32{76, 206}
	s.cells(114, 10, regular, left, "a|b", "*stars*")
	s.cells(134, 10, regular, left, "<b>bold</b>", `x & "y"`)
	s.cells(154, 10, regular, left, "c", "")
	plain := Read(s.Glyphs)
	verify(t, plain)
	for name, test := range map[string]struct {
		page  Page
		style Style
		want  string
	}{
		"pipes": {plain, Style{}, "| a\\|b | \\*stars\\* |\n| --- | --- |\n| \\<b>bold\\</b> | x & \"y\" |\n| c | |\n"},
		"HTML": {plain, Style{HTMLTables: true}, `<table>
<tr>
<td>a|b</td>
<td>*stars*</td>
</tr>
<tr>
<td>&lt;b&gt;bold&lt;/b&gt;</td>
<td>x &amp; &#34;y&#34;</td>
</tr>
<tr>
<td>c</td>
<td></td>
</tr>
</table>
`},
		"a span is HTML": {spanned(t, "Both", "one", "two"), Style{}, `<table>
<tr>
<td colspan="2">Both</td>
</tr>
<tr>
<td>one</td>
<td>two</td>
</tr>
</table>
`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var pr Profiler
			pr.Add(test.page)
			if d := cmp.Diff(test.want, Markdown(test.page, pr.Profile(), test.style)); d != "" {
				t.Error(d)
			}
		})
	}
}

// What is bold, typewritten or a link in a cell is so in Markdown; the head is
// bold there anyway.
func TestMarkdownTableFaces(t *testing.T) {
	t.Parallel()
	s := newSheet()
	s.lines(72, 60, 10, regular, filler(3, 40)...)
	s.lattice([]float32{72, 200, 400}, []float32{100, 120, 140, 160, 190})
	s.cells(114, 10, bold, []float32{76, 206}, "Name", "Where")
	x := s.put(76, 134, 10, regular, "a ")
	s.put(x, 134, 10, bold, "b|c")
	y := s.put(206, 134, 10, regular, "here")
	s.newline()
	s.Links = []Link{{Box: Box{205, 125, y, 137}, URI: "https://example.org/"}}
	x = s.put(76, 154, 10, regular, "see ")
	s.put(x, 154, 10, mono, "x|y")
	s.cells(154, 10, regular, []float32{206}, "- 1. no list")
	s.cells(174, 10, regular, []float32{0, 206}, "", "two long-")
	s.cells(184, 10, regular, []float32{76, 206}, "later", "ish words")
	p := Read(s.Glyphs)
	verify(t, p)
	var pr Profiler
	pr.Add(p)
	_, got, _ := strings.Cut(Markdown(p, pr.Profile(), Style{}), "\n\n")
	want := `| Name | Where |
| --- | --- |
| a **b\|c** | [here](https://example.org/) |
| see ` + "`x\\|y`" + ` | - 1. no list |
| later | two longish words |
`
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got := Markdown(p, pr.Profile(), Style{Plain: true, KeepHyphens: true}); !strings.Contains(got, "| a b\\|c | here |") || !strings.Contains(got, "two long- ish words |") {
		t.Errorf("plain: %s", got)
	}
}

// A cell that reaches over two rows leaves no place in the second; a place
// that no cell has is empty.
func TestHTMLTableOfSpans(t *testing.T) {
	t.Parallel()
	p := Page{Version: Version, Number: 1, Status: StatusOK, Text: "a\n", Lines: []Line{{End: 1}}, Blocks: []Block{{
		Kind: BlockTable, Table: &Table{Rows: 2, Cols: 2, Cells: []Cell{{RowSpan: 2, Spans: []Span{{0, 1}}}}},
	}}}
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	want := "<table>\n<tr>\n<td rowspan=\"2\">a</td>\n<td></td>\n</tr>\n<tr>\n<td></td>\n</tr>\n</table>\n"
	if d := cmp.Diff(want, Markdown(p, Profile{}, Style{})); d != "" {
		t.Error(d)
	}
}

func TestContinues(t *testing.T) {
	t.Parallel()
	page := func(number int, xs []float32, before, after string) Page {
		s := newSheet()
		s.Number = number
		if before != "" {
			s.lines(72, 60, 10, regular, before)
		}
		ys := []float32{100, 120, 140}
		s.lattice(xs, ys)
		for _, y := range ys[1:] {
			for _, x := range xs[:len(xs)-1] {
				s.put(x+4, y-6, 10, regular, "text")
			}
			s.newline()
		}
		if after != "" {
			s.lines(72, 200, 10, regular, after)
		}
		return Read(s.Glyphs)
	}
	three, other := []float32{72, 200, 300, 400}, []float32{72, 120, 160, 400}
	first := page(1, three, "A paragraph before the table", "")
	for name, test := range map[string]struct {
		before, after Page
		want          bool
	}{
		"goes on":         {first, page(2, three, "", "A paragraph behind the table"), true},
		"other columns":   {first, page(2, other, "", ""), false},
		"fewer columns":   {first, page(2, three[:3], "", ""), false},
		"text after it":   {page(1, three, "", "Something else follows"), page(2, three, "", ""), false},
		"text before it":  {first, page(2, three, "Something else is here", ""), false},
		"not the next":    {first, page(3, three, "", ""), false},
		"nothing":         {first, Read(Glyphs{Number: 2}), false},
		"nothing before":  {Read(Glyphs{Number: 1}), page(2, three, "", ""), false},
		"a failed page":   {first, Failed(2, "timeout", "Late."), false},
		"no table before": {Read(benchPage()), page(2, three, "", ""), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var pr Profiler
			pr.Add(test.before)
			pr.Add(test.after)
			if got := Continues(test.before, test.after, pr.Profile()); got != test.want {
				t.Errorf("goes on: %v", got)
			}
		})
	}
}

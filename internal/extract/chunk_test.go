package extract

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/mivaa/mivaa/internal/layout"
)

// someText makes a page's text and its elements: paragraphs, headings,
// furniture, long words, other scripts.
func someText(r *rand.Rand) (string, []Element) {
	words := []string{"a", "word", "naïve", "日本語の文章。", "end.", "Really?", strings.Repeat("x", 300), "—", "\u00a0"}
	var sb strings.Builder
	var out []Element
	for range r.IntN(12) {
		start := sb.Len()
		for range 1 + r.IntN(60) {
			sb.WriteString(words[r.IntN(len(words))])
			sb.WriteByte(" \n"[r.IntN(2)])
		}
		sb.WriteString("z")
		e := Element{Type: layout.TypeParagraph, Layer: layout.LayerBody, start: start, end: sb.Len()}
		switch r.IntN(8) {
		case 0:
			e.Layer = "furniture"
		case 1:
			e.Type = layout.TypeHeading
		}
		out = append(out, e)
		sb.WriteByte('\n')
	}
	return sb.String(), out
}

// cutText cuts a page that has a text and elements.
func cutText(text string, elements []Element, cut Cut) (out []passage) {
	for _, f := range flowsOf(&layout.Page{Number: 1, Text: text}, elements) {
		c := cutter{flow: f, cut: cut, measure: measureOf(cut.Unit)}
		out = append(out, c.passages()...)
	}
	return out
}

// checkSpans verifies what cutter promises of text without tables.
func checkSpans(t *testing.T, text string, elements []Element, cut Cut, passages []passage) {
	t.Helper()
	covered := make([]bool, len(text))
	m := measureOf(cut.Unit)
	for i, p := range passages {
		s := p.place
		n := m.length(p.text)
		if s.start >= s.end || n > cut.Size || !utf8.ValidString(p.text) || p.text != text[s.start:s.end] {
			t.Fatalf("span %d: %v, %d %s: %q", i, s, n, cut.Unit, p.text)
		}
		for k := s.start; k < s.end; k++ {
			covered[k] = true
		}
		if i == 0 {
			continue
		}
		before := passages[i-1].place
		if s.start <= before.start || s.end <= before.end {
			t.Fatalf("span %d: %v does not go on behind %v", i, s, before)
		}
		slack := 0
		if cut.Unit == Tokens {
			slack = 3 // what is repeated is counted where it stood: by itself it may be other tokens
		}
		if s.start < before.end && m.length(text[s.start:before.end]) > cut.Overlap+slack {
			t.Fatalf("span %d: %v overlaps %v by more than %d", i, s, before, cut.Overlap)
		}
	}
	for _, e := range elements {
		for k := e.start; k < e.end; k++ {
			if covered[k] != (e.Layer == layout.LayerBody) {
				t.Fatalf("byte %d of %+v: in a chunk: %v", k, e, covered[k])
			}
		}
	}
}

func TestCutter(t *testing.T) {
	t.Parallel()
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 1))
		text, elements := someText(r)
		cut := Cut{Size: MinChunk + r.IntN(400)}
		if seed%5 == 0 {
			cut = Cut{Size: MinChunk/5 + r.IntN(100), Unit: Tokens}
		}
		cut.Overlap = r.IntN(cut.Size/2 + 1)
		checkSpans(t, text, elements, cut, cutText(text, elements, cut))
	}
}

// Chunks end where people would end them.
func TestCutBoundaries(t *testing.T) {
	t.Parallel()
	para := func(from, to int) Element {
		return Element{Type: layout.TypeParagraph, Layer: layout.LayerBody, start: from, end: to}
	}
	sentence := strings.Repeat("word ", 11) + "end. " // 60
	tests := []struct {
		name     string
		text     string
		elements func(text string) []Element
		cut      Cut
		want     []string
	}{
		{"all in one", "short", func(s string) []Element { return []Element{para(0, len(s))} }, Cut{Size: 50, Overlap: 10}, []string{"short"}},
		{"at a sentence", sentence + sentence, func(s string) []Element { return []Element{para(0, len(s))} }, Cut{Size: 80, Overlap: 0}, []string{sentence, sentence}},
		{"at a word", strings.Repeat("word ", 30), func(s string) []Element { return []Element{para(0, len(s))} }, Cut{Size: 52, Overlap: 0},
			[]string{strings.Repeat("word ", 10), strings.Repeat("word ", 10), strings.Repeat("word ", 10)}},
		{"in a word", strings.Repeat("x", 120), func(s string) []Element { return []Element{para(0, len(s))} }, Cut{Size: 50, Overlap: 0},
			[]string{strings.Repeat("x", 50), strings.Repeat("x", 50), strings.Repeat("x", 20)}},
		{"at a paragraph", strings.Repeat("a ", 20) + "\n" + strings.Repeat("b ", 20), func(s string) []Element { return []Element{para(0, 40), para(41, len(s))} }, Cut{Size: 60, Overlap: 0},
			[]string{strings.Repeat("a ", 20) + "\n", strings.Repeat("b ", 20)}},
		{"overlap at a word", strings.Repeat("word ", 20), func(s string) []Element { return []Element{para(0, len(s))} }, Cut{Size: 50, Overlap: 12},
			[]string{strings.Repeat("word ", 10), strings.Repeat("word ", 10), strings.Repeat("word ", 4)}},
	}
	for _, tt := range tests {
		var got []string
		for _, p := range cutText(tt.text, tt.elements(tt.text), tt.cut) {
			got = append(got, p.text)
		}
		if strings.Join(got, "|") != strings.Join(tt.want, "|") {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	heading := Element{Type: layout.TypeHeading, Layer: layout.LayerBody, start: 60, end: 64}
	text := sentence + "Head\n" + sentence
	got := cutText(text, []Element{para(0, 59), heading, para(65, len(text))}, Cut{Size: 100, Overlap: 20})
	if len(got) != 2 || got[1].place.start != 60 {
		t.Errorf("a heading begins a chunk, without overlap: %v", got)
	}
}

// tablePage is a page of a paragraph, a table with a header and rows of two
// lines, and a paragraph. The value of the second row is long, where that is given.
func tablePage(rows int, long string) (*layout.Page, []Element) {
	p := &layout.Page{Number: 1}
	add := func(s string) layout.Span {
		start := len(p.Text)
		p.Text += s
		return layout.Span{Start: start, End: len(p.Text)}
	}
	intro := add("Intro before the table.")
	add("\n")
	t := &layout.Table{Rows: rows + 1, Cols: 2, HeaderRows: 1}
	begin := len(p.Text)
	for r := range rows + 1 {
		first, second := fmt.Sprintf("name %d", r), fmt.Sprintf("value %d", r)
		if r == 0 {
			first, second = "Name", "Value"
		}
		if r == 2 && long != "" {
			second = long
		}
		a := add(first)
		add(" ")
		b := add(second)
		add("\n")
		cell := layout.Cell{Row: r, Col: 1, Spans: []layout.Span{b}}
		if r > 0 {
			cell.Spans = append(cell.Spans, add("goes on"))
			add("\n")
		}
		t.Cells = append(t.Cells, layout.Cell{Row: r, Col: 0, Spans: []layout.Span{a}}, cell)
	}
	end := len(p.Text) - 1
	outro := add("Outro behind it.")
	body := func(kind string, start, end int) Element {
		return Element{Type: kind, Layer: layout.LayerBody, start: start, end: end}
	}
	table := body(layout.TypeTable, begin, end)
	table.table = t
	return p, []Element{body(layout.TypeParagraph, intro.Start, intro.End), table, body(layout.TypeParagraph, outro.Start, outro.End)}
}

// Tables read as rows, which are never cut, each chunk with the header.
func TestCutTable(t *testing.T) {
	t.Parallel()
	for _, cut := range []Cut{{Size: 60, Overlap: 0}, {Size: 80, Overlap: 30}, {Size: 1000, Overlap: 200}, {Size: 20, Overlap: 10, Unit: Tokens}} {
		const rows = 12
		p, elements := tablePage(rows, "")
		flows := flowsOf(p, elements)
		if len(flows) != 1 {
			t.Fatalf("%d flows", len(flows))
		}
		c := cutter{flow: flows[0], cut: cut, measure: measureOf(cut.Unit)}
		got := c.passages()
		covered := make([]bool, len(p.Text))
		all := ""
		for _, ch := range got {
			for i := ch.place.start; i < ch.place.end; i++ {
				covered[i] = true
			}
			all += "\n" + ch.text + "\n"
			if n := c.measure.length(ch.text); n > cut.Size {
				t.Errorf("%+v: %d %s: %q", cut, n, cut.Unit, ch.text)
			}
			for line := range strings.Lines(ch.text) {
				if line = strings.TrimSpace(line); strings.HasPrefix(line, "name") && !strings.HasSuffix(line, "goes on") || strings.HasPrefix(line, "value") {
					t.Errorf("%+v: a row is cut: %q", cut, ch.text)
				}
			}
			if strings.HasPrefix(ch.text, "name") {
				t.Errorf("%+v: a chunk that begins in the table lacks its header: %q", cut, ch.text)
			}
		}
		for r := 1; r <= rows; r++ {
			if want := fmt.Sprintf("\nname %d | value %d goes on\n", r, r); !strings.Contains(all, want) {
				t.Errorf("%+v: no row %q in %q", cut, want, all)
			}
		}
		if i := slices.Index(covered, false); i >= 0 {
			t.Errorf("%+v: %q is in no chunk", cut, p.Text[i:])
		}
	}
}

// A row that is longer than a chunk is one by itself.
func TestCutLongRow(t *testing.T) {
	t.Parallel()
	p, elements := tablePage(3, strings.Repeat("v", 2*MinChunk))
	c := cutter{flow: flowsOf(p, elements)[0], cut: Cut{Size: MinChunk}, measure: characters{}}
	var rows []string
	for _, ch := range c.passages() {
		if strings.Contains(ch.text, "vvv") {
			rows = append(rows, ch.text)
		}
	}
	if want := "Name | Value\nname 2 | " + strings.Repeat("v", 2*MinChunk) + " goes on\n"; len(rows) != 1 || rows[0] != want {
		t.Errorf("got %q, want %q", rows, want)
	}
}

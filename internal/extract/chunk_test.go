package extract

import (
	"math/rand/v2"
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

// checkSpans verifies what cutter promises.
func checkSpans(t *testing.T, text string, elements []Element, cut Cut, spans []span) {
	t.Helper()
	covered := make([]bool, len(text))
	for i, s := range spans {
		n := utf8.RuneCountInString(text[s.start:s.end])
		if s.start >= s.end || n > cut.Size || !utf8.ValidString(text[s.start:s.end]) {
			t.Fatalf("span %d: %v, %d characters", i, s, n)
		}
		for k := s.start; k < s.end; k++ {
			covered[k] = true
		}
		if i == 0 {
			continue
		}
		before := spans[i-1]
		if s.start <= before.start || s.end <= before.end {
			t.Fatalf("span %d: %v does not go on behind %v", i, s, before)
		}
		if s.start < before.end && utf8.RuneCountInString(text[s.start:before.end]) > cut.Overlap {
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
		cut.Overlap = r.IntN(cut.Size/2 + 1)
		c := cutter{text: text, elements: elements, cut: cut}
		checkSpans(t, text, elements, cut, c.spans())
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
		{"all in one", "short", func(s string) []Element { return []Element{para(0, len(s))} }, Cut{50, 10}, []string{"short"}},
		{"at a sentence", sentence + sentence, func(s string) []Element { return []Element{para(0, len(s))} }, Cut{80, 0}, []string{sentence, sentence}},
		{"at a word", strings.Repeat("word ", 30), func(s string) []Element { return []Element{para(0, len(s))} }, Cut{52, 0},
			[]string{strings.Repeat("word ", 10), strings.Repeat("word ", 10), strings.Repeat("word ", 10)}},
		{"in a word", strings.Repeat("x", 120), func(s string) []Element { return []Element{para(0, len(s))} }, Cut{50, 0},
			[]string{strings.Repeat("x", 50), strings.Repeat("x", 50), strings.Repeat("x", 20)}},
		{"at a paragraph", strings.Repeat("a ", 20) + "\n" + strings.Repeat("b ", 20), func(s string) []Element { return []Element{para(0, 40), para(41, len(s))} }, Cut{60, 0},
			[]string{strings.Repeat("a ", 20) + "\n", strings.Repeat("b ", 20)}},
		{"overlap at a word", strings.Repeat("word ", 20), func(s string) []Element { return []Element{para(0, len(s))} }, Cut{50, 12},
			[]string{strings.Repeat("word ", 10), strings.Repeat("word ", 10), strings.Repeat("word ", 4)}},
	}
	for _, tt := range tests {
		c := cutter{text: tt.text, elements: tt.elements(tt.text), cut: tt.cut}
		var got []string
		for _, s := range c.spans() {
			got = append(got, tt.text[s.start:s.end])
		}
		if strings.Join(got, "|") != strings.Join(tt.want, "|") {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	heading := Element{Type: layout.TypeHeading, Layer: layout.LayerBody, start: 60, end: 64}
	text := sentence + "Head\n" + sentence
	c := cutter{text: text, elements: []Element{para(0, 59), heading, para(65, len(text))}, cut: Cut{100, 20}}
	if got := c.spans(); len(got) != 2 || got[1].start != 60 {
		t.Errorf("a heading begins a chunk, without overlap: %v", got)
	}
}

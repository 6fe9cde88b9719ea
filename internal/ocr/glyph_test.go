package ocr

import (
	"testing"

	"github.com/mivaa/mivaa/internal/layout"
)

// A line of a page at 72 dots an inch whose type has ems of so many pixels.
func typeset(block int, base, em int, words ...string) line {
	l := line{block: block, paragraph: 1}
	x := 50
	for _, text := range words {
		above, below := extent(text)
		wide := 0.0
		for _, r := range text {
			wide += advance(r)
		}
		w := word{left: x, right: x + int(wide*float64(em)), top: base - int(above*float64(em)), bottom: base + int(below*float64(em)), confidence: 90, text: text}
		x = w.right + em/3
		l.words = append(l.words, w)
	}
	return l
}

func TestSizes(t *testing.T) {
	t.Parallel()
	// Pixels are so small that rounding to them is of no account.
	lines := []line{
		typeset(1, 1000, 240, "Title"),
		typeset(2, 1400, 103, "what", "stands", "here", "is", "plain", "text"),
		typeset(2, 1520, 97, "of", "a", "paragraph", "with", "some", "lines"),
		typeset(2, 1640, 100, "now", "mess"), // neither tall letters nor deep ones
		typeset(3, 2000, 101, "another", "one"),
		typeset(4, 2400, 60, "1", "a", "footnote", "in", "small", "print"),
		typeset(5, 2600, 100, "—"),
	}
	sizes := sizesOf(lines, 0.1)
	for i, want := range []float64{24, 10, 10, 10, 10, 6} {
		if sizes[i] != want {
			t.Errorf("line %d is of size %v, want %v", i, sizes[i], want)
		}
	}
	for i, want := range []float64{100, 140, 152, 164, 200, 240} {
		if base := baseline(&lines[i], 0.1, sizes[i]); base < want-0.5 || base > want+0.5 {
			t.Errorf("line %d stands at %v, want %v", i, base, want)
		}
	}
}

func TestCredible(t *testing.T) {
	t.Parallel()
	good, dirt := typeset(1, 100, 10, "good", "words"), typeset(2, 200, 10, "x~", "'")
	good.words = append(good.words, word{left: 300, top: 90, right: 310, bottom: 100, confidence: 4, text: "¦¦"})
	for i := range dirt.words {
		dirt.words[i].confidence = 30
	}
	kept, confidence := credible([]line{good, dirt})
	if len(kept) != 1 || len(kept[0].words) != 2 || confidence != 90 {
		t.Errorf("kept %+v, %d", kept, confidence)
	}
	if kept, confidence := credible(nil); kept != nil || confidence != 0 {
		t.Errorf("of nothing %+v, %d", kept, confidence)
	}
}

// Letters of a script that runs right to left stand in that order, and are read
// in theirs.
func TestLeftwards(t *testing.T) {
	t.Parallel()
	l := line{1, 1, []word{{200, 90, 300, 110, 90, "שלום"}, {50, 90, 190, 110, 90, "עולם"}}}
	out := glyphs([]line{l}, 1)
	if out[0].Box[2] != 300 || out[0].Box[0] <= out[1].Box[0] {
		t.Errorf("first letters at %v and %v", out[0].Box, out[1].Box)
	}
	p := layout.Recognised(layout.Page{Version: layout.Version, Number: 1, Status: layout.StatusOK, Width: 400, Height: 200}, Name, out, layout.OCR{})
	if p.Text != "שלום עולם\n" {
		t.Errorf("text %q", p.Text)
	}
}

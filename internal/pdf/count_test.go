package pdf

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/mivaa/mivaa/internal/layout"
)

// benchmark is the other collection of PDFs beside the project.
const benchmark = "../../../shared/quality/pdfs"

// leastKept is the part of PDFium's characters that has to be in the blocks of
// a page.
const leastKept = 0.995

// On every page at hand the characters that PDFium counts are in exactly one
// block each, but for half a percent.
func TestEveryCharacterIsInOneBlock(t *testing.T) {
	t.Parallel()
	var files []string
	for _, pattern := range []string{corpus + "/mixed/*.pdf", benchmark + "/*.pdf"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		t.Skip("SKIPPED: no documents beside the project: no characters are counted")
	}
	var data []byte
	src := &source{fetch: func(offset int64, n int) ([]byte, error) { return data[offset : offset+int64(n)], nil }}
	e, err := newEngine(filepath.Join(os.TempDir(), "mivaa-test-pdfium-cache"), 1<<30, src)
	if err != nil {
		t.Fatal(err)
	}
	var sum counted
	for _, file := range files {
		if data, err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
		if err := e.renew(); err != nil {
			t.Fatal(err)
		}
		doc, err := e.open(int64(len(data)), "")
		if err != nil {
			if _, known := errors.AsType[*Error](err); !known {
				t.Errorf("%s: %v", filepath.Base(file), err)
			}
			continue
		}
		for number := 1; number <= e.count(fnPageCount, doc); number++ {
			sum.page(t, e, doc, filepath.Base(file), number)
		}
	}
	t.Logf("%d of %d characters on %d pages are in blocks; %d pages are in stream order, %d are garbage",
		sum.kept, sum.seen, sum.pages, sum.stream, sum.garbage)
}

// counted is what all pages have.
type counted struct{ pages, stream, garbage, seen, kept int }

func (c *counted) page(t *testing.T, e *engine, doc uint64, file string, number int) {
	t.Helper()
	var glyphs layout.Glyphs
	if !e.readPage(doc, number, &glyphs) {
		return // damaged
	}
	p := layout.Read(glyphs)
	once, again := inBlocks(&p)
	seen, twice := e.characters(t, doc, number, &glyphs)
	c.pages++
	c.seen += seen
	c.kept += once
	if p.Garbage {
		c.garbage++
	}
	if p.Order == layout.OrderStream {
		c.stream++
	}
	if again > 0 {
		t.Errorf("%s, page %d: %d lines are in two blocks", file, number, again)
	}
	// What is drawn twice may be in the text once.
	if float64(once) < leastKept*float64(seen-twice) || once > seen {
		t.Errorf("%s, page %d: %d characters are in blocks, PDFium counts %d, of which %d twice", file, number, once, seen, twice)
	}
}

// inBlocks counts the characters of a page's blocks, white space aside, and the
// lines that are in two of them.
func inBlocks(p *layout.Page) (chars, again int) {
	in := make([]int, len(p.Lines))
	for _, b := range p.Blocks {
		for i := b.First; i <= b.Last; i++ {
			if in[i]++; in[i] > 1 {
				again++
				continue
			}
			for _, r := range p.Text[p.Lines[i].Start:p.Lines[i].End] {
				if !unicode.IsSpace(r) {
					chars++
				}
			}
		}
	}
	return chars, again
}

// place is where a character is drawn, to a fifth of its size.
type place struct {
	r    rune
	x, y int
}

type places map[place]bool

// near reports whether the same character is drawn there or beside it.
func (s places) near(p place) bool {
	for x := p.x - 1; x <= p.x+1; x++ {
		for y := p.y - 1; y <= p.y+1; y++ {
			if s[place{p.r, x, y}] {
				return true
			}
		}
	}
	return false
}

// characters counts, without the help of what it checks, the characters that
// PDFium knows on the page and a viewer shows, and those of them that stand
// where the same character stands already.
func (e *engine) characters(t *testing.T, doc uint64, number int, g *layout.Glyphs) (seen, twice int) {
	page := e.call(fnLoadPage, doc, uint64(number-1))
	defer e.call(fnClosePage, page)
	text := e.call(fnTextLoad, page)
	defer e.call(fnTextClose, text)
	r := pageReader{engine: e, doc: doc, page: page, text: text, out: &layout.Glyphs{}, fonts: map[uint64]int{}}
	r.geometry()
	at := places{}
	var object uint64
	size := float32(1)
	for i := range uint64(max(e.count(fnTextCount, text), 0)) {
		char := rune(uint32(e.call(fnTextUnicode, text, i)))
		if e.ok(fnTextGenerated, text, i) || strings.ContainsRune(invisible, char) {
			continue
		}
		blank := unicode.IsSpace(char) && !e.ok(fnTextMapError, text, i)
		if !e.ok(fnTextBox, text, i, e.arg(0), e.arg(8), e.arg(16), e.arg(24)) {
			t.Fatalf("page %d: character %d is nowhere", number, i)
		}
		b := e.result(32)
		box := r.view.box(double(b), double(b[16:]), double(b[8:]), double(b[24:]))
		if box[2] < -1 || box[3] < -1 || float64(box[0]) > g.Width+1 || float64(box[1]) > g.Height+1 {
			continue // off the page
		}
		ink := box[0] != box[2] && box[1] != box[3]
		if blank || !ink && (unicode.IsControl(char) || unicode.IsSpace(char)) && !e.ok(fnTextHyphen, text, i) {
			continue
		}
		seen++
		if next := e.call(fnTextObject, text, i); next != object {
			object, size = next, max(r.style(next, i).size, 1)
		}
		p := place{char, int(5 * box[0] / size), int(5 * box[1] / size)}
		if at.near(p) {
			twice++
		}
		at[p] = true
	}
	return seen, twice
}

// invisible are characters without ink that say nothing in text that is in order.
const invisible = "\uFEFF\u200B\u202A\u202B\u202C\u202D\u202E\u2066\u2067\u2068\u2069\uFFFE\uFFFF"

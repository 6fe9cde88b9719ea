package ocr

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mivaa/mivaa/internal/layout"
)

// letter is a page of several sizes, with a list and a paragraph.
func letter(t testing.TB) *paper {
	p := newPaper(t, 595, 842)
	p.write(72, 100, 24, "Annual Report")
	for i, line := range []string{
		"The quick brown fox jumps over the lazy dog while seventeen",
		"clerks write down what each of them has seen on that day. No",
		"page is lost, and none is recorded twice.",
	} {
		p.write(72, 140+15*float64(i), 12, line)
	}
	p.write(72, 210, 16, "Results")
	p.write(72, 235, 12, "Revenue grew by 12% to 3,451 euros.")
	return p
}

func TestScan(t *testing.T) {
	t.Parallel()
	e := installedOrSkip(t)
	d := openBytes(t, newPool(t), scan(page{paper: letter(t)}))
	pages, err := readAll(t.Context(), d, e.Reader(Auto, ""))
	if err != nil || len(pages) != 1 {
		t.Fatal(len(pages), err)
	}
	p := pages[0]
	want := "Annual Report\nThe quick brown fox jumps over the lazy dog while seventeen\nclerks write down what each of them has seen on that day. No\n" +
		"page is lost, and none is recorded twice.\nResults\nRevenue grew by 12% to 3,451 euros.\n"
	if diff := cmp.Diff(want, p.Text); diff != "" {
		t.Error(diff)
	}
	if p.OCR == nil || p.OCR.Status != layout.OCROK || p.OCR.Engine != Name || p.OCR.Languages != "eng" || p.OCR.Version != e.Version() || p.OCR.Confidence < 60 {
		t.Errorf("ocr %+v", p.OCR)
	}
	if p.NeedsOCR || len(p.Images) != 1 || p.Width != 595 {
		t.Errorf("page %+v", p)
	}
	// Where the words stand, and how large they are.
	for _, l := range p.Lines {
		t.Logf("%q at %v base %v size %v", p.Text[l.Start:l.End], l.Box, l.Base, l.Runs[0].Size)
	}
	first := p.Lines[0]
	if size := first.Runs[0].Size; size < 22 || size > 26 || first.Base < 97 || first.Base > 103 || first.Box[0] < 70 || first.Box[0] > 76 {
		t.Errorf("the title is of size %v at %v", size, first.Box)
	}
	if size := p.Lines[1].Runs[0].Size; size < 11 || size > 13.5 {
		t.Errorf("the text is of size %v", size)
	}
	var profiler layout.Profiler
	profiler.Add(p)
	md := layout.Markdown(p, profiler.Profile(), layout.Style{})
	if !strings.HasPrefix(md, "# Annual Report\n") || !strings.Contains(md, "# Results\n") || !strings.Contains(md, "on that day. No page is lost") {
		t.Errorf("Markdown:\n%s", md)
	}
	again, err := readAll(t.Context(), d, e.Reader(Auto, ""))
	if err != nil || !bytes.Equal(again[0].Encode(), p.Encode()) {
		t.Errorf("read again: %v\n%s\n%s", err, again[0].Encode(), p.Encode())
	}
}

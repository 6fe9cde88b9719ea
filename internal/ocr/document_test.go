package ocr

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/internal/layout"
)

func hidden(n int) []string {
	return []string{fmt.Sprintf("The text of page %d lies hidden under its picture,", n), "put there by the program that scanned it."}
}

// Pages that are recognised and pages that are not come in order, each as it
// ought to.
func TestPagesInOrder(t *testing.T) {
	t.Parallel()
	empty := newPaper(t, 59.5, 84.2)
	var pages []page
	for n := 1; n <= 12; n++ {
		if n%3 == 0 {
			pages = append(pages, page{paper: empty})
		} else {
			pages = append(pages, page{paper: empty, hidden: hidden(n)})
		}
	}
	d := openBytes(t, newPool(t), scan(pages...))
	e := newFake(t, fakeGood, Config{AtOnce: 3})
	read, err := readAll(t.Context(), d, e.Reader(Auto, ""))
	if err != nil || len(read) != len(pages) {
		t.Fatal(len(read), err)
	}
	for i, p := range read {
		want := strings.Join(hidden(i+1), "\n") + "\n"
		if (i+1)%3 == 0 {
			want = "Hello world\n"
		}
		if p.Number != i+1 || p.Text != want || (p.OCR != nil) != ((i+1)%3 == 0) || p.NeedsOCR {
			t.Errorf("page %d: %q %+v", p.Number, p.Text, p.OCR)
		}
	}
	all, err := readAll(t.Context(), d, e.Reader(Force, ""))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if p.Text != "Hello world\n" {
			t.Errorf("page %d, forced: %q", p.Number, p.Text)
		}
	}
	none, err := readAll(t.Context(), d, e.Reader(Off, ""))
	if err != nil || none[2].Text != "" || !none[2].NeedsOCR || none[2].OCR != nil {
		t.Errorf("page 3, off: %+v, %v", none[2], err)
	}
}

// One page's failure is that page's.
func TestOneOfThemFails(t *testing.T) {
	t.Parallel()
	d := openBytes(t, newPool(t), scan(page{paper: newPaper(t, 59.5, 84.2)}, page{hidden: hidden(2)}))
	read, err := readAll(t.Context(), d, newFake(t, fakeCrash, Config{}).Reader(Auto, ""))
	if err != nil || len(read) != 2 {
		t.Fatal(len(read), err)
	}
	if p := read[0]; p.Status != layout.StatusOK || !p.NeedsOCR || p.OCR.Code != CodeCrashed {
		t.Errorf("page %+v", p)
	}
	if p := read[1]; p.Text == "" || p.OCR != nil {
		t.Errorf("page %+v", p)
	}
}

// The reading ends when it is told to, in the middle of a page.
func TestReadingStops(t *testing.T) {
	t.Parallel()
	d := openBytes(t, newPool(t), scan(page{hidden: hidden(1)}, page{paper: newPaper(t, 59.5, 84.2)}, page{hidden: hidden(3)}))
	stopping := errors.New("the worker stops")
	ctx, stop := context.WithCancelCause(t.Context())
	defer stop(nil)
	read := 0
	for p, err := range d.Pages(ctx, []int{1, 2, 3}, newFake(t, fakeHang, Config{}).Reader(Auto, "")) {
		if err != nil {
			if !errors.Is(err, stopping) {
				t.Errorf("error %v", err)
			}
			break
		}
		if read++; p.Number != 1 {
			t.Errorf("page %d", p.Number)
		}
		stop(stopping)
	}
	if read != 1 {
		t.Errorf("%d pages", read)
	}
}

// A picture is a document, whose words the real Tesseract reads.
func TestPicture(t *testing.T) {
	t.Parallel()
	e := installedOrSkip(t)
	var b bytes.Buffer
	if err := png.Encode(&b, letter(t).Gray); err != nil {
		t.Fatal(err)
	}
	read, err := readAll(t.Context(), openBytes(t, newPool(t), b.Bytes()), e.Reader(Auto, "eng"))
	if err != nil || len(read) != 1 {
		t.Fatal(len(read), err)
	}
	if p := read[0]; !strings.Contains(p.Text, "quick brown fox") || p.OCR.Status != layout.OCROK || len(p.Images) != 1 {
		t.Errorf("%q %+v", p.Text, p.OCR)
	}
}

// What recognised the page before has done it, however few words it has found.
func TestHiddenText(t *testing.T) {
	t.Parallel()
	empty := newPaper(t, 59.5, 84.2)
	d := openBytes(t, newPool(t), scan(page{paper: empty, hidden: []string{"Contents"}}, page{paper: empty}))
	read, err := readAll(t.Context(), d, newFake(t, fakeGood, Config{}).Reader(Auto, ""))
	if err != nil || len(read) != 2 {
		t.Fatal(len(read), err)
	}
	if read[0].Text != "Contents\n" || read[0].OCR != nil || read[0].NeedsOCR || read[1].OCR == nil {
		t.Errorf("%+v\n%+v", read[0], read[1])
	}
}

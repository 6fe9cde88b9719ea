package ocr

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"strings"
	"testing"
	"time"

	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/pdf"
)

// picture is a page of 200 by 100 points that somebody drew.
func picture(context.Context, int, int) (pdf.Picture, error) {
	const w, h = 400, 200
	var b bytes.Buffer
	err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, w, h)), nil)
	return pdf.Picture{MediaType: pdf.JPEG, Width: w, Height: h, Data: b.Bytes()}, err
}

// blank is a page that is a picture, with a few words of its own.
func blank() layout.Page {
	return layout.Page{
		Version: layout.Version, Number: 3, Label: "iii", Status: layout.StatusOK, Width: 200, Height: 100, NeedsOCR: true,
		Text: "own\n", Fonts: []layout.Font{{Name: "F"}}, Images: []layout.Box{{0, 0, 200, 100}}, Links: []layout.Link{{URI: "https://example.org"}},
		Lines:  []layout.Line{{End: 3, Runs: []layout.Run{{End: 3, Size: 10}}}},
		Blocks: []layout.Block{{Kind: layout.BlockParagraph}},
	}
}

func TestRecognise(t *testing.T) {
	t.Parallel()
	for _, how := range []string{fakeGood, fakeOnce} {
		var told []string
		e := newFake(t, how, Config{Recognised: func(_ time.Duration, code string) { told = append(told, code) }})
		p, err := e.Reader(Auto, "deu").Recognise(t.Context(), blank(), picture)
		if err != nil {
			t.Fatal(err)
		}
		if p.Text != "Hello world\n" || p.Number != 3 || p.Label != "iii" || p.NeedsOCR || len(p.Images) != 1 || len(p.Links) != 1 {
			t.Errorf("one that %s: page %+v", how, p)
		}
		want := layout.OCR{Status: layout.OCROK, Engine: Name, Version: "5.9.9-rc1", Languages: "deu", Confidence: 85}
		if *p.OCR != want {
			t.Errorf("one that %s: %+v", how, *p.OCR)
		}
		if box := p.Lines[0].Box; box != (layout.Box{5, 5, 47.5, 11}) { // half a point a pixel
			t.Errorf("the line is at %v", box)
		}
		if len(told) != 1 || told[0] != "" {
			t.Errorf("told %q", told)
		}
		if q, err := layout.Decode(p.Encode()); err != nil || *q.OCR != want {
			t.Errorf("decoded: %v", err)
		}
	}
}

// Whatever happens, the page stays as it was read, and says why.
func TestMisbehaving(t *testing.T) {
	t.Parallel()
	for how, want := range map[string]string{
		fakeCrash: CodeCrashed, fakeHang: CodeTimeout, fakeFlood: CodeOutput, fakeNoise: CodeOutput, fakeSwell: CodeMemory,
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			c := Config{Memory: 400 << 20, Timeout: time.Minute}
			if how == fakeHang {
				c.Timeout = 300 * time.Millisecond
			}
			if how == fakeSwell && !knowsMemory() {
				t.Skip("SKIPPED: how much memory a process has is not known on this system")
			}
			told := ""
			c.Recognised = func(_ time.Duration, code string) { told = code }
			e := newFake(t, how, Config{Recognised: c.Recognised})
			e.config.Timeout, e.config.Memory = c.Timeout, c.Memory // once it has introduced itself
			p, err := e.Reader(Auto, "").Recognise(t.Context(), blank(), picture)
			if err != nil {
				t.Fatal(err)
			}
			if p.OCR == nil || p.OCR.Status != layout.OCRFailed || p.OCR.Code != want || p.OCR.Error == "" || told != want {
				t.Errorf("ocr %+v, told %q, want %s", p.OCR, told, want)
			}
			if p.Text != "own\n" || !p.NeedsOCR || p.Status != layout.StatusOK {
				t.Errorf("page %+v", p)
			}
			if how == fakeCrash && !strings.HasSuffix(p.OCR.Error, "last words") {
				t.Errorf("error %q", p.OCR.Error)
			}
			if !Auto.Needed(&p) || !Force.Needed(&p) {
				t.Error("the page does not need it any more")
			}
		})
	}
}

func TestNothingSeen(t *testing.T) {
	t.Parallel()
	p, err := newFake(t, fakeBlank, Config{}).Reader(Auto, "").Recognise(t.Context(), blank(), picture)
	if err != nil || p.OCR.Status != layout.OCREmpty || p.Text != "own\n" || p.NeedsOCR || p.OCR.Code != "" {
		t.Errorf("page %+v, ocr %+v, %v", p, p.OCR, err)
	}
}

func TestLanguagesLacking(t *testing.T) {
	t.Parallel()
	p, err := newFake(t, fakeGood, Config{}).Reader(Force, "fra").Recognise(t.Context(), blank(), picture)
	if err != nil || p.OCR.Code != CodeLanguages || p.OCR.Languages != "fra" || p.Text != "own\n" {
		t.Errorf("ocr %+v, %v", p.OCR, err)
	}
}

// A page that cannot be drawn is its own fault; a source that cannot be read is
// the end of the reading.
func TestNotDrawn(t *testing.T) {
	t.Parallel()
	r := newFake(t, fakeGood, Config{}).Reader(Auto, "")
	failing := func(err error) pdf.DrawFunc {
		return func(context.Context, int, int) (pdf.Picture, error) { return pdf.Picture{}, err }
	}
	p, err := r.Recognise(t.Context(), blank(), failing(&pdf.Error{Code: pdf.CodeOutOfMemory, Err: errors.New("too much")}))
	if err != nil || p.OCR.Code != CodePicture || p.OCR.Error != "too much" {
		t.Errorf("ocr %+v, %v", p.OCR, err)
	}
	for _, want := range []error{&pdf.Error{Code: pdf.CodeInternal, Err: errors.New("disk")}, pdf.ErrClosed} {
		if _, err := r.Recognise(t.Context(), blank(), failing(want)); !errors.Is(err, want) {
			t.Errorf("error %v, want %v", err, want)
		}
	}
}

func TestWants(t *testing.T) {
	t.Parallel()
	e := newFake(t, fakeGood, Config{AtOnce: 3})
	scan, text, failed := blank(), blank(), layout.Failed(1, "page_timeout", "late")
	text.NeedsOCR = false
	for _, c := range []struct {
		mode               Mode
		scan, text, failed bool
	}{{Auto, true, false, false}, {Off, false, false, false}, {Force, true, true, false}} {
		r := e.Reader(c.mode, "")
		if r.Wants(&scan) != c.scan || r.Wants(&text) != c.text || r.Wants(&failed) != c.failed {
			t.Errorf("%s wants a scan: %v, text: %v, a failed page: %v", c.mode, r.Wants(&scan), r.Wants(&text), r.Wants(&failed))
		}
		if r.AtOnce() != 3 {
			t.Errorf("%d at once", r.AtOnce())
		}
	}
	garbage, seen := text, scan
	garbage.Garbage, seen.OCR = true, &layout.OCR{Status: layout.OCREmpty}
	if !Auto.Needed(&garbage) || Force.Needed(&seen) {
		t.Error("text that is garbage needs it; a page on which nothing was seen does not, any more")
	}
	if !Off.Needed(&scan) || Off.Needed(&text) {
		t.Error("a scan needs it, whether or not it is had")
	}
}

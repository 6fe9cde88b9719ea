package extract

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/ocr"
	"github.com/mivaa/mivaa/jobs"
)

// pageGlyphs are the words of a page that was recognised.
func pageGlyphs(int) []layout.Glyph {
	var s setter
	s.line(10, "Words that were recognised")
	return s.glyphs
}

// factsOf are those of a document in the store.
func (e *env) factsOf(id jobs.ID) Facts {
	e.Helper()
	d, err := e.docs.Get(e.Context(), id)
	e.ok(err)
	f, err := FactsOf(d)
	e.ok(err)
	return f
}

// Without anything to recognise them with, the job completes and its document
// names the pages that are pictures.
func TestScansAreNamed(t *testing.T) {
	t.Parallel()
	for _, mode := range []ocr.Mode{"", ocr.Off} {
		e := newEnv(t)
		s := e.submit(spec{Pages: 8, Scans: []int{2, 3, 7}}, Options{OCR: mode})
		e.run()
		want := &OCRFacts{Mode: Recognition{}.mode(Options{OCR: mode}), Needed: "2-3,7"}
		if diff := cmp.Diff(want, e.factsOf(s.Document.ID).OCR); diff != "" {
			t.Error(diff)
		}
		text, sum := e.read(s.Document.ID, as(JSON))
		var got struct {
			OCR   OCRFacts `json:"ocr"`
			Pages []struct {
				NeedsOCR bool `json:"needs_ocr"`
			} `json:"pages"`
		}
		e.ok(json.Unmarshal([]byte(text), &got))
		if sum.NeedsOCR != "2-3,7" || got.OCR.Needed != "2-3,7" || !got.Pages[1].NeedsOCR || got.Pages[0].NeedsOCR || sum.Partial {
			t.Errorf("summary %+v, JSON %+v", sum, got)
		}
	}
	e := newEnv(t)
	s := e.submit(spec{Pages: 2}, Options{})
	e.run()
	if got := e.factsOf(s.Document.ID).OCR; got != nil {
		t.Errorf("of a document without scans: %+v", got)
	}
}

func TestRecognisedPages(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	sheet := spec{Pages: 6, Scans: []int{2, 3, 5}, Recognised: []int{2, 5}}
	s := e.submit(sheet, Options{})
	e.run()
	want := &OCRFacts{Mode: ocr.Auto, Engine: ocr.Name, Version: "5", Languages: "eng", Recognised: 2, Failed: "3", Needed: "3"}
	if diff := cmp.Diff(want, e.factsOf(s.Document.ID).OCR); diff != "" {
		t.Error(diff)
	}
	if n, f := e.extractor.Stats.PagesRecognised.Load(), e.extractor.Stats.PagesUnrecognised.Load(); n != 2 || f != 1 {
		t.Errorf("counted %d and %d", n, f)
	}
	if text, _ := e.read(s.Document.ID); strings.Count(text, "Words that were recognised") != 2 {
		t.Errorf("Markdown:\n%s", text)
	}
	page, err := e.results.Page(t.Context(), s.Document.ID, 3)
	e.ok(err)
	if !page.NeedsOCR || page.OCR == nil || page.OCR.Code != ocr.CodeCrashed || page.Status != layout.StatusOK {
		t.Errorf("page 3: %+v", page.PageInfo)
	}

	// An attempt that finds some of the pages recorded comes to the same.
	sheet.Salt = "again"
	s = e.submit(sheet, Options{})
	a := e.attempt()
	e.breakOff(a, 4, "stop", nil)
	err = e.extractor.handle(t.Context(), a)
	a.end(err)
	if !errors.Is(err, jobs.ErrStopping) || a.done == 0 {
		t.Fatalf("%d pages recorded, %v", a.done, err)
	}
	e.engine.before = nil
	e.run()
	if diff := cmp.Diff(want, e.factsOf(s.Document.ID).OCR); diff != "" {
		t.Error(diff)
	}
}

// A document that is read again keeps what is known of its content until it has
// another, and what is not so any more goes then.
func TestReadAgainKeepsWhatNeedsOCR(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	s := e.submit(spec{Pages: 4, Scans: []int{2}}, Options{})
	e.run()
	want := &OCRFacts{Mode: ocr.Auto, Needed: "2"}
	_, err := e.docs.Reprocess(t.Context(), s.Document.ID, documents.Reprocess{})
	e.ok(err)
	looked := 0
	e.engine.before = func(context.Context, int) error {
		looked++
		if diff := cmp.Diff(want, e.factsOf(s.Document.ID).OCR); diff != "" {
			t.Error(diff)
		}
		return nil
	}
	e.run()
	if diff := cmp.Diff(want, e.factsOf(s.Document.ID).OCR); diff != "" || looked == 0 {
		t.Error(diff, looked)
	}

	s = e.submit(spec{Pages: 2}, Options{})
	a := e.attempt()
	e.engine.before = func(context.Context, int) error { // as if another reading had left it
		e.ok(e.docs.SetFacts(t.Context(), a.job.Fence(), []byte(`{"page_count":2,"ocr":{"mode":"auto","needs_ocr":"1"}}`)))
		return errors.New("it broke")
	}
	a.end(e.extractor.handle(t.Context(), a))
	e.engine.before = nil
	e.run()
	if got := e.factsOf(s.Document.ID); got.OCR != nil || got.OutlinePending {
		t.Errorf("of a document without scans: %+v", got)
	}
}

// What is recognised changes what is recorded: it is another document.
func TestOCROptions(t *testing.T) {
	t.Parallel()
	records := map[string]Options{}
	for _, o := range []Options{{}, {OCR: ocr.Auto}, {OCR: ocr.Off}, {OCR: ocr.Force}, {OCRLanguages: "deu"}, {OCR: ocr.Force, OCRLanguages: "deu+eng"}} {
		var sub documents.Submission
		if err := o.Apply(&sub); err != nil {
			t.Fatal(err)
		}
		if other, taken := records[sub.RecordOptions]; taken {
			t.Errorf("%+v and %+v are both %q", o, other, sub.RecordOptions)
		}
		records[sub.RecordOptions] = o
	}
	if _, known := records["pages="]; !known {
		t.Error("documents that were uploaded before this was there are not found any more")
	}
	if o, err := (Options{OCRLanguages: " deu, eng deu "}).Normal(); err != nil || o.OCRLanguages != "deu+eng" {
		t.Errorf("%+v, %v", o, err)
	}
	for _, bad := range []Options{{OCR: "yes"}, {OCRLanguages: "--psm"}} {
		if _, err := bad.Normal(); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}

func TestRecognitionOf(t *testing.T) {
	t.Parallel()
	if r := (Recognition{}).of(Options{OCR: ocr.Force}); r != nil {
		t.Errorf("without an engine: %v", r)
	}
	for _, c := range []struct {
		of   Recognition
		o    Options
		want ocr.Mode
	}{{Recognition{}, Options{}, ocr.Auto}, {Recognition{Mode: ocr.Off}, Options{}, ocr.Off}, {Recognition{Mode: ocr.Off}, Options{OCR: ocr.Force}, ocr.Force}} {
		if got := c.of.mode(c.o); got != c.want {
			t.Errorf("%+v and %+v are %s, want %s", c.of, c.o, got, c.want)
		}
	}
}

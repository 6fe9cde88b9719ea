package extract

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs"
)

func (e *env) foundIn(id jobs.ID) *Found {
	e.Helper()
	d, err := e.docs.Get(e.Context(), id)
	e.ok(err)
	f, err := FoundIn(d)
	e.ok(err)
	return f
}

// TestFound: a complete document says how many tables it has and which of its
// pages are not to be relied on, also after an attempt that read some of them.
func TestFound(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	sheet := spec{Pages: 8, Garbage: []int{2, 3, 8}, Stream: []int{5}}
	want := &Found{Tables: 4, // on the even pages
		Garbage: "2-3,8", Stream: "5"}
	s := e.submit(sheet, Options{})
	if got := e.foundIn(s.Document.ID); got != nil {
		t.Errorf("before it was read: %+v", got)
	}
	e.run()
	if diff := cmp.Diff(want, e.foundIn(s.Document.ID)); diff != "" {
		t.Error(diff)
	}

	sheet.Salt = "again"
	s = e.submit(sheet, Options{})
	a := e.attempt()
	e.breakOff(a, 4, "stop", nil)
	err := e.extractor.handle(t.Context(), a)
	a.end(err)
	if !errors.Is(err, jobs.ErrStopping) || a.done == 0 {
		t.Fatalf("%d pages recorded, %v", a.done, err)
	}
	e.engine.before = nil
	e.run()
	if diff := cmp.Diff(want, e.foundIn(s.Document.ID)); diff != "" {
		t.Error(diff)
	}

	if got, err := FoundIn(documents.Document{Profile: []byte(`{"v":1,"pages":1,"body_size":11}`)}); got != nil || err != nil {
		t.Errorf("of a program that did not look: %+v, %v", got, err)
	}
}

// TestPagesOf reads what was written, also where nobody may ask for so much.
func TestPagesOf(t *testing.T) {
	t.Parallel()
	var all Pages
	for n := 1; n < 20_000; n += 2 {
		all = all.with(n)
	}
	if got := PagesOf(all.String()); got.Count() != 10_000 || !got.Contains(19_999) || got.Contains(2) {
		t.Errorf("%d pages", got.Count())
	}
	if got := PagesOf("3,7-9"); got.Count() != 4 {
		t.Errorf("%d pages", got.Count())
	}
	if got := PagesOf("x"); got != nil {
		t.Errorf("got %v", got)
	}
}

package dashboard

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/ocr"
	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
)

// remarked is a document of three pages: the first is fine, the second garbage,
// the third in the order of the file.
func (e *env) remarked(o *extract.OCRFacts, profile string) jobs.Job {
	e.Helper()
	j := e.claim(e.upload(jobs.NewID().String() + ".pdf").ID)
	facts, err := json.Marshal(extract.Facts{Info: pdf.Info{PageCount: 3}, SelectedPages: 3, OCR: o})
	e.ok(err)
	e.ok(e.docs.SetFacts(e.Context(), j.Fence(), facts))
	for n := 1; n <= 3; n++ {
		p := record(n, "Text.")
		p.Garbage = n == 2
		if n == 3 {
			p.Order = layout.OrderStream
		}
		e.ok(e.store.Checkpoint(e.Context(), j.Fence(), 3, jobs.Step{Seq: n, Data: p.Encode()}))
	}
	e.ok(e.docs.Publish(e.Context(), j.Fence(), json.RawMessage(profile)))
	return e.finish(j, jobs.Outcome{Status: jobs.Completed})
}

const remarkable = `{"v":1,"pages":3,"body_size":11,"found":{"tables":1,"garbage":"2","order_stream":"1,3,5-7"}}`

// TestRemarksOfDocument: what is not simply the text of the pages is counted on
// the pages of the document and of the job, named as the JSON names it, and says
// what to do.
func TestRemarksOfDocument(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	j := e.remarked(&extract.OCRFacts{Mode: ocr.Off, Engine: "tesseract", Version: "5.3.0", Languages: "eng", Recognised: 4, Failed: "9", Needed: "2,9-11"}, remarkable)
	document := "/documents/" + j.DocumentID.String()
	for _, page := range []string{document, "/jobs/" + j.ID.String()} {
		e.contains(e.page(page),
			"<b>4 pages recognised</b> <code>ocr</code>", "tesseract 5.3.0, eng", "<b>1 page not recognised</b>", "tries once more",
			"<b>4 pages without the text that stands on them</b> <code>needs_ocr</code>", "OCR on auto",
			"<b>1 page with text that is garbage</b> <code>garbage</code>", "<b>5 pages in the order of the file</b> <code>order: stream</code>",
			`<a href="`+document+`/pages/5">5–7</a>`, "compare it with the page")
	}
}

// TestRemarksOfNothing: a document without any, one of a program that did not
// look, and a job whose pages are not the content any more, have none.
func TestRemarksOfNothing(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, profile := range []string{`{"v":1,"pages":3,"body_size":11,"found":{"tables":0}}`, `{"v":1,"pages":3,"body_size":11}`} {
		j := e.remarked(nil, profile)
		for _, page := range []string{"/documents/" + j.DocumentID.String(), "/jobs/" + j.ID.String()} {
			if strings.Contains(e.page(page), `class="remarks"`) {
				t.Errorf("%s has remarks for %s", page, profile)
			}
		}
	}
	old := e.remarked(nil, remarkable)
	e.form("/documents/" + old.DocumentID.String() + "/reprocess")
	list, err := e.store.List(t.Context(), jobs.Filter{DocumentID: old.DocumentID, Status: jobs.Pending, Limit: 1})
	e.ok(err)
	e.process(list[0].ID, 1, 1)
	if strings.Contains(e.page("/jobs/"+old.ID.String()), `class="remarks"`) {
		t.Error("a job tells of pages that another one read")
	}
}

// TestRemarksOnPage: the page itself says so too.
func TestRemarksOnPage(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	base := "/documents/" + e.remarked(nil, remarkable).DocumentID.String() + "/pages/"
	for n, wants := range map[int][]string{
		2: {"The text of this page is garbage.", "Where the service finds Tesseract", "<code>garbage</code>"},
		3: {"Nothing is missing: compare it with the page", "<code>order: stream</code>"},
	} {
		e.contains(e.page(base+strconv.Itoa(n)), wants...)
	}
	if strings.Contains(e.page(base+"1"), "hint-card") {
		t.Error("a page that is fine has a remark")
	}
	how := &layout.OCR{Status: layout.OCREmpty, Engine: "tesseract"}
	if got := remarksOn(extract.PageInfo{Garbage: true, OCR: how}, ocr.Auto); len(got) != 2 || !strings.Contains(got[1].Text, "go by the picture") {
		t.Errorf("garbage on whose picture nothing was recognised: %+v", got)
	}
}

// TestRemarksComeLive: who looks at a document while it is read sees, when that
// is done, what there is to say of its pages, and what it can be had as.
func TestRemarksComeLive(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	j := e.process(e.upload("live.pdf").ID, 3, 1)
	e.contains(e.page("/documents/"+j.DocumentID.String()), `<div id="remarks" data-live></div>`, `<div id="downloads" data-live>`)
}

// TestForcedPagesHaveTheirText: pages that were to be recognised whatever text
// they have are not said to be without it.
func TestForcedPagesHaveTheirText(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	j := e.remarked(&extract.OCRFacts{Mode: ocr.Force, Needed: "1-3"}, remarkable)
	page := e.page("/documents/" + j.DocumentID.String())
	e.contains(page, "<b>3 pages not recognised, though that was asked for</b> <code>ocr</code>", "The text is what the file says.")
	if strings.Contains(page, "without the text") {
		t.Error("pages with text are said to be without it")
	}
}

package dashboard

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
)

// A page says where its text comes from, or why it has none.
func TestPageTellsOfOCR(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	how := layout.OCR{Engine: "tesseract", Version: "5.3.0", Languages: "eng+deu", Confidence: 87}
	read, scan := record(1, "Recognised."), record(2, "Own.")
	scan.NeedsOCR = true
	ok, empty := how, how
	ok.Status, empty.Status = layout.OCROK, layout.OCREmpty
	read.OCR = &ok
	failed := layout.Unrecognised(scan, how, "ocr_timeout", "not done <after> 1m0s")
	seen := record(3, "Own.")
	seen.OCR = &empty
	bare := record(4, "Own.")
	bare.NeedsOCR = true

	j := e.claim(e.upload("scan.pdf").ID)
	facts, err := json.Marshal(extract.Facts{Info: pdf.Info{PageCount: 4}, SelectedPages: 4})
	e.ok(err)
	e.ok(e.docs.SetFacts(t.Context(), j.Fence(), facts))
	for i, p := range []layout.Page{read, failed, seen, bare} {
		e.ok(e.store.Checkpoint(t.Context(), j.Fence(), 4, jobs.Step{Seq: i + 1, Data: p.Encode()}))
	}
	for n, wants := range map[int][]string{
		1: {"recognised from the page&#39;s picture", "tesseract 5.3.0, eng&#43;deu, 87% sure"},
		2: {"not recognised: not done &lt;after&gt; 1m0s (ocr_timeout)"},
		3: {"Nothing was recognised"},
		4: {"not recognised. Where the service finds Tesseract"},
	} {
		e.contains(e.page("/documents/"+j.DocumentID.String()+"/pages/"+strconv.Itoa(n)), wants...)
	}
}

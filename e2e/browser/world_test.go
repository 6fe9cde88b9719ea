package browser

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"
)

// world is a service with jobs of every kind, as its pages show them.
type world struct {
	*service
	long, report, broken, waiting job
}

// address is where one of the service's pages is.
type address struct{ name, path string }

// furnish starts a service and gives it a past: documents that were read, one
// that was interrupted by a crash and went on, one that failed, one that was
// cancelled.
func furnish(t testing.TB) *world {
	t.Helper()
	s := serve(t, "--workers", "1")
	w := &world{service: s}
	w.report = s.upload("filename=work-that-survives.pdf&title=Work+That+Survives&tags=manual,2026", samplePDF(t))
	s.until(w.report.JobID, "completed", completed)
	for i := range 4 {
		j := s.upload(fmt.Sprintf("filename=invoice-2026-%02d.pdf&owner=billing", i+1), longPDF(2+3*i, fmt.Sprintf("invoice %d", i+1)))
		s.until(j.JobID, "completed", completed)
	}
	w.broken = s.upload("filename=damaged-scan.pdf", []byte("%PDF-1.7\nthis is all that is left of it\n%%EOF\n"))
	s.until(w.broken.JobID, "failed", func(now job) bool { return now.Status == "failed" })
	w.long = s.upload("filename=annual-report.pdf&owner=finance", longPDF(2500, "the annual report"))
	s.until(w.long.JobID, "some pages", func(now job) bool { return now.StepsDone > 100 })
	s.kill()
	s.start()
	s.until(w.long.JobID, "running again", func(now job) bool { return now.Status == "processing" || now.Status == "completed" })
	w.waiting = s.upload("filename=handbook.pdf", longPDF(4000, "the handbook"))
	s.call(http.MethodPost, "/api/rag/jobs/"+w.waiting.JobID+"/cancel", bytes.NewReader(nil), nil)
	s.until(w.long.JobID, "completed", completed)
	return w
}

// pages are the service's pages, each with a name for its picture.
func (w *world) pages() []address {
	report := "/documents/" + w.report.DocumentID
	return []address{
		{"jobs", "/"},
		{"", "/?q=status:failed"},
		{"", "/?q=nothing+matches+this"},
		{"job", "/jobs/" + w.long.JobID},
		{"", "/jobs/" + w.report.JobID},
		{"", "/jobs/" + w.broken.JobID},
		{"", "/jobs/" + w.waiting.JobID},
		{"review", "/review"},
		{"", "/documents"},
		{"document", report},
		{"", report + "/delete"},
		{"page", report + "/pages/1"},
		{"", report + "/pages/2?as=markdown"},
		{"", "/documents/" + w.broken.DocumentID},
		{"chunks", report + "/chunks"},
		{"instances", "/instances"},
		{"figures", "/figures?span=hour"},
		{"", "/figures?span=week"},
		{"", "/docs"},
		{"", "/login"},
		{"", "/no-such-page"},
		{"", "/documents/00000000-0000-4000-8000-000000000000"},
	}
}

// settle waits until the page is as a person sees it: pictures there, and live
// if it can be.
func (b *tab) settle() {
	b.t.Helper()
	b.until("the page is loaded", "document.readyState == 'complete'")
	b.until("its pictures", "[...document.images].filter((i) => i.getBoundingClientRect().top < innerHeight).every((i) => i.complete && i.naturalWidth)")
	b.until("it is live", "!document.body.dataset.events || document.querySelector('#live').dataset.state == 'live'")
}

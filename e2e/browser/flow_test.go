package browser

import (
	"strings"
	"testing"
)

// untouched marks the page, and returns an expression that is true as long as
// it has not been loaded again.
func (b *tab) untouched() string {
	b.t.Helper()
	ask[bool](b, "window.untouched = true")
	return "window.untouched"
}

// A person submits a document and sees it read to its end, without touching the
// page again.
func TestSubmitAndWatch(t *testing.T) {
	s := serve(t)
	b := open(t, light)
	b.visit(s.url("/"))
	if text := b.text(); !strings.Contains(text, "No job yet") {
		t.Errorf("an empty list says: %s", text)
	}
	b.choose("input[type=file]", write(t, "watched.pdf", longPDF(1500, "the watched")))
	b.click("form.upload button.main")
	b.until("the page of the job", "location.pathname.startsWith('/jobs/')")
	same := b.untouched()
	b.until("it is live", "document.querySelector('#live')?.dataset.state == 'live'")
	b.until("pages come in", same+" && /\\d+ of 1,?500/.test(document.body.innerText)")
	b.until("its end", same+" && document.querySelector('.chip.is-completed')")
	b.check(s)
}

// A PDF that is dropped anywhere is submitted.
func TestDrop(t *testing.T) {
	s := serve(t)
	b := open(t, light)
	b.visit(s.url("/figures"))
	ask[bool](b, `(async () => {
		const file = new File([Uint8Array.from(atob("`+base64Of(samplePDF(t))+`"), (c) => c.charCodeAt(0))], "dropped.pdf", { type: "application/pdf" });
		const data = new DataTransfer();
		data.items.add(file);
		for (const kind of ["dragenter", "dragover", "drop"]) {
			document.body.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: data }));
		}
		return true;
	})()`)
	b.until("the page of the job", "location.pathname.startsWith('/jobs/')")
	b.until("its end", "document.querySelector('.chip.is-completed') && document.body.innerText.includes('dropped.pdf')")
	b.check(s)
}

// When the service dies the page says so; when it is back the page goes on by
// itself, with what happened meanwhile.
func TestServiceDiesUnderThePage(t *testing.T) {
	s := serve(t)
	b := open(t, light)
	b.visit(s.url("/"))
	same := b.untouched()
	b.until("it is live", "document.querySelector('#live')?.dataset.state == 'live'")
	s.kill()
	b.until("it says that the service is away", same+" && document.querySelector('#reach').innerText.includes('not reachable')")
	s.start()
	s.upload("filename=meanwhile.pdf", samplePDF(t))
	b.until("it is live again", same+" && document.querySelector('#live').dataset.state == 'live' && !document.querySelector('#reach').innerText")
	b.until("it shows what happened", same+" && document.querySelector('#list .chip.is-completed')")
	b.check(s)

	// A page that was asked for meanwhile comes when it can.
	b.visit(s.url("/documents"))
	b.check(s)
}

// Under manual recovery what a crash interrupted waits in Review for a person.
func TestResumeFromReview(t *testing.T) {
	s := serve(t, "--recovery", "manual")
	j := s.upload("filename=long.pdf", longPDF(3000, "the long"))
	s.until(j.JobID, "some pages", func(now job) bool { return now.StepsDone > 0 })
	s.kill()
	s.start()
	now := s.until(j.JobID, "interrupted", func(now job) bool { return now.Status == "interrupted" })
	if now.StepsDone == 0 || now.StepsDone == 3000 {
		t.Fatalf("interrupted at page %d", now.StepsDone)
	}
	b := open(t, light)
	b.visit(s.url("/review"))
	if text := b.text(); !strings.Contains(text, "1 job") || !strings.Contains(text, "its process died") {
		t.Errorf("review says: %s", text)
	}
	b.click("#groups .decide a[href^='/bulk']")
	b.click("form[action='/bulk'] button.main")
	s.until(j.JobID, "completed", completed)
	b.visit(s.url("/jobs/" + j.JobID))
	if text := b.text(); !strings.Contains(text, "Attempt 2") {
		t.Errorf("the story says: %s", text)
	}
	b.check(s)
}

// A document is read: its list, its pages, back and forth by keys, text and its
// place on the page pointing at each other, its chunks.
func TestReadDocument(t *testing.T) {
	s := serve(t)
	j := s.upload("filename=sample.pdf", samplePDF(t))
	s.until(j.JobID, "completed", completed)
	b := open(t, light)
	b.visit(s.url("/documents"))
	b.click("#list tbody a")
	b.until("the document", "document.querySelector('h1').innerText == 'sample.pdf'")
	b.click("#cells a")
	b.until("its first page", "location.pathname.endsWith('/pages/1')")
	b.until("the picture of it", "performance.getEntriesByType('resource').some((e) => e.name.includes('/pages/1/image') && e.responseStatus == 200)")
	b.until("text", "document.querySelectorAll('.block').length > 3")
	ask[bool](b, "(document.querySelector('#e2 .kind').focus(), true)")
	b.until("its box", "document.querySelector('#box-e2').classList.contains('lit')")
	ask[bool](b, "(document.activeElement.blur(), true)")
	b.press(arrowRight)
	b.until("the second page", "location.pathname.endsWith('/pages/2') && document.readyState == 'complete'")
	b.press(arrowLeft)
	b.until("the first page again", "location.pathname.endsWith('/pages/1')")
	b.visit(s.url("/documents/" + j.DocumentID + "/chunks?chunk_size=400&chunk_overlap=100"))
	b.until("chunks, and what they repeat", "document.querySelectorAll('.chunk').length > 3 && document.querySelector('.again')")
	b.check(s)
}

// Everything can be done without scripts: submit, cancel, resume, read, pause.
func TestWithoutScripts(t *testing.T) {
	s := serve(t)
	b := open(t, look{width: 1280, height: 860, noScript: true})
	b.visit(s.url("/instances"))
	b.click("form[action='/instances/pause'] button")
	b.until("paused", "document.body.innerText.includes('Paused for a deploy')")

	b.visit(s.url("/"))
	b.choose("input[type=file]", write(t, "plain.pdf", longPDF(3, "the plain")))
	b.click("form.upload button.main")
	b.until("the page of the job", "location.pathname.startsWith('/jobs/')")
	id := ask[string](b, "location.pathname.slice('/jobs/'.length)")
	b.until("it waits", "document.querySelector('.chip.is-pending')")
	b.click("form[action$='/cancel'] button")
	b.until("cancelled", "document.querySelector('.chip.is-cancelled')")
	b.click("form[action$='/resume'] button")
	b.until("it waits again", "document.querySelector('.chip.is-pending')")

	b.visit(s.url("/instances"))
	b.click("form[action='/instances/resume'] button")
	b.until("not paused", "!document.body.innerText.includes('Paused')")
	j := s.until(id, "completed", completed)
	b.visit(s.url("/documents/" + j.DocumentID + "/pages/2"))
	if text := b.text(); !strings.Contains(text, "Line 1 on page 2") {
		t.Errorf("the page says: %s", text)
	}
	b.visit(s.url("/theme?to=dark&back=/"))
	if got := ask[string](b, "document.documentElement.dataset.theme"); got != "dark" {
		t.Errorf("theme %q", got)
	}
	b.check(s)
}

// check fails if a page of the tab did anything wrong, or asked for anything
// that is not the service's own.
func (b *tab) check(s *service) {
	b.t.Helper()
	b.noMistakes()
	for _, url := range b.requests() {
		if !strings.HasPrefix(url, s.url("/")) && !strings.HasPrefix(url, "data:") && !strings.HasPrefix(url, "blob:") {
			b.t.Errorf("a page asked for %s", url)
		}
	}
}

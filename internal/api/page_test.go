package api

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/jobs"
)

func TestPage(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	empty := e.get("/")
	if empty.StatusCode != http.StatusOK || empty.Header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(empty.body, "No job yet") {
		t.Errorf("an empty page: %d %s", empty.StatusCode, empty.body)
	}
	up := e.upload("readable")
	e.process(mustID(e, *up.JobID), 2, 2)
	ids := map[jobs.Status]string{}
	for _, s := range jobs.Statuses() {
		ids[s] = e.in(s).ID.String()
	}
	a := e.get("/")
	for _, want := range []string{
		`<b>6</b><span class="soft">Total`, `<b>2</b><span class="soft">Completed`, up.ContentURL + "?format=markdown",
		`action="/jobs/` + ids[jobs.Failed] + `/retry"`, `action="/jobs/` + ids[jobs.Failed] + `/restart"`,
		`action="/jobs/` + ids[jobs.Interrupted] + `/resume"`, `action="/jobs/` + ids[jobs.Processing] + `/cancel"`,
		`action="/jobs/` + ids[jobs.Pending] + `/cancel"`, "the file is damaged", "Service shutdown or task cancellation", `action="/upload"`,
	} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	if strings.Contains(a.body, `/jobs/`+ids[jobs.Completed]+`/`) || strings.Contains(a.body, "<script") || strings.Contains(a.body, " style=") {
		t.Error("the page has what it should not")
	}
	failed := e.get("/?status=failed")
	if !strings.Contains(failed.body, "Failed jobs") || strings.Contains(failed.body, ids[jobs.Pending]) || !strings.Contains(failed.body, ids[jobs.Failed]) {
		t.Error("the failed jobs are other jobs")
	}
	if bad := e.get("/?status=done"); bad.StatusCode != http.StatusBadRequest || !strings.Contains(bad.body, "not a status") {
		t.Errorf("an unknown status: %d", bad.StatusCode)
	}
	if live := e.get("/?live=1"); !strings.Contains(live.body, `http-equiv="refresh"`) || strings.Contains(live.body, `action="/upload"`) {
		t.Error("the live page does not refresh, or has a form that refreshing would empty")
	}
}

func TestPageParts(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for range jobsOnPage + 3 {
		e.insert("many.pdf")
	}
	a := e.get("/")
	if n := strings.Count(a.body, `id="job-`); n != jobsOnPage {
		t.Errorf("the page has %d jobs", n)
	}
	older := regexp.MustCompile(`href="([^"]*)">Older`).FindStringSubmatch(a.body)
	if older == nil {
		t.Fatal("there is no way to older ones")
	}
	b := e.get(strings.ReplaceAll(older[1], "&amp;", "&"))
	if n := strings.Count(b.body, `id="job-`); n != 3 || strings.Contains(b.body, ">Older") || !strings.Contains(b.body, ">Newest") {
		t.Errorf("the second page has %d jobs", n)
	}
}

// TestPageEscapes: file names, titles and errors come from outside.
func TestPageEscapes(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	hostile := `<script>alert(1)</script>"'><img src=x onerror=alert(1)>{{.}}.pdf`
	title := `</style><svg onload=alert(2)>`
	a := e.uploadForm(hostile, samplePDF("hostile"), "file", "", "title", title)
	id := mustID(e, *read[Accepted](e, a, http.StatusAccepted).JobID)
	e.finish(e.claim(id), jobs.Outcome{Status: jobs.Failed, Error: `<b>bold & "quoted"</b> javascript:alert(3)`, Code: "damaged"})
	page := e.get("/").body
	for _, bad := range []string{"<script>alert", "<img", "<svg", "<b>bold"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	for _, want := range []string{"&lt;svg onload=alert(2)&gt;", "&lt;b&gt;bold &amp; &#34;quoted&#34;", "&lt;img src=x onerror=alert(1)&gt;{{.}}.pdf"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	if bad := e.get("/?status=" + url.QueryEscape(`<script>alert(4)</script>`)); strings.Contains(bad.body, "<script>alert") {
		t.Error("the page repeats a status as it came")
	}
	if a := e.get("/<script>alert(5)</script>"); !strings.HasPrefix(a.Header.Get("Content-Type"), "application/problem+json") {
		t.Errorf("an unknown path is %s", a.Header.Get("Content-Type"))
	}
}

func TestPageForms(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	own := []string{"Origin", e.url, "Sec-Fetch-Site", "same-origin"}
	body, ct := formBody(e, "form.pdf", samplePDF("form"), "file", "", "title", "", "pages", "", "password", "", "tags", "")
	a := e.send(http.MethodPost, "/upload", body, append(own, "Content-Type", ct)...)
	if a.StatusCode != http.StatusSeeOther || !strings.HasPrefix(a.Header.Get("Location"), "/#job-") {
		t.Fatalf("upload: %d %s %s", a.StatusCode, a.Header.Get("Location"), a.body)
	}
	id := strings.TrimPrefix(a.Header.Get("Location"), "/#job-")
	for _, step := range []struct {
		word string
		want jobs.Status
	}{{"cancel", jobs.Interrupted}, {"resume", jobs.Pending}, {"restart", jobs.Pending}, {"cancel", jobs.Interrupted}, {"retry", jobs.Pending}} {
		a := e.post("/jobs/"+id+"/"+step.word, own...)
		if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/#job-"+id {
			t.Errorf("%s: %d %s", step.word, a.StatusCode, a.body)
		}
		if got := e.job(mustID(e, id)).Status; got != step.want {
			t.Errorf("%s made it %s", step.word, got)
		}
	}
	refused := e.post("/jobs/"+id+"/resume", own...)
	if refused.StatusCode != http.StatusConflict || !strings.Contains(refused.body, "which allows") || !strings.HasPrefix(refused.Header.Get("Content-Type"), "text/html") {
		t.Errorf("a refused move: %d %s", refused.StatusCode, refused.body)
	}
	unknown := e.post("/jobs/"+jobs.NewID().String()+"/resume", own...)
	if unknown.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown job: %d", unknown.StatusCode)
	}
	body, ct = formBody(e, "form.pdf", "no PDF", "file", "")
	bad := e.send(http.MethodPost, "/upload", body, append(own, "Content-Type", ct)...)
	if bad.StatusCode != http.StatusBadRequest || !strings.Contains(bad.body, "not a PDF") || !strings.Contains(bad.body, `action="/upload"`) {
		t.Errorf("not a PDF: %d %s", bad.StatusCode, bad.body)
	}
	e.api.Stop()
	body, ct = formBody(e, "form.pdf", samplePDF("late"), "file", "")
	late := e.send(http.MethodPost, "/upload", body, append(own, "Content-Type", ct)...)
	if late.StatusCode != http.StatusServiceUnavailable || late.Header.Get("Retry-After") == "" {
		t.Errorf("while stopping: %d", late.StatusCode)
	}
}

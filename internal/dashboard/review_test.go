package dashboard

import (
	"html/template"
	"net/http"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/jobs"
)

func TestReview(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.contains(e.page("/review"), "Nothing waits for a decision")
	failed, stopped := e.failed("out_of_memory"), e.in(jobs.Interrupted)
	e.failed("out_of_memory")
	e.in(jobs.Completed)
	cancelled := e.insert("cancelled.pdf")
	e.form("/jobs/" + cancelled.ID.String() + "/cancel")
	page := e.page("/review")
	e.contains(page, "Failed: out_of_memory", "<b>2</b> jobs", "it went wrong", advice["out_of_memory"], "Interrupted: the service was stopped", "Cancelled",
		"/bulk?all=1&amp;error_code=out_of_memory&amp;move=retry&amp;status=failed", "/bulk?all=1&amp;cause=shutdown&amp;move=cancel&amp;status=interrupted")
	if n := strings.Count(page, "<article"); n != 3 {
		t.Errorf("%d groups", n)
	}
	group := e.page("/review/group?status=failed&error_code=out_of_memory")
	e.contains(group, "out_of_memory.pdf", "/jobs/"+failed.ID.String()+"/retry", "Reprocess")
	if n := strings.Count(group, "data-row"); n != 2 {
		t.Errorf("%d jobs in the group", n)
	}
	e.form("/jobs/" + stopped.ID.String() + "/cancel")
	e.contains(e.page("/review/group?status=interrupted&cause=shutdown"), "Nothing is left here.")
	if a := e.get("/review/group?status=pending"); a.StatusCode != http.StatusBadRequest {
		t.Errorf("a group of pending jobs: %d", a.StatusCode)
	}
}

// failed is a job that failed for a reason.
func (e *env) failed(code string) jobs.Job {
	e.Helper()
	return e.finish(e.claim(e.insert(code+".pdf").ID), jobs.Outcome{Status: jobs.Failed, Error: "it went wrong", Code: code})
}

// TestReviewInVain: what only another submission mends is not offered to be
// processed as it is, and says what to do; what a setting mends is.
func TestReviewInVain(t *testing.T) {
	t.Parallel()
	for code, vain := range map[string]bool{
		"password_required": true, "password_wrong": true, "not_a_pdf": true, "damaged": true, "no_such_page": true,
		"too_large": false, "too_many_pages": false, "page_timeout": false, "source_missing": false, "internal": false,
	} {
		e := newEnv(t)
		j := e.failed(code)
		group := "/review/group?status=failed&error_code=" + code
		for _, address := range []string{"/review", group} {
			page := e.page(address)
			e.contains(page, template.HTMLEscapeString(advice[code]))
			if offered := strings.Contains(page, "move=retry") || strings.Contains(page, "/retry"); offered == vain {
				t.Errorf("%s: to reprocess %s is offered: %v", address, code, offered)
			}
			if refused := strings.Contains(page, " in the same way.") && strings.Contains(page, `disabled aria-describedby="in-vain-`+code+`"`); refused != vain {
				t.Errorf("%s: %s is said to be in vain: %v", address, code, refused)
			}
		}
		e.contains(e.page(group), `href="/jobs/`+j.ID.String()+`"`)
		e.contains(e.page("/?submit=1"), `<details class="submit" open>`)
	}
}

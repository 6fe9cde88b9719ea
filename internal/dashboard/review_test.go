package dashboard

import (
	"net/http"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/jobs"
)

func TestReview(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.contains(e.page("/review"), "Nothing waits for a decision")
	failed, stopped := e.in(jobs.Failed), e.in(jobs.Interrupted)
	e.in(jobs.Failed)
	e.in(jobs.Completed)
	cancelled := e.insert("cancelled.pdf")
	e.form("/jobs/" + cancelled.ID.String() + "/cancel")
	page := e.page("/review")
	e.contains(page, "Failed: damaged", "<b>2</b> jobs", "the file is damaged", advice["damaged"], "Interrupted: the service was stopped", "Cancelled",
		"/bulk?all=1&amp;error_code=damaged&amp;move=retry&amp;status=failed", "/bulk?all=1&amp;cause=shutdown&amp;move=cancel&amp;status=interrupted")
	if n := strings.Count(page, "<article"); n != 3 {
		t.Errorf("%d groups", n)
	}
	group := e.page("/review/group?status=failed&error_code=damaged")
	e.contains(group, "failed.pdf", "/jobs/"+failed.ID.String()+"/retry", "Reprocess")
	if n := strings.Count(group, "data-row"); n != 2 {
		t.Errorf("%d jobs in the group", n)
	}
	e.form("/jobs/" + stopped.ID.String() + "/cancel")
	e.contains(e.page("/review/group?status=interrupted&cause=shutdown"), "Nothing is left here.")
	if a := e.get("/review/group?status=pending"); a.StatusCode != http.StatusBadRequest {
		t.Errorf("a group of pending jobs: %d", a.StatusCode)
	}
}

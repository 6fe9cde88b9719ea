package dashboard

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/jobs"
)

func TestBulkOfTheTicked(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	a, b, running := e.in(jobs.Failed), e.in(jobs.Interrupted), e.in(jobs.Completed)
	q := "/bulk?move=resume&id=" + a.ID.String() + "&id=" + b.ID.String() + "&id=" + running.ID.String()
	e.contains(e.page(q), "Resume 3 jobs?", "failed.pdf", "interrupted.pdf", `value="`+a.ID.String()+`"`)
	if got := e.job(a.ID).Status; got != jobs.Failed {
		t.Errorf("asking made it %s", got)
	}
	done := e.form("/bulk", "move", "resume", "id", a.ID.String(), "id", b.ID.String(), "id", running.ID.String(), "id", jobs.NewID().String())
	if done.StatusCode != http.StatusSeeOther {
		t.Fatalf("bulk: %d %s", done.StatusCode, done.body)
	}
	e.contains(e.page(done.location()), "2 jobs changed.", "2 jobs did not allow it any more", "To the list")
	if e.job(a.ID).Status != jobs.Pending || e.job(b.ID).Status != jobs.Pending || e.job(running.ID).Status != jobs.Completed {
		t.Error("not those that were ticked")
	}
}

// TestBulkOfAllThatMatches: the filter counts, and above a hundred the number is
// typed.
func TestBulkOfAllThatMatches(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	other := e.insert("spared.pdf")
	for i := range typedAbove + 5 {
		e.insert(fmt.Sprintf("bulk-%d.pdf", i))
	}
	e.contains(e.page("/bulk?move=cancel&all=1&q=bulk"), "Cancel 105 jobs?", `name="typed"`, "bulk")
	fields := []string{"move", "cancel", "all", "1", "q", "bulk", "count", "105"}
	for _, typed := range []string{"", "104", "yes"} {
		a := e.form("/bulk", append(fields, "typed", typed)...)
		if !strings.Contains(a.location(), "mistyped=1") || e.number(jobs.Interrupted) != 0 {
			t.Errorf("%q was taken: %s", typed, a.location())
		}
	}
	e.contains(e.page("/bulk?move=cancel&all=1&q=bulk&mistyped=1"), "That was not the number of jobs. Nothing was changed.")
	a := e.form("/bulk", append(fields, "typed", "105")...)
	for strings.Contains(a.location(), "cursor=") {
		u, err := url.Parse(a.location())
		e.ok(err)
		page := e.page(a.location())
		e.contains(page, "data-go-on", "Go on")
		a = e.form("/bulk", append(fields, "cursor", u.Query().Get("cursor"), "moved", u.Query().Get("moved"), "matched", "105")...)
	}
	e.contains(e.page(a.location()), "Cancel: done", "105 jobs changed.")
	if e.number(jobs.Interrupted) != 105 || e.job(other.ID).Status != jobs.Pending {
		t.Error("not those that match")
	}
}

func TestBulkRefuses(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.in(jobs.Completed)
	for q, want := range map[string]int{
		"move=cancel": http.StatusBadRequest, "move=explode&all=1": http.StatusBadRequest, "move=cancel&id=nonsense": http.StatusBadRequest,
		"move=retry&all=1&status=completed": http.StatusBadRequest, "move=retry&all=1&status=failed": http.StatusOK, "": http.StatusBadRequest,
	} {
		if a := e.get("/bulk?" + q); a.StatusCode != want || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %d", q, a.StatusCode)
		}
	}
	e.contains(e.page("/bulk?move=retry&all=1&status=failed"), "Nothing to retry")
}

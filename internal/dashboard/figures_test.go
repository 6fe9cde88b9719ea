package dashboard

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mivaa/mivaa/jobs"
)

func TestSentences(t *testing.T) {
	t.Parallel()
	list := []jobs.Figure{
		{Completed: 1, Steps: 31_000, WaitP50: 90, RunP50: 600, Interruptions: map[jobs.Cause]int{jobs.CauseCrash: 1, jobs.CauseCancelled: 7}},
		{},
		{Completed: 1203, Steps: 882, Starts: 3, Failed: 2, WaitP50: 0.2, RunP50: 1.5, Interruptions: map[jobs.Cause]int{jobs.CauseShutdown: 2}},
	}
	want := []string{
		"1,204 documents", "31,882 pages", "3 starts of the service", "3 interruptions", "2 failures", "typically 0.2 s waited and 1.5 s read",
	}
	if diff := cmp.Diff(want, sentences(list)); diff != "" {
		t.Error(diff)
	}
	if got := sentences(nil); len(got) != 4 { // nothing is typical of no jobs
		t.Errorf("of nothing: %q", got)
	}
}

// What one chart says in its drawing, its neighbour says in numbers.
func TestFiguresDrawn(t *testing.T) {
	t.Parallel()
	st := stretches[0]
	from := time.Date(2026, 10, 21, 10, 0, 0, 0, time.UTC)
	list := make([]jobs.Figure, st.n)
	for i := range list {
		list[i] = jobs.Figure{At: from.Add(time.Duration(i) * st.every)}
	}
	list[2].Completed, list[2].Steps, list[2].WaitP50, list[2].WaitP95 = 2, 80, 1, 4
	list[5].Interruptions = map[jobs.Cause]int{jobs.CauseLeaseLost: 3}
	d := figuresOf(st, from, list)
	if d.Main[0].Text != "In the last hour 80 pages; at most 80 in a minute." || d.Main[0].Top != "100" || len(d.Main[0].Bars) != 1 {
		t.Errorf("pages: %+v", d.Main[0])
	}
	if got := d.Main[0].Bars[0].Text; got != "10:02 to 10:03: 80 pages" {
		t.Errorf("bar: %q", got)
	}
	if got := d.Main[1]; got.Top != "5 s" || !strings.HasPrefix(got.Lines[1].Path, "M2.20 80.00") || got.Empty {
		t.Errorf("waiting: %+v", got)
	}
	sums := map[string]int{}
	for _, s := range d.Strips {
		sums[s.ID] = s.Sum
		if s.Empty != (s.Sum == 0) {
			t.Errorf("%s: empty %v, sum %d", s.Name, s.Empty, s.Sum)
		}
	}
	if sums["completed"] != 2 || sums["lost"] != 3 || sums["crash"] != 0 {
		t.Errorf("sums: %v", sums)
	}
	if len(d.Rows) != 2 || d.Rows[0].Interrupted != "3 lease lost" || d.Rows[1].Completed != 2 || d.Rows[1].Interrupted != "0" {
		t.Errorf("rows: %+v", d.Rows)
	}
}

func TestFiguresPage(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.in(jobs.Completed)
	e.contains(e.page("/figures"), "the last 24 hours", "1 document<", `role="img"`, "nothing lost", "The same as a table", "<th scope=\"row\">")
	e.in(jobs.Failed)
	if page := e.page("/figures"); !strings.Contains(page, `href="/review">1 failed job to decide on<`) || strings.Contains(page, "nothing waits") {
		t.Error("a failed job waits for somebody, and the page does not say so")
	}
	e.in(jobs.Interrupted)
	for _, span := range []string{"hour", "day", "week"} {
		e.contains(e.page("/figures?span="+span), "1 interruption<", "1 job interrupted now", `href="/figures?span=`+span+`" aria-current="true"`)
	}
	if a := e.get("/figures?span=year"); a.StatusCode != http.StatusBadRequest {
		t.Errorf("span=year: %d", a.StatusCode)
	}
	// A store that is gone is a page that says so, and shows no number.
	e.ok(e.store.Close())
	a := e.get("/figures")
	if a.StatusCode != http.StatusServiceUnavailable || strings.Contains(a.body, "documents<") || !strings.Contains(a.body, "data-retry") {
		t.Errorf("dead store: %d\n%s", a.StatusCode, a.body)
	}
}

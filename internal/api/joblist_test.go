package api

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/mivaa/mivaa/jobs"
)

func TestListJobs(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	empty := e.get("/api/rag/documents/jobs")
	if empty.body != `{"jobs":[],"count":0,"limit":100,"offset":0,"next_cursor":null}`+"\n" {
		t.Errorf("an empty list is %s", empty.body)
	}
	for _, s := range jobs.Statuses() {
		e.in(s)
	}
	for _, s := range jobs.Statuses() {
		for _, name := range []string{"status", "status_filter"} {
			l := read[JobList](e, e.get("/api/rag/documents/jobs?"+name+"="+string(s)), http.StatusOK)
			if l.Count != 1 || l.Jobs[0].Status != string(s) {
				t.Errorf("%s=%s: %+v", name, s, l)
			}
		}
	}
	oldest := read[JobList](e, e.get("/api/rag/documents/jobs?sort=created_at:asc&limit=2&offset=1"), http.StatusOK)
	if oldest.Count != 2 || oldest.Jobs[0].Status != "processing" || oldest.Offset != 1 || oldest.Limit != 2 || oldest.NextCursor == nil {
		t.Errorf("a part: %+v", oldest)
	}
	for _, bad := range []string{
		"limit=0", "limit=1001", "limit=x", "offset=-1", "status=done", "status=failed&status_filter=pending", "sort=filename:asc", "cursor=abc",
		"cursor=" + *oldest.NextCursor + "&sort=created_at:desc", "cursor=" + cursor{Order: "documents", At: e.job0().CreatedAt, ID: e.job0().ID}.encode(),
	} {
		e.problem(e.get("/api/rag/documents/jobs?"+bad), http.StatusBadRequest, codeInvalid)
	}
}

// TestListJobsWhileInserting pages through a list that grows: every job that
// was there at the beginning is shown once, in each order.
func TestListJobsWhileInserting(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	const n = 37
	want := map[string]bool{}
	for i := range n {
		want[e.insert(fmt.Sprintf("%d.pdf", i)).ID.String()] = true
	}
	for _, order := range jobs.Orders() {
		seen := map[string]int{}
		var last *JobRow
		next := "/api/rag/documents/jobs?limit=5&sort=" + url.QueryEscape(string(order))
		for parts := 0; next != ""; parts++ {
			if parts > 1000 {
				t.Fatal("the list never ends")
			}
			l := read[JobList](e, e.get(next), http.StatusOK)
			for _, j := range l.Jobs {
				seen[j.ID]++
				if last != nil && !inOrder(order, *last, j) {
					t.Errorf("%s: %s before %s", order, last.ID, j.ID)
				}
				last = &j
			}
			next = ""
			if l.NextCursor != nil {
				next = "/api/rag/documents/jobs?limit=5&cursor=" + *l.NextCursor
			}
			if parts < 10 { // oldest first, it would go on for as long as it grows
				e.insert("new.pdf")
			}
		}
		for id := range want {
			if seen[id] != 1 {
				t.Errorf("%s: %s was shown %d times", order, id, seen[id])
			}
		}
	}
}

func inOrder(o jobs.Order, a, b JobRow) bool {
	at, bt := a.CreatedAt, b.CreatedAt
	if o == jobs.UpdatedFirst || o == jobs.UpdatedLast {
		at, bt = a.UpdatedAt, b.UpdatedAt
	}
	if slices.Contains([]jobs.Order{jobs.NewestFirst, jobs.UpdatedFirst}, o) {
		return !at.Before(bt)
	}
	return !at.After(bt)
}

func TestAdminJobs(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	a := e.get("/api/rag/admin/jobs")
	want := `{"active_jobs":0,"jobs":[],"statistics":{"total":0,"pending":0,"processing":0,"completed":0,"failed":0,"interrupted":0}}` + "\n"
	if a.body != want {
		t.Errorf("got  %swant %s", a.body, want)
	}
	var running jobs.Job
	for _, s := range jobs.Statuses() {
		if j := e.in(s); s == jobs.Processing {
			running = j
		}
	}
	a = e.get("/api/rag/admin/jobs")
	want = `{"active_jobs":1,"jobs":[{"id":"` + running.ID.String() + `","filename":"processing.pdf","status":"processing","progress":0}],` +
		`"statistics":{"total":5,"pending":1,"processing":1,"completed":1,"failed":1,"interrupted":1}}` + "\n"
	if a.body != want {
		t.Errorf("got  %swant %s", a.body, want)
	}
}

package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/jobs"
)

func TestCountJobs(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.inEach(2)
	for query, want := range map[string]int{"": 10, "?status=failed": 2, "?q=FAILED": 2, "?error_code=damaged": 2, "?cause=shutdown": 2, "?owner=nobody": 0} {
		if c := read[Count](e, e.get("/api/rag/jobs/count"+query), http.StatusOK); c.Count != want || c.More {
			t.Errorf("%s: %+v, want %d", query, c, want)
		}
		if l := read[JobList](e, e.get("/api/rag/documents/jobs"+query), http.StatusOK); l.Count != want {
			t.Errorf("the list %s has %d, want %d", query, l.Count, want)
		}
	}
	for _, route := range []string{"/api/rag/jobs/count", "/api/rag/jobs/groups", "/api/rag/documents/jobs"} {
		for _, bad := range []string{"?status=done", "?cause=weather", "?document_id=7", "?q=" + strings.Repeat("x", 201)} {
			e.problem(e.get(route+bad), http.StatusBadRequest, codeInvalid)
		}
	}
}

func TestGroupJobs(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	if a := e.get("/api/rag/jobs/groups"); a.body != `{"groups":[],"count":0}`+"\n" {
		t.Errorf("no groups: %s", a.body)
	}
	e.inEach(2)
	e.in(jobs.Failed)
	g := read[Groups](e, e.get("/api/rag/jobs/groups"), http.StatusOK)
	if g.Count != 2 || len(g.Groups) != 2 {
		t.Fatalf("groups are %+v", g)
	}
	if f := g.Groups[0]; f.Status != jobs.Failed || f.ErrorCode != "damaged" || f.Count != 3 || f.Error == "" {
		t.Errorf("the largest is %+v", f)
	}
	if i := g.Groups[1]; i.Status != jobs.Interrupted || i.Cause != jobs.CauseShutdown || i.Count != 2 {
		t.Errorf("the other is %+v", i)
	}
}

func TestFigures(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.inEach(1)
	for span, want := range spans {
		f := read[Figures](e, e.get("/api/rag/admin/figures?span="+span), http.StatusOK)
		if f.Span != span || len(f.Figures) != want.n || f.EverySeconds != int(want.every.Seconds()) {
			t.Fatalf("%s: %d figures of %d s", span, len(f.Figures), f.EverySeconds)
		}
		accepted := 0
		for _, part := range f.Figures {
			accepted += part.Accepted
		}
		if accepted != 5 {
			t.Errorf("%s: %d accepted", span, accepted)
		}
	}
	e.problem(e.get("/api/rag/admin/figures?span=year"), http.StatusBadRequest, codeInvalid)
}

func TestDeleteJob(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	path := func(id jobs.ID) string { return "/api/rag/documents/jobs/" + id.String() }
	for s, list := range e.inEach(1) {
		id := list[0].ID
		a := e.send(http.MethodDelete, path(id), nil)
		if s == jobs.Processing {
			p := e.problem(a, http.StatusConflict, codeMoveNotAllowed)
			if p.CurrentStatus != "processing" || len(p.Allowed) == 0 || !strings.Contains(p.Detail, "Cancel it first") {
				t.Errorf("processing: %+v", p)
			}
			continue
		}
		if g := read[Gone](e, a, http.StatusOK); !g.Success || g.JobID != id.String() || g.Message == "" {
			t.Errorf("%s: %+v", s, g)
		}
		e.problem(e.send(http.MethodDelete, path(id), nil), http.StatusNotFound, codeNotFound)
		e.problem(e.get(jobURL(id)), http.StatusNotFound, codeNotFound)
	}
	// The document and its pages stay.
	up := e.upload("stays")
	e.process(mustID(e, *up.JobID), 1, 1)
	read[Gone](e, e.send(http.MethodDelete, path(mustID(e, *up.JobID)), nil), http.StatusOK)
	if a := e.get(up.ContentURL); a.StatusCode != http.StatusOK || !strings.Contains(a.body, "text of page 1") {
		t.Errorf("its content: %d %s", a.StatusCode, a.body)
	}
}

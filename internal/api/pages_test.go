package api

import (
	"net/http"
	"testing"

	"github.com/mivaa/mivaa/internal/extract"
)

// The pages that are there can be read, whether or not the job is at its end.
func TestPages(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	up := e.upload("pages")
	base := "/api/rag/documents/" + up.DocumentID
	none := read[PageList](e, e.get(base+"/pages"), http.StatusOK)
	if none.Count != 0 || none.Complete || none.NextAfter != nil || none.Pages == nil {
		t.Errorf("before the first page: %+v", none)
	}
	e.problem(e.get(base+"/pages/1"), http.StatusNotFound, extract.CodeNoSuchPage)
	e.process(mustID(e, *up.JobID), 5, 3, 2)
	part := read[PageList](e, e.get(base+"/pages"), http.StatusOK)
	if part.Count != 3 || part.Recorded != 3 || part.PageCount != 5 || part.Complete || part.JobID != *up.JobID {
		t.Errorf("while it runs: %+v", part)
	}
	first, second := part.Pages[0], part.Pages[1]
	if first.PageNumber != 1 || first.Status != "ok" || first.Width != 595 || first.Chars != 28 {
		t.Errorf("page 1: %+v", first)
	}
	if second.Status != "failed" || second.ErrorCode != "page_timeout" || second.Error == "" {
		t.Errorf("page 2: %+v", second)
	}
	page := read[Page](e, e.get(base+"/pages/3"), http.StatusOK)
	if page.PageNumber != 3 || page.Text != "This is the text of page 3.\n" || page.Markdown != page.Text || page.Complete || len(page.Elements) != 1 ||
		page.Elements[0].Text != "This is the text of page 3." || page.Links["image"] != base+"/pages/3/image" {
		t.Errorf("page 3: %+v", page)
	}
	if lost := read[Page](e, e.get(base+"/pages/2"), http.StatusOK); lost.Status != "failed" || lost.Text != "" || lost.Elements == nil {
		t.Errorf("a failed page: %+v", lost)
	}
	e.problem(e.get(base+"/pages/4"), http.StatusNotFound, extract.CodeNoSuchPage)
	for _, bad := range []string{"/pages/0", "/pages/x", "/pages/1000001", "/pages?limit=0", "/pages?after=-1"} {
		e.problem(e.get(base+bad), http.StatusBadRequest, codeInvalid)
	}
}

func TestPagesInParts(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	up := e.upload("parts")
	e.process(mustID(e, *up.JobID), 5, 5)
	base := "/api/rag/documents/" + up.DocumentID + "/pages?limit=2"
	var got []int
	for path := base; ; {
		part := read[PageList](e, e.get(path), http.StatusOK)
		if !part.Complete {
			t.Error("complete pages are said not to be")
		}
		for _, p := range part.Pages {
			got = append(got, p.PageNumber)
		}
		if part.NextAfter == nil {
			break
		}
		path = base + "&after=" + string(rune('0'+*part.NextAfter))
	}
	if len(got) != 5 || got[0] != 1 || got[4] != 5 {
		t.Errorf("pages %v", got)
	}
	if behind := read[PageList](e, e.get(base+"&after=99"), http.StatusOK); behind.Count != 0 || behind.NextAfter != nil {
		t.Errorf("behind the last: %+v", behind)
	}
	gone := "/api/rag/documents/7f3a0a52-9c50-4f7e-8f5e-0123456789ab/pages"
	e.problem(e.get(gone), http.StatusNotFound, codeNotFound)
	e.problem(e.get(gone+"/1"), http.StatusNotFound, codeNotFound)
}

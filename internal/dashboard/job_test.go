package dashboard

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
)

func TestJobInEveryStatus(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for status, wants := range map[jobs.Status][]string{
		jobs.Pending:     {"Its place in the queue", "It waits for its turn already."},
		jobs.Processing:  {"It is running: cancel it first.", "Attempt 1 on "},
		jobs.Completed:   {"read the document again instead"},
		jobs.Failed:      {"Why it failed", "the file is damaged", advice["damaged"], "/retry"},
		jobs.Interrupted: {"Why it stands still", "/resume", causeAdvice[jobs.CauseShutdown]},
	} {
		j := e.in(status)
		page := e.page("/jobs/" + j.ID.String())
		e.contains(page, append(wants, j.Filename, j.ID.String(), capital(string(status)), "What happened", "Accepted", `data-events="/api/rag/documents/job/`+j.ID.String())...)
		for _, m := range moves {
			_, legal := m.Move.Target(status)
			if offered := strings.Contains(page, `action="/jobs/`+j.ID.String()+"/"+m.Name+`"`); offered && !legal {
				t.Errorf("a job that is %s offers %s", status, m.Name)
			}
		}
		if strings.Contains(page, "/delete") == (status == jobs.Processing) {
			t.Errorf("deletion of a job that is %s", status)
		}
	}
}

// TestJobStory: killed, resumed by a person, read on.
func TestJobStory(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	j := e.upload("story.pdf")
	first := e.process(j.ID, 20, 7, 3)
	e.finish(first, jobs.Outcome{Status: jobs.Interrupted, Cause: jobs.CauseShutdown, Error: jobs.CauseShutdown.Reason()})
	if a := e.form("/jobs/" + j.ID.String() + "/resume"); a.StatusCode != http.StatusSeeOther || a.location() != "/jobs/"+j.ID.String()+"?done=resume" {
		t.Fatalf("resume: %d %s", a.StatusCode, a.location())
	}
	e.process(j.ID, 20, 12)
	page := e.page("/jobs/" + j.ID.String() + "?done=resume")
	e.contains(page,
		"12 of 20 pages recorded, 1 page read again after an interruption, 1 failed.", "Put back into the queue",
		"Interrupted: the service was stopped", "Resumed by dashboard", "Attempt 2 on ", "pages 8 to 12", "kept 7 pages",
		`title="Page 3: failed"`, `title="Page 8: redone"`, `title="Page 13: reading"`, `title="Page 14: waiting"`,
		`href="/documents/`+j.DocumentID.String()+`/pages/3"`, "page_timeout: The page took too long.")
	if n := strings.Count(page, `class="cell is-done-cell"`); n != 10+1 { // and in the legend
		t.Errorf("%d cells are done", n)
	}
}

// TestLongStrip: the page of a book is no longer than that of a letter.
func TestLongStrip(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	j := e.upload("book.pdf")
	e.process(j.ID, 1321, 700, 5)
	page := e.page("/jobs/" + j.ID.String())
	e.contains(page, "700 of 1,321 pages recorded, 1 failed. A cell is 4 pages.", `title="Pages 5 to 8: failed"`, `title="Pages 701 to 704: reading"`)
	if n := strings.Count(page, `<a class="cell`) + strings.Count(page, `<span class="cell`); n > mostCells+10 {
		t.Errorf("the strip has %d cells", n)
	}
}

// TestStripOfSelectedPages: the third page that is read may be page 12.
func TestStripOfSelectedPages(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	a := e.uploadForm("some.pdf", samplePDF("some"), "pages", "2,9-")
	id, err := jobs.ParseID(strings.TrimSuffix(strings.TrimPrefix(a.location(), "/jobs/"), "?done=accepted"))
	e.ok(err)
	j := e.claim(id)
	facts, err := json.Marshal(extract.Facts{Info: pdf.Info{PageCount: 12}, SelectedPages: 5})
	e.ok(err)
	e.ok(e.docs.SetFacts(t.Context(), j.Fence(), facts))
	e.ok(e.store.Checkpoint(t.Context(), j.Fence(), 5, jobs.Step{Seq: 1, Data: record(2, "x").Encode()},
		jobs.Step{Seq: 2, Data: layout.Failed(9, "page_timeout", "late").Encode()}))
	e.contains(e.page("/jobs/"+id.String()), `title="Page 2: done"`, `title="Page 9: failed"`, `title="Page 10: reading"`, `title="Page 12: waiting"`)
}

func TestWhyItWaits(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	j := e.insert("waits.pdf")
	address := "/jobs/" + j.ID.String()
	e.contains(e.page(address), "No instance that runs jobs is alive")
	e.in(jobs.Processing)
	e.in(jobs.Processing)
	e.contains(e.page(address), "Every place is taken: 2 jobs at once.")
	e.ok(e.store.Drain(t.Context(), "deploy"))
	e.contains(e.page(address), "Every instance is told to take nothing new")
}

func TestDeleteJob(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	j := e.in(jobs.Failed)
	address := "/jobs/" + j.ID.String() + "/delete"
	e.contains(e.page(address), "Delete this job?", j.Filename)
	if a := e.form(address); a.StatusCode != http.StatusSeeOther || a.location() != "/?done=deleted" {
		t.Fatalf("delete: %d %s", a.StatusCode, a.body)
	}
	if a := e.get("/jobs/" + j.ID.String()); a.StatusCode != http.StatusNotFound {
		t.Errorf("the deleted job answers %d", a.StatusCode)
	}
	running := e.in(jobs.Processing)
	a := e.form("/jobs/" + running.ID.String() + "/delete")
	if a.StatusCode != http.StatusConflict || !strings.Contains(a.body, "Cancel it first") {
		t.Errorf("deleting a running job: %d", a.StatusCode)
	}
}

func TestMoves(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	j := e.insert("moved.pdf")
	address := "/jobs/" + j.ID.String()
	for _, step := range []struct {
		word string
		want jobs.Status
	}{{"cancel", jobs.Interrupted}, {"resume", jobs.Pending}, {"restart", jobs.Pending}, {"cancel", jobs.Interrupted}, {"retry", jobs.Pending}} {
		a := e.form(address+"/"+step.word, "back", "/?status=pending")
		if a.StatusCode != http.StatusSeeOther || a.location() != "/?status=pending" {
			t.Errorf("%s: %d %s", step.word, a.StatusCode, a.body)
		}
		if got := e.job(j.ID).Status; got != step.want {
			t.Errorf("%s made it %s", step.word, got)
		}
	}
	if a := e.form(address+"/cancel", "back", "//evil.example/"); a.location() != "/" {
		t.Errorf("a form leads to %s", a.location())
	}
	e.form(address + "/resume")
	a := e.form(address + "/resume")
	if a.StatusCode != http.StatusConflict || !strings.Contains(a.body, "which allows") || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
		t.Errorf("a refused move: %d %s", a.StatusCode, a.body)
	}
	if a := e.form("/jobs/" + jobs.NewID().String() + "/resume"); a.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown job: %d", a.StatusCode)
	}
	if a := e.form("/jobs/nonsense/resume"); a.StatusCode != http.StatusNotFound {
		t.Errorf("no id: %d", a.StatusCode)
	}
	events, err := e.store.Events(t.Context(), j.ID, 0, 100)
	e.ok(err)
	if last := events[len(events)-1]; !strings.Contains(last.Detail, by) {
		t.Errorf("the history does not say who moved it: %+v", last)
	}
}

// TestJobLeadsToWhatHelps: no move stands out where it would fail as before.
func TestJobLeadsToWhatHelps(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.contains(e.page("/jobs/"+e.in(jobs.Interrupted).ID.String()), `/resume"><button class="main">`)
	e.contains(e.page("/jobs/"+e.in(jobs.Failed).ID.String()), `/retry"><button><svg`) // the file is damaged
	e.contains(e.page("/jobs/"+e.in(jobs.Completed).ID.String()), "there is nothing to stop", "read the document again instead")
}

package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mivaa/mivaa/jobs"
)

// TestJobHasEveryColumn asks the database which columns there are.
func TestJobHasEveryColumn(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	rows, err := e.store.Reader().QueryContext(t.Context(), `SELECT name FROM pragma_table_info('background_jobs')`)
	e.ok(err)
	defer rows.Close()
	var columns []string
	for rows.Next() {
		var name string
		e.ok(rows.Scan(&name))
		columns = append(columns, name)
	}
	e.ok(rows.Err())
	if len(columns) < 13 {
		t.Fatalf("columns are %q", columns)
	}
	j := e.in(jobs.Pending)
	one := read[map[string]any](e, e.get(jobURL(j.ID)), http.StatusOK)
	list := read[struct{ Jobs []map[string]any }](e, e.get("/api/rag/documents/jobs"), http.StatusOK)
	for _, name := range columns {
		if _, ok := one[name]; !ok {
			t.Errorf("the job has no %s", name)
		}
		if _, ok := list.Jobs[0][name]; !ok {
			t.Errorf("the job in the list has no %s", name)
		}
	}
	for _, name := range []string{"job_id", "queue_position", "pages_failed", "error_code", "retryable", "links"} {
		if _, ok := one[name]; !ok {
			t.Errorf("the job has no %s", name)
		}
	}
	for _, name := range []string{"started_at", "error", "document_id", "instance_id", "cause"} {
		if one[name] != nil {
			t.Errorf("%s is %v, not null", name, one[name])
		}
	}
	at, err := time.Parse(time.RFC3339Nano, one["created_at"].(string))
	if err != nil || at.Location() != time.UTC || !at.Equal(j.CreatedAt) {
		t.Errorf("created_at is %v, %v", one["created_at"], err)
	}
}

func TestNoSuchJobNamesTheID(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, id := range []string{nilID, "7f3a0a52-9c50-4f7e-8f5e-0123456789ab"} {
		if p := e.problem(e.get("/api/rag/documents/job/"+id), http.StatusNotFound, codeNotFound); !strings.Contains(p.Detail, id) {
			t.Errorf("%s is not in %q", id, p.Detail)
		}
	}
}

func TestJobStatus(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	up := e.upload("partial")
	id := mustID(e, *up.JobID)
	other := e.insert("second.pdf")

	first := read[JobStatus](e, e.get(up.StatusURL), http.StatusOK)
	second := read[JobStatus](e, e.get(jobURL(other.ID)), http.StatusOK)
	if *first.QueuePosition != 1 || *second.QueuePosition != 2 {
		t.Errorf("queue positions are %d and %d", *first.QueuePosition, *second.QueuePosition)
	}
	if first.Result != nil || first.PagesFailed != 0 || first.Retryable {
		t.Errorf("pending: %+v", first)
	}

	e.process(id, 3, 3, 2)
	done := read[JobStatus](e, e.get(up.StatusURL), http.StatusOK)
	if done.Progress != 100 || done.QueuePosition != nil || done.PagesFailed != 1 || done.StepsDone != 3 || done.CompletedAt == nil {
		t.Errorf("completed: %+v", done)
	}
	r := done.Result
	if r == nil || !r.Partial || r.PageCount != 3 || r.DocumentID != up.DocumentID || r.ContentURL != up.ContentURL || r.ProcessingTime < 0 {
		t.Fatalf("result is %+v", r)
	}
	if len(r.FailedPages) != 1 || r.FailedPages[0].PageNumber != 2 || r.FailedPages[0].Code != "page_timeout" {
		t.Errorf("failed pages are %+v", r.FailedPages)
	}
	wantLinks := map[string]string{
		"self": up.StatusURL, "document": up.DocumentURL, "content": up.ContentURL, "checkpoints": "/api/rag/jobs/" + *up.JobID + "/checkpoints",
	}
	if diff := cmp.Diff(wantLinks, done.Links); diff != "" {
		t.Error(diff)
	}

	failed := read[JobStatus](e, e.get(jobURL(e.in(jobs.Failed).ID)), http.StatusOK)
	if failed.Retryable || *failed.ErrorCode != "damaged" || failed.Links["retry"] == "" || failed.Links["cancel"] != "" {
		t.Errorf("failed: %+v", failed)
	}
	interrupted := read[JobStatus](e, e.get(jobURL(e.in(jobs.Interrupted).ID)), http.StatusOK)
	if !interrupted.Retryable || *interrupted.Cause != "shutdown" || interrupted.Links["resume"] == "" {
		t.Errorf("interrupted: %+v", interrupted)
	}
	// Whole results have an empty list, not null.
	whole := e.upload("whole")
	e.process(mustID(e, *whole.JobID), 1, 1)
	if a := e.get(whole.StatusURL); !strings.Contains(a.body, `"partial":false,"failed_pages":[]`) {
		t.Errorf("a whole result is %s", a.body)
	}
}

func TestJobUnknown(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(c *Config) { c.Retention = 168 * time.Hour })
	old := idOf(t, time.Now().Add(-169*time.Hour))
	young := idOf(t, time.Now().Add(-167*time.Hour))
	v4 := "7f3a0a52-9c50-4f7e-8f5e-0123456789ab"
	for _, suffix := range []struct{ method, before, after string }{
		{"GET", "/api/rag/documents/job/", ""}, {"GET", "/api/rag/jobs/", "/checkpoints"}, {"POST", "/api/rag/documents/job/", "/resume"},
		{"POST", "/api/rag/jobs/", "/restart"}, {"POST", "/api/rag/jobs/", "/retry"}, {"POST", "/api/rag/jobs/", "/cancel"},
	} {
		p := e.problem(e.send(suffix.method, suffix.before+old+suffix.after, nil), http.StatusGone, codeExpired)
		if !strings.Contains(p.Detail, "7 days") {
			t.Errorf("detail is %q", p.Detail)
		}
		e.problem(e.send(suffix.method, suffix.before+young+suffix.after, nil), http.StatusNotFound, codeNotFound)
		e.problem(e.send(suffix.method, suffix.before+v4+suffix.after, nil), http.StatusNotFound, codeNotFound)
	}
	// Without a retention nothing expires.
	forever := newEnv(t)
	forever.problem(forever.get("/api/rag/documents/job/"+old), http.StatusNotFound, codeNotFound)
	// Upper case is the same id.
	j := e.in(jobs.Pending)
	if got := read[JobStatus](e, e.get("/api/rag/documents/job/"+strings.ToUpper(j.ID.String())), http.StatusOK); got.JobID != j.ID.String() {
		t.Errorf("job is %s", got.JobID)
	}
}

// idOf makes a version 7 id of a time.
func idOf(t *testing.T, at time.Time) string {
	t.Helper()
	id := jobs.NewID()
	ms := at.UnixMilli()
	for i := range 6 {
		id[5-i] = byte(ms >> (8 * i))
	}
	return id.String()
}

// watching tells when somebody begins to wait for a change.
type watching struct {
	Store
	began chan struct{}
}

func (w *watching) Watch(ctx context.Context) <-chan jobs.Hint {
	w.began <- struct{}{}
	return w.Store.Watch(ctx)
}

func TestJobWait(t *testing.T) {
	t.Parallel()
	began := make(chan struct{}, 1)
	e := newEnv(t, func(c *Config) { c.Jobs = &watching{c.Jobs, began} })
	up := e.upload("wait")
	id := mustID(e, *up.JobID)
	wait := func() <-chan answer {
		c := e.async(func() answer { return e.get(up.StatusURL + "?wait=30s") })
		<-began
		return c
	}
	// It answers at each change.
	waiting := wait()
	j := e.claim(id)
	if s := read[JobStatus](e, <-waiting, http.StatusOK); s.Status != "processing" {
		t.Errorf("status is %s", s.Status)
	}
	waiting = wait()
	e.ok(e.store.Checkpoint(t.Context(), j.Fence(), 2, jobs.Step{Seq: 1, Data: record(1, "one").Encode()}))
	if s := read[JobStatus](e, <-waiting, http.StatusOK); s.StepsDone != 1 || s.Progress != 50 {
		t.Errorf("%d steps, %d %%", s.StepsDone, s.Progress)
	}
	// It answers when the time is over.
	start := time.Now()
	if s := read[JobStatus](e, e.get(up.StatusURL+"?wait=20ms"), http.StatusOK); s.StepsDone != 1 || time.Since(start) < 20*time.Millisecond {
		t.Errorf("%d steps after %v", s.StepsDone, time.Since(start))
	}
	<-began
	// It ends when the service stops, and waits no more.
	waiting = wait()
	e.api.Stop()
	if s := read[JobStatus](e, <-waiting, http.StatusOK); s.Status != "processing" {
		t.Errorf("status is %s", s.Status)
	}
	start = time.Now()
	read[JobStatus](e, e.get(up.StatusURL+"?wait=30s"), http.StatusOK)
	// A job that has ended answers at once.
	read[JobStatus](e, e.get(jobURL(e.in(jobs.Failed).ID)+"?wait=60s"), http.StatusOK)
	if time.Since(start) > 20*time.Second {
		t.Error("it waited although the service stops or the job has ended")
	}
	e.problem(e.get(up.StatusURL+"?wait=soon"), http.StatusBadRequest, codeInvalid)
	e.problem(e.get(up.StatusURL+"?wait=-1s"), http.StatusBadRequest, codeInvalid)
}

func TestParseWait(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]time.Duration{"": 0, "30s": 30 * time.Second, "10": 10 * time.Second, "5m": time.Minute, "100ms": 100 * time.Millisecond, "0": 0} {
		if got, err := parseWait(in); err != nil || got != want {
			t.Errorf("parseWait(%q) = %v, %v", in, got, err)
		}
	}
}

func TestCheckpoints(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	up := e.upload("checkpoints")
	path := "/api/rag/jobs/" + *up.JobID + "/checkpoints"
	empty := read[Checkpoints](e, e.get(path), http.StatusOK)
	if empty.Count != 0 || empty.Checkpoints == nil || empty.NextAfter != nil {
		t.Errorf("none: %+v", empty)
	}
	e.process(mustID(e, *up.JobID), 5, 4, 2)
	got := read[Checkpoints](e, e.get(path), http.StatusOK)
	if got.JobID != *up.JobID || got.Count != 4 || got.StepsDone != 4 || got.StepsTotal != 5 || got.NextAfter != nil || len(got.Checkpoints) != 4 {
		t.Errorf("all: %+v", got)
	}
	if c := got.Checkpoints[1]; c.Seq != 2 || *c.PageNumber != 2 || *c.Status != "failed" || *c.ErrorCode != "page_timeout" || c.Bytes == 0 {
		t.Errorf("the second: %+v", c)
	}
	part := read[Checkpoints](e, e.get(path+"?limit=2&after=1"), http.StatusOK)
	if part.Count != 2 || part.Checkpoints[0].Seq != 2 || *part.NextAfter != 3 {
		t.Errorf("a part: %+v", part)
	}
	e.problem(e.get(path+"?limit=0"), http.StatusBadRequest, codeInvalid)
	if c := checkpointOf(1, json.RawMessage(`"of another kind"`)); c.Bytes != 17 || c.Status != nil {
		t.Errorf("of another kind: %+v", c)
	}
}

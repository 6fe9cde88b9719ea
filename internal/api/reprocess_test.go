package api

import (
	"net/http"
	"testing"

	"github.com/mivaa/mivaa/jobs"
)

func TestReprocess(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	up := e.upload("again")
	e.process(mustID(e, *up.JobID), 2, 2)
	base := "/api/rag/documents/" + up.DocumentID
	a := e.post(base + "/reprocess?priority=7")
	again := read[Accepted](e, a, http.StatusAccepted)
	if again.DocumentID != up.DocumentID || *again.JobID == *up.JobID || again.Status != "pending" || again.Deduplicated || a.Header.Get("Location") != again.StatusURL {
		t.Errorf("%+v %v", again, a.Header)
	}
	if j := e.job(mustID(e, *again.JobID)); j.Priority != 7 {
		t.Errorf("priority %d", j.Priority)
	}
	if a := e.get(up.ContentURL); a.StatusCode != http.StatusOK || a.Header.Get(completeHeader) != "true" {
		t.Errorf("the content is not readable meanwhile: %d %v", a.StatusCode, a.Header)
	}
	third := read[Accepted](e, e.post(base+"/reprocess"), http.StatusAccepted)
	if j := e.job(mustID(e, *again.JobID)); j.Status != jobs.Interrupted || j.Cause != jobs.CauseCancelled {
		t.Errorf("the job it replaces is %s (%s)", j.Status, j.Cause)
	}
	e.problem(e.post(base+"/reprocess?priority=5000"), http.StatusBadRequest, codeInvalid)
	e.problem(e.post("/api/rag/documents/"+jobs.NewID().String()+"/reprocess"), http.StatusNotFound, codeNotFound)
	e.api.Stop()
	e.problem(e.post(base+"/reprocess"), http.StatusServiceUnavailable, codeStopping)
	if j := e.job(mustID(e, *third.JobID)); j.Status != jobs.Pending {
		t.Errorf("refused, and the job is %s", j.Status)
	}
}

func TestDeleteDocument(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	up, other := e.upload("gone"), e.upload("stays")
	e.claim(mustID(e, *up.JobID))
	base := "/api/rag/documents/" + up.DocumentID
	gone := read[DocumentGone](e, e.send(http.MethodDelete, base, nil), http.StatusOK)
	if !gone.Success || gone.DocumentID != up.DocumentID {
		t.Errorf("%+v", gone)
	}
	for _, path := range []string{base, base + "/pages", base + "/source", up.ContentURL, up.StatusURL} {
		e.problem(e.get(path), http.StatusNotFound, codeNotFound)
	}
	e.problem(e.send(http.MethodDelete, base, nil), http.StatusNotFound, codeNotFound)
	read[Document](e, e.get("/api/rag/documents/"+other.DocumentID), http.StatusOK)
}

package api

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/webhook"
	"github.com/mivaa/mivaa/jobs"
)

func TestCallback(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(c *Config) { c.Callbacks = &webhook.Targets{} })
	const receiver = "https://hooks.example.com/mivaa?token=hunter2"
	form := read[Accepted](e, e.uploadForm("a.pdf", samplePDF("form"), "callback_url", receiver, "file", ""), http.StatusAccepted)
	raw := read[Accepted](e, e.send(http.MethodPost, uploadPath+"?callback_url="+url.QueryEscape(receiver), strings.NewReader(samplePDF("raw")),
		"Content-Type", "application/pdf"), http.StatusAccepted)
	silent := e.upload("silent")
	for _, a := range []Accepted{form, raw, silent} {
		e.finish(e.claim(mustID(e, *a.JobID)), jobs.Outcome{Status: jobs.Completed})
	}
	for _, a := range []Accepted{form, raw} {
		got := read[Webhooks](e, e.get("/api/rag/jobs/"+*a.JobID+"/webhooks"), http.StatusOK)
		if got.Count != 1 || got.JobID != *a.JobID {
			t.Fatalf("webhooks: %+v", got)
		}
		w := got.Webhooks[0]
		if w.Event != "job.completed" || w.URL != "https://hooks.example.com/mivaa" || w.Status != "pending" || w.NextAt == nil || w.DeliveredAt != nil || w.LastError != nil || w.LastStatus != nil {
			t.Errorf("webhook: %+v", w)
		}
	}
	if got := read[Webhooks](e, e.get("/api/rag/jobs/"+*silent.JobID+"/webhooks"), http.StatusOK); got.Count != 0 || got.Webhooks == nil {
		t.Errorf("nobody asked: %+v", got)
	}
	e.problem(e.get("/api/rag/jobs/"+jobs.NewID().String()+"/webhooks"), http.StatusNotFound, codeNotFound)

	due, err := e.docs.DueDeliveries(e.Context(), 10, time.Minute)
	e.ok(err)
	if len(due) != 2 || due[0].URL != receiver {
		t.Fatalf("due: %+v", due)
	}
	e.ok(e.docs.Delivered(e.Context(), due[0].ID, due[0].Attempts))
	e.ok(e.docs.DeliveryFailed(e.Context(), due[1].ID, due[1].Attempts, 500, "the receiver answered 500", time.Minute, true))
	states := map[string]Webhook{}
	for _, a := range []Accepted{form, raw} {
		w := read[Webhooks](e, e.get("/api/rag/jobs/"+*a.JobID+"/webhooks"), http.StatusOK).Webhooks[0]
		states[w.Status] = w
	}
	if w := states[documents.DeliveryDelivered]; w.DeliveredAt == nil || w.NextAt != nil {
		t.Errorf("delivered: %+v", w)
	}
	if w := states[documents.DeliveryGivenUp]; w.LastStatus == nil || *w.LastStatus != 500 || w.LastError == nil || w.NextAt != nil {
		t.Errorf("given up: %+v", w)
	}
}

func TestCallbackRefused(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(c *Config) { c.Callbacks = &webhook.Targets{} })
	for _, address := range []string{"http://example.com/", "https://127.0.0.1/", "https://me:pw@example.com/", "nowhere", "https://169.254.169.254/"} {
		p := e.problem(e.uploadForm("a.pdf", samplePDF(address), "file", "", "callback_url", address), http.StatusBadRequest, codeInvalid)
		if len(p.Errors) != 1 || p.Errors[0].Location != "body.callback_url" {
			t.Errorf("%s: %+v", address, p)
		}
		e.problem(e.send(http.MethodPost, uploadPath+"?callback_url="+url.QueryEscape(address), strings.NewReader(samplePDF(address)), "Content-Type", "application/pdf"),
			http.StatusBadRequest, codeInvalid)
	}
	if n := len(read[JobList](e, e.get("/api/rag/documents/jobs"), http.StatusOK).Jobs); n != 0 {
		t.Errorf("%d jobs were accepted", n)
	}
	off := newEnv(t)
	p := off.problem(off.uploadForm("a.pdf", samplePDF("off"), "file", "", "callback_url", "https://example.com/"), http.StatusBadRequest, codeWebhooksOff)
	if !strings.Contains(p.Detail, "--webhook-secret-file") {
		t.Errorf("it does not say what to do: %s", p.Detail)
	}
}

// A second upload of the same bytes hears whether its callback_url is told.
func TestCallbackOfUploadAgain(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(c *Config) { c.Callbacks = &webhook.Targets{} })
	const receiver, other = "https://hooks.example.com/mivaa", "https://other.example.com/"
	again := func(address string) (Accepted, map[string]any) {
		t.Helper()
		a := e.send(http.MethodPost, uploadPath+"?callback_url="+url.QueryEscape(address), strings.NewReader(samplePDF("again")), "Content-Type", "application/pdf")
		return read[Accepted](e, a, http.StatusOK), read[map[string]any](e, a, http.StatusOK)
	}
	first := e.upload("again")
	if first.CallbackRegistered != nil {
		t.Error("no callback_url was given")
	}
	for _, c := range []struct {
		address string
		want    any
	}{{"", nil}, {receiver, true}, {receiver, true}, {other, false}} {
		got, fields := again(c.address)
		if *got.JobID != *first.JobID || fields["callback_registered"] != c.want || strings.Contains(got.Message, "callback_url") != (c.want == false) {
			t.Errorf("%q: %v", c.address, fields)
		}
	}
	e.process(mustID(e, *first.JobID), 1, 1)
	if got, _ := again(receiver); got.CallbackRegistered == nil || *got.CallbackRegistered {
		t.Errorf("of a job that is over: %+v", got)
	}
	told := read[Webhooks](e, e.get("/api/rag/jobs/"+*first.JobID+"/webhooks"), http.StatusOK)
	if told.Count != 1 || told.Webhooks[0].URL != receiver {
		t.Errorf("told: %+v", told)
	}
}

// The same bytes without the password are not answered with what it opened.
func TestUploadAgainWithoutThePassword(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	with := func(password string) answer {
		return e.uploadForm("a.pdf", samplePDF("locked"), "password", password, "file", "")
	}
	first := read[Accepted](e, with("secret"), http.StatusAccepted)
	e.process(mustID(e, *first.JobID), 1, 1)
	for _, password := range []string{"", "guess"} {
		if got := read[Accepted](e, with(password), http.StatusAccepted); got.DocumentID == first.DocumentID || got.Deduplicated {
			t.Errorf("%q is answered with %+v", password, got)
		}
	}
	if got := read[Accepted](e, with("secret"), http.StatusOK); got.DocumentID != first.DocumentID {
		t.Errorf("the password: %+v", got)
	}
}

package dashboard

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/internal/api"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/webhook"
	"github.com/mivaa/mivaa/jobs"
)

// TestUploadFormOptions: the form offers what the API takes of OCR, and what it
// sends without JavaScript is what the document is read with.
func TestUploadFormOptions(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	form := e.page("/")
	e.contains(form, `<select name="ocr">`, `<option value="">`, `<option value="auto">`, `<option value="off">`, `<option value="force">`, `name="ocr_languages"`)
	if strings.Contains(form, "callback_url") {
		t.Error("a callback is offered by a service that sends none")
	}
	a := e.uploadForm("scan.pdf", samplePDF("scan"), "ocr", "force", "ocr_languages", "eng+deu")
	if a.StatusCode != http.StatusSeeOther {
		t.Fatalf("upload: %d %s", a.StatusCode, a.body)
	}
	list, err := e.docs.List(t.Context(), documents.Filter{Limit: 1})
	e.ok(err)
	var options map[string]string
	e.ok(json.Unmarshal(list[0].Options, &options))
	if options["ocr"] != "force" || options["ocr_languages"] != "eng+deu" {
		t.Errorf("read with %v", options)
	}
	if a := e.uploadForm("plain.pdf", samplePDF("plain"), "ocr", "", "ocr_languages", ""); a.StatusCode != http.StatusSeeOther {
		t.Errorf("what nobody chose: %d %s", a.StatusCode, a.body)
	}
}

// TestUploadFormCallback: where webhooks are sent the form asks for an address,
// and its second upload says if that one is told nothing.
func TestUploadFormCallback(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(c *api.Config) { c.Callbacks = &webhook.Targets{} })
	e.contains(e.page("/"), `name="callback_url"`)
	send := func(address string) answer { return e.uploadForm("a.pdf", samplePDF("a"), "callback_url", address) }
	if a := send("https://example.org/one"); !strings.HasSuffix(a.location(), "?done=accepted") {
		t.Fatalf("upload: %d %s %s", a.StatusCode, a.location(), a.body)
	}
	list, err := e.store.List(t.Context(), jobs.Filter{Limit: 1})
	e.ok(err)
	e.claim(list[0].ID)
	if a := send("https://example.org/one"); !strings.HasSuffix(a.location(), "?done=known") {
		t.Errorf("the same address: %s", a.location())
	}
	a := send("https://example.org/two")
	if !strings.HasSuffix(a.location(), "?done=untold") {
		t.Fatalf("another address: %s", a.location())
	}
	e.contains(e.page(a.location()), "nothing will be sent to the callback URL")
	if a := send("ftp://example.org/"); a.StatusCode != http.StatusBadRequest || !strings.Contains(a.body, "callback_url") && !strings.Contains(a.body, "https") {
		t.Errorf("no such address: %d %s", a.StatusCode, a.body)
	}
}

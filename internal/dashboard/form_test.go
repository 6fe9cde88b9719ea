package dashboard

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/jobs"
)

// sendForm sends a form of some media type, as a browser does.
func (e *env) sendForm(path, mediaType, body string) answer {
	e.Helper()
	return e.send(http.MethodPost, path, strings.NewReader(body), "Content-Type", mediaType,
		"Origin", e.url, "Sec-Fetch-Site", "same-origin", "Accept", "text/html")
}

// multipartForm is a form with one field, in the way of forms with files.
func (e *env) multipartForm(name, value string) (mediaType, body string) {
	e.Helper()
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	e.ok(w.WriteField(name, value))
	e.ok(w.Close())
	return w.FormDataContentType(), buf.String()
}

// TestFormsAreBounded: one that is too long, or came in half, changes nothing.
func TestFormsAreBounded(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	j, id := e.insert("kept.pdf"), e.upload("document.pdf").DocumentID.String()
	const urlencoded = "application/x-www-form-urlencoded"
	mediaType, long := e.multipartForm("reason", strings.Repeat("x", mostForm))
	half := long[:1000]
	for _, path := range []string{
		"/jobs/" + j.ID.String() + "/cancel", "/jobs/" + j.ID.String() + "/delete", "/documents/" + id + "/delete", "/documents/" + id + "/reprocess",
		"/instances/pause", "/instances/resume", "/bulk", "/sample",
	} {
		for _, form := range []struct {
			mediaType, body string
			status          int
			says            string
		}{
			{urlencoded, "back=/&reason=" + strings.Repeat("x", mostForm), http.StatusRequestEntityTooLarge, "longer than 64 KiB"},
			{mediaType, long, http.StatusRequestEntityTooLarge, "longer than 64 KiB"},
			{mediaType, half, http.StatusBadRequest, "The form cannot be read"},
			{urlencoded, "back=%zz", http.StatusBadRequest, "The form cannot be read"},
		} {
			a := e.sendForm(path, form.mediaType, form.body)
			if a.StatusCode != form.status || !strings.Contains(a.body, form.says) || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
				t.Errorf("%s, %d bytes of %.30s: %d %s\n%s", path, len(form.body), form.mediaType, a.StatusCode, a.location(), a.body)
			}
		}
	}
	if got := e.job(j.ID); got.Status != jobs.Pending {
		t.Errorf("the job was moved: it is %s", got.Status)
	}
	e.page("/documents/" + id)
	if strings.Contains(e.page("/instances"), "Paused") {
		t.Error("instances were paused")
	}
	if n, err := e.store.List(t.Context(), jobs.Filter{Limit: 10}); err != nil || len(n) != 2 {
		t.Errorf("there are %d jobs, %v", len(n), err)
	}

	// What is short works either way, and brings who sent it back.
	mediaType, short := e.multipartForm("back", "/?status=pending")
	if a := e.sendForm("/jobs/"+j.ID.String()+"/cancel", mediaType, short); a.StatusCode != http.StatusSeeOther || a.location() != "/?status=pending" {
		t.Errorf("a short form: %d %s", a.StatusCode, a.location())
	}
	mediaType, short = e.multipartForm("x", "y")
	if a := e.sendForm("/sample", mediaType, short); a.StatusCode != http.StatusSeeOther {
		t.Errorf("the sample: %d %s", a.StatusCode, a.body)
	}
}

// TestFilesOfFormsAreRemoved where a form was written to the disk.
func TestFilesOfFormsAreRemoved(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var buf bytes.Buffer
	form := multipart.NewWriter(&buf)
	part, err := form.CreateFormFile("file", "a.pdf")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", &buf)
	r.Header.Set("Content-Type", form.FormDataContentType())
	if err := r.ParseMultipartForm(1); err != nil {
		t.Fatal(err)
	}
	files := func() int {
		found, err := os.ReadDir(os.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	if n := files(); n != 1 {
		t.Fatalf("%d files were written", n)
	}
	removeFiles(r)
	if n := files(); n != 0 {
		t.Errorf("%d files are left", n)
	}
}

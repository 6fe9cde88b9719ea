package client_test

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mivaa/mivaa/client"
)

const accepted = `{"job_id":"` + someID + `","document_id":"` + someID + `","status":"pending"}`

// parts reads a form that was sent.
func parts(t *testing.T, r seen) map[string]string {
	t.Helper()
	_, params, err := mime.ParseMediaType(r.header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	form, err := multipart.NewReader(strings.NewReader(r.body), params["boundary"]).ReadForm(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for name, values := range form.Value {
		got[name] = values[0]
	}
	for name, files := range form.File {
		file, err := files[0].Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(file)
		if err != nil {
			t.Fatal(err)
		}
		got[name] = files[0].Filename + ":" + string(data)
	}
	return got
}

func TestSubmit(t *testing.T) {
	t.Parallel()
	f := newFake(t, breaks, problem(http.StatusServiceUnavailable, `{"status":503,"code":"stopping","detail":"x"}`), says(http.StatusAccepted, accepted))
	path := filepath.Join(t.TempDir(), `a "name".pdf`)
	if err := os.WriteFile(path, []byte("%PDF-1.7 content"), 0o600); err != nil {
		t.Fatal(err)
	}
	done, err := f.client().SubmitFile(t.Context(), path, client.Upload{
		Title: "A title", Tags: []string{"a", "b"}, Pages: "1-3", ChunkSize: 500, ChunkOverlap: -1, Password: "secret", Priority: -5, Owner: "alice",
	})
	if err != nil || done.JobID != someID || done.Status != client.Pending {
		t.Fatalf("%+v, %v", done, err)
	}
	sent := f.requests()
	if len(sent) != 3 {
		t.Fatalf("%d requests, want 3", len(sent))
	}
	for _, r := range sent {
		if r.header.Get("Idempotency-Key") != "" || strings.Contains(r.query, "secret") {
			t.Errorf("%+v", r)
		}
		got := parts(t, r)
		want := map[string]string{
			"title": "A title", "tags": "a,b", "pages": "1-3", "chunk_size": "500", "chunk_overlap": "0", "password": "secret", "priority": "-5", "owner": "alice",
			"file": `a "name".pdf:%PDF-1.7 content`,
		}
		for name, value := range want {
			if got[name] != value {
				t.Errorf("%s: got %q, want %q", name, got[name], value)
			}
		}
		if len(got) != len(want) {
			t.Errorf("got %v", got)
		}
	}
}

// TestSubmitAnew: one key for all attempts, another for the next call.
func TestSubmitAnew(t *testing.T) {
	t.Parallel()
	f := newFake(t, breaks, says(http.StatusAccepted, accepted))
	c := f.client()
	for range 2 {
		if _, err := c.Submit(t.Context(), strings.NewReader("%PDF-"), client.Upload{Filename: "a.pdf", Anew: true}); err != nil {
			t.Fatal(err)
		}
	}
	sent := f.requests()
	keys := make([]string, len(sent))
	for i, r := range sent {
		keys[i] = r.header.Get("Idempotency-Key")
	}
	if len(keys) != 3 || keys[0] == "" || keys[0] != keys[1] || keys[1] == keys[2] {
		t.Errorf("keys %q", keys)
	}
}

// TestSubmitOnce: what cannot be read again is not sent again in part.
func TestSubmitOnce(t *testing.T) {
	t.Parallel()
	f := newFake(t, breaks, says(http.StatusAccepted, accepted))
	if _, err := f.client().Submit(t.Context(), io.MultiReader(strings.NewReader("%PDF-")), client.Upload{Filename: "a.pdf"}); err == nil || len(f.requests()) != 1 {
		t.Errorf("%d requests, %v", len(f.requests()), err)
	}
	broken := errors.New("the disk is broken")
	_, err := f.client().Submit(t.Context(), io.MultiReader(strings.NewReader("%PDF-"), iotest.ErrReader(broken)), client.Upload{Filename: "a.pdf"})
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	if _, err := f.client().Submit(t.Context(), &bytes.Buffer{}, client.Upload{}); err == nil {
		t.Error("an upload without a name")
	}
}

// TestSubmitOddName: a name that no header may hold is sent as one that it may.
func TestSubmitOddName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"a\x1b[31m\x00\tb.pdf": "a\uFFFD[31m\uFFFD\uFFFDb.pdf", "bad\xff.pdf": "bad\uFFFD.pdf", `q"uote.pdf`: `q"uote.pdf`} {
		f := newFake(t, says(http.StatusAccepted, accepted))
		if _, err := f.client().Submit(t.Context(), strings.NewReader("%PDF"), client.Upload{Filename: name}); err != nil {
			t.Fatal(err)
		}
		if got := parts(t, f.requests()[0])["file"]; got != want+":%PDF" {
			t.Errorf("%q is sent as %q", name, got)
		}
	}
}

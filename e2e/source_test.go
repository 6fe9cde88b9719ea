//go:build linux

package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// sourcePath is where a data dir keeps a PDF.
func sourcePath(dir string, pdf []byte) string {
	sum := sha256.Sum256(pdf)
	name := hex.EncodeToString(sum[:])
	return filepath.Join(dir, "blobs", name[:2], name[2:])
}

// A source that is gone, changed or unreadable costs the jobs that need it and
// no other, each by its own name. One that is out of reach is waited for.
func TestSourceThatCannotBeRead(t *testing.T) {
	t.Parallel()
	as, give := unprivileged(t)
	dir := openDir(t)
	give(filepath.Dir(dir))
	api := serveWith(t, as, dir, "--workers", "0")
	pdfs := map[string][]byte{}
	jobs := map[string]job{}
	for _, name := range []string{"gone", "changed", "cut short", "forbidden", "fine"} {
		pdfs[name] = textPDF(3, name)
		jobs[name] = api.upload(pdfs[name])
	}
	if code, _ := api.signal(syscall.SIGTERM); code != 0 {
		t.Fatalf("exit %d", code)
	}
	changed := bytes.Clone(pdfs["changed"])
	changed[len(changed)/2] ^= 1
	for _, err := range []error{
		os.Remove(sourcePath(dir, pdfs["gone"])),
		os.WriteFile(sourcePath(dir, pdfs["changed"]), changed, 0o600),
		os.Truncate(sourcePath(dir, pdfs["cut short"]), 100),
		os.Chmod(sourcePath(dir, pdfs["forbidden"]), 0),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}

	s := serveWith(t, as, dir, "--max-failures", "2")
	for name, code := range map[string]string{"gone": "source_missing", "changed": "source_changed", "cut short": "source_changed"} {
		now := s.end(jobs[name].JobID)
		if now.Status != "failed" || now.Error == "" || now.ErrorCode != code {
			t.Errorf("%s: %+v", name, now)
		}
	}
	s.until(jobs["fine"].JobID, "the others are read", completed)

	s.until(jobs["forbidden"].JobID, "tried more often than failures are allowed", func(j job) bool { return j.Attempt > 2 && j.Failures == 0 })
	if events, stderr, code := cliWith(t, as, "jobs", "events", "--data-dir", dir, jobs["forbidden"].JobID); code != 0 || !strings.Contains(events, "permission denied") {
		t.Errorf("exit %d: the history does not say why: %s%s", code, events, stderr)
	}
	if err := os.Chmod(sourcePath(dir, pdfs["forbidden"]), 0o600); err != nil {
		t.Fatal(err)
	}
	s.until(jobs["forbidden"].JobID, "completed once it can be read", completed)
	// The same bytes again mend a source.
	again := s.upload(pdfs["changed"])
	s.until(again.JobID, "a new upload of the changed source", completed)
}

// Each reason to refuse a PDF has its code: of the answer where it shows in the
// bytes, of the job where it shows in the document, and exit 3 of the command.
func TestRefusedPDFs(t *testing.T) {
	t.Parallel()
	const noProblem = 0
	limits := []string{"--max-upload", "100KiB", "--max-pages", "10"}
	pages := textPDF(11, "long")
	if len(pages) > 100<<10 {
		t.Fatal("the long document is over the other limit")
	}
	dir := dataDir(t)
	s := serve(t, dir, limits...)
	for name, tt := range map[string]struct {
		pdf      []byte
		password string
		status   int // of the upload; 0: accepted, and the job fails
		code     string
	}{
		"not a PDF":       {[]byte("GIF89a and so on"), "", 400, "not_a_pdf"},
		"nothing":         {nil, "", 400, "not_a_pdf"},
		"damaged":         {[]byte("%PDF-1.7\n" + strings.Repeat("no object in here\n", 100)), "", noProblem, "damaged"},
		"encrypted":       {encryptedPDF("open sesame"), "", noProblem, "password_required"},
		"wrong password":  {encryptedPDF("open barley"), "open rye", noProblem, "password_wrong"},
		"too large":       {bigPDF(200 << 10), "", 413, "too_large"},
		"too many pages":  {pages, "", noProblem, "too_many_pages"},
		"right password":  {encryptedPDF("open wheat"), "open wheat", noProblem, ""},
		"as many as may":  {textPDF(10, "ten"), "", noProblem, ""},
		"as large as may": {bigPDF(90 << 10), "", noProblem, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var documentID string
			if tt.status != noProblem {
				if p := s.refusedUpload(tt.pdf); p.Status != tt.status || p.Code != tt.code {
					t.Errorf("upload: %+v", p)
				}
			} else {
				fields := map[string]string{}
				if tt.password != "" {
					fields["password"] = tt.password
				}
				j := s.uploadForm(name+".pdf", tt.pdf, fields)
				documentID = j.DocumentID
				now := s.end(j.JobID)
				if tt.code != "" && (now.Status != "failed" || now.ErrorCode != tt.code || now.Error == "" || now.Attempt != 1) {
					t.Errorf("job: %+v", now)
				}
				if tt.code == "" && now.Status != "completed" {
					t.Errorf("job: %+v", now)
				}
			}

			shownNowhere(t, s, tt.password)

			own := dataDir(t)
			args := append([]string{"extract", "--data-dir", own, write(t, tt.pdf)}, limits...)
			if tt.password != "" {
				file := filepath.Join(t.TempDir(), "password")
				if err := os.WriteFile(file, []byte(tt.password+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				args = append(args, "--password-file", file)
			}
			if tt.code == "" {
				out, stderr, code := cli(t, args...)
				if code != 0 || out != s.content(documentID, "markdown") {
					t.Errorf("extract exited %d: %s", code, stderr)
				}
				return
			}
			for range 2 { // the answer stays the same
				f := fails(t, 3, args...)
				if f.Code != tt.code {
					t.Errorf("extract: %+v", f)
				}
				if strings.HasPrefix(tt.code, "password") {
					f.needsHint(t, "password")
				}
			}
		})
	}
}

// shownNowhere checks that a password is in no list and not in the log.
func shownNowhere(t *testing.T, s *service, password string) {
	t.Helper()
	if password == "" {
		return
	}
	for _, path := range []string{"/api/rag/documents", "/api/rag/documents/jobs"} {
		var text string
		if code := s.call("GET", path, nil, &text); code != 200 || strings.Contains(text, password) {
			t.Errorf("%s: %d, or a password in %s", path, code, text)
		}
	}
	if strings.Contains(strings.Join(s.log(), "\n"), password) {
		t.Error("a password in the log")
	}
}

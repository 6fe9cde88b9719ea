package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs"
)

func TestUploadForm(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	// Fields before the file and after it.
	got := e.uploadForm("report.pdf", samplePDF("form"), "title", "Größe & <Ruhm>", "pages", "7, 1-3", "file", "",
		"description", "two\nlines", "tags", `["a","b","a"," "]`, "chunk_size", "500", "chunk_overlap", "50", "password", "s3cret",
		"priority", "7", "owner", "ann", "recovery", "manual", "enable_embedding", "true")
	body := read[Accepted](e, got, http.StatusAccepted)
	id, doc := mustID(e, *body.JobID), mustID(e, body.DocumentID)
	want := Accepted{
		JobID: body.JobID, DocumentID: body.DocumentID, Status: "pending", Message: body.Message, StatusURL: "/api/rag/documents/job/" + id.String(),
		DocumentURL: "/api/rag/documents/" + doc.String(), ContentURL: "/api/rag/documents/" + doc.String() + "/content",
	}
	if diff := cmp.Diff(want, body); diff != "" {
		t.Error(diff)
	}
	if got.Header.Get("Location") != want.StatusURL {
		t.Errorf("Location is %q", got.Header.Get("Location"))
	}
	j := e.job(id)
	if j.Status != jobs.Pending || j.Priority != 7 || j.Owner != "ann" || j.Recovery != jobs.RecoveryManual || j.Filename != "report.pdf" || j.DocumentID != doc {
		t.Errorf("job is %+v", j)
	}
	var metadata map[string]any
	e.ok(json.Unmarshal(j.Metadata, &metadata))
	wantMetadata := map[string]any{
		"title": "Größe & <Ruhm>", "description": "two\nlines", "tags": []any{"a", "b"}, "chunk_size": 500.0, "chunk_overlap": 50.0,
	}
	if diff := cmp.Diff(wantMetadata, metadata); diff != "" {
		t.Error(diff)
	}
	d, err := e.docs.Get(t.Context(), doc)
	e.ok(err)
	if want := `{"pages":"1-3,7","cut":{"chunk_size":500,"chunk_overlap":50}}`; string(d.Options) != want {
		t.Errorf("options are %s, want %s", d.Options, want)
	}
	// The bytes are there, whole.
	f, err := e.blobs.Open(t.Context(), d.SourceSHA256)
	e.ok(err)
	defer f.Close()
	stored, err := io.ReadAll(f)
	e.ok(err)
	if string(stored) != samplePDF("form") {
		t.Errorf("%d other bytes were stored", len(stored))
	}
	// The password opens the document and is shown nowhere.
	if p, err := e.docs.Password(t.Context(), doc); err != nil || p != "s3cret" {
		t.Errorf("password is %q, %v", p, err)
	}
	for _, path := range []string{jobURL(id), "/api/rag/documents/jobs", documentURL(doc), "/api/rag/documents", "/api/rag/jobs/" + id.String() + "/checkpoints", "/"} {
		if a := e.get(path); strings.Contains(a.body, "s3cret") {
			t.Errorf("%s shows the password", path)
		}
	}
	if strings.Contains(e.log.String(), "s3cret") {
		t.Error("the log shows the password")
	}
}

func TestUploadRaw(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(c *Config) { c.Recovery = jobs.RecoveryManual })
	for _, test := range []struct {
		name, query string
		headers     []string
		want        string
	}{
		{"disposition", "?filename=c.pdf", []string{"Content-Disposition", `attachment; filename="a b.pdf"`, "X-Filename", "b.pdf"}, "a b.pdf"},
		{"extended", "", []string{"Content-Disposition", `attachment; filename*=UTF-8''na%C3%AFve.pdf`}, "naïve.pdf"},
		{"header", "?filename=c.pdf", []string{"X-Filename", "b.pdf"}, "b.pdf"},
		{"query", "?filename=c.pdf", nil, "c.pdf"},
		{"none", "", nil, "document.pdf"},
		{"path", "?filename=" + "..%2F..%5Cetc%2Fpasswd.pdf", nil, "passwd.pdf"},
		{"controls", "?filename=a%00b%0Ac%1B%5B31m%E2%80%AE.pdf", nil, "abc[31m.pdf"},
		{"long", "?filename=" + strings.Repeat("%C3%A4", 300), nil, strings.Repeat("ä", 127)},
		{"dots", "?filename=..", nil, "document.pdf"},
	} {
		headers := append([]string{"Content-Type", "application/pdf"}, test.headers...)
		a := e.send(http.MethodPost, uploadPath+test.query, strings.NewReader(samplePDF(test.name)), headers...)
		body := read[Accepted](e, a, http.StatusAccepted)
		j := e.job(mustID(e, *body.JobID))
		if j.Filename != test.want {
			t.Errorf("%s: filename is %q, want %q", test.name, j.Filename, test.want)
		}
		if j.Recovery != jobs.RecoveryManual {
			t.Errorf("recovery is %q", j.Recovery)
		}
	}
	// Fields stand in the address.
	a := e.send(http.MethodPost, uploadPath+"?title=T&pages=2-3&recovery=auto", strings.NewReader(samplePDF("fields")), "Content-Type", "application/pdf")
	j := e.job(mustID(e, *read[Accepted](e, a, http.StatusAccepted).JobID))
	if string(j.Metadata) != `{"title":"T"}` || j.Recovery != jobs.RecoveryAuto || !strings.Contains(string(j.Payload), `"pages":"2-3"`) {
		t.Errorf("job is %+v", j)
	}
}

func TestUploadAgain(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	again := func(seed string, headers ...string) answer {
		t.Helper()
		headers = append([]string{"Content-Type", "application/pdf"}, headers...)
		return e.send(http.MethodPost, uploadPath, strings.NewReader(samplePDF(seed)), headers...)
	}
	first := e.upload("a")
	second := read[Accepted](e, again("a"), http.StatusOK)
	if *second.JobID != *first.JobID || second.DocumentID != first.DocumentID || !second.Deduplicated {
		t.Errorf("the same bytes: %+v after %+v", second, first)
	}
	// Other options make another document.
	third := e.send(http.MethodPost, uploadPath+"?pages=1", strings.NewReader(samplePDF("a")), "Content-Type", "application/pdf")
	if other := read[Accepted](e, third, http.StatusAccepted); other.DocumentID == first.DocumentID {
		t.Error("other options gave the same document")
	}
	// A key: the same bytes give the first job, other bytes are refused.
	keyed := e.upload("b", "Idempotency-Key", "k1")
	repeated := read[Accepted](e, again("b", "Idempotency-Key", "k1"), http.StatusOK)
	if *repeated.JobID != *keyed.JobID || !repeated.Deduplicated {
		t.Errorf("the same key: %+v after %+v", repeated, keyed)
	}
	e.problem(again("c", "Idempotency-Key", "k1"), http.StatusConflict, codeKeyReused)
	// A completed document answers although its job is gone.
	e.process(mustID(e, *first.JobID), 1, 1)
	status := read[Accepted](e, again("a"), http.StatusOK)
	if status.Status != "completed" {
		t.Errorf("status of a completed one is %q", status.Status)
	}
	e.removeJobs()
	gone := read[Accepted](e, again("a"), http.StatusOK)
	if gone.JobID != nil || gone.DocumentID != first.DocumentID || gone.Status != "completed" || gone.StatusURL != documentURL(mustID(e, first.DocumentID)) {
		t.Errorf("without its job: %+v", gone)
	}
}

// removeJobs deletes what ended, as the retention does.
func (e *env) removeJobs() {
	e.Helper()
	_, err := e.store.Cleanup(e.Context(), e.job0().CompletedAt.Add(1<<40), 100)
	e.ok(err)
}

func (e *env) job0() jobs.Job {
	e.Helper()
	found, err := e.store.List(e.Context(), jobs.Filter{Status: jobs.Completed})
	e.ok(err)
	return found[0]
}

// TestUploadAtOnce: however many send the same bytes at once, they get one job.
func TestUploadAtOnce(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	const n = 8
	var answers [n]<-chan answer
	for i := range answers {
		answers[i] = e.async(func() answer {
			return e.send(http.MethodPost, uploadPath, strings.NewReader(samplePDF("once")), "Content-Type", "application/pdf")
		})
	}
	ids, first := map[string]bool{}, 0
	for _, c := range answers {
		a := <-c
		if a.StatusCode == http.StatusAccepted {
			first++
		}
		ids[*read[Accepted](e, a, a.StatusCode).JobID] = true
	}
	if len(ids) != 1 || first != 1 {
		t.Errorf("%d jobs, %d times 202", len(ids), first)
	}
}

// What is wrong is named by its field.
func TestUploadRefusedNamesTheField(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for size, field := range map[string]string{"0": "body.chunk_size", "100": "body.chunk_overlap"} {
		a := e.uploadForm("a.pdf", samplePDF("field"), "chunk_size", size, "chunk_overlap", "90", "file", "")
		if p := e.problem(a, http.StatusBadRequest, codeInvalid); len(p.Errors) != 1 || p.Errors[0].Location != field {
			t.Errorf("chunk_size %s: %+v, want one of %s", size, p.Errors, field)
		}
	}
}

func TestUploadRefused(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(c *Config) { c.MaxUpload = 10 << 10 })
	pdf := samplePDF("refused")
	long := "%PDF-" + strings.Repeat("y", 20<<10)
	for _, test := range []struct {
		name   string
		answer answer
		status int
		code   string
	}{
		{"not a PDF", e.uploadForm("a.pdf", "PK\x03\x04 a zip"), 400, "invalid_request"}, // no file at all
		{"no PDF", e.uploadForm("a.pdf", "PK\x03\x04 a zip", "file", ""), 400, "not_a_pdf"},
		{"empty", e.uploadForm("a.pdf", "", "file", ""), 400, "not_a_pdf"},
		{"late header", e.uploadForm("a.pdf", strings.Repeat(" ", 1025)+"%PDF-1.4", "file", ""), 400, "not_a_pdf"},
		{"two files", e.uploadForm("a.pdf", pdf, "file", "", "file", ""), 400, "invalid_request"},
		{"too large", e.uploadForm("a.pdf", long, "file", ""), 413, "too_large"},
		{"pages", e.uploadForm("a.pdf", pdf, "file", "", "pages", "9-1"), 400, "invalid_request"},
		{"chunk_size", e.uploadForm("a.pdf", pdf, "file", "", "chunk_size", "x"), 400, "invalid_request"},
		{"chunk_overlap", e.uploadForm("a.pdf", pdf, "file", "", "chunk_size", "100", "chunk_overlap", "90"), 400, "invalid_request"},
		{"tags", e.uploadForm("a.pdf", pdf, "file", "", "tags", "[1]"), 400, "invalid_request"},
		{"priority", e.uploadForm("a.pdf", pdf, "file", "", "priority", "5000"), 400, "invalid_request"},
		{"recovery", e.uploadForm("a.pdf", pdf, "file", "", "recovery", "never"), 400, "invalid_request"},
		{"long title", e.uploadForm("a.pdf", pdf, "title", strings.Repeat("t", 2000), "file", ""), 400, "invalid_request"},
		{"long unknown", e.uploadForm("a.pdf", pdf, "what", strings.Repeat("t", mostField+1), "file", ""), 400, "invalid_request"},
		{"many fields", e.uploadForm("a.pdf", pdf, strings.Split(strings.Repeat("a,b,", mostParts+1), ",")[:2*mostParts+2]...), 400, "invalid_request"},
		{"not UTF-8", e.uploadForm("a.pdf", pdf, "title", "\xff", "file", ""), 400, "invalid_request"},
		{"media type", e.send("POST", uploadPath, strings.NewReader(pdf), "Content-Type", "text/html"), 415, codeMediaType},
		{"no media type", e.send("POST", uploadPath, strings.NewReader(pdf)), 415, codeMediaType},
		{"no boundary", e.send("POST", uploadPath, strings.NewReader(pdf), "Content-Type", "multipart/form-data"), 400, "invalid_request"},
		{"not a form", e.send("POST", uploadPath, strings.NewReader(pdf), "Content-Type", "multipart/form-data; boundary=q"), 400, "invalid_request"},
		{"raw no PDF", e.send("POST", uploadPath, strings.NewReader("hello"), "Content-Type", "application/pdf"), 400, "not_a_pdf"},
		{"raw too large", e.send("POST", uploadPath, strings.NewReader(long), "Content-Type", "application/pdf"), 413, "too_large"},
		{"raw too large, unsized", e.send("POST", uploadPath, io.MultiReader(strings.NewReader(long)), "Content-Type", "application/pdf"), 413, "too_large"},
		{"far too large", e.send("POST", uploadPath, io.MultiReader(strings.NewReader("%PDF-"), strings.NewReader(strings.Repeat("z", 3<<20))), "Content-Type", "application/pdf"), 413, "too_large"},
		{"password in the address", e.send("POST", uploadPath+"?password=x", strings.NewReader(pdf), "Content-Type", "application/pdf"), 400, "invalid_request"},
		{"long key", e.send("POST", uploadPath, strings.NewReader(pdf), "Content-Type", "application/pdf", "Idempotency-Key", strings.Repeat("k", 300)), 400, "invalid_request"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := (&env{TB: t}).problem(test.answer, test.status, test.code)
			if test.code == codeInvalid && strings.Contains(p.Detail, "multipart:") {
				t.Errorf("the detail speaks Go: %s", p.Detail)
			}
		})
	}
	if s, err := e.store.Statistics(t.Context()); err != nil || s.Total != 0 {
		t.Errorf("refused uploads left %d jobs behind, %v", s.Total, err)
	}
	var names []string
	e.ok(filepath.WalkDir(filepath.Join(e.blobs.Path(), "tmp"), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, path)
		}
		return err
	}))
	if len(names) > 0 {
		t.Errorf("refused uploads left files behind: %q", names)
	}
}

// TestUploadHeader: real files have bytes before the header.
func TestUploadHeader(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	read[Accepted](e, e.uploadForm("a.pdf", strings.Repeat(" ", 1019)+samplePDF("h"), "file", ""), http.StatusAccepted)
}

// TestUploadBreaksOff: a connection that ends in the middle is no upload.
func TestUploadBreaksOff(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	whole, ct := formBody(e, "a.pdf", samplePDF("cut"), "file", "")
	half, err := io.ReadAll(io.LimitReader(whole, 1500))
	e.ok(err)
	p := e.problem(e.send(http.MethodPost, uploadPath, bytes.NewReader(half), "Content-Type", ct), http.StatusBadRequest, codeInvalid)
	if !strings.Contains(p.Detail, "broke off") {
		t.Errorf("detail is %q", p.Detail)
	}
}

func TestUploadWhileStopping(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	// One upload is under way when the service stops.
	r, w := io.Pipe()
	answered := e.async(func() answer { return e.send(http.MethodPost, uploadPath, r, "Content-Type", "application/pdf") })
	_, err := io.WriteString(w, samplePDF("slow"))
	e.ok(err)
	e.eventually("the upload is under way", func() bool { return len(e.api.uploads) == 1 })
	e.api.Stop()
	e.api.Stop()
	a := <-answered
	e.ok(w.Close())
	e.problem(a, http.StatusServiceUnavailable, codeStopping)
	b := e.send(http.MethodPost, uploadPath, strings.NewReader(samplePDF("late")), "Content-Type", "application/pdf")
	e.problem(b, http.StatusServiceUnavailable, codeStopping)
	for _, a := range []answer{a, b} {
		if a.Header.Get("Retry-After") != "5" {
			t.Errorf("Retry-After is %q", a.Header.Get("Retry-After"))
		}
	}
	if s, err := e.store.Statistics(t.Context()); err != nil || s.Total != 0 {
		t.Errorf("%d jobs, %v", s.Total, err)
	}
	// Everything else is answered.
	read[JobList](e, e.get("/api/rag/documents/jobs"), http.StatusOK)
}

func TestUploadBusy(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(c *Config) { c.MaxUploads = 1 })
	e.api.uploads <- struct{}{}
	a := e.send(http.MethodPost, uploadPath, strings.NewReader(samplePDF("x")), "Content-Type", "application/pdf")
	e.problem(a, http.StatusServiceUnavailable, codeBusy)
	if a.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	<-e.api.uploads
	e.upload("x")
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	full := &jobs.StoreError{Op: "store blob", Err: fmt.Errorf("write: %w", syscall.ENOSPC)}
	if p := problemOf(full); p.Status != http.StatusInsufficientStorage || p.Code != codeDiskFull || p.retryAfter == 0 {
		t.Errorf("a full disk is %+v", p)
	}
	if p := problemOf(fmt.Errorf("submit: %w", documents.ErrInvalid)); p.Status != http.StatusBadRequest {
		t.Errorf("an invalid submission is %+v", p)
	}
}

// noise gives bytes, and looks at the heap on the way.
type noise struct {
	left, next int64
	block      []byte
	most       uint64
}

func newNoise(total int64, seed byte) *noise {
	z := &noise{left: total, block: make([]byte, 32<<10)}
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(z.block) // never fails
	return z
}

func (z *noise) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := copy(p, z.block[:min(int64(len(z.block)), z.left)])
	z.left -= int64(n)
	if z.next -= int64(n); z.next <= 0 {
		z.next = 10 << 20
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		z.most = max(z.most, m.HeapInuse)
	}
	return n, nil
}

// TestUploadStreams sends 200 MiB both ways: the heap does not notice. It is
// not parallel: others would be measured too.
func TestUploadStreams(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 400 MiB")
	}
	e := newEnv(t)
	const total = 200 << 20
	for _, way := range []string{"raw", "form"} {
		var before runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		random := newNoise(total, way[0])
		content := io.MultiReader(strings.NewReader("%PDF-1.7\n"), random)
		body, ct := content, "application/pdf"
		if way == "form" {
			var head bytes.Buffer
			form := multipart.NewWriter(&head)
			_, err := form.CreateFormFile("file", "big.pdf")
			e.ok(err)
			tail := "\r\n--" + form.Boundary() + "--\r\n"
			body, ct = io.MultiReader(&head, content, strings.NewReader(tail)), form.FormDataContentType()
		}
		a := read[Accepted](e, e.send(http.MethodPost, uploadPath, body, "Content-Type", ct), http.StatusAccepted)
		d, err := e.docs.Get(t.Context(), mustID(e, a.DocumentID))
		e.ok(err)
		if d.SourceSize != total+9 {
			t.Errorf("%s: %d bytes were stored", way, d.SourceSize)
		}
		grown := (int64(random.most) - int64(before.HeapInuse)) >> 20
		t.Logf("%s: the heap grew by %d MiB", way, grown)
		if grown > 24 {
			t.Errorf("%s: the heap grew by %d MiB", way, grown)
		}
	}
}

package api

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"mime"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/jobs"
)

func TestSource(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	up := e.upload("source") // its job has not begun
	path, data := "/api/rag/documents/"+up.DocumentID+"/source", samplePDF("source")
	sum := sha256.Sum256([]byte(data))
	etag := `"` + hex.EncodeToString(sum[:]) + `"`

	whole := e.get(path)
	if whole.StatusCode != http.StatusOK || whole.body != data || whole.Header.Get("ETag") != etag {
		t.Errorf("%d, %d bytes, %v", whole.StatusCode, len(whole.body), whole.Header)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/pdf", "Content-Disposition": `attachment; filename="source.pdf"`, "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "default-src 'none'; sandbox", "Accept-Ranges": "bytes", "Cache-Control": "private, no-cache", "Content-Encoding": "",
	} {
		if got := whole.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if head := e.send(http.MethodHead, path, nil); head.StatusCode != http.StatusOK || head.body != "" || head.ContentLength != int64(len(data)) {
		t.Errorf("HEAD: %d of %d", head.StatusCode, head.ContentLength)
	}
	for _, c := range []struct {
		headers []string
		status  int
		body    string
	}{
		{[]string{"Range", "bytes=0-7"}, http.StatusPartialContent, data[:8]},
		{[]string{"Range", "bytes=-6"}, http.StatusPartialContent, data[len(data)-6:]},
		{[]string{"Range", "bytes=0-7", "If-Range", etag}, http.StatusPartialContent, data[:8]},
		{[]string{"Range", "bytes=0-7", "If-Range", `"other"`}, http.StatusOK, data},
		{[]string{"If-None-Match", etag}, http.StatusNotModified, ""},
		{[]string{"If-None-Match", `"other", W/` + etag}, http.StatusNotModified, ""},
		{[]string{"If-None-Match", `"other"`}, http.StatusOK, data},
	} {
		if a := e.get(path, c.headers...); a.StatusCode != c.status || a.body != c.body || a.Header.Get("ETag") != etag {
			t.Errorf("%v: %d, %d bytes, %v", c.headers, a.StatusCode, len(a.body), a.Header)
		}
	}
	if a := e.get(path, "Range", "bytes=999999-"); a.StatusCode != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("a range behind the end: %d", a.StatusCode)
	}
}

func TestSourceThatIsNot(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.problem(e.get("/api/rag/documents/"+jobs.NewID().String()+"/source"), http.StatusNotFound, codeNotFound)
	up := e.upload("changed")
	path := "/api/rag/documents/" + up.DocumentID + "/source"
	d, err := e.docs.Get(t.Context(), mustID(e, up.DocumentID))
	e.ok(err)
	var stored string
	e.ok(filepath.WalkDir(e.blobs.Location().String(), func(p string, _ os.DirEntry, err error) error {
		if strings.HasSuffix(p, d.SourceSHA256) || strings.HasSuffix(p, d.SourceSHA256[2:]) {
			stored = p
		}
		return err
	}))
	if stored == "" {
		t.Skip("the blob store keeps its files elsewhere")
	}
	e.ok(os.Chmod(stored, 0o600))
	e.ok(os.WriteFile(stored, []byte("%PDF-1.7 something else"), 0o600))
	e.problem(e.get(path), http.StatusConflict, blob.CodeChanged)
	e.ok(os.Remove(stored))
	e.problem(e.get(path), http.StatusNotFound, blob.CodeMissing)
}

// A client that reads slowly, or not at all, does not hold the file for ever:
// Stop ends it. The bytes do not go through memory.
func TestSourceEndsWithTheService(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	big := "%PDF-1.7\n" + strings.Repeat("x", 32<<20)
	up := read[Accepted](e, e.send(http.MethodPost, uploadPath, strings.NewReader(big), "Content-Type", "application/pdf"), http.StatusAccepted)
	conn, err := net.Dial("tcp", strings.TrimPrefix(e.url, "http://"))
	e.ok(err)
	defer conn.Close()
	_, err = conn.Write([]byte("GET /api/rag/documents/" + up.DocumentID + "/source HTTP/1.1\r\nHost: localhost\r\n\r\n"))
	e.ok(err)
	in := bufio.NewReader(conn)
	line, err := in.ReadString('\n')
	e.ok(err)
	if !strings.Contains(line, "200") {
		t.Fatal(line)
	}
	e.api.Stop()
	n := 0
	for buf := make([]byte, 1<<20); ; {
		m, err := in.Read(buf)
		n += m
		if err != nil {
			break
		}
	}
	if n >= len(big) {
		t.Errorf("all %d bytes came", n)
	}
}

func TestAttachment(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"report.pdf":         `attachment; filename="report.pdf"`,
		"Über uns.pdf":       `attachment; filename="_ber uns.pdf"; filename*=UTF-8''%C3%9Cber%20uns.pdf`,
		`a"b\c.pdf`:          `attachment; filename="a_b_c.pdf"; filename*=UTF-8''a%22b%5Cc.pdf`,
		"日本.pdf":             `attachment; filename="__.pdf"; filename*=UTF-8''%E6%97%A5%E6%9C%AC.pdf`,
		"100%.pdf":           `attachment; filename="100_.pdf"; filename*=UTF-8''100%25.pdf`,
		"x\r\nSet-Cookie: a": `attachment; filename="x__Set-Cookie: a"; filename*=UTF-8''x%0D%0ASet-Cookie%3A%20a`,
	} {
		got := attachment(name)
		if got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
		if _, params, err := mime.ParseMediaType(got); err != nil || params["filename"] != name {
			t.Errorf("%q is read as %q, %v", name, params["filename"], err)
		}
	}
}

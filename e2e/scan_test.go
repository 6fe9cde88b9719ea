//go:build linux

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"image/png"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// needTesseract skips a test where there is none. CI has one.
func needTesseract(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("tesseract"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("SKIPPED: Tesseract is not installed; apt-get install tesseract-ocr tesseract-ocr-eng")
	}
}

// scanned is a page of A4 as a scanner of 100 dots an inch sees it.
func scanned(t testing.TB, lines ...string) *image.Gray {
	t.Helper()
	const dpi = 100
	m := image.NewGray(image.Rect(0, 0, 827, 1169))
	draw.Draw(m, m.Rect, image.White, image.Point{}, draw.Src)
	parsed, err := opentype.Parse(goregular.TTF)
	if err != nil {
		t.Fatal(err)
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: 18, DPI: dpi})
	if err != nil {
		t.Fatal(err)
	}
	d := font.Drawer{Dst: m, Src: image.Black, Face: face}
	for i, line := range lines {
		d.Dot = fixed.P(100, 150+40*i)
		d.DrawString(line)
	}
	return m
}

// scanPDF is a document of pictures: each page tells its number.
func scanPDF(t testing.TB, pages int) []byte {
	t.Helper()
	contents := make([]string, pages)
	var resources strings.Builder
	free := 4 + 2*pages
	for i := range contents {
		contents[i] = fmt.Sprintf("q 595 0 0 842 0 0 cm /I%d Do Q", i)
		fmt.Fprintf(&resources, "/I%d %d 0 R ", i, free+i)
	}
	return document(contents, "/XObject << "+resources.String()+">>", func(w *pdfWriter, free int) {
		for i := range contents {
			m := scanned(t, fmt.Sprintf("This is page %d of the scan.", i+1), "Nobody types it again.")
			var b bytes.Buffer
			if err := jpeg.Encode(&b, m, nil); err != nil {
				t.Fatal(err)
			}
			w.stream(free+i, fmt.Sprintf("/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /DCTDecode",
				m.Rect.Dx(), m.Rect.Dy()), b.String())
		}
	})
}

// recognising reports whether a child of the service is Tesseract.
func (p *process) recognising() bool {
	for pid := range p.readers() {
		if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); err == nil && strings.TrimSpace(string(name)) == "tesseract" {
			return true
		}
	}
	return false
}

// A service that is killed while pages are recognised takes Tesseract along, and
// the next one goes on: each page is recognised, and recorded once.
func TestScanOfKilledService(t *testing.T) {
	needTesseract(t)
	const pages = 8
	dir := dataDir(t)
	s := serve(t, dir)
	j := s.upload(scanPDF(t, pages))
	for n := range 2 {
		s.until(j.JobID, "a page more", func(now job) bool { return now.StepsDone > n })
		eventually(t, "a page is being recognised", 30*time.Second, s.recognising)
		children := s.readers()
		s.kill()
		noneOutlives(t, children)
		s = serve(t, dir)
	}
	end := s.until(j.JobID, "completed", completed)
	if end.StepsDone != pages || end.Crashes != 0 {
		t.Errorf("completed job: %+v", end)
	}
	recordedOnce(t, s, j.JobID, pages)
	text := s.content(j.DocumentID, "text")
	for n := range pages {
		if want := fmt.Sprintf("This is page %d of the scan.\nNobody types it again.", n+1); !strings.Contains(text, want) {
			t.Errorf("page %d is not in the text:\n%s", n+1, text)
		}
	}
	var facts struct {
		OCR struct {
			Engine     string `json:"engine"`
			Recognised int    `json:"pages_recognised"`
			Needed     string `json:"needs_ocr"`
		} `json:"ocr"`
	}
	if err := json.Unmarshal([]byte(s.content(j.DocumentID, "json")), &facts); err != nil {
		t.Fatal(err)
	}
	if facts.OCR.Engine != "tesseract" || facts.OCR.Recognised != pages || facts.OCR.Needed != "" {
		t.Errorf("facts %+v", facts)
	}
	// A signal ends it at once, too.
	s.upload(append(scanPDF(t, pages), "\n% another"...))
	eventually(t, "a page is being recognised", 30*time.Second, s.recognising)
	children := s.readers()
	if code, _ := s.signal(syscall.SIGTERM); code != 0 {
		t.Errorf("the stopped service exited with %d", code)
	}
	noneOutlives(t, children)
}

// A picture is a document like any other.
func TestPictureAsDocument(t *testing.T) {
	needTesseract(t)
	var b bytes.Buffer
	if err := png.Encode(&b, scanned(t, "A letter that was photographed.")); err != nil {
		t.Fatal(err)
	}
	s := serve(t, dataDir(t))
	j := s.uploadForm("letter.png", b.Bytes(), nil)
	s.until(j.JobID, "completed", completed)
	if md := s.content(j.DocumentID, "markdown"); !strings.Contains(md, "A letter that was photographed.") {
		t.Errorf("Markdown:\n%s", md)
	}
	for path, media := range map[string]string{"/pages/1/image": "image/jpeg", "/images/p1-1.png": "image/png", "/source": "image/png"} {
		resp := s.send(http.MethodGet, "/api/rag/documents/"+j.DocumentID+path, "", nil)
		resp.Body.Close()
		if got := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || got != media {
			t.Errorf("%s: %d %s", path, resp.StatusCode, got)
		}
	}
}

// Without Tesseract the document is there all the same, and names its scans.
func TestScanWithoutTesseract(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	path := filepath.Join(t.TempDir(), "scan.pdf")
	if err := os.WriteFile(path, scanPDF(t, 3), 0o600); err != nil {
		t.Fatal(err)
	}
	bare := func(cmd *exec.Cmd) { cmd.Env = append(cmd.Env, "PATH="+t.TempDir()) }
	_, stderr, code := cliWith(t, bare, "extract", "--data-dir", dir, path)
	if code != 0 || !strings.Contains(stderr, "pages 1-3") || !strings.Contains(stderr, "install Tesseract") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	out, _, code := cliWith(t, bare, "extract", "--data-dir", dir, "--json", path)
	var result struct {
		Needed string `json:"needs_ocr"`
	}
	if err := json.Unmarshal([]byte(out), &result); err != nil || code != 0 || result.Needed != "1-3" {
		t.Errorf("exit code %d, %v: %s", code, err, out)
	}
	if _, stderr, code := cliWith(t, bare, "extract", "--data-dir", dir, "--tesseract", "/nowhere", path); code != 2 {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkExtract reads a long document with the real binary, beside pdftotext
// on the same file in the same run: in turn, so that a machine that slows down
// slows both. BENCH_PDF names another document than the generated one.
//
//	x_pdftotext  pdftotext's wall clock over ours: above 1 is faster
//	pages/s      of ours, with characters, boxes, fonts and layout recorded durably
func BenchmarkExtract(b *testing.B) {
	pdftotext, err := exec.LookPath("pdftotext")
	if err != nil {
		b.Skip("SKIPPED: pdftotext is not installed (on Debian: poppler-utils)")
	}
	path := os.Getenv("BENCH_PDF")
	if path == "" {
		pages := 1000
		if testing.Short() {
			pages = 50
		}
		path = write(b, textPDF(pages, "bench"))
	}
	pages := pageCount(b, path)
	dir := dataDir(b)
	out := filepath.Join(b.TempDir(), "out.txt")
	var ours, theirs time.Duration
	for b.Loop() {
		ours += timed(b, binary, "extract", "--data-dir", dir, "--fresh", "--quiet", "--format", "text", "-o", out, path)
		theirs += timed(b, pdftotext, path, out+".peer")
	}
	b.ReportMetric(float64(pages)*float64(b.N)/ours.Seconds(), "pages/s")
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "x_pdftotext")
}

func timed(b *testing.B, name string, args ...string) time.Duration {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), name, args...)
	cmd.Env = cleanEnv()
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%s: %v\n%s", name, err, out)
	}
	return time.Since(began)
}

func pageCount(b *testing.B, path string) int {
	b.Helper()
	out, err := exec.CommandContext(b.Context(), binary, "extract", "--data-dir", dataDir(b), "--quiet", "--json", "--format", "text", "-o", filepath.Join(b.TempDir(), "count.txt"), path).Output()
	if err != nil {
		b.Fatal(err)
	}
	var got struct {
		Pages int `json:"page_count"`
	}
	if err := json.Unmarshal(out, &got); err != nil || got.Pages == 0 {
		b.Fatalf("no page count in %s: %v", out, err)
	}
	return got.Pages
}

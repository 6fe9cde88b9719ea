// Package quality measures how well documents are read: against a public
// benchmark and against other readers, on documents that lie beside the project,
// where they do. It writes docs/quality.md.
package quality

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/pdf"
)

var (
	out    = flag.String("out", "", "`directory` that gets the Markdown of each document of the benchmark")
	report = flag.String("report", "", "`file` whose tables are written anew: docs/quality.md")
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == pdf.ReaderCommand {
		os.Exit(pdf.ReaderMain(os.Args[2:]))
	}
	os.Exit(m.Run())
}

func newPool(t testing.TB) *pdf.Pool {
	t.Helper()
	pool, err := pdf.New(pdf.Config{CacheDir: filepath.Join(os.TempDir(), "mivaa-test-pdfium-cache")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	return pool
}

// need skips the test where a command is missing. In CI that is a failure.
func need(t testing.TB, commands ...string) {
	t.Helper()
	for _, c := range commands {
		if _, err := exec.LookPath(c); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%s is not installed", c)
			}
			t.Skipf("SKIPPED: %s is not installed", c)
		}
	}
}

// readPages reads the first pages of a file, at most so many.
func readPages(ctx context.Context, pool *pdf.Pool, file string, most int) ([]layout.Page, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	d, err := pool.Open(ctx, f, info.Size(), "")
	if err != nil {
		return nil, err
	}
	defer d.Close()
	numbers := make([]int, min(most, d.Info().PageCount))
	for i := range numbers {
		numbers[i] = i + 1
	}
	pages := make([]layout.Page, 0, len(numbers))
	for page, err := range d.Pages(ctx, numbers, nil) {
		if err != nil {
			return nil, err
		}
		pages = append(pages, page)
	}
	return pages, nil
}

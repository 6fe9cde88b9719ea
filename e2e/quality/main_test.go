// Package quality measures how well documents are read: against a public
// benchmark that lies beside the project, where it does.
package quality

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/pdf"
)

// benchmark is where the documents, their true Markdown and the scorer are.
const benchmark = "../../../shared/quality"

var out = flag.String("out", "", "`directory` that gets the Markdown of each document")

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == pdf.ReaderCommand {
		os.Exit(pdf.ReaderMain(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// TestMarkdown writes what the scorer reads.
func TestMarkdown(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(benchmark, "pdfs", "*.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skipf("SKIPPED: no documents in %s", benchmark)
	}
	cache := filepath.Join(os.TempDir(), "mivaa-test-pdfium-cache")
	pool, err := pdf.New(pdf.Config{CacheDir: cache})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	dir := *out
	if dir == "" {
		dir = t.TempDir()
	}
	for _, file := range files {
		md, err := read(t.Context(), pool, file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".pdf") + ".md"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(md), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func read(ctx context.Context, pool *pdf.Pool, file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	d, err := pool.Open(ctx, f, info.Size(), "")
	if err != nil {
		return "", err
	}
	defer d.Close()
	var pages []layout.Page
	var profiler layout.Profiler
	for page, err := range d.Pages(ctx, []int{1}) {
		if err != nil {
			return "", err
		}
		profiler.Add(page)
		pages = append(pages, page)
	}
	var sb strings.Builder
	for _, p := range pages {
		sb.WriteString(layout.Markdown(p, profiler.Profile(), layout.Style{Furniture: true, HTMLTables: true, Plain: true, KeepHyphens: true}))
	}
	return sb.String(), nil
}

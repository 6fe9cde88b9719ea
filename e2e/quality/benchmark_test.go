package quality

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/internal/layout"
)

// benchmark is where the documents, their true Markdown and the scorer are.
const benchmark = "../../../shared/quality"

// TestMarkdown writes what the scorer reads.
func TestMarkdown(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(benchmark, "pdfs", "*.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skipf("SKIPPED: no documents in %s", benchmark)
	}
	pool := newPool(t)
	dir := *out
	if dir == "" {
		dir = t.TempDir()
	}
	for _, file := range files {
		pages, err := readPages(t.Context(), pool, file, 1)
		if err != nil {
			t.Fatal(err)
		}
		var profiler layout.Profiler
		for _, p := range pages {
			profiler.Add(p)
		}
		var md strings.Builder
		for _, p := range pages {
			md.WriteString(layout.Markdown(p, profiler.Profile(), layout.Style{Furniture: true, HTMLTables: true, Plain: true, KeepHyphens: true}))
		}
		name := strings.TrimSuffix(filepath.Base(file), ".pdf") + ".md"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(md.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

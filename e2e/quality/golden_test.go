package quality

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mivaa/mivaa/internal/layout"
)

var update = flag.Bool("update", false, "write the golden files anew; then read them, each beside its PDF")

// TestGolden reads the documents of our own making, one for each thing that a
// document may hold, with the default options. A golden file says what is right.
func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.pdf")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("there are %d documents", len(files))
	}
	pool := newPool(t)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".pdf")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pages, err := readPages(t.Context(), pool, file, maxPages)
			if err != nil {
				t.Fatal(err)
			}
			checkGolden(t, filepath.Join("testdata", name+".md"), markdown(pages, layout.Style{Images: "images/"}))
		})
	}
}

func checkGolden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s is not what was read (-golden +read; -update writes it):\n%s", file, d)
	}
}

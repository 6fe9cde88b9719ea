package pdf

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Compiled code that was cut off by a power cut is made anew.
func TestSpoiledCache(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles PDFium")
	}
	t.Parallel()
	dir := t.TempDir()
	p := newPool(t, Config{Readers: 1, CacheDir: dir})
	if !p.Cold() {
		t.Error("an empty cache is not cold")
	}
	if err := os.CopyFS(filepath.Join(dir, engineVersion), os.DirFS(filepath.Join(warmCache(t), engineVersion))); err != nil {
		t.Fatal(err)
	}
	if p.Cold() {
		t.Error("a full cache is cold")
	}
	files, err := filepath.Glob(filepath.Join(dir, engineVersion, "*", "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := os.Truncate(files[0], 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := p.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s, err := os.Stat(files[0]); err != nil || s.Size() == 1<<20 {
		t.Error("the code was not made anew", err)
	}
}

// warmCache is a cache that holds PDFium.
func warmCache(t *testing.T) string {
	t.Helper()
	p := newPool(t, Config{Readers: 1})
	if err := p.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	return testCache()
}

// The directory of compiled code is named for what is compiled.
func TestEngineVersion(t *testing.T) {
	t.Parallel()
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	_, version, _ := strings.Cut(engineVersion, "-v")
	if line := engineModule + " v" + version + "\n"; !strings.Contains(string(mod), line) {
		t.Errorf("go.mod has no line %q", line)
	}
}

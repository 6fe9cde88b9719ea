package pdf

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mivaa/mivaa/internal/layout"
)

// corpus is a collection of ordinary and hostile PDFs beside the project.
const corpus = "../../../shared/corpus"

// Every file of the corpus, hostile ones included, is read or refused by name,
// and the pool outlives them all.
func TestCorpus(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(corpus, "*", "*.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skipf("SKIPPED: no corpus in %s: hostile files are not tried", corpus)
	}
	p := newPool(t, Config{PageTimeout: 10 * time.Second})
	var mu sync.Mutex
	outcomes, pageCodes := map[string]int{}, map[string]int{}
	queue := make(chan string)
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for file := range queue {
				outcome, pages := readFile(t, p, file)
				mu.Lock()
				outcomes[filepath.Base(filepath.Dir(file))+" "+outcome]++
				for _, page := range pages {
					pageCodes["page "+page.Status+" "+page.Code]++
				}
				mu.Unlock()
			}
		})
	}
	for _, file := range files {
		queue <- file
	}
	close(queue)
	readers.Wait()
	for _, counts := range []map[string]int{outcomes, pageCodes} {
		for _, key := range slices.Sorted(maps.Keys(counts)) {
			t.Logf("%5d %s", counts[key], key)
		}
	}
	w := newWriter()
	w.page(text("still there"))
	d := openBytes(t, p, w.bytes(), "")
	if pages, err := readAll(t.Context(), t, d, all(d)); err != nil || pages[0].Text != "still there\n" {
		t.Errorf("after the corpus: %v, %v", pages, err)
	}
}

// readFile reads a file and says how it went.
func readFile(t *testing.T, p *Pool, file string) (string, []layout.Page) {
	f, err := os.Open(file)
	if err != nil {
		t.Error(err)
		return "unreadable", nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Error(err)
		return "unreadable", nil
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	began := time.Now()
	d, err := p.Open(ctx, f, info.Size(), "")
	if err != nil {
		return refused(t, file, err), nil
	}
	defer d.Close()
	pages, err := readAll(ctx, t, d, all(d))
	if took := time.Since(began); took > 5*time.Second {
		t.Logf("slow: %s took %v", file, took)
	}
	for _, page := range pages {
		if page.Code != "" && page.Code != CodeDamaged {
			t.Logf("%s: page %d: %s: %s", filepath.Base(file), page.Number, page.Code, page.Error)
		}
	}
	if err != nil {
		return refused(t, file, err), pages
	}
	return "read", pages
}

func refused(t *testing.T, file string, err error) string {
	code := codeOf(err)
	if code == "" || code == CodeInternal {
		t.Errorf("%s: %v", file, err)
	}
	if strings.Contains(file, "mixed") {
		t.Errorf("%s: %v", file, err)
	}
	return fmt.Sprintf("refused: %s", code)
}

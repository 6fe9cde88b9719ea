package pdf

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// The record of a page is the same bytes whoever reads it, and whatever was
// read before it.
func TestRecordsAreTheSame(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(corpus, "mixed", "*r*.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skipf("SKIPPED: no corpus in %s: records are not compared", corpus)
	}
	one, many := newPool(t, Config{Readers: 1}), newPool(t, Config{Readers: 3})
	differ, pages := 0, 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var records [2][][]byte
		for k, p := range []*Pool{one, many} {
			d := openBytes(t, p, data, "")
			numbers := all(d)
			read, err := readAll(t.Context(), t, d, numbers[:min(len(numbers), 40)])
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			for _, page := range read {
				records[k] = append(records[k], page.Encode())
			}
			d.Close()
		}
		for i := range records[0] {
			pages++
			if !bytes.Equal(records[0][i], records[1][i]) {
				differ++
				t.Errorf("%s: the record of page %d is another one with more readers", filepath.Base(file), i+1)
			}
		}
	}
	t.Logf("%d of %d pages differ", differ, pages)
}

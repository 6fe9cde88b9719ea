package pdf

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/internal/layout"

	"github.com/mivaa/mivaa/internal/child"
)

// A document of many pages takes no more memory than one of few: neither in the
// reader, where PDFium keeps every stream it has seen until it is begun again,
// nor in what the service keeps of pages to know headings and running lines.
//
// It is not run beside others: the heap is the whole process's.
func TestMemoryIsFlat(t *testing.T) {
	const pages, every = 5000, 100
	w := newWriter()
	for i := range pages {
		lines := []string{"A running line", fmt.Sprintf("Chapter %d", i/20)}
		for j := range 5 {
			lines = append(lines, fmt.Sprintf("Line %d of page %d, with as many words as a line has.", j, i))
		}
		w.page(text(lines...) + "%" + strings.Repeat("-", 8<<10)) // what PDFium keeps, and need not
	}
	memory, allowed := int64(192<<20), int64(8<<20)
	if raceDetector { // which keeps, beside each byte that was ever used, several of its own
		memory, allowed = 320<<20, 64<<20
	}
	p := newPool(t, Config{Readers: 1, PageMemory: memory})
	file := w.bytes()
	d, err := p.Open(t.Context(), bytes.NewReader(file), int64(len(file)), "")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var profiler layout.Profiler
	var reader, service [2]int64 // the most in the first half of the document, and in the second
	n := 0
	for page, err := range d.Pages(t.Context(), all(d), nil) {
		if err != nil {
			t.Fatal(err)
		}
		profiler.Add(page)
		if n++; n%every == 0 {
			half := (n - 1) / (pages / 2)
			reader[half] = max(reader[half], residents(t, p))
			service[half] = max(service[half], heap())
		}
	}
	runtime.KeepAlive(&profiler)
	t.Logf("reader %d and %d MiB, heap %d and %d KiB", reader[0]>>20, reader[1]>>20, service[0]>>10, service[1]>>10)
	if grown := reader[1] - reader[0]; grown > allowed {
		t.Errorf("the reader has grown by %d MiB in the second half", grown>>20)
	}
	if grown := service[1] - service[0]; grown > 2<<20 { // the records alone would be 5 MB
		t.Errorf("the service has grown by %d KiB in the second half", grown>>10)
	}
}

// residents is the memory of the readers.
func residents(t *testing.T, p *Pool) int64 {
	t.Helper()
	var sum int64
	for _, pid := range p.pids(false) {
		n, ok := child.ResidentBytes(pid)
		if !ok {
			t.Fatalf("the memory of process %d is not known", pid)
		}
		sum += n
	}
	return sum
}

// heap is the memory that this process still uses.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

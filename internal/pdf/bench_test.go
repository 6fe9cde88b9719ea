package pdf

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// BenchmarkPages reads a long document: the one that MIVAA_BENCH_PDF names, or
// the longest of the corpus, or one made here.
func BenchmarkPages(b *testing.B) {
	src, size := longDocument(b)
	p := newPool(b, Config{})
	if err := p.Warm(b.Context()); err != nil {
		b.Fatal(err)
	}
	pages := 0
	before := usage()
	for b.Loop() {
		d, err := p.Open(b.Context(), src, size, "")
		if err != nil {
			b.Fatal(err)
		}
		read, err := readAll(b.Context(), b, d, all(d))
		if err != nil {
			b.Fatal(err)
		}
		pages += len(read)
		d.Close()
	}
	b.ReportMetric(float64(pages)/b.Elapsed().Seconds(), "pages/s")
	b.ReportMetric((usage()-before).Seconds()*1000/float64(pages), "service-cpu-ms/page")
	ticks := 0
	for _, pid := range p.pids(false) {
		ticks += cpuTicks(pid)
	}
	b.ReportMetric(float64(ticks)*10/float64(pages), "reader-cpu-ms/page")
}

func longDocument(b *testing.B) (*strings.Reader, int64) {
	for _, path := range []string{os.Getenv("MIVAA_BENCH_PDF"), corpus + "/mixed/pymupdf-mupdf_explored.pdf"} {
		if data, err := os.ReadFile(path); err == nil {
			return strings.NewReader(string(data)), int64(len(data))
		}
	}
	w := newWriter()
	for i := range 500 {
		lines := make([]string, 45)
		for j := range lines {
			lines[j] = fmt.Sprintf("Line %d of page %d, with as many words as a line has.", j, i)
		}
		w.page(text(lines...))
	}
	data := w.bytes()
	return strings.NewReader(string(data)), int64(len(data))
}

// BenchmarkStart starts a reader whose compiled code is there.
func BenchmarkStart(b *testing.B) {
	p := newPool(b, Config{Readers: 1})
	if err := p.Warm(b.Context()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		r, err := p.launch(b.Context(), nil)
		if err != nil {
			b.Fatal(err)
		}
		p.discard(r, nil)
	}
}

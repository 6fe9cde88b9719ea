package pdf

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/mivaa/mivaa/internal/layout"
)

// BenchmarkParts tells where a page's processor time goes, beside pdftotext on
// the same files in the same run: a long document, which MIVAA_BENCH_PDF may
// name, and every file of the corpus that both can read.
//
//	x_pdftotext  pdftotext's time over ours, for characters with boxes and fonts
//	layout/read  the time of layout over that of PDFium for the whole page
func BenchmarkParts(b *testing.B) {
	b.Run("document", func(b *testing.B) {
		src, size := longDocument(b)
		data := make([]byte, size)
		if _, err := src.ReadAt(data, 0); err != nil {
			b.Fatal(err)
		}
		benchParts(b, data)
	})
	b.Run("corpus", func(b *testing.B) {
		paths, err := filepath.Glob(filepath.Join(corpus, "mixed", "*.pdf"))
		if err != nil || len(paths) == 0 {
			b.Skip("the corpus is not here", err)
		}
		if testing.Short() {
			paths = paths[:min(len(paths), 10)]
		}
		files := make([][]byte, len(paths))
		for i, path := range paths {
			if files[i], err = os.ReadFile(path); err != nil {
				b.Fatal(err)
			}
		}
		benchParts(b, files...)
	})
}

func benchParts(b *testing.B, files ...[]byte) {
	b.Helper()
	var data []byte
	e := testEngine(b, &data)
	var parts parts
	var theirs time.Duration
	for b.Loop() {
		for _, data = range files {
			peer, ok := peerTime(b, data)
			if ok && parts.document(b, e, int64(len(data))) {
				theirs += peer
			}
		}
	}
	perPage := func(d time.Duration) float64 { return d.Seconds() * 1000 / float64(parts.pages) }
	b.ReportMetric(float64(parts.pages)/float64(b.N), "pages")
	b.ReportMetric(perPage(parts.chars), "chars-ms/page")
	b.ReportMetric(perPage(parts.rest), "rest-ms/page")
	b.ReportMetric(perPage(parts.layout), "layout-ms/page")
	b.ReportMetric(parts.layout.Seconds()/(parts.chars+parts.rest).Seconds(), "layout/read")
	if theirs > 0 {
		b.ReportMetric(perPage(theirs), "pdftotext-ms/page")
		b.ReportMetric(theirs.Seconds()/parts.chars.Seconds(), "x_pdftotext")
	}
}

// parts is the processor time that went into each part of reading pages.
type parts struct {
	chars  time.Duration // opening the document, loading the page; characters, boxes, fonts
	rest   time.Duration // tags, images, rulings, links
	layout time.Duration // layout, and the record in binary
	glyphs layout.Glyphs
	record []byte
	pages  int
}

// document reads all pages of a document; false where it cannot be opened.
func (p *parts) document(b *testing.B, e *engine, size int64) bool {
	b.Helper()
	began := usage()
	if err := e.renew(); err != nil {
		b.Fatal(err)
	}
	doc, err := e.open(size, "")
	if err != nil {
		b.Log("left out:", err)
		return false
	}
	pages := e.count(fnPageCount, doc)
	p.chars += usage() - began
	for number := 1; number <= pages; number++ {
		p.read(b, e, doc, number)
	}
	p.pages += pages
	return true
}

func (p *parts) read(b *testing.B, e *engine, doc uint64, number int) {
	b.Helper()
	p.glyphs = layout.Glyphs{Number: number, Glyphs: p.glyphs.Glyphs[:0]}
	began := usage()
	page := e.call(fnLoadPage, doc, uint64(number-1))
	text := e.call(fnTextLoad, page)
	if page == 0 || text == 0 {
		b.Logf("page %d cannot be loaded", number)
		return
	}
	r := pageReader{engine: e, doc: doc, page: page, text: text, out: &p.glyphs, fonts: map[uint64]int{}, budget: maxObjects}
	r.geometry()
	loaded := usage()
	r.tags()
	tags := usage()
	r.chars()
	chars := usage()
	r.objects()
	r.links()
	rest := usage()
	e.call(fnTextClose, text)
	e.call(fnClosePage, page)
	closed := usage()
	record := layout.Read(p.glyphs)
	p.record = encodeRecord(p.record[:0], &record)
	p.chars += loaded - began + chars - tags + closed - rest
	p.rest += tags - loaded + rest - chars
	p.layout += usage() - closed
}

// peerTime is what pdftotext takes for the document; false where it cannot read
// it, 0 where pdftotext is not there.
func peerTime(b *testing.B, data []byte) (time.Duration, bool) {
	b.Helper()
	path, err := exec.LookPath("pdftotext")
	if err != nil {
		b.Log("SKIPPED: pdftotext is not installed (on Debian: poppler-utils)")
		return 0, true
	}
	file := filepath.Join(b.TempDir(), "bench.pdf")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), path, file, "-")
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		b.Log("left out: pdftotext:", err)
		return 0, false
	}
	u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		b.Fatal("no processor time is known")
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), true
}

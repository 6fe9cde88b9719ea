package pdf

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// gatedSource fails while it is broken.
type gatedSource struct {
	io.ReaderAt
	broken atomic.Bool
}

func (s *gatedSource) ReadAt(p []byte, off int64) (int, error) {
	if s.broken.Load() {
		return 0, errDisk
	}
	return s.ReaderAt.ReadAt(p, off)
}

func TestLoopCostsItsPage(t *testing.T) {
	t.Parallel()
	w := newWriter()
	for i := range 40 {
		if i == 5 {
			w.loop(forever, 10)
			continue
		}
		w.page(text("fine"))
	}
	// It swells too: the time is to run out first.
	p := newPool(t, Config{PageTimeout: 2 * time.Second, PageMemory: 4 << 30})
	d := openBytes(t, p, w.bytes(), "")
	pages, err := readAll(t.Context(), t, d, all(d))
	if err != nil {
		t.Fatal(err)
	}
	want := make([]string, 40)
	want[5] = CodePageTimeout
	if diff := cmp.Diff(want, codes(pages)); diff != "" {
		t.Error(diff)
	}
}

func TestBombCostsItsPage(t *testing.T) {
	t.Parallel()
	w := newWriter()
	for i := range 20 {
		if i == 3 {
			w.bomb(200 << 20)
			continue
		}
		w.page(text("fine"))
	}
	p := newPool(t, Config{PageMemory: 128 << 20})
	d := openBytes(t, p, w.bytes(), "")
	pages, err := readAll(t.Context(), t, d, all(d))
	if err != nil {
		t.Fatal(err)
	}
	want := make([]string, 20)
	want[3] = CodeOutOfMemory
	if diff := cmp.Diff(want, codes(pages)); diff != "" {
		t.Error(diff, pages[3].Error)
	}
}

func TestTenLostEndTheDocument(t *testing.T) {
	t.Parallel()
	w := newWriter()
	w.page(text("fine"))
	for range 8 {
		w.loop(forever, 10)
	}
	w.page(text("fine"))
	for range 30 {
		w.loop(forever, 10)
	}
	p := newPool(t, Config{PageTimeout: 400 * time.Millisecond})
	if err := p.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	d, err := openRetry(t, p, w.bytes())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	pages, err := readAll(t.Context(), t, d, all(d))
	wantCode(t, err, CodePageTimeout)
	if len(pages) < 10 || pages[len(pages)-1].Code != CodePageTimeout {
		t.Fatalf("pages before the error: %v", codes(pages))
	}
	for _, page := range pages[len(pages)-10:] {
		if page.Code != CodePageTimeout {
			t.Errorf("page %d: %q", page.Number, page.Code)
		}
	}
}

// openRetry opens a document where the page's limit is shorter than a busy
// machine may take to open it.
func openRetry(t *testing.T, p *Pool, b []byte) (*Document, error) {
	t.Helper()
	var err error
	for range 20 {
		var d *Document
		if d, err = p.Open(t.Context(), strings.NewReader(string(b)), int64(len(b)), ""); codeOf(err) != CodePageTimeout {
			return d, err
		}
	}
	return nil, err
}

// Leaving the loop early ends the readers' work too.
func TestBreak(t *testing.T) {
	t.Parallel()
	w := newWriter()
	w.page(text("fine"))
	w.loop(forever, 10)
	p := newPool(t, Config{})
	d := openBytes(t, p, w.bytes(), "")
	for _, err := range d.Pages(t.Context(), all(d), nil) {
		if err != nil {
			t.Error(err)
		}
		break
	}
	if busy := p.pids(true); len(busy) > 0 {
		t.Errorf("readers still busy: %v", busy)
	}
}

// Several documents at once, more than readers, one of them stuck.
func TestShared(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{PageTimeout: 3 * time.Second})
	stuck := newWriter()
	for range 5 {
		stuck.loop(forever, 10)
	}
	var readings sync.WaitGroup
	began := time.Now()
	readings.Go(func() {
		d := openBytes(t, p, stuck.bytes(), "")
		pages, err := readAll(t.Context(), t, d, all(d))
		if err != nil || len(pages) != 5 {
			t.Error(pages, err)
		}
	})
	for i := range 4 {
		readings.Go(func() {
			w := newWriter()
			for j := range 60 {
				w.page(text(fmt.Sprintf("document %d page %d", i, j+1)))
			}
			d := openBytes(t, p, w.bytes(), "")
			pages, err := readAll(t.Context(), t, d, all(d))
			if err != nil {
				t.Error(err)
			}
			for j, page := range pages {
				if want := fmt.Sprintf("document %d page %d\n", i, j+1); page.Text != want {
					t.Errorf("%q, want %q", page.Text, want)
				}
			}
		})
	}
	readings.Wait()
	t.Log("all read after", time.Since(began))
}

// PDFium keeps the streams of every page: more of them than fit.
func TestMemoryStaysFlat(t *testing.T) {
	t.Parallel()
	w := newWriter()
	const pages = 60
	for i := range pages {
		body := text(fmt.Sprintf("page %d", i+1)) + strings.Repeat("% "+strings.Repeat("x", 998)+"\n", 3<<10) // 3 MiB
		w.pageOf(w.stream("/Filter /FlateDecode", flate([]byte(body))))
	}
	p := newPool(t, Config{Readers: 1, PageMemory: 128 << 20})
	d := openBytes(t, p, w.bytes(), "")
	pid := p.pids(false)[0]
	got, err := readAll(t.Context(), t, d, all(d))
	if err != nil {
		t.Fatal(err)
	}
	for i, page := range got {
		if page.Text != fmt.Sprintf("page %d\n", i+1) {
			t.Errorf("page %d: %q %s", i+1, page.Text, page.Error)
		}
	}
	if now := p.pids(false); !slices.Equal(now, []int{pid}) {
		t.Errorf("readers %v, want the first one, %d, alone", now, pid)
	}
}

// spread is a source of any size that costs no memory: head, and then one line
// over and over.
type spread struct {
	head []byte
	size int64
}

func (s spread) ReadAt(p []byte, off int64) (int, error) {
	const line = "% nothing but a comment to be skipped by whoever looks for objects\n"
	for i := range p {
		switch at := off + int64(i); {
		case at >= s.size:
			return i, io.EOF
		case at < int64(len(s.head)):
			p[i] = s.head[at]
		default:
			p[i] = line[at%int64(len(line))]
		}
	}
	return len(p), nil
}

// A document whose table of contents is lost is searched from end to end in
// one call: what passes through the reader must not pile up there.
func TestLargeDamagedSource(t *testing.T) {
	t.Parallel()
	w := newWriter()
	w.page(text("found"))
	objects, rest, _ := bytes.Cut(w.bytes(), []byte("xref"))
	_, trailer, _ := bytes.Cut(rest, []byte("trailer"))
	trailer, _, _ = bytes.Cut(trailer, []byte("startxref"))
	s := spread{slices.Concat(objects, []byte("trailer"), trailer), 256 << 20}
	p := newPool(t, Config{Readers: 1, PageMemory: 192 << 20}) // the race detector takes its share
	d, err := p.Open(t.Context(), s, s.size, "")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if pages, err := readAll(t.Context(), t, d, all(d)); err != nil || pages[0].Text != "found\n" {
		t.Error(pages, err)
	}
}

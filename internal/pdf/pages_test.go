package pdf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mivaa/mivaa/internal/layout"
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

// forever is a loop that nobody waits for: 10^20 forms.
const forever = 20

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
	p := newPool(t, Config{PageTimeout: 2 * time.Second})
	d := openBytes(t, p, w.bytes(), "")
	pages, err := readAll(t, t.Context(), d, all(d))
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
	pages, err := readAll(t, t.Context(), d, all(d))
	if err != nil {
		t.Fatal(err)
	}
	want := make([]string, 20)
	want[3] = CodeOutOfMemory
	if diff := cmp.Diff(want, codes(pages)); diff != "" {
		t.Error(diff, pages[3].Error)
	}
}

// A reader that dies in mid-page is nobody's fault the first time.
func TestKilledReader(t *testing.T) {
	t.Parallel()
	w := newWriter()
	w.page(text("fine"))
	w.loop(forever, 10)
	w.page(text("fine"))
	p := newPool(t, Config{Readers: 1})
	d := openBytes(t, p, w.bytes(), "")
	var kills []int
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 2 {
			eventually(t, "a reader hangs in a page", 20*time.Second, func() bool {
				for _, pid := range p.pids(true) {
					// The second reader is new; in the loop is whoever uses the processor.
					if !slices.Contains(kills, pid) && cpuTicks(pid) > 40 {
						kills = append(kills, pid)
						return syscall.Kill(pid, syscall.SIGKILL) == nil
					}
				}
				return false
			})
		}
	}()
	pages, err := readAll(t, t.Context(), d, all(d))
	<-done
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"", CodeReaderCrashed, ""}, codes(pages)); diff != "" {
		t.Error(diff)
	}
	if len(kills) != 2 {
		t.Errorf("readers killed: %v, want two", kills)
	}
}

func TestKilledOnceIsReadAgain(t *testing.T) {
	t.Parallel()
	w := newWriter()
	w.loop(5, 10)
	for i := range 30 {
		w.page(text(fmt.Sprintf("page %d", i+2)))
	}
	p := newPool(t, Config{Readers: 1})
	d := openBytes(t, p, w.bytes(), "")
	pid := p.pids(false)[0]
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		eventually(t, "the reader reads", 20*time.Second, func() bool { return slices.Contains(p.pids(true), pid) })
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}()
	pages, err := readAll(t, t.Context(), d, all(d))
	<-killed
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		if page.Status != layout.StatusOK {
			t.Errorf("page %d: %s", page.Number, page.Error)
		}
	}
	if slices.Contains(p.pids(false), pid) {
		t.Error("the reader was not replaced")
	}
}

// An idle reader that died is replaced without a word.
func TestDeadIdleReader(t *testing.T) {
	t.Parallel()
	w := newWriter()
	w.page(text("fine"))
	p := newPool(t, Config{Readers: 1})
	if err := p.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	pid := p.pids(false)[0]
	_ = syscall.Kill(pid, syscall.SIGKILL)
	eventually(t, "the reader is dead", 5*time.Second, func() bool { return gone(pid) })
	d := openBytes(t, p, w.bytes(), "")
	if pages, err := readAll(t, t.Context(), d, all(d)); err != nil || pages[0].Text != "fine\n" {
		t.Error(pages, err)
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
	p := newPool(t, Config{PageTimeout: 100 * time.Millisecond})
	if err := p.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	d, err := openRetry(t, p, w.bytes())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	pages, err := readAll(t, t.Context(), d, all(d))
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

func TestCancelKillsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWriter()
	w.page(text("fine"))
	w.loop(forever, 10)
	w.loop(forever, 10)
	p := newPool(t, Config{})
	d := openBytes(t, p, w.bytes(), "")
	why := errors.New("the service is stopping")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	var cancelled time.Time
	read := 0
	for _, err := range d.Pages(ctx, all(d)) {
		if err != nil {
			if !errors.Is(err, why) {
				t.Errorf("error %v, want the cause", err)
			}
			break
		}
		read++
		go func() {
			eventually(t, "a reader hangs", 20*time.Second, func() bool {
				for _, pid := range p.pids(true) {
					if cpuTicks(pid) > 30 {
						return true
					}
				}
				return false
			})
			cancelled = time.Now()
			cancel(why)
		}()
	}
	if took := time.Since(cancelled); took > 100*time.Millisecond*slack {
		t.Errorf("back %v after the cancellation", took)
	}
	if read != 1 {
		t.Errorf("%d pages read, want 1", read)
	}
	if busy := p.pids(true); len(busy) > 0 {
		t.Errorf("readers still busy: %v", busy)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*Pool, *Document) error{
		"pool":     func(p *Pool, _ *Document) error { return p.Close() },
		"document": func(_ *Pool, d *Document) error { return d.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWriter()
			w.loop(forever, 10)
			w.loop(forever, 10)
			p := newPool(t, Config{Readers: 1})
			d := openBytes(t, p, w.bytes(), "")
			result := make(chan error)
			// One reading hangs in a page, the other waits for the reader.
			for range 2 {
				go func() {
					_, err := readAll(t, context.Background(), d, all(d))
					result <- err
				}()
			}
			var pids []int
			eventually(t, "a reader hangs", 20*time.Second, func() bool {
				pids = p.pids(true)
				return len(pids) == 1 && p.contended()
			})
			if err := end(p, d); err != nil {
				t.Error(err)
			}
			if !gone(pids[0]) {
				t.Error("the reader lives")
			}
			for range 2 {
				if err := <-result; !errors.Is(err, ErrClosed) {
					t.Errorf("reading: %v", err)
				}
			}
			if _, err := readAll(t, t.Context(), d, all(d)); !errors.Is(err, ErrClosed) {
				t.Errorf("reading after close: %v", err)
			}
		})
	}
}

// Leaving the loop early ends the readers' work too.
func TestBreak(t *testing.T) {
	t.Parallel()
	w := newWriter()
	w.page(text("fine"))
	w.loop(forever, 10)
	p := newPool(t, Config{})
	d := openBytes(t, p, w.bytes(), "")
	for range d.Pages(t.Context(), all(d)) {
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
		pages, err := readAll(t, t.Context(), d, all(d))
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
			pages, err := readAll(t, t.Context(), d, all(d))
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
	got, err := readAll(t, t.Context(), d, all(d))
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

// cpuTicks is the processor time a process has used, in hundredths of a second.
func cpuTicks(pid int) int {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	ticks := 0
	if _, err := fmt.Sscan(fields[11], &ticks); err != nil {
		return 0
	}
	return ticks
}

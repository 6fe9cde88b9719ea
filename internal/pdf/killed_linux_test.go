package pdf

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mivaa/mivaa/internal/layout"
)

// A reader that dies in mid-page is nobody's fault the first time.
func TestKilledReader(t *testing.T) {
	t.Parallel()
	w := newWriter()
	w.page(text("fine"))
	w.loop(forever, 10)
	w.page(text("fine"))
	p := newPool(t, Config{Readers: 1, PageMemory: 4 << 30}) // the loop swells: it is to be killed long before
	d := openBytes(t, p, w.bytes(), "")
	var kills []int
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 2 {
			eventually(t, "a reader hangs in a page", 20*time.Second, func() bool {
				for _, pid := range p.pids(true) {
					// The second reader is new; in the loop is whoever uses the processor.
					if !slices.Contains(kills, pid) && cpuTicks(pid) > 150 {
						kills = append(kills, pid)
						return syscall.Kill(pid, syscall.SIGKILL) == nil
					}
				}
				return false
			})
		}
	}()
	pages, err := readAll(t.Context(), t, d, all(d))
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
	pages, err := readAll(t.Context(), t, d, all(d))
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
	if pages, err := readAll(t.Context(), t, d, all(d)); err != nil || pages[0].Text != "fine\n" {
		t.Error(pages, err)
	}
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
	for _, err := range d.Pages(ctx, all(d), nil) {
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
					_, err := readAll(t.Context(), t, d, all(d))
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
			if _, err := readAll(t.Context(), t, d, all(d)); !errors.Is(err, ErrClosed) {
				t.Errorf("reading after close: %v", err)
			}
		})
	}
}

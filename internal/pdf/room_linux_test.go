package pdf

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mivaa/mivaa/internal/layout"
)

// most is how many readers were in a call at once while fn ran.
func (p *Pool) most(fn func()) int {
	stop, counted := make(chan struct{}), make(chan int)
	go func() {
		most := 0
		for tick := time.NewTicker(time.Millisecond); ; {
			select {
			case <-tick.C:
				most = max(most, len(p.pids(true)))
			case <-stop:
				tick.Stop()
				counted <- most
				return
			}
		}
	}()
	fn()
	close(stop)
	return <-counted
}

// manyPages is a document that keeps several readers at work.
func manyPages(n int) []byte {
	w := newWriter()
	for i := range n {
		if i%4 == 0 {
			w.loop(4, 10)
		} else {
			w.page(text(fmt.Sprintf("page %d", i+1)))
		}
	}
	return w.bytes()
}

// Where there is room for one reader that grows to its limit, one works; every
// page is read all the same. With room for more, more do.
func TestReadersWaitForMemory(t *testing.T) {
	t.Parallel()
	var available atomic.Int64
	const pageMemory = 256 << 20
	p := newPool(t, Config{Readers: 2, PageMemory: pageMemory, Available: func() (int64, bool) { return available.Load(), true }})
	b := manyPages(64)
	workAtOnce := func() int {
		d := openBytes(t, p, b, "")
		defer d.Close()
		var pages []layout.Page
		var err error
		most := p.most(func() { pages, err = readAll(t.Context(), t, d, all(d)) })
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range pages {
			if page.Status != layout.StatusOK {
				t.Errorf("page %d: %s", page.Number, page.Error)
			}
		}
		return most
	}
	available.Store(pageMemory)
	if n := workAtOnce(); n != 1 {
		t.Errorf("with room for one %d readers worked at once", n)
	}
	if _, total := p.MemoryWait(); total == 0 {
		t.Error("nobody waited")
	}
	available.Store(4 * pageMemory)
	eventually(t, "two readers work at once", time.Minute, func() bool { return workAtOnce() == 2 }) // a short document may have ended before the second has begun
	if now, _ := p.MemoryWait(); now {
		eventually(t, "the wait is over", 5*time.Second, func() bool { now, _ := p.MemoryWait(); return !now })
	}
}

// While there is hardly any memory not even one reader begins, and a reader that
// has nothing to do is ended; when there is some, the waiting goes on by itself.
func TestNoReaderBeginsWithoutMemory(t *testing.T) {
	t.Parallel()
	var available atomic.Int64
	available.Store(8 << 30)
	p := newPool(t, Config{Readers: 2, Available: func() (int64, bool) { return available.Load(), true }})
	if err := p.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	d := openBytes(t, p, manyPages(8), "")
	available.Store(leastRoom / 2)
	eventually(t, "the last look at memory is old", 5*time.Second, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return time.Since(p.room.at) > roomFresh
	})
	read := make(chan error)
	go func() {
		_, err := readAll(t.Context(), t, d, all(d))
		read <- err
	}()
	eventually(t, "somebody waits", 5*time.Second, func() bool { now, _ := p.MemoryWait(); return now })
	eventually(t, "the spare reader is ended", 5*time.Second, func() bool { return len(p.pids(false)) == 1 })
	if busy := p.pids(true); len(busy) > 0 {
		t.Errorf("readers %v work without memory", busy)
	}
	available.Store(8 << 30)
	if err := <-read; err != nil {
		t.Error(err)
	}
	eventually(t, "the wait is over", 5*time.Second, func() bool { now, _ := p.MemoryWait(); return !now })
}

// A pool that is closed, or a reading that is given up, does not wait for memory.
func TestWaitingForMemoryEnds(t *testing.T) {
	t.Parallel()
	var available atomic.Int64
	available.Store(8 << 30)
	p := newPool(t, Config{Readers: 1, Available: func() (int64, bool) { return available.Load(), true }})
	d := openBytes(t, p, manyPages(8), "")
	available.Store(0)
	read := make(chan error)
	go func() {
		_, err := readAll(t.Context(), t, d, all(d))
		read <- err
	}()
	eventually(t, "somebody waits", 5*time.Second, func() bool { now, _ := p.MemoryWait(); return now })
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := <-read; err == nil {
		t.Error("read by a pool that is closed")
	}
}

// Who can wait no longer reads without memory for it; that there is some is not said.
func TestReadingWithoutMemoryIsTold(t *testing.T) {
	t.Parallel()
	var said locked
	p := newPool(t, Config{Readers: 1, Available: func() (int64, bool) { return 0, true }, Logger: slog.New(slog.NewTextHandler(&said, nil))})
	opened := make(chan error)
	go func() {
		d, err := p.Open(t.Context(), bytes.NewReader(manyPages(1)), int64(len(manyPages(1))), "")
		if err == nil {
			err = d.Close()
		}
		opened <- err
	}()
	eventually(t, "the wait is told", 10*time.Second, func() bool { return strings.Contains(said.String(), "Waiting for memory") })
	p.mu.Lock()
	for _, w := range p.waiting {
		w.since = w.since.Add(-patience)
	}
	p.mu.Unlock()
	if err := <-opened; err != nil {
		t.Error(err)
	}
	eventually(t, "its end is told", 10*time.Second, func() bool { return strings.Contains(said.String(), "still no memory") })
	if strings.Contains(said.String(), "There is memory again") {
		t.Errorf("there is none: %s", said.String())
	}
}

// locked is a log that may be read while it is written.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestWarmsAsManyReadersAsFit(t *testing.T) {
	t.Parallel()
	for room, want := range map[int64]int{0: 1, 700 << 20: 1, 1200 << 20: 2, 8 << 30: 3} {
		p := newPool(t, Config{Readers: 3, Available: func() (int64, bool) { return room, true }})
		if err := p.Warm(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := len(p.pids(false)); got != want {
			t.Errorf("with %d MiB left: %d readers, want %d", room>>20, got, want)
		}
	}
}

// What is worth a line: a wait that lasts, and its end; not each of many.
func TestWaitingIsToldOnce(t *testing.T) {
	t.Parallel()
	var d delay
	at := time.Unix(0, 0).Add(time.Hour)
	var told []string
	look := func(after time.Duration, waits bool) {
		at = at.Add(after)
		switch began, over := d.note(at, waits); {
		case began:
			told = append(told, "began")
		case over > 0:
			told = append(told, "over after "+over.String())
		}
	}
	look(0, true)
	look(500*time.Millisecond, false) // short
	look(0, true)
	look(tellAfter, true)
	look(tellAfter, true)
	look(time.Second, false)
	look(0, true) // once more within the minute
	look(2*time.Second, true)
	look(time.Second, false)
	look(tellEvery, false)
	look(0, true)
	look(2*time.Second, true)
	if got, want := fmt.Sprint(told), "[began over after 3s began]"; got != want {
		t.Errorf("told %s, want %s", got, want)
	}
	if waits, total := d.state(); !waits || total != 8500*time.Millisecond {
		t.Errorf("waits %v, %v in all", waits, total)
	}
}

package pdf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mivaa/mivaa/internal/layout"
)

const (
	liarCommand    = "test-liar"
	serviceCommand = "test-service"
)

// slack stretches the bounds of time where the machine may be busy with other tests.
const slack = 5

// forever is a loop that nobody waits for: 10^20 forms.
const forever = 20

// TestMain lets this test binary be its own reader, and the other processes that the tests need.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case ReaderCommand:
			os.Exit(ReaderMain(os.Args[2:]))
		case liarCommand:
			os.Exit(lie(os.Args[2]))
		case serviceCommand:
			os.Exit(service())
		}
	}
	os.Exit(m.Run())
}

// service stands for the service that is killed: it reads a page that hangs, and tells its reader's id.
func service() int {
	w := newWriter()
	w.loop(forever, 10)
	b := w.bytes()
	p, err := New(Config{Readers: 1, CacheDir: testCache()})
	if err != nil {
		panic(err)
	}
	d, err := p.Open(context.Background(), bytes.NewReader(b), int64(len(b)), "")
	if err != nil {
		panic(err)
	}
	fmt.Fprintln(os.Stdout, p.pids(false)[0])
	for _, err := range d.Pages(context.Background(), []int{1}, nil) {
		panic(fmt.Sprint("the page does not hang: ", err))
	}
	return 0
}

// testCache is kept between runs: PDFium takes seconds to compile, many more under the race detector.
func testCache() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("mivaa-pdf-test-%d", os.Getuid()))
}

func newPool(t testing.TB, c Config) *Pool {
	t.Helper()
	if c.CacheDir == "" {
		c.CacheDir = testCache()
	}
	if c.Readers == 0 {
		c.Readers = 2
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("close pool: %v", err)
		}
	})
	return p
}

func openBytes(t testing.TB, p *Pool, b []byte, password string) *Document {
	t.Helper()
	d, err := p.Open(t.Context(), bytes.NewReader(b), int64(len(b)), password)
	if err != nil {
		t.Fatalf("open: %v (%s)", err, codeOf(err))
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// all lists the page numbers of a document.
func all(d *Document) []int {
	numbers := make([]int, d.Info().PageCount)
	for i := range numbers {
		numbers[i] = i + 1
	}
	return numbers
}

// readAll reads pages and checks that they come in order.
func readAll(ctx context.Context, t testing.TB, d *Document, numbers []int) ([]layout.Page, error) {
	t.Helper()
	var pages []layout.Page
	for page, err := range d.Pages(ctx, numbers, nil) {
		if err != nil {
			return pages, err
		}
		if want := numbers[len(pages)]; page.Number != want {
			t.Fatalf("page %d came in place of %d", page.Number, want)
		}
		pages = append(pages, page)
	}
	if len(pages) != len(numbers) {
		t.Fatalf("%d pages came, %d were asked for", len(pages), len(numbers))
	}
	return pages, nil
}

// codes lists the error codes of pages.
func codes(pages []layout.Page) []string {
	list := make([]string, len(pages))
	for i, p := range pages {
		list[i] = p.Code
	}
	return list
}

// wantCode checks the code of an error.
func wantCode(t testing.TB, err error, code string) {
	t.Helper()
	if e, ok := errors.AsType[*Error](err); !ok || e.Code != code {
		t.Errorf("error %v (%q), want code %q", err, codeOf(err), code)
	}
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, within time.Duration, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", within, what)
		}
		<-tick.C
	}
}

// pids lists the readers that live, those in a call if busy is asked for.
func (p *Pool) pids(busy bool) []int {
	var list []int
	for _, r := range p.alive(nil) {
		r.mu.Lock()
		if !busy || !r.deadline.IsZero() && r.limits.memory > 0 {
			list = append(list, r.cmd.Process.Pid)
		}
		r.mu.Unlock()
	}
	return list
}

package pdf

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mivaa/mivaa/internal/layout"
)

// shouter recognises each page that has not failed: its text in the picture's
// words. Its hook is called from several goroutines.
type shouter struct {
	hook func(ctx context.Context, page layout.Page, draw DrawFunc) error

	mu    sync.Mutex
	pages map[int]int // how often each was recognised
}

func (s *shouter) AtOnce() int { return 3 }
func (s *shouter) Wants(page *layout.Page) bool {
	return page.Number%2 == 0 && page.Status == layout.StatusOK
}

func (s *shouter) Recognise(ctx context.Context, page layout.Page, draw DrawFunc) (layout.Page, error) {
	s.mu.Lock()
	if s.pages == nil {
		s.pages = map[int]int{}
	}
	s.pages[page.Number]++
	s.mu.Unlock()
	if s.hook != nil {
		if err := s.hook(ctx, page, draw); err != nil {
			return page, err
		}
	}
	page.OCR = &layout.OCR{Status: layout.OCROK, Engine: "shouting"}
	return page, nil
}

func numbered(pages int) []byte {
	w := newWriter()
	for i := range pages {
		w.page(text(fmt.Sprintf("page %d", i+1)))
	}
	return w.bytes()
}

func TestRecogniser(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{Readers: 2})
	d := openBytes(t, p, numbered(3*windowPages), "")
	drawn := make(chan Picture, 1)
	s := &shouter{hook: func(ctx context.Context, page layout.Page, draw DrawFunc) error {
		if page.Number != 8 {
			return nil
		}
		picture, err := draw(ctx, 72, 80)
		drawn <- picture
		return err
	}}
	next := 1
	for page, err := range d.Pages(t.Context(), all(d), s) {
		if err != nil {
			t.Fatal(err)
		}
		if page.Number != next || page.Text != fmt.Sprintf("page %d\n", next) || (page.OCR != nil) != (next%2 == 0) {
			t.Fatalf("page %+v in place of %d", page, next)
		}
		next++
	}
	if next != 3*windowPages+1 {
		t.Errorf("the last page was %d", next-1)
	}
	once := map[int]int{}
	for n := 2; n <= 3*windowPages; n += 2 {
		once[n] = 1
	}
	if diff := cmp.Diff(once, s.pages); diff != "" {
		t.Error(diff)
	}
	if picture := <-drawn; picture.Width != 612 || picture.Height != 792 {
		t.Errorf("drawn: %d by %d", picture.Width, picture.Height)
	}
}

// While a page is being recognised, no more than a window is read ahead of it.
func TestRecogniserIsWaitedFor(t *testing.T) {
	t.Parallel()
	d := openBytes(t, newPool(t, Config{Readers: 2}), numbered(2*windowPages), "")
	s := &shouter{}
	begun := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.pages)
	}
	others := make(chan struct{})
	var full sync.Once
	s.hook = func(_ context.Context, page layout.Page, _ DrawFunc) error {
		if begun() == windowPages/2 { // the even ones
			full.Do(func() { close(others) })
		}
		if page.Number != 2 {
			return nil
		}
		<-others
		if n := begun(); n > windowPages/2 {
			return fmt.Errorf("%d pages were begun beside page 2", n)
		}
		return nil
	}
	if _, err := readAllWith(t.Context(), d, s); err != nil {
		t.Error(err)
	}
}

func readAllWith(ctx context.Context, d *Document, r Recogniser) (pages []layout.Page, err error) {
	for page, err := range d.Pages(ctx, all(d), r) {
		if err != nil {
			return pages, err
		}
		pages = append(pages, page)
	}
	return pages, nil
}

// What a recogniser fails with ends the reading; pages before it were yielded.
func TestRecogniserFails(t *testing.T) {
	t.Parallel()
	d := openBytes(t, newPool(t, Config{Readers: 1}), numbered(9), "")
	why := errors.New("out of order")
	s := &shouter{hook: func(_ context.Context, page layout.Page, _ DrawFunc) error {
		if page.Number == 6 {
			return why
		}
		return nil
	}}
	pages, err := readAllWith(t.Context(), d, s)
	if !errors.Is(err, why) || len(pages) > 5 {
		t.Errorf("%d pages, %v", len(pages), err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	s = &shouter{hook: func(ctx context.Context, _ layout.Page, _ DrawFunc) error {
		cancel(why)
		<-ctx.Done()
		return context.Cause(ctx)
	}}
	if pages, err := readAllWith(ctx, d, s); !errors.Is(err, why) || len(pages) > 1 {
		t.Errorf("told to stop: %d pages, %v", len(pages), err)
	}
}

package extract

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/internal/pdf"
)

// anyBlob is a blob store in which every hash is an empty file.
type anyBlob struct{ blob.Store }

func (anyBlob) Open(context.Context, string) (*blob.File, error) {
	f, err := os.Open(os.DevNull)
	return &blob.File{File: f}, err
}

// paper is a document that was opened.
type paper struct {
	Drawing
	closed *atomic.Int64
}

func (p paper) Close() error { p.closed.Add(1); return nil }

// counted is a shelf that counts.
type counted struct {
	*shelf
	opened, closed atomic.Int64
	before         func(context.Context) error // each opening
}

func newCounted() *counted {
	c := &counted{before: func(context.Context) error { return nil }}
	c.shelf = newShelf(func(ctx context.Context, _ io.ReaderAt, _ int64, _ string) (Drawing, error) {
		if err := c.before(ctx); err != nil {
			return nil, err
		}
		c.opened.Add(1)
		return paper{closed: &c.closed}, nil
	}, anyBlob{})
	return c
}

func (c *counted) want(t *testing.T, opened, closed int64) {
	t.Helper()
	synctest.Wait()
	if c.opened.Load() != opened || c.closed.Load() != closed {
		t.Errorf("%d opened and %d closed, want %d and %d", c.opened.Load(), c.closed.Load(), opened, closed)
	}
}

func at(name string) source { return source{key: sourceKey{sha256: name}} }

func (c *counted) visit(t *testing.T, name string) {
	t.Helper()
	b, err := c.take(t.Context(), at(name))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.put(b); err != nil {
		t.Error(err)
	}
}

func pass(d time.Duration) { time.Sleep(d) } //nolint:forbidigo // of the bubble's clock

// A document stays open while it is used, and half a minute more.
func TestShelfKeepsOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCounted()
		c.visit(t, "a")
		pass(keptOpen - time.Second)
		c.visit(t, "a")
		c.want(t, 1, 0)
		b, err := c.take(t.Context(), at("a"))
		if err != nil {
			t.Fatal(err)
		}
		pass(3 * keptOpen)
		c.want(t, 1, 0)
		_ = c.put(b)
		pass(keptOpen + time.Second)
		c.want(t, 1, 1)
		c.visit(t, "a")
		c.want(t, 2, 1)
		for _, name := range []string{"b", "c", "d", "a", "e"} {
			c.visit(t, name) // the fifth drives out the longest unused: b
		}
		c.want(t, 6, 2)
		c.visit(t, "a")
		c.want(t, 6, 2)
		c.visit(t, "b")
		c.want(t, 7, 3)
		if err := c.close(); err != nil {
			t.Error(err)
		}
		c.want(t, 7, 7)
		if _, err := c.take(t.Context(), at("a")); !errors.Is(err, pdf.ErrClosed) {
			t.Errorf("after close: %v", err)
		}
	})
}

// Many who want a document open it once. If the one who opens it goes away the
// next one does it, and what cannot be opened is nobody's.
func TestShelfOpensOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCounted()
		opening, going := make(chan struct{}, 1), make(chan struct{})
		c.before = func(ctx context.Context) error {
			opening <- struct{}{}
			select {
			case <-going:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		first, leave := context.WithCancel(t.Context())
		left := make(chan error)
		go func() { _, err := c.take(first, at("a")); left <- err }()
		<-opening
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() { c.visit(t, "a") })
		}
		synctest.Wait()
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("who left: %v", err)
		}
		<-opening // the next one
		close(going)
		all.Wait()
		c.want(t, 1, 0)

		bad := errors.New("damaged")
		c.before = func(context.Context) error { return bad }
		if _, err := c.take(t.Context(), at("b")); !errors.Is(err, bad) {
			t.Error(err)
		}
		c.mu.Lock()
		if len(c.books) != 1 {
			t.Errorf("%d books, want 1", len(c.books))
		}
		c.mu.Unlock()
		_ = c.close()
	})
}

// Close waits for those who use a document.
func TestShelfCloseWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCounted()
		b, err := c.take(t.Context(), at("a"))
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- c.close() }()
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatal("closed under a user", err)
		default:
		}
		_ = c.put(b)
		if err := <-done; err != nil {
			t.Error(err)
		}
		c.want(t, 1, 1)
	})
}

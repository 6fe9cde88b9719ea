package extract

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/internal/pdf"
)

// source is what a picture is made of.
type source struct {
	key      sourceKey
	ref      blob.Ref
	password string
}

// sourceKey tells sources apart: by their bytes, and by what opens them.
type sourceKey struct {
	sha256 string
	mark   [32]byte // of the password; zero: none
}

const (
	// keptOpen is how long a document stays open after it was last used: whoever
	// looks at a page looks at the next, and opening verifies all of the bytes.
	keptOpen = 30 * time.Second
	// mostOpen is how many stay open while nobody uses them.
	mostOpen = 4
)

// shelf keeps documents open for a while.
type shelf struct {
	open  DrawFunc
	blobs blob.Store

	mu     sync.Mutex
	books  map[sourceKey]*book
	idle   []*book // that nobody uses, the longest unused first
	closed bool
	all    sync.WaitGroup // books that are not shut yet
}

// book is a document on the shelf.
type book struct {
	key     sourceKey
	opening chan struct{} // a lock, to be waited for in a context
	drawing Drawing       // nil: not open
	file    *blob.File

	// Guarded by shelf.mu.
	users int
	timer *time.Timer // of an idle one
}

func newShelf(open DrawFunc, blobs blob.Store) *shelf {
	return &shelf{open: open, blobs: blobs, books: map[sourceKey]*book{}}
}

// take returns the open document; the caller puts it back. One opens it, others
// wait; if that one fails or goes away the next one tries.
func (s *shelf) take(ctx context.Context, src source) (*book, error) {
	b, err := s.find(src.key)
	if err != nil {
		return nil, err
	}
	select {
	case b.opening <- struct{}{}:
	case <-ctx.Done():
		return nil, errors.Join(context.Cause(ctx), s.put(b))
	}
	if b.drawing == nil {
		err = s.fill(ctx, b, src)
	}
	<-b.opening
	if err != nil {
		return nil, errors.Join(err, s.put(b))
	}
	return b, nil
}

func (s *shelf) find(key sourceKey) (*book, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, pdf.ErrClosed
	}
	b := s.books[key]
	if b == nil {
		b = &book{key: key, opening: make(chan struct{}, 1)}
		s.books[key] = b
		s.all.Add(1)
	}
	if b.users++; b.users == 1 {
		s.wake(b)
	}
	return b, nil
}

// wake takes a book out of the idle ones.
func (s *shelf) wake(b *book) {
	if b.timer != nil {
		b.timer.Stop()
		b.timer = nil
	}
	s.idle = slices.DeleteFunc(s.idle, func(other *book) bool { return other == b })
}

// fill opens the document.
func (s *shelf) fill(ctx context.Context, b *book, src source) error {
	file, err := s.blobs.Open(ctx, src.ref.SHA256)
	if err != nil {
		return err
	}
	d, err := s.open(ctx, file.File, file.Size(), src.password)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	b.drawing, b.file = d, file
	return nil
}

// put gives a book back. What nobody uses is shut after a while; at once where
// it could not be opened or there are many.
func (s *shelf) put(b *book) error {
	s.mu.Lock()
	var over *book
	if b.users--; b.users == 0 {
		s.idle = append(s.idle, b)
		b.timer = time.AfterFunc(keptOpen, func() { _ = s.expire(b) }) // it was only read
		switch {
		case b.drawing == nil || s.closed:
			over = b
		case len(s.idle) > mostOpen:
			over = s.idle[0]
		}
	}
	if over != nil {
		s.remove(over)
	}
	s.mu.Unlock()
	return s.shut(over)
}

// expire shuts a book that was not used for long.
func (s *shelf) expire(b *book) error {
	s.mu.Lock()
	if !slices.Contains(s.idle, b) {
		b = nil
	} else {
		s.remove(b)
	}
	s.mu.Unlock()
	return s.shut(b)
}

// remove takes an idle book off the shelf.
func (s *shelf) remove(b *book) {
	s.wake(b)
	delete(s.books, b.key)
}

// shut closes a book that was removed.
func (s *shelf) shut(b *book) error {
	if b == nil {
		return nil
	}
	defer s.all.Done()
	if b.drawing == nil {
		return nil
	}
	return errors.Join(b.drawing.Close(), b.file.Close())
}

// close shuts all books, and waits for those in use.
func (s *shelf) close() error {
	s.mu.Lock()
	s.closed = true
	idle := slices.Clone(s.idle)
	for _, b := range idle {
		s.remove(b)
	}
	s.mu.Unlock()
	var errs []error
	for _, b := range idle {
		errs = append(errs, s.shut(b))
	}
	s.all.Wait()
	return errors.Join(errs...)
}

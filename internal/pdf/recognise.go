package pdf

import (
	"context"

	"github.com/mivaa/mivaa/internal/layout"
)

// Recogniser makes text of the pictures of pages that have none, or none that
// is of use. Its methods are called from several goroutines.
type Recogniser interface {
	// AtOnce is how many pages it has in hand at the same time.
	AtOnce() int
	// Wants says whether a page that was read is to be recognised.
	Wants(page *layout.Page) bool
	// Recognise returns the page with what was recognised, or the page as it was
	// with the reason why not. draw makes the picture. An error ends the
	// reading of the document: it is the cause of ctx, or one of draw's that is
	// not the page's fault.
	Recognise(ctx context.Context, page layout.Page, draw DrawFunc) (layout.Page, error)
}

// DrawFunc draws the page in question, as Document.Picture does.
type DrawFunc func(ctx context.Context, dpi, quality int) (Picture, error)

// unrecognised is a page that was read and is to be recognised.
type unrecognised struct {
	index int
	entry
}

// recognise recognises pages until there is nothing left to read.
func (d *Document) recognise(ctx context.Context, w *window) {
	for {
		u, ok := w.takeUnrecognised(ctx)
		if !ok {
			return
		}
		draw := func(ctx context.Context, dpi, quality int) (Picture, error) {
			return d.Picture(ctx, u.page.Number, dpi, quality)
		}
		page, err := w.recogniser.Recognise(ctx, u.page, draw)
		if err != nil {
			w.fail(err)
			return
		}
		w.recognised(u, page, weight(&page))
	}
}

// wants says whether a page waits for the recogniser once it is read.
func (w *window) wants(page *layout.Page) bool {
	return w.recogniser != nil && w.recogniser.Wants(page)
}

// await keeps a page that was read for the recogniser. It stays with a worker
// until then.
func (w *window) await(i int, page layout.Page, size int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := len(w.awaiting)
	for at > 0 && w.awaiting[at-1].index > i {
		at--
	}
	w.awaiting = append(w.awaiting, unrecognised{})
	copy(w.awaiting[at+1:], w.awaiting[at:])
	w.awaiting[at] = unrecognised{i, entry{page, size}}
	w.held += size
	w.changed.Broadcast()
}

// takeUnrecognised waits for a page to recognise, the lowest first; there is
// none when all pages are done, after a failure, or when ctx has ended.
func (w *window) takeUnrecognised(ctx context.Context) (unrecognised, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		_, more := w.lowest()
		switch {
		case w.err != nil || ctx.Err() != nil:
			return unrecognised{}, false
		case len(w.awaiting) > 0:
			u := w.awaiting[0]
			w.awaiting = w.awaiting[1:]
			return u, true
		case !more && w.out == 0:
			return unrecognised{}, false
		}
		w.changed.Wait()
	}
}

// recognised records a page that was recognised. Unlike one that was only read
// it is kept even if it does not fit: making it again would be dear.
func (w *window) recognised(u unrecognised, page layout.Page, size int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.out--
	w.done[u.index] = entry{page, size}
	w.held += size - u.size
	w.changed.Broadcast()
}

package pdf

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"sync"
	"time"

	"github.com/mivaa/mivaa/internal/layout"
)

// lostLimit is how many pages in a row may be lost before the document is.
const lostLimit = 10

// Pages reads the pages of the given numbers (from 1) and yields their records
// in that order. Several readers read ahead, within a window of 48 pages or 48
// MiB. A page that the recogniser wants (nil: none is there) is yielded once it was
// recognised. A page that cannot be read is a record with layout.StatusFailed; an error
// is yielded last, with a page that means nothing: an *Error if the document
// (ten pages lost in a row, after the tenth) or the source is at fault, ErrClosed, or the cause
// of ctx. When ctx ends, readers in mid-page are killed and the sequence ends at
// once.
func (d *Document) Pages(ctx context.Context, numbers []int, recogniser Recogniser) iter.Seq2[layout.Page, error] {
	return func(yield func(layout.Page, error) bool) {
		for _, n := range numbers {
			if n < 1 || n > d.opened.PageCount {
				yield(layout.Page{}, fail(CodeInternal, "page %d of %d asked for", n, d.opened.PageCount))
				return
			}
		}
		ctx, cancel := context.WithCancelCause(ctx)
		w := newWindow(numbers, d.pool.config.Readers, recogniser)
		defer context.AfterFunc(ctx, w.wake)()
		var workers sync.WaitGroup
		defer workers.Wait()
		defer cancel(ErrClosed) // the consumer has left
		for range min(len(numbers), d.pool.config.Readers) {
			workers.Go(func() { d.work(ctx, w) })
		}
		if recogniser != nil {
			for range min(len(numbers), recogniser.AtOnce()) {
				workers.Go(func() { d.recognise(ctx, w) })
			}
		}
		lost := 0
		for range numbers {
			page, err := w.next(ctx)
			if err != nil {
				yield(layout.Page{}, err)
				return
			}
			if !yield(page, nil) {
				return
			}
			if lost++; !countsAsLost(page.Code) {
				lost = 0
			}
			if lost == lostLimit {
				yield(layout.Page{}, fail(page.Code, "%d pages in a row could not be read; the last one: %s", lost, page.Error))
				return
			}
		}
	}
}

// work reads runs of pages until there is nothing left to read.
func (d *Document) work(ctx context.Context, w *window) {
	for {
		run, ok := w.take(ctx)
		if !ok {
			return
		}
		r, err := d.pool.acquire(ctx, d, run.alone)
		if err != nil {
			w.giveBack(run)
			w.fail(err)
			return
		}
		d.read(ctx, w, r, run)
		d.pool.release(d, r)
	}
}

// fairShare is how long a run may go on while others wait for a reader.
const fairShare = 500 * time.Millisecond

// read reads a run of pages with one reader, as far as it goes.
func (d *Document) read(ctx context.Context, w *window, r *process, run run) {
	defer func() { w.giveBack(run) }() // what is left of it
	if r.open != d {
		if _, err := d.openIn(ctx, r, false); err != nil {
			if !countsAsLost(codeOf(err)) || !w.mayOpenAgain() {
				w.fail(err)
			}
			return
		}
	}
	began := time.Now()
	for len(run.indexes) > 0 && !r.dead {
		if time.Since(began) > fairShare && d.pool.contended() {
			return
		}
		i := run.indexes[0]
		number := w.numbers[i]
		asked := time.Now()
		page, size, err := d.page(ctx, r, number)
		code := codeOf(err)
		d.pool.tell(err, code, time.Since(asked))
		switch {
		case err == nil && w.wants(&page):
			w.await(i, page, size)
		case err == nil:
			w.put(i, page, size)
		case code == "" || code == CodeInternal: // ours, or the end of ctx
			w.fail(err)
			return
		case costsReader(code) && !run.alone:
			d.pool.log.Warn("reader lost, page is tried once more", keyPage, number, keyCode, code, keyError, err)
			w.suspect(i)
		default:
			level := slog.LevelDebug
			if countsAsLost(code) {
				level = slog.LevelWarn
			}
			d.pool.log.Log(ctx, level, "page failed", keyPage, number, keyCode, code, keyError, err)
			page := layout.Failed(number, code, err.Error())
			w.put(i, page, int64(len(page.Error)))
		}
		run.indexes = run.indexes[1:]
		if !w.open(run) {
			return
		}
	}
}

// tell passes on how a page was read. What is not the page's doing, such as the
// end of its context, is nobody's business.
func (p *Pool) tell(err error, code string, took time.Duration) {
	if p.config.PageRead != nil && (err == nil || code != "" && code != CodeInternal) {
		p.config.PageRead(took, code)
	}
}

// page reads one page and returns the size of its record.
func (d *Document) page(ctx context.Context, r *process, number int) (layout.Page, int64, error) {
	f, err := r.call(ctx, d, d.limits(), framePage, encodePage(number))
	if err != nil {
		return layout.Page{}, 0, err
	}
	if f.kind == framePageRecord {
		var page layout.Page
		if page, err = decodeRecord(f.payload); err == nil && page.Number == number {
			size := weight(&page)
			return page, size, nil
		}
	}
	r.stop(nil)
	return layout.Page{}, 0, fail(CodeReaderCrashed, "the reader's answer makes no sense: frame %q, %w", f.kind, errOr(err, "of another page"))
}

func errOr(err error, text string) error {
	if err != nil {
		return err
	}
	return errors.New(text)
}

package pdf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
)

// Document is an open document: a PDF, or a picture, which has one page (a TIFF: as
// many as it has pictures) without text. Its methods may be called from several
// goroutines.
type Document struct {
	pool     *Pool
	src      io.ReaderAt
	size     int64
	media    string
	password string
	opened   description

	// Guarded by pool.mu.
	busy   int // readers in use
	closed bool
}

// Open opens the document in src, size bytes long. src is read from several
// goroutines at once, until Close returns; it is not closed. password may be
// empty. Failures are an *Error, ErrClosed, or the cause of ctx.
func (p *Pool) Open(ctx context.Context, src io.ReaderAt, size int64, password string) (*Document, error) {
	// PDFium's offsets have 32 bits.
	if size > math.MaxUint32 {
		return nil, fail(CodeTooLarge, "the document has %d bytes, more than 4 GiB", size)
	}
	head := make([]byte, min(max(size, 0), headerWithin))
	if n, err := src.ReadAt(head, 0); n < len(head) {
		return nil, fail(CodeInternal, "read source: %w", err)
	}
	media, err := sniff(head)
	if err != nil {
		return nil, err
	}
	d := &Document{pool: p, src: src, size: size, media: media, password: password}
	err = d.describe(ctx, false)
	if costsReader(codeOf(err)) {
		p.log.Warn("reader lost while opening a document, trying once more", keyError, err)
		err = d.describe(ctx, true)
	}
	if err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// describe opens the document in a reader for the first time and learns what it
// is.
func (d *Document) describe(ctx context.Context, fresh bool) error {
	r, err := d.pool.acquire(ctx, d, fresh)
	if err != nil {
		return err
	}
	defer d.pool.release(d, r)
	payload, err := d.openIn(ctx, r, true)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(payload, &d.opened); err != nil {
		r.stop(nil)
		return fail(CodeReaderCrashed, "the reader's answer makes no sense: %w", err)
	}
	switch n := d.opened.PageCount; {
	case n < 1:
		return fail(CodeDamaged, "the document is damaged: it has no pages")
	case n > d.pool.config.MaxPages:
		return fail(CodeTooManyPages, "the document has %d pages, more than %d", n, d.pool.config.MaxPages)
	}
	return nil
}

// openIn opens the document in a reader.
func (d *Document) openIn(ctx context.Context, r *process, describe bool) ([]byte, error) {
	request, err := json.Marshal(openRequest{Size: d.size, Media: d.media, Password: []byte(d.password), Describe: describe})
	if err != nil {
		return nil, fail(CodeInternal, "encode request: %w", err)
	}
	r.used, r.open = true, nil
	f, err := r.call(ctx, d, d.limits(), frameOpen, request)
	if err != nil {
		if e, ok := errors.AsType[*Error](err); ok && countsAsLost(e.Code) {
			err = &Error{Code: e.Code, Err: fmt.Errorf("open document: %w", e.Err)}
		}
		return nil, err
	}
	if f.kind != frameInfo {
		r.stop(nil)
		return nil, fail(CodeReaderCrashed, "the reader's answer makes no sense: frame %q", f.kind)
	}
	r.open = d
	return f.payload, nil
}

func (d *Document) limits() limits {
	return limits{time: d.pool.config.PageTimeout, memory: d.pool.config.PageMemory}
}

// Info is what the document says of itself. It must not be changed.
func (d *Document) Info() Info { return d.opened.Info }

// HasOutline says whether the document has bookmarks.
func (d *Document) HasOutline() bool { return d.opened.HasOutline }

// Outline reads the bookmarks, depth first, at most 20,000. Where each one leads
// is searched in the whole document: a third of a second for the thousand of a
// manual, a tenth of that once its pages were read. Failures are an *Error,
// ErrClosed, or the cause of ctx.
func (d *Document) Outline(ctx context.Context) ([]OutlineItem, error) {
	if !d.opened.HasOutline {
		return nil, nil
	}
	var items []OutlineItem
	err := d.ask(ctx, "read outline", frameOutline, nil, func(f frame) error {
		if f.kind != frameBookmarks {
			return errors.New("not an outline")
		}
		items = nil
		if err := json.Unmarshal(f.payload, &items); err != nil {
			return err
		}
		if len(items) > maxOutline {
			return fmt.Errorf("an outline of %d entries", len(items))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return items, nil
}

// Close ends what is being read of the document and waits until its source is
// not used any more. A second Close does nothing. It never fails.
func (d *Document) Close() error {
	p := d.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	d.closed = true
	for r := range p.live {
		if r.lessee == d {
			r.kill(ErrClosed)
		}
	}
	for i := 0; i < len(p.waiting); {
		if w := p.waiting[i]; w.document == d {
			w.granted <- ErrClosed
			p.waiting = append(p.waiting[:i], p.waiting[i+1:]...)
			continue
		}
		i++
	}
	for _, r := range p.idle {
		if r.open == d {
			r.forget()
		}
	}
	for d.busy > 0 {
		p.changed.Wait()
	}
	d.password = ""
	return nil
}

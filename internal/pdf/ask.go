package pdf

import (
	"context"
	"errors"
	"fmt"
)

// ask sends one request about the document to a reader and has the answer
// checked; take must copy what it keeps. A reader that is lost by it is
// replaced and the request tried once more: it may have been the victim of what
// was read before. what begins the messages of failures: "draw page 7".
func (d *Document) ask(ctx context.Context, what string, kind byte, request []byte, take func(frame) error) error {
	err := d.askOnce(ctx, kind, request, take, false)
	if costsReader(codeOf(err)) {
		d.pool.log.Warn("reader lost, request is tried once more", keyRequest, what, keyError, err)
		err = d.askOnce(ctx, kind, request, take, true)
	}
	if e, ok := errors.AsType[*Error](err); ok {
		err = &Error{Code: e.Code, Err: fmt.Errorf("%s: %w", what, e.Err)}
	}
	return err
}

func (d *Document) askOnce(ctx context.Context, kind byte, request []byte, take func(frame) error, fresh bool) error {
	r, err := d.pool.acquire(ctx, d, fresh)
	if err != nil {
		return err
	}
	defer d.pool.release(d, r)
	if r.open != d {
		if _, err := d.openIn(ctx, r, false); err != nil {
			return err
		}
	}
	f, err := r.call(ctx, d, d.limits(), kind, request)
	if err != nil {
		return err
	}
	if err := take(f); err != nil {
		r.stop(nil)
		return fail(CodeReaderCrashed, "the reader's answer makes no sense: frame %q, %w", f.kind, err)
	}
	return nil
}

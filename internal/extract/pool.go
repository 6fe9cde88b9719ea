package extract

import (
	"context"
	"io"

	"github.com/mivaa/mivaa/internal/pdf"
)

// FromPool opens documents in the reader processes of a pool.
func FromPool(pool *pdf.Pool) OpenFunc {
	return func(ctx context.Context, src io.ReaderAt, size int64, password string) (Document, error) {
		d, err := pool.Open(ctx, src, size, password)
		if err != nil {
			return nil, err // not d: a nil *pdf.Document is no nil Document
		}
		return d, nil
	}
}

// DrawFromPool opens documents in the reader processes of a pool, to draw them.
func DrawFromPool(pool *pdf.Pool) DrawFunc {
	return func(ctx context.Context, src io.ReaderAt, size int64, password string) (Drawing, error) {
		d, err := pool.Open(ctx, src, size, password)
		if err != nil {
			return nil, err // as above
		}
		return d, nil
	}
}

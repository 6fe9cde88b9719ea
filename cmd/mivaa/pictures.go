package main

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/pdf"
)

// pictures returns what makes pictures of pages, and what closes it. They are
// made by the readers of the workers; a process without workers starts one of
// its own when the first picture is asked for.
func (s *workSettings) pictures(d *data, pool *pdf.Pool, log *slog.Logger) (*extract.Pictures, func() error) {
	late := new(latePool)
	open := func(ctx context.Context, src io.ReaderAt, size int64, password string) (extract.Drawing, error) {
		pool, err := late.get(func() (*pdf.Pool, error) { return pdf.New(s.readerConfig(d, log, 1)) })
		if err != nil {
			return nil, err
		}
		return extract.DrawFromPool(pool)(ctx, src, size, password)
	}
	atOnce := 1
	if pool != nil {
		open = extract.DrawFromPool(pool)
		atOnce = picturesAtOnce(pool.Readers())
	}
	p := extract.NewPictures(extract.PicturesConfig{Open: open, Documents: d.documents, Blobs: d.blobs, AtOnce: atOnce})
	return p, func() error { return errors.Join(p.Close(), late.close()) }
}

// picturesAtOnce is how many of the workers' readers pictures may hold: whoever
// looks at documents leaves the jobs at least half of them.
func picturesAtOnce(readers int) int { return max(1, readers/2) }

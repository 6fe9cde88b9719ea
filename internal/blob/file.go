package blob

import (
	"context"
	"errors"
	"io"
	"os"
)

// File is an open blob whose bytes were verified. It is an io.ReaderAt and an
// io.ReadSeeker; whoever opened it closes it.
type File struct {
	*os.File
	size  int64
	after func() error // what there is to do once it is closed; may be nil
}

// Size returns the number of bytes.
func (f *File) Size() int64 { return f.size }

// Close closes the file, and removes it where it was a copy.
func (f *File) Close() error {
	err := f.File.Close()
	if f.after != nil {
		err = errors.Join(err, f.after())
	}
	return err
}

// rewind puts the offset at the beginning.
func (f *File) rewind() error {
	_, err := f.Seek(0, io.SeekStart)
	return trouble("read blob", err)
}

// reader ends with ctx.
type reader struct {
	ctx context.Context //nolint:containedctx // an io.Reader has no other way to be told
	r   io.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.r.Read(p)
}

package blob

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// File is an open blob whose bytes were verified. It is an io.ReaderAt and an
// io.ReadSeeker; whoever opened it closes it.
type File struct {
	*os.File
	size int64
}

// Size returns the number of bytes.
func (f *File) Size() int64 { return f.size }

// Open opens a blob and verifies its bytes, which takes as long as reading
// them; the offset stands at the beginning.
//
// Errors: ErrMissing, also for what is not 64 lower-case hexadecimal digits;
// ErrChanged; *jobs.StoreError when it cannot be read; what ctx says.
func (f *Folder) Open(ctx context.Context, sha256 string) (*File, error) {
	_, name, ok := place(sha256)
	if !ok {
		return nil, missing(sha256)
	}
	// Asked before opening: a pipe that somebody put there would block.
	info, err := f.root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, missing(sha256)
	case err != nil:
		return nil, trouble("open blob "+sha256, err)
	case !info.Mode().IsRegular():
		return nil, changed(sha256, "it is not a regular file")
	}
	file, err := f.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing(sha256)
	}
	if err != nil {
		return nil, trouble("open blob "+sha256, err)
	}
	blob, err := verify(ctx, file, sha256)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return blob, nil
}

func verify(ctx context.Context, file *os.File, want string) (*File, error) {
	h := sha256.New()
	size, err := io.Copy(h, &reader{ctx: ctx, r: file})
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, trouble("read blob "+want, err)
	}
	if got := hexSum(h.Sum(nil)); got != want {
		return nil, changed(want, fmt.Sprintf("its %d bytes have the hash %s", size, got))
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, trouble("read blob "+want, err)
	}
	return &File{File: file, size: size}, nil
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

package blob

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
)

// Open is that of Store; the file is the blob itself.
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
		return nil, because(ctx, trouble("read blob "+want, err))
	}
	if err := sameHash(want, hexSum(h.Sum(nil)), size); err != nil {
		return nil, err
	}
	blob := &File{File: file, size: size}
	if err := blob.rewind(); err != nil {
		return nil, err
	}
	return blob, nil
}

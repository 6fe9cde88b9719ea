package blob

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
)

// spool is a local folder for copies: of what is sent, until its hash is known,
// and of what is read, because readers want random access to the whole. A copy
// has no name while it is open, so that nothing is left of a process that dies;
// on Windows, which keeps the names of open files, it is removed when it is
// closed.
type spool struct {
	root *os.Root
	path string
}

func openSpool(path string) (*spool, error) {
	op := "open folder for temporary copies " + path
	if path == "" {
		return nil, trouble(op, errors.New("no folder given"))
	}
	if err := makeDirs(path); err != nil {
		return nil, trouble(op, err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, trouble(op, err)
	}
	s := &spool{root: root, path: path}
	if err := s.sweep(); err != nil {
		return nil, errors.Join(trouble(op, err), root.Close())
	}
	return s, nil
}

// copyPrefix tells our names from those of whatever else is in the folder.
const copyPrefix = "copy-"

func (s *spool) op() string { return "write temporary copy in " + s.path }

// create returns an empty file. Closing it is its end.
func (s *spool) create() (*File, error) {
	name := copyPrefix + rand.Text()
	file, err := s.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return nil, trouble(s.op(), err)
	}
	remove := func() error { return s.root.Remove(name) }
	if namesOpenFiles {
		return &File{File: file, after: remove}, nil
	}
	if err := remove(); err != nil {
		return nil, errors.Join(trouble(s.op(), err), file.Close())
	}
	return &File{File: file}, nil
}

// take is the copy of what r gives.
func (s *spool) take(ctx context.Context, r io.Reader, limit int64) (*File, Ref, error) {
	file, err := s.create()
	if err != nil {
		return nil, Ref{}, err
	}
	ref, err := fill(ctx, &spoolWriter{s, file}, r, limit)
	if err != nil {
		return nil, Ref{}, errors.Join(err, file.Close())
	}
	file.size = ref.Size
	if err := file.rewind(); err != nil {
		return nil, Ref{}, errors.Join(err, file.Close())
	}
	return file, ref, nil
}

// fetch is the verified copy of a blob that from writes.
func (s *spool) fetch(ctx context.Context, want string, from func(context.Context, io.Writer) error) (*File, error) {
	file, err := s.create()
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	n := &counter{w: io.MultiWriter(&spoolWriter{s, file}, h)}
	if err = from(ctx, n); err == nil {
		err = sameHash(want, hexSum(h.Sum(nil)), n.n)
	}
	if err == nil {
		err = file.rewind()
	}
	if err != nil {
		return nil, errors.Join(because(ctx, err), file.Close())
	}
	file.size = n.n
	return file, nil
}

// sweep removes the names that a death between making and removing one left.
func (s *spool) sweep() error {
	dir, err := s.root.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), copyPrefix) {
			continue
		}
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || time.Since(info.ModTime()) < MinAge {
			continue // gone meanwhile, no file, or being written
		}
		if err := s.root.Remove(e.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (s *spool) close() error { return s.root.Close() }

// spoolWriter tells an error of the local disk from one of the store.
type spoolWriter struct {
	s    *spool
	file *File
}

func (w *spoolWriter) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	return n, trouble(w.s.op(), err)
}

// counter counts what is written.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func sameHash(want, got string, size int64) error {
	if got == want {
		return nil
	}
	return changed(want, fmt.Sprintf("its %d bytes have the hash %s", size, got))
}

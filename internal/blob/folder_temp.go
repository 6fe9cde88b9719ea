package blob

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// temp is a file that is being written. While it is open its writer holds a
// lock on it, which dies with the process: that is how files of the dead are
// told from those that grow.
type temp struct {
	f     *Folder
	file  *os.File
	name  string
	moved bool
}

func (f *Folder) newTemp() (*temp, error) {
	for {
		name := filepath.Join(tmpDir, "put-"+rand.Text())
		file, err := f.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
		if err != nil {
			return nil, err
		}
		t := &temp{f: f, file: file, name: name}
		if ok, err := tryLock(file); err != nil {
			t.drop()
			return nil, err
		} else if ok && t.stands() {
			return t, nil
		}
		t.drop() // a sweep came between making and locking it
	}
}

// stands reports whether the name still leads to the file.
func (t *temp) stands() bool {
	named, err := t.f.root.Lstat(t.name)
	if err != nil {
		return false
	}
	open, err := t.file.Stat()
	return err == nil && os.SameFile(named, open)
}

// moveTo renames the file to its place. It is closed before: Windows does not
// rename open files.
func (t *temp) moveTo(name string) error {
	if closesBeforeRename {
		if err := t.file.Close(); err != nil {
			return err
		}
	}
	if err := t.f.sys.rename(t.f.root, t.name, name); err != nil {
		return err
	}
	t.moved = true
	return nil
}

// drop closes the file and removes it unless it was moved. What cannot be
// removed is left to a sweep.
func (t *temp) drop() {
	if !t.moved && !closesBeforeRename {
		_ = t.f.root.Remove(t.name)
	}
	_ = t.file.Close()
	if !t.moved && closesBeforeRename {
		_ = t.f.root.Remove(t.name)
	}
}

// sweepTemp removes temporary files whose writer is dead.
func (f *Folder) sweepTemp(ctx context.Context) error {
	entries, err := f.readDir(tmpDir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := f.sweepOne(filepath.Join(tmpDir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (f *Folder) sweepOne(name string) error {
	info, err := f.root.Lstat(name)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return nil // not ours
	}
	if !locksProve && time.Since(info.ModTime()) < MinAge {
		return nil
	}
	file, err := f.root.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	ok, err := tryLock(file)
	if err != nil || !ok {
		return err
	}
	if closesBeforeRename {
		_ = file.Close()
	}
	return f.root.Remove(name)
}

func (f *Folder) readDir(name string) ([]fs.DirEntry, error) {
	dir, err := f.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.ReadDir(-1)
}

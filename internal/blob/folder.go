package blob

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

const (
	dirMode  = 0o700
	fileMode = 0o600

	tmpDir   = "tmp"
	lockName = "lock"
)

// Folder is a Store in a folder of a local or shared file system: a blob is
// <first two digits>/<other 62>, temporary files are in tmp, and a file lock
// makes renewing and removing a blob exclude each other, between processes too.
// It never follows a link out of its folder.
type Folder struct {
	root *os.Root
	path string
	sys  system
}

// system is what tests replace to see a disk fail.
type system struct {
	syncFile func(*os.File) error
	syncDir  func(*os.Root, string) error
	rename   func(root *os.Root, from, to string) error
}

// OpenFolder opens the store at path and makes it if it is not there. Temporary
// files that a dead process left behind are removed. Close it at the end.
// Errors are *jobs.StoreError.
func OpenFolder(ctx context.Context, path string) (*Folder, error) {
	op := "open blob store " + path
	if err := makeDirs(path); err != nil {
		return nil, trouble(op, err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, trouble(op, err)
	}
	f := &Folder{root: root, path: path, sys: system{syncFile: (*os.File).Sync, syncDir: syncDir, rename: (*os.Root).Rename}}
	if err := f.prepare(ctx); err != nil {
		return nil, errors.Join(trouble(op, err), root.Close())
	}
	return f, nil
}

func (f *Folder) prepare(ctx context.Context) error {
	if err := f.root.Mkdir(tmpDir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := f.sys.syncDir(f.root, "."); err != nil {
		return err
	}
	// A folder that cannot be written is still one to read from.
	err := f.sweepTemp(ctx)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return nil
	}
	return err
}

// Close releases the folder. Files that were opened stay open.
func (f *Folder) Close() error { return f.root.Close() }

// Check is that of Store.
func (f *Folder) Check(context.Context) error {
	if _, err := f.root.Stat(tmpDir); err != nil {
		return trouble("look at blob store "+f.path, err)
	}
	return nil
}

// Path returns where the folder is.
func (f *Folder) Path() string { return f.path }

// Location is that of Store.
func (f *Folder) Location() Location { return Location{Folder: f.path} }

// place returns the blob's name in the folder, and false for what is not a
// hash: such a name is never looked at.
func place(sha256 string) (dir, name string, ok bool) {
	if !isHash(sha256) {
		return "", "", false
	}
	return sha256[:2], filepath.Join(sha256[:2], sha256[2:]), true
}

// makeDirs is os.MkdirAll, durable: the parent of each new folder is synced.
func makeDirs(path string) error {
	info, err := os.Stat(path)
	if err == nil {
		if !info.IsDir() {
			return fmt.Errorf("%s is not a folder", path)
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(filepath.Clean(path))
	if parent != path {
		if err := makeDirs(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	root, err := os.OpenRoot(parent)
	if err != nil {
		return err
	}
	return errors.Join(syncDir(root, "."), root.Close())
}

func hexSum(sum []byte) string { return hex.EncodeToString(sum) }

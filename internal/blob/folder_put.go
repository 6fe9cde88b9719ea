package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// Put is that of Store.
func (f *Folder) Put(ctx context.Context, r io.Reader, limit int64) (Ref, error) {
	t, err := f.newTemp()
	if err != nil {
		return Ref{}, trouble("store blob", err)
	}
	defer t.drop()
	ref, err := fill(ctx, t.file, r, limit)
	if err != nil {
		return Ref{}, err
	}
	if err := f.keep(ctx, t, ref); err != nil {
		return Ref{}, because(ctx, trouble("store blob", err))
	}
	return ref, nil
}

// keep gives the temporary file its name. The order makes it durable: the
// bytes, the name, the folder that holds the name, the folder that holds that.
func (f *Folder) keep(ctx context.Context, t *temp, ref Ref) error {
	dir, name, _ := place(ref.SHA256)
	renewed, err := f.renew(ctx, ref.SHA256, name)
	if err != nil {
		return err
	}
	if !renewed {
		if err := f.root.Mkdir(dir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if err := f.sys.syncFile(t.file); err != nil {
			return err
		}
		if err := t.moveTo(name); err != nil {
			return err
		}
	}
	// For bytes that were there as well: who put them there may not have come
	// this far.
	if err := f.sys.syncDir(f.root, dir); err != nil {
		return err
	}
	return f.sys.syncDir(f.root, ".")
}

// renew makes a blob young and reports whether it is there. One that cannot be
// read or is damaged is not: the new bytes replace it.
func (f *Folder) renew(ctx context.Context, sha256, name string) (bool, error) {
	sound, err := f.Open(ctx, sha256)
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if err != nil {
		return false, nil
	}
	_ = sound.Close() // only read
	unlock, err := f.lock(ctx)
	if err != nil {
		return false, err
	}
	defer unlock()
	// Under the lock, Remove either sees the new age or has removed it before.
	now := time.Now()
	err = f.root.Chtimes(name, now, now)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// lock excludes other holders, in this process and others, until it is called
// off. It is held for a few system calls only.
func (f *Folder) lock(ctx context.Context) (unlock func(), err error) {
	file, err := f.root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, err
	}
	for wait := time.Millisecond; ; wait = min(2*wait, 20*time.Millisecond) {
		ok, err := tryLock(file)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("lock blob store: %w", err), file.Close())
		}
		if ok {
			return func() { _ = file.Close() }, nil // closing gives the lock back
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), file.Close())
		case <-time.After(wait):
		}
	}
}

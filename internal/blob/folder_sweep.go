package blob

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"time"
)

// Walk is that of Store.
func (f *Folder) Walk(ctx context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for i := range 256 {
			if ctx.Err() != nil {
				yield(Entry{}, context.Cause(ctx))
				return
			}
			entries, err := f.list(hexSum([]byte{byte(i)}))
			if err != nil {
				yield(Entry{}, trouble("list blobs", err))
				return
			}
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

// list returns the blobs whose hash begins with the two digits.
func (f *Folder) list(dir string) ([]Entry, error) {
	names, err := f.readDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []Entry
	for _, n := range names {
		sha := dir + n.Name()
		if !isHash(sha) || !n.Type().IsRegular() {
			continue
		}
		info, err := n.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, Entry{Ref: Ref{SHA256: sha, Size: info.Size()}, Stored: info.ModTime()})
	}
	slices.SortFunc(out, func(a, b Entry) int { return strings.Compare(a.SHA256, b.SHA256) })
	return out, nil
}

// Remove is that of Store.
func (f *Folder) Remove(ctx context.Context, sha256 string) (bool, error) {
	_, name, ok := place(sha256)
	if !ok {
		return false, missing(sha256)
	}
	unlock, err := f.lock(ctx)
	if err != nil {
		return false, trouble("remove blob "+sha256, err)
	}
	defer unlock()
	// Looked at under the lock: storing the same bytes again makes it young.
	info, err := f.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && time.Since(info.ModTime()) < MinAge {
		return false, nil
	}
	if err == nil {
		err = f.root.Remove(name)
	}
	if err != nil {
		return false, trouble("remove blob "+sha256, err)
	}
	return true, nil
}

// Sweep is that of Store. What dead processes leave behind is temporary files.
func (f *Folder) Sweep(ctx context.Context, inUse InUse) (Swept, error) {
	if err := f.sweepTemp(ctx); err != nil {
		return Swept{}, trouble("sweep blobs", err)
	}
	return sweep(ctx, f, inUse)
}

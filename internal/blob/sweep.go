package blob

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"time"
)

// MinAge is how old a blob nobody refers to must be before it is removed: far
// longer than the time between storing a source and committing the row that
// names it.
const MinAge = 24 * time.Hour

// Entry is a stored blob.
type Entry struct {
	Ref
	Stored time.Time // when it was last stored, or stored again
}

// Walk yields every blob, in the order of their hashes. What is not a blob is
// passed over. It ends with the first error.
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
		if _, _, ok := place(sha); !ok || !n.Type().IsRegular() {
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
	return out, nil
}

// Remove deletes a blob that is at least MinAge old and reports whether it did.
// The caller knows that nobody refers to it. One that is not there is no error.
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

// Swept is what Sweep removed.
type Swept struct {
	Blobs int   `json:"blobs"`
	Bytes int64 `json:"bytes"`
}

// Sweep removes the blobs that are at least MinAge old and that inUse does not
// return of those it is asked about, and temporary files of dead processes.
func (f *Folder) Sweep(ctx context.Context, inUse func(ctx context.Context, sha256 []string) (map[string]bool, error)) (Swept, error) {
	var swept Swept
	if err := f.sweepTemp(ctx); err != nil {
		return swept, trouble("sweep blobs", err)
	}
	for i := range 256 {
		entries, err := f.list(hexSum([]byte{byte(i)}))
		if err != nil {
			return swept, trouble("sweep blobs", err)
		}
		var old []string
		size := map[string]int64{}
		for _, e := range entries {
			if time.Since(e.Stored) >= MinAge {
				old = append(old, e.SHA256)
				size[e.SHA256] = e.Size
			}
		}
		if len(old) == 0 {
			continue
		}
		used, err := inUse(ctx, old)
		if err != nil {
			return swept, err
		}
		for _, sha := range old {
			if used[sha] {
				continue
			}
			ok, err := f.Remove(ctx, sha)
			if err != nil {
				return swept, err
			}
			if ok {
				swept.Blobs++
				swept.Bytes += size[sha]
			}
		}
	}
	return swept, nil
}

package blob

import (
	"context"
	"time"
)

// sweepBatch is how many blobs the caller of Sweep is asked about at once.
const sweepBatch = 500

// sweep is Sweep of every kind of store.
func sweep(ctx context.Context, s Store, inUse InUse) (Swept, error) {
	var swept Swept
	var old []Entry
	for e, err := range s.Walk(ctx) {
		if err != nil {
			return swept, err
		}
		if time.Since(e.Stored) < MinAge {
			continue
		}
		if old = append(old, e); len(old) < sweepBatch {
			continue
		}
		if err := sweepOld(ctx, s, old, inUse, &swept); err != nil {
			return swept, err
		}
		old = old[:0]
	}
	err := sweepOld(ctx, s, old, inUse, &swept)
	return swept, err
}

// sweepOld removes those of the old blobs that are not in use. Remove looks at
// the age again: they may have been stored anew meanwhile.
func sweepOld(ctx context.Context, s Store, old []Entry, inUse InUse, swept *Swept) error {
	if len(old) == 0 {
		return nil
	}
	names := make([]string, len(old))
	for i, e := range old {
		names[i] = e.SHA256
	}
	used, err := inUse(ctx, names)
	if err != nil {
		return err
	}
	for _, e := range old {
		if used[e.SHA256] {
			continue
		}
		ok, err := s.Remove(ctx, e.SHA256)
		if err != nil {
			return err
		}
		if ok {
			swept.Blobs++
			swept.Bytes += e.Size
		}
	}
	return nil
}

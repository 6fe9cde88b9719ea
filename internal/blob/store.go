package blob

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// Store keeps blobs. Its methods are safe for concurrent use, by several
// processes at once. Errors are those named at each method; *jobs.StoreError,
// which is jobs.ErrUnavailable, when it cannot be read or written now; and what
// ctx says.
type Store interface {
	// Put stores what r gives and returns its name, durably. limit is the most
	// bytes it takes; 0: no limit. Bytes that are there already are compared,
	// replaced where they are damaged, and become young again. On an error
	// nothing is stored. Errors: ErrTooLarge; what r says, as it is.
	Put(ctx context.Context, r io.Reader, limit int64) (Ref, error)
	// Open returns a blob whose bytes were verified, which takes as long as
	// reading them. The caller closes it. Errors: ErrMissing, also for what is
	// not 64 lower-case hexadecimal digits; ErrChanged.
	Open(ctx context.Context, sha256 string) (*File, error)
	// Walk yields every blob, in the order of their hashes. What is not a blob
	// is passed over. It ends with the first error.
	Walk(ctx context.Context) iter.Seq2[Entry, error]
	// Remove deletes a blob that is at least MinAge old and reports whether it
	// did. The caller knows that nobody refers to it. One that is not there is
	// no error.
	Remove(ctx context.Context, sha256 string) (bool, error)
	// Sweep removes the blobs that are at least MinAge old and that inUse does
	// not return of those it is asked about, and what dead processes left
	// behind.
	Sweep(ctx context.Context, inUse InUse) (Swept, error)
	// Probe writes a few bytes, reads them back and deletes them, to tell
	// whether the store works.
	Probe(ctx context.Context) error
	// Check reports whether the store is there. It writes nothing and is cheap.
	Check(ctx context.Context) error
	// Location says where the store is, for messages. It holds no secret.
	Location() Location
	// Close releases the store. Files that were opened stay open.
	Close() error
}

var (
	_ Store = (*Folder)(nil)
	_ Store = (*Database)(nil)
	_ Store = (*S3)(nil)
)

// Ref names stored bytes.
type Ref struct {
	SHA256 string `json:"sha256"` // 64 lower-case hexadecimal digits
	Size   int64  `json:"size"`   // in bytes
}

// MinAge is how old a blob nobody refers to must be before it is removed: far
// longer than the time between storing a source and committing the row that
// names it.
const MinAge = 24 * time.Hour

// Entry is a stored blob.
type Entry struct {
	Ref
	Stored time.Time // when it was last stored, or stored again
}

// InUse returns those of the blobs that somebody refers to.
type InUse func(ctx context.Context, sha256 []string) (map[string]bool, error)

// Swept is what Sweep removed.
type Swept struct {
	Blobs int   `json:"blobs"`
	Bytes int64 `json:"bytes"`
}

// isHash reports whether a name is that of a blob. No other is ever looked at.
func isHash(name string) bool {
	if len(name) != 64 {
		return false
	}
	for i := range len(name) {
		if c := name[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// fill copies r to w and names what it copied.
func fill(ctx context.Context, w io.Writer, r io.Reader, limit int64) (Ref, error) {
	h := sha256.New()
	buf := make([]byte, 256<<10)
	var size int64
	for {
		if ctx.Err() != nil {
			return Ref{}, context.Cause(ctx)
		}
		n, rerr := r.Read(buf)
		size += int64(n)
		if limit > 0 && size > limit {
			return Ref{}, jobs.WithCode(CodeTooLarge, fmt.Errorf("store blob: %w of %d bytes", ErrTooLarge, limit))
		}
		h.Write(buf[:n])
		if _, err := w.Write(buf[:n]); err != nil {
			return Ref{}, because(ctx, trouble("store blob", err))
		}
		if errors.Is(rerr, io.EOF) {
			return Ref{SHA256: hexSum(h.Sum(nil)), Size: size}, nil
		}
		if rerr != nil {
			return Ref{}, rerr
		}
	}
}

// because returns why ctx ended where it has, else err.
func because(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

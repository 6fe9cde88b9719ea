package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/mivaa/mivaa/jobs"
)

var (
	// ErrMissing: no blob has that hash, or what was given is not a hash. Its
	// code is source_missing.
	ErrMissing = errors.New("source is missing")
	// ErrChanged: the bytes are not those that were stored. Its code is
	// source_changed.
	ErrChanged = errors.New("source has changed since it was stored")
	// ErrTooLarge: there are more bytes than the limit. Its code is too_large.
	ErrTooLarge = errors.New("larger than the limit")
)

// The codes of this package's errors, as a job's error_code has them.
const (
	CodeMissing  = "source_missing"
	CodeChanged  = "source_changed"
	CodeTooLarge = "too_large"
)

func missing(sha256 string) error {
	return jobs.WithCode(CodeMissing, fmt.Errorf("open blob %.64q: %w", sha256, ErrMissing))
}

func changed(sha256, how string) error {
	return jobs.WithCode(CodeChanged, fmt.Errorf("open blob %s: %w: %s", sha256, ErrChanged, how))
}

// trouble is the error of a folder that cannot be read or written now: a
// *jobs.StoreError, which is jobs.ErrUnavailable and says what to do.
func trouble(op string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*jobs.StoreError](err); ok {
		return err
	}
	return &jobs.StoreError{Op: op, Err: err, Hint: hint(err)}
}

func hint(err error) string {
	switch {
	case diskFull(err):
		return "The disk is full (or a quota is): free some space on the file system of the blob store, then try again."
	case errors.Is(err, syscall.EROFS):
		return "The file system is mounted read-only: make it writable, or point --data-dir or --blob-url elsewhere."
	case errors.Is(err, fs.ErrPermission):
		return "The blob store belongs to another user: run as its owner, or change the owner of the folder."
	case errors.Is(err, fs.ErrNotExist):
		return "The folder of the blob store is gone: mount or restore it, then try again."
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "Too many files are open: raise the limit (ulimit -n, LimitNOFILE=)."
	}
	return ""
}

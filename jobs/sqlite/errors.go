package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/mivaa/mivaa/jobs"
)

var errClosed = errors.New("store is closed")

// refusal is an error that is an answer: the operation wrote nothing, and the
// transaction it shares with others goes on.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

func refuse(err error) error { return refusal{err} }

// fail turns an error of the database into what callers are promised: a
// *jobs.StoreError with a hint, unless the error is the caller's own.
func (s *Store) fail(op string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, jobs.ErrUnavailable) {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", op, err)
	}
	if code, ok := sqliteCode(err); ok && (code&0xff == lib.SQLITE_CONSTRAINT || code&0xff == lib.SQLITE_ERROR) {
		return fmt.Errorf("%s: %w", op, err) // the statement is at fault, not the store
	}
	if isScan(err) {
		return fmt.Errorf("%s: %w", op, err)
	}
	return storeError(op, s.path, err)
}

// Explain turns an error of a statement that another package ran on this store
// into what this store's own methods return: a *jobs.StoreError with a hint
// where the file is at fault.
func (s *Store) Explain(op string, err error) error { return s.fail(op, err) }

// storeError says what a person can do about an error of the file.
func storeError(op, path string, err error) *jobs.StoreError {
	if known, ok := errors.AsType[*jobs.StoreError](err); ok {
		return known
	}
	return &jobs.StoreError{Op: op, Err: err, Hint: hint(path, err)}
}

func hint(path string, err error) string {
	if code, ok := sqliteCode(err); ok {
		if code == lib.SQLITE_IOERR_SHMSIZE { // the first file that grows when it is opened
			code = lib.SQLITE_FULL
		}
		switch code & 0xff {
		case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
			return fmt.Sprintf("Another process holds the write lock of %s, perhaps because it is paused: let it go on or end it, then try again.", path)
		case lib.SQLITE_FULL:
			return fmt.Sprintf("The disk with %s is full: free some space, then try again. Nothing recorded was lost.", path)
		case lib.SQLITE_READONLY, lib.SQLITE_PERM:
			return fmt.Sprintf("%s or its folder is read-only for this user: make both writable (files -wal and -shm stand beside it).", path)
		case lib.SQLITE_CANTOPEN:
			return fmt.Sprintf("%s cannot be opened: check that its folder exists and that this user may write there.", path)
		case lib.SQLITE_NOTADB:
			return fmt.Sprintf("%s is no SQLite database, or is damaged: move it away or name another data folder; a backup goes in its place.", path)
		case lib.SQLITE_CORRUPT:
			return fmt.Sprintf("%s is damaged: stop every process that uses it, keep a copy with its -wal file, and put a backup in its place (or try sqlite3's .recover).", path)
		case lib.SQLITE_IOERR:
			return fmt.Sprintf("The disk with %s reported an error: check its space and its health.", path)
		case lib.SQLITE_NOMEM:
			return "The process ran out of memory."
		}
	}
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Sprintf("The disk with %s is full: free some space, then try again.", path)
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("This user may not write %s or its folder: make it writable or name another data folder.", path)
	case errors.Is(err, errClosed):
		return "The program is stopping."
	}
	return ""
}

// sqliteCode returns the extended result code of a driver error.
func sqliteCode(err error) (int, bool) {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return 0, false
	}
	return e.Code(), true
}

func isBusy(err error) bool {
	code, ok := sqliteCode(err)
	return ok && (code&0xff == lib.SQLITE_BUSY || code&0xff == lib.SQLITE_LOCKED)
}

func isForeignKey(err error) bool {
	code, ok := sqliteCode(err)
	return ok && code == lib.SQLITE_CONSTRAINT_FOREIGNKEY
}

// scanError is a row that cannot be read: somebody wrote into it by hand.
type scanError struct {
	row    string
	column string
	err    error
}

func (e *scanError) Error() string {
	return fmt.Sprintf("read %s, column %s: %v", e.row, e.column, e.err)
}
func (e *scanError) Unwrap() error { return e.err }

func isScan(err error) bool {
	_, ok := errors.AsType[*scanError](err)
	return ok
}

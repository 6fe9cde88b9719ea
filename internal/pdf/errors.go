package pdf

import (
	"errors"
	"fmt"
)

// The codes of an [Error]. They are stable words of the public interface
// (error_code of a job or a page).
const (
	CodeNotAPDF          = "not_a_pdf"
	CodePasswordRequired = "password_required"
	CodePasswordWrong    = "password_wrong"
	CodeDamaged          = "damaged"
	CodeTooLarge         = "too_large"
	CodeTooManyPages     = "too_many_pages"
	CodePageTimeout      = "page_timeout"
	CodeOutOfMemory      = "out_of_memory"
	CodeReaderCrashed    = "reader_crashed"
	CodeInternal         = "internal"
)

// Keys of log records.
const (
	keyPage    = "page_number"
	keyCode    = "error_code"
	keyError   = "error"
	keyRequest = "request"

	keyAvailable  = "available_mib"
	keyPageMemory = "page_memory_mib"
	keyWaited     = "waited"
)

// ErrClosed is returned by every method of a Pool or Document that was closed.
var ErrClosed = errors.New("pdf: closed")

// Error says why a document, or a page of it, could not be read. Everything
// but CodeInternal is the document's fault; CodeInternal is ours, the source's
// read errors among it (errors.Is finds them), and may pass.
type Error struct {
	Code string
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// ErrorCode returns Code: package jobs asks any error for it.
func (e *Error) ErrorCode() string { return e.Code }

func fail(code, format string, args ...any) *Error {
	return &Error{Code: code, Err: fmt.Errorf(format, args...)}
}

// codeOf is the code of err, "" if it has none.
func codeOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

// costsReader tells the failures that are worth a second try in a fresh
// reader: the page may have been the victim of what was read before it.
func costsReader(code string) bool {
	return code == CodeReaderCrashed || code == CodeOutOfMemory
}

// countsAsLost tells the failures of which ten in a row end a document: the ones
// that cost a reader's time, not a page's damage found in passing.
func countsAsLost(code string) bool {
	return costsReader(code) || code == CodePageTimeout
}

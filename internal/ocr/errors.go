package ocr

import (
	"errors"
	"fmt"
)

// The codes of an [Error]: stable words of the public interface (error_code of a
// page's ocr).
const (
	CodeCrashed   = "ocr_crashed"
	CodeTimeout   = "ocr_timeout"
	CodeMemory    = "ocr_out_of_memory"
	CodeOutput    = "ocr_output"    // too much of it, or none that makes sense
	CodePicture   = "ocr_picture"   // the page could not be drawn
	CodeLanguages = "ocr_languages" // not installed where the page was read
)

// ErrNotInstalled: there is no Tesseract.
var ErrNotInstalled = errors.New("tesseract is not installed")

// ErrClosed is returned by an Engine that was closed.
var ErrClosed = errors.New("ocr: closed")

// Error says why a page was not recognised.
type Error struct {
	Code string
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// ErrorCode returns Code.
func (e *Error) ErrorCode() string { return e.Code }

func fail(code, format string, args ...any) *Error {
	return &Error{Code: code, Err: fmt.Errorf(format, args...)}
}

// mayPass tells the failures that are worth a second try: whatever it was, it
// may have been the machine's doing.
func mayPass(code string) bool {
	return code == CodeCrashed || code == CodeMemory || code == CodeOutput
}

package jobs

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

var (
	// ErrNotFound: no job has that id.
	ErrNotFound = errors.New("job not found")
	// ErrKeyReused: the idempotency key (or the id) is that of another job
	// with another payload.
	ErrKeyReused = errors.New("idempotency key reused with another payload")
	// ErrLeaseLost: the job is no longer this attempt's. Nothing was written,
	// and nothing of this attempt will be.
	ErrLeaseLost = errors.New("lease lost: the job belongs to another attempt")
	// ErrCancelled: a person cancelled the job. Nothing was written.
	ErrCancelled = errors.New("job cancelled")
	// ErrStopping: the worker is stopping. What was given to Checkpoint is
	// recorded; the handler returns this error and the job goes on later.
	ErrStopping = errors.New("worker is stopping")
	// ErrInstanceGone: the instance was declared dead. Its jobs are others'.
	ErrInstanceGone = errors.New("instance is gone: its lease ran out")
	// ErrStepGap: the steps given do not continue those recorded.
	ErrStepGap = errors.New("steps do not continue the recorded ones")
	// ErrTimeout: the attempt took longer than Worker.Timeout allows.
	ErrTimeout = errors.New("job timeout exceeded")
	// ErrUnavailable: the store cannot be read or written now.
	ErrUnavailable = errors.New("store unavailable")
	// ErrNewerSchema: a newer version of the program has migrated the store.
	ErrNewerSchema = errors.New("store has a newer schema than this program knows")
)

// MoveError says why a move was refused: what the job's status is, and which
// moves that status allows.
type MoveError struct {
	ID      ID
	Move    Move
	Status  Status
	Allowed []Move
}

func (e *MoveError) Error() string {
	if len(e.Allowed) == 0 {
		return fmt.Sprintf("cannot %s job %s: it is %s, which allows no move", e.Move, e.ID, e.Status)
	}
	words := make([]string, len(e.Allowed))
	for i, m := range e.Allowed {
		words[i] = string(m)
	}
	return fmt.Sprintf("cannot %s job %s: it is %s, which allows: %s", e.Move, e.ID, e.Status, strings.Join(words, ", "))
}

// StoppingError is the ErrStopping that Checkpoint returns: it tells how much
// time the handler has left before its context is cancelled.
type StoppingError struct{ Left time.Duration }

func (e *StoppingError) Error() string {
	return fmt.Sprintf("%v: %v left", ErrStopping, e.Left.Round(time.Millisecond))
}

// Is makes errors.Is(err, ErrStopping) true.
func (e *StoppingError) Is(target error) bool { return target == ErrStopping }

// StoreError is an ErrUnavailable with what a person can do about it.
type StoreError struct {
	Op   string // what was tried: "open data/mivaa.db"
	Err  error
	Hint string // what to do, as a sentence; may be empty
}

func (e *StoreError) Error() string { return e.Op + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *StoreError) Unwrap() error { return e.Err }

// Is makes errors.Is(err, ErrUnavailable) true.
func (e *StoreError) Is(target error) bool { return target == ErrUnavailable }

// Permanent marks an error that trying again cannot mend: the job is failed
// at once, whatever its budget. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type permanentError struct{ error }

func (e *permanentError) Unwrap() error { return e.error }

// WithCode gives an error the stable word that is written to the job's
// error_code. WithCode(nil) is nil.
func WithCode(code string, err error) error {
	if err == nil {
		return nil
	}
	return &codedError{err, code}
}

type codedError struct {
	error
	code string
}

func (e *codedError) Unwrap() error     { return e.error }
func (e *codedError) ErrorCode() string { return e.code }

// Code returns the word of the first error in the chain that has a method
// ErrorCode() string, or "internal".
func Code(err error) string {
	var coded interface{ ErrorCode() string }
	if errors.As(err, &coded) {
		return coded.ErrorCode()
	}
	return CodeInternal
}

// Error codes of the engine itself. Handlers add their own by WithCode.
const (
	CodeInternal = "internal"    // no better word was given
	CodeCrashed  = "crashed"     // its process died too often in a row
	CodeTimeout  = "job_timeout" // longer than Worker.Timeout
)

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/mivaa/mivaa/client"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/jobs"
)

// Exit codes. They are a contract with scripts.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitRefused     = 3 // not a PDF, encrypted, damaged, over a limit
	exitNotFound    = 4
	exitState       = 5 // the job's state forbids it
	exitUnavailable = 6 // store or blob store out of reach, or newer than the program
	exitPartly      = 7 // the document is there, some pages failed
	exitRunning     = 8 // --wait ran out
	exitInterrupted = 75
	exitUnread      = 128 + 13 // standard output was closed by who read it: as if SIGPIPE had ended the command
)

// exitError is an error that knows its exit code, and what to do about it.
type exitError struct {
	exit int
	code string // the stable word of --json
	err  error
	hint string
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func usage(err error) error {
	return &exitError{exit: exitUsage, code: "usage", err: err, hint: "see --help"}
}

func usagef(format string, args ...any) error { return usage(fmt.Errorf(format, args...)) }

// classify is the one table from errors to exit codes.
func classify(err error) *exitError {
	var known *exitError
	var move *jobs.MoveError
	var store *jobs.StoreError
	var answer *client.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, jobs.ErrNotFound):
		return &exitError{exit: exitNotFound, code: "not_found", err: err, hint: "mivaa jobs list shows the ids there are"}
	case errors.Is(err, documents.ErrNotFound):
		return &exitError{exit: exitNotFound, code: "not_found", err: err, hint: "mivaa documents list shows the ids there are"}
	case errors.Is(err, documents.ErrNoContent):
		return &exitError{exit: exitNotFound, code: "no_content", err: err}
	case errors.Is(err, extract.ErrNoSuchPage):
		return &exitError{exit: exitNotFound, code: extract.CodeNoSuchPage, err: err}
	case errors.Is(err, extract.ErrNoSuchTable):
		return &exitError{exit: exitNotFound, code: "no_such_table", err: err, hint: "--format json names the tables there are"}
	case errors.Is(err, extract.ErrReplaced):
		return &exitError{exit: exitFailure, code: "replaced", err: err, hint: "run the same command again for the new pages"}
	case errors.As(err, &move):
		return &exitError{exit: exitState, code: "state", err: err, hint: hintFor(move)}
	case errors.Is(err, jobs.ErrKeyReused):
		return &exitError{exit: exitState, code: "key_reused", err: err}
	case errors.Is(err, context.Canceled), errors.Is(err, jobs.ErrStopping): // also where it met a store that was being opened
		return &exitError{exit: exitInterrupted, code: "interrupted", err: errors.New("interrupted"), hint: "run the same command again to continue"}
	case errors.Is(err, jobs.ErrNewerSchema): // also a StoreError: this word is the better one
		return &exitError{exit: exitUnavailable, code: "newer_schema", err: err, hint: "use the version of mivaa that migrated it, or a newer version; or put the backup in its place that was made before"}
	case errors.As(err, &store):
		return &exitError{exit: exitUnavailable, code: "unavailable", err: err, hint: store.Hint}
	case errors.As(err, &answer):
		return classifyAnswer(answer)
	case errors.Is(err, client.ErrUnreachable):
		return &exitError{exit: exitUnavailable, code: "unavailable", err: err, hint: "is the service running there? --server or MIVAA_SERVER says where"}
	case errors.Is(err, jobs.ErrUnavailable):
		return &exitError{exit: exitUnavailable, code: "unavailable", err: err}
	case extract.Refused(jobs.Code(err)):
		return &exitError{exit: exitRefused, code: jobs.Code(err), err: err}
	}
	return &exitError{exit: exitFailure, code: jobs.Code(err), err: err}
}

func hintFor(e *jobs.MoveError) string {
	switch {
	case e.Status == jobs.Processing && e.Move == jobs.Restart:
		return "cancel it first: mivaa jobs cancel " + e.ID.String()
	case e.Status == jobs.Completed:
		return "to read the document anew: mivaa extract --fresh FILE"
	}
	return ""
}

// unread reports whether an error is that nobody reads standard output any
// more.
func (c *console) unread(err error) bool {
	out, ok := c.out.(*os.File)
	path, failed := errors.AsType[*fs.PathError](err)
	return ok && failed && path.Path == out.Name() && errors.Is(path, syscall.EPIPE)
}

// exit prints an error as the caller wants it and returns its exit code.
func (c *console) exit(err error) int {
	if err == nil {
		return exitOK
	}
	if c.unread(err) {
		return exitUnread // extract ... | head: nothing is wrong
	}
	e := classify(err)
	if c.json {
		type body struct {
			Code    string `json:"code"`
			Message string `json:"message"`
			Hint    string `json:"hint"`
		}
		if err := json.NewEncoder(c.err).Encode(map[string]body{"error": {e.code, e.Error(), e.hint}}); err != nil {
			return exitFailure
		}
		return e.exit
	}
	fmt.Fprintf(c.err, "error: %s\n", e.Error())
	if e.hint != "" {
		fmt.Fprintf(c.err, "hint: %s\n", e.hint)
	}
	return e.exit
}

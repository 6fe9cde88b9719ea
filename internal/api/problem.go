package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
)

// Problem is the body of every answer that is an error: a problem document
// (RFC 9457). Programs go by Code; Detail is for people and may change.
type Problem struct { //nolint:errname // the word of RFC 9457
	Type   string `json:"type" doc:"Always about:blank: code tells problems apart" example:"about:blank"`
	Title  string `json:"title" doc:"The status in words" example:"Conflict"`
	Status int    `json:"status" doc:"The HTTP status" example:"409"`
	Detail string `json:"detail" doc:"What is wrong and what to do, for people" example:"cannot resume this job: it is completed, which allows no move"`
	Code   string `json:"code" doc:"What is wrong, as one stable word" example:"move_not_allowed"`

	CurrentStatus string       `json:"current_status,omitempty" doc:"With move_not_allowed: the job's status"`
	Allowed       []string     `json:"allowed,omitzero" nullable:"false" doc:"With move_not_allowed: the moves that this status allows"`
	Errors        []FieldError `json:"errors,omitempty" nullable:"false" doc:"With invalid_request: each thing that is wrong"`
	TaskID        string       `json:"task_id,omitempty" doc:"With a conversion that takes too long: the task that goes on"`
	RequestID     string       `json:"request_id,omitempty" doc:"With internal: the name of the line in the service's log that says more"`

	retryAfter time.Duration
	cause      error // what the log gets
}

// FieldError is one thing that is wrong with a request.
type FieldError struct {
	Location string `json:"location" doc:"Which parameter or field" example:"query.limit"`
	Message  string `json:"message" doc:"What is wrong with it" example:"expected number <= 1000"`
}

// The codes of problems that are not a job's error_code.
const (
	codeInvalid          = "invalid_request"
	codeNotFound         = "not_found"
	codeNoContent        = "no_content"
	codeContentChanged   = "content_changed"
	codeExpired          = "expired"
	codeMoveNotAllowed   = "move_not_allowed"
	codeKeyReused        = "key_reused"
	codeMethod           = "method_not_allowed"
	codeHost             = "host_not_allowed"
	codeCrossOrigin      = "cross_origin"
	codeUnauthorized     = "unauthorized"
	codeTooManyFailures  = "too_many_failures"
	codeReadOnly         = "read_only"
	codeNotReady         = "not_ready"
	codeConversionFailed = "conversion_failed"
	codeMediaType        = "unsupported_media_type"
	codeTooLong          = "request_too_long"
	codeNoSuchImage      = "no_such_image"
	codeNoSuchTable      = "no_such_table"
	codeNoSuchAttachment = "no_such_attachment"
	codeNotAvailable     = "not_available"
	codeBusy             = "busy"
	codeStopping         = "stopping"
	codeUnavailable      = "unavailable"
	codeDiskFull         = "disk_full"
	codeTimeout          = "timeout"
	codeInternal         = "internal"
)

// Error is the detail, so that a Problem can be returned as an error.
func (p *Problem) Error() string { return p.Detail }

// Unwrap returns what the log gets.
func (p *Problem) Unwrap() error { return p.cause }

// GetStatus tells huma the status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType tells huma the media type.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders tells huma the headers.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(max(1, p.retryAfter.Round(time.Second)/time.Second))))
	}
	return h
}

func problem(status int, code, format string, args ...any) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: fmt.Sprintf(format, args...)}
}

// invalid is the problem of one parameter or field.
func invalid(location, format string, args ...any) *Problem {
	p := problem(http.StatusBadRequest, codeInvalid, "%s: %s", location, fmt.Sprintf(format, args...))
	p.Errors = []FieldError{{Location: location, Message: fmt.Sprintf(format, args...)}}
	return p
}

func (p *Problem) after(d time.Duration) *Problem {
	p.retryAfter = d
	return p
}

func (p *Problem) because(err error) *Problem {
	p.cause = err
	return p
}

func stopping() *Problem {
	return problem(http.StatusServiceUnavailable, codeStopping,
		"The service is stopping. Send the request again in a few seconds.").after(5 * time.Second)
}

// problemOf is the one table from errors to answers.
func problemOf(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	if move, ok := errors.AsType[*jobs.MoveError](err); ok {
		return moveProblem(move)
	}
	if p := unreadable(err); p != nil {
		return p
	}
	for _, row := range table {
		if errors.Is(err, row.is) {
			return row.problem(err).because(err)
		}
	}
	return problem(http.StatusInternalServerError, codeInternal,
		"Something went wrong that should not have. The service's log says more under this request id.").because(err)
}

// table: the first row that matches answers. A full disk comes before a store
// that is out of reach, which it also is.
var table = []struct {
	is      error
	problem func(err error) *Problem
}{
	{errStopping, func(error) *Problem { return stopping() }},
	{jobs.ErrNotFound, func(error) *Problem { return problem(http.StatusNotFound, codeNotFound, "No job has this id.") }},
	{documents.ErrNotFound, func(error) *Problem {
		return problem(http.StatusNotFound, codeNotFound, "No document has this id.")
	}},
	{jobs.ErrKeyReused, func(error) *Problem {
		return problem(http.StatusConflict, codeKeyReused,
			"This Idempotency-Key belongs to an earlier upload of other bytes, or with other options or another password. Use a new key.")
	}},
	{blob.ErrTooLarge, func(error) *Problem {
		return problem(http.StatusRequestEntityTooLarge, blob.CodeTooLarge, "The file is larger than this service accepts.")
	}},
	{documents.ErrInvalid, func(err error) *Problem { return problem(http.StatusBadRequest, codeInvalid, "%v", err) }},
	{documents.ErrNoContent, func(error) *Problem {
		return problem(http.StatusNotFound, codeNoContent, "Nothing of this document has been read: no job of it is left. Upload it again.")
	}},
	{extract.ErrRequest, func(err error) *Problem { return problem(http.StatusBadRequest, codeInvalid, "%v", err) }},
	{extract.ErrNoSuchPage, func(err error) *Problem {
		return problem(http.StatusNotFound, extract.CodeNoSuchPage, "None of these pages is in the document.")
	}},
	{extract.ErrNoSuchTable, func(error) *Problem {
		return problem(http.StatusNotFound, codeNoSuchTable, "No table of this document has this id.")
	}},
	{extract.ErrNoSuchAttachment, func(error) *Problem {
		return problem(http.StatusNotFound, codeNoSuchAttachment, "The document carries no file of this number.")
	}},
	{extract.ErrNoSuchImage, func(error) *Problem {
		return problem(http.StatusNotFound, codeNoSuchImage, "No image of this document has this name.")
	}},
	{documents.ErrNoSource, func(error) *Problem {
		return problem(http.StatusNotFound, blob.CodeMissing, "This document was made without a source.")
	}},
	{blob.ErrMissing, func(error) *Problem {
		return problem(http.StatusNotFound, blob.CodeMissing, "The document's source is no longer stored. Upload it again.")
	}},
	{blob.ErrChanged, func(error) *Problem {
		return problem(http.StatusConflict, blob.CodeChanged, "The stored bytes are not those that were uploaded. Upload the document again.")
	}},
	{extract.ErrBusy, func(error) *Problem {
		return problem(http.StatusServiceUnavailable, codeBusy, "Too many pictures are asked for at once. Try again.").after(5 * time.Second)
	}},
	{pdf.ErrClosed, func(error) *Problem { return stopping() }},
	{extract.ErrReplaced, func(error) *Problem {
		return problem(http.StatusConflict, codeContentChanged, "The document was read anew meanwhile. Ask again for the new content.").after(time.Second)
	}},
	{syscall.ENOSPC, func(error) *Problem {
		return problem(http.StatusInsufficientStorage, codeDiskFull,
			"The service's disk is full. Nothing was stored; tell its operator.").after(time.Minute)
	}},
	{jobs.ErrNewerSchema, unavailable},
	{jobs.ErrUnavailable, unavailable},
	{context.DeadlineExceeded, func(error) *Problem {
		return problem(http.StatusGatewayTimeout, codeTimeout, "The service did not answer in time. Try again.").after(5 * time.Second)
	}},
}

// unreadable is the problem of a document that something cannot be had of, nil
// of any other error.
func unreadable(err error) *Problem {
	e, ok := errors.AsType[*pdf.Error](err)
	if !ok || e.Code == pdf.CodeInternal {
		return nil
	}
	return problem(http.StatusUnprocessableEntity, e.Code, "This cannot be had of the document: %s.", strings.TrimSuffix(e.Error(), "."))
}

func unavailable(err error) *Problem {
	detail := "The service's store cannot be reached now; nothing was changed. Try again."
	if store, ok := errors.AsType[*jobs.StoreError](err); ok && store.Hint != "" {
		detail = "The service's store cannot be used now. " + store.Hint
	}
	return problem(http.StatusServiceUnavailable, codeUnavailable, "%s", detail).after(5 * time.Second)
}

func moveProblem(e *jobs.MoveError) *Problem {
	p := problem(http.StatusConflict, codeMoveNotAllowed, "%s", e.Error()).because(e)
	p.CurrentStatus = string(e.Status)
	p.Allowed = []string{}
	for _, m := range e.Allowed {
		p.Allowed = append(p.Allowed, string(m))
	}
	return p
}

// nilID is how people write the id that names nothing.
const nilID = "00000000-0000-0000-0000-000000000000"

// missingJob tells an id that was never ours from one that is no longer: a
// version 7 id says how old it is, and jobs older than the retention are gone.
func (a *API) missingJob(id jobs.ID) *Problem {
	made, ok := id.Time()
	if ok && a.retention > 0 && a.now().Sub(made) > a.retention {
		return problem(http.StatusGone, codeExpired,
			"This job is older than the %s that finished jobs are kept. Its document may still be there.", days(a.retention))
	}
	return problem(http.StatusNotFound, codeNotFound, "No job has the id %s.", cmp.Or(id.String(), nilID))
}

// days writes a retention as people say it.
func days(d time.Duration) string {
	if d >= 48*time.Hour && d%(24*time.Hour) == 0 {
		return strconv.Itoa(int(d/(24*time.Hour))) + " days"
	}
	s := d.String() // 36h0m0s
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

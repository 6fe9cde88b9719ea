package client

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Error is an answer of the service that is an error (RFC 9457). Programs go by
// Code; Detail is for people.
type Error struct {
	Status int    `json:"status"` // of HTTP
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Code   string `json:"code"` // one stable word; "" where something between here and the service answered

	CurrentStatus Status       `json:"current_status"` // with CodeMoveNotAllowed: of the job
	Allowed       []string     `json:"allowed"`        // with CodeMoveNotAllowed: the moves that it allows
	Errors        []FieldError `json:"errors"`         // with CodeInvalid: each thing that is wrong
	RequestID     string       `json:"request_id"`     // of the line in the service's log

	RetryAfter time.Duration `json:"-"` // 0: the service did not say
}

// FieldError is one thing that is wrong with a request.
type FieldError struct {
	Location string `json:"location"`
	Message  string `json:"message"`
}

// Codes that programs tell apart most. Those of a refused PDF are the job's
// error codes: not_a_pdf, too_large and so on.
const (
	CodeInvalid        = "invalid_request"
	CodeNotFound       = "not_found"
	CodeExpired        = "expired" // a job that was kept, and is no longer
	CodeNoContent      = "no_content"
	CodeMoveNotAllowed = "move_not_allowed"
	CodeKeyReused      = "key_reused"
	CodeUnavailable    = "unavailable" // its store is out of reach
	CodeStopping       = "stopping"
	CodeBusy           = "busy"
)

// Error is the detail, and the request that the log names.
func (e *Error) Error() string {
	text := e.Detail
	if text == "" {
		text = fmt.Sprintf("the service answered %d %s", e.Status, http.StatusText(e.Status))
	}
	if e.RequestID != "" {
		text += " (request " + e.RequestID + ")"
	}
	return text
}

// errorOf reads an answer that is an error, and closes it.
func errorOf(answer *http.Response) *Error {
	defer func() { _ = answer.Body.Close() }() // an error is being reported
	e := &Error{}
	body, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if err != nil || json.Unmarshal(body, e) != nil || e.Code == "" {
		*e = Error{Detail: fmt.Sprintf("the answer is %s, and not the service's: is the URL right?", answer.Status)}
	}
	e.Status = answer.StatusCode
	e.RetryAfter = retryAfter(answer.Header.Get("Retry-After"), time.Now())
	return e
}

// retryAfter reads the header: seconds, or a date.
func retryAfter(text string, now time.Time) time.Duration {
	text = strings.TrimSpace(text)
	if n, err := strconv.Atoi(text); err == nil {
		return time.Duration(min(max(n, 0), 86400)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

package main

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/mivaa/mivaa/client"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/jobs"
)

// errElsewhere: a service does not offer what was asked for.
var errElsewhere = errors.New("a service does not offer this: run the command where its store is, without --server")

func answered(err error) (*client.Error, bool) {
	return errors.AsType[*client.Error](err)
}

// isGone reports whether a job is not there, or no longer.
func isGone(err error) bool {
	e, ok := answered(err)
	return ok && (e.Code == client.CodeNotFound || e.Code == client.CodeExpired)
}

// outOfReach reports whether a service may be there again in a moment.
func outOfReach(err error) bool {
	e, ok := answered(err)
	if !ok {
		return errors.Is(err, client.ErrUnreachable)
	}
	return e.Status == http.StatusServiceUnavailable || e.Status == http.StatusBadGateway || e.Status == http.StatusGatewayTimeout
}

// ofJob gives the answers that commands tell apart the errors of the engine.
// What the others mean, classify knows.
func ofJob(err error, id jobs.ID, m jobs.Move) error {
	e, ok := answered(err)
	switch {
	case !ok:
		return err
	case isGone(err):
		return fmt.Errorf("%s: %w", id, jobs.ErrNotFound)
	case e.Code == client.CodeMoveNotAllowed:
		move := &jobs.MoveError{ID: id, Move: m, Status: jobs.Status(e.CurrentStatus)}
		for _, word := range e.Allowed {
			move.Allowed = append(move.Allowed, jobs.Move(word))
		}
		return move
	}
	return err
}

// ofDocument is ofJob for documents.
func ofDocument(err error, id jobs.ID) error {
	e, ok := answered(err)
	if !ok {
		return err
	}
	switch e.Code {
	case client.CodeNotFound:
		return fmt.Errorf("%s: %w", id, documents.ErrNotFound)
	case client.CodeNoContent:
		return fmt.Errorf("%s: %w", id, documents.ErrNoContent)
	case extract.CodeNoSuchPage:
		return fmt.Errorf("%s: %w", id, extract.ErrNoSuchPage)
	}
	return err
}

// classifyAnswer is what an answer of a service means for who gave the command.
func classifyAnswer(e *client.Error) *exitError {
	as := func(exit int, hint string) *exitError {
		return &exitError{exit: exit, code: e.Code, err: e, hint: hint}
	}
	switch {
	case e.Status == http.StatusUnauthorized:
		return as(exitUsage, "give the service's token by MIVAA_TOKEN or --token-file")
	case e.Status == http.StatusForbidden:
		return as(exitUsage, "this token does not allow it: give the one for operators by MIVAA_TOKEN or --token-file")
	case extract.Refused(e.Code):
		return as(exitRefused, "")
	case e.Status == http.StatusNotFound && e.Code == "":
		return &exitError{exit: exitUnavailable, code: "unavailable", err: e, hint: "--server must be the URL of the service itself"}
	case e.Status == http.StatusNotFound, e.Status == http.StatusGone:
		return as(exitNotFound, "")
	case e.Status == http.StatusConflict:
		return as(exitState, "")
	case e.Status == http.StatusBadRequest, e.Status == http.StatusRequestEntityTooLarge, e.Status == http.StatusUnsupportedMediaType:
		return as(exitUsage, "")
	case e.Status == http.StatusInternalServerError || e.Status == http.StatusNotImplemented:
		return as(exitFailure, "")
	case e.Status >= http.StatusInternalServerError, e.Status == http.StatusTooManyRequests:
		if e.Code == "" {
			return &exitError{exit: exitUnavailable, code: "unavailable", err: e, hint: "is the service running behind that address?"}
		}
		return as(exitUnavailable, "try again in a moment")
	}
	return as(exitFailure, "")
}

package api

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mivaa/mivaa/jobs"
)

// JobFilter selects jobs: of lists, of bulk moves, of pages. What is empty
// selects everything. The names are the same in addresses and in bodies.
type JobFilter struct {
	_         struct{} `additionalProperties:"false"` // in a body: a key that is misspelt must not select everything
	Status    string   `query:"status" json:"status,omitempty" maxLength:"20" doc:"pending, processing, completed, failed or interrupted"`
	Query     string   `query:"q" json:"q,omitempty" maxLength:"200" doc:"Part of the filename, or the beginning of the id"`
	Cause     string   `query:"cause" json:"cause,omitempty" maxLength:"20" doc:"Of interrupted jobs: shutdown, crash, lease_lost, cancelled or operator"`
	ErrorCode string   `query:"error_code" json:"error_code,omitempty" maxLength:"40" doc:"Of failed jobs"`
	Owner     string   `query:"owner" json:"owner,omitempty" maxLength:"255" doc:"Only this owner's"`
	Instance  string   `query:"instance" json:"instance,omitempty" maxLength:"100" doc:"That runs or last ran them"`
	Document  string   `query:"document_id" json:"document_id,omitempty" maxLength:"36" doc:"A UUID"`
}

// bounded refuses what the routes do not let in by their description: pages
// read a filter from their address.
func (q JobFilter) bounded(place string) error {
	for _, field := range []struct {
		name, value string
		most        int
	}{{"q", q.Query, 200}, {"error_code", q.ErrorCode, 40}, {"owner", q.Owner, 255}, {"instance", q.Instance, 100}} {
		if n := utf8.RuneCountInString(field.value); n > field.most {
			return invalid(place+"."+field.name, "it has %d characters, and may have %d", n, field.most)
		}
	}
	return nil
}

// selection is what the filter selects; its problems name the fields of a place.
func (q JobFilter) selection(place string) (jobs.Filter, error) {
	f := jobs.Filter{
		Status: jobs.Status(q.Status), Search: strings.TrimSpace(q.Query), Cause: jobs.Cause(q.Cause), ErrorCode: q.ErrorCode,
		Owner: q.Owner, Instance: q.Instance,
	}
	if err := q.bounded(place); err != nil {
		return f, err
	}
	if q.Status != "" && !slices.Contains(jobs.Statuses(), f.Status) {
		return f, invalid(place+".status", "%q is not a status: pending, processing, completed, failed or interrupted", q.Status)
	}
	if q.Cause != "" && !slices.Contains(jobs.Causes(), f.Cause) {
		return f, invalid(place+".cause", "%q is not a cause: shutdown, crash, lease_lost, cancelled or operator", q.Cause)
	}
	// A whole id is looked up, rather than looked for in every filename.
	if id, err := jobs.ParseID(f.Search); err == nil && strings.Count(f.Search, "-") == 4 {
		f.IDs, f.Search = []jobs.ID{id}, ""
	}
	if q.Document != "" {
		id, err := jobs.ParseID(q.Document)
		if err != nil {
			return f, invalid(place+".document_id", "%q is not a UUID", q.Document)
		}
		f.DocumentID = id
	}
	return f, nil
}

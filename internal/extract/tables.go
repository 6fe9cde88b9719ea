package extract

import (
	"context"
	"errors"
	"regexp"
	"strconv"

	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/jobs"
)

// TableList is a part of a document's tables.
type TableList struct {
	DocumentID jobs.ID
	JobID      jobs.ID // whose steps they are of
	Complete   bool    // false: more may come
	Tables     []Table
	After      int  // the last page that was looked at
	More       bool // there are pages behind it
}

// Tables lists the tables of the recorded pages behind page after: those of at
// most limit pages that have some, found on at most 1,000.
//
// Errors: documents.ErrNotFound, documents.ErrNoContent, ErrReplaced.
func (r *Results) Tables(ctx context.Context, document jobs.ID, after, limit int) (TableList, error) {
	const mostPages = 1000
	res, err := r.Open(ctx, Request{Document: document})
	if err != nil {
		return TableList{}, err
	}
	list := TableList{DocumentID: res.DocumentID, JobID: res.JobID, Complete: res.Complete, Tables: []Table{}, After: after}
	wanted := res.steps.wanted
	for len(wanted) > 0 && res.steps.numbers[wanted[0]-1] <= after {
		wanted = wanted[1:]
	}
	more := len(wanted) > mostPages
	res.steps.wanted = wanted[:min(len(wanted), mostPages)]
	err = res.eachElements(ctx, func(p *layout.Page, elements []Element) error {
		if limit == 0 {
			more = true
			return errEnough
		}
		list.After = p.Number
		if found := tablesOf(p, elements); len(found) > 0 {
			list.Tables = append(list.Tables, found...)
			limit--
		}
		return nil
	})
	list.More = more
	if errors.Is(err, errEnough) {
		err = nil
	}
	return list, err
}

// errEnough ends a walk over pages before their end.
var errEnough = errors.New("enough")

var tableIDs = regexp.MustCompile(`^p([1-9][0-9]{0,6})t[1-9][0-9]{0,4}$`)

// pageOfTable returns the page that a table is on.
func pageOfTable(id string) (int, bool) {
	m := tableIDs.FindStringSubmatch(id)
	if m == nil {
		return 0, false
	}
	n, err := strconv.Atoi(m[1])
	return n, err == nil && n <= maxPageNumber
}

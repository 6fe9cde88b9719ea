package api

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

type listJobsInput struct {
	JobFilter
	Limit        int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"How many at most"`
	Offset       int    `query:"offset" minimum:"0" maximum:"100000000" doc:"How many to skip; a cursor is faster and exact"`
	Cursor       string `query:"cursor" maxLength:"500" doc:"next_cursor of the answer before"`
	After        string `query:"after" maxLength:"36" doc:"Only what stands behind this job in the order; a cursor goes on where an answer ended"`
	StatusFilter string `query:"status_filter" maxLength:"20" doc:"Another name of status"`
	Sort         string `query:"sort" maxLength:"30" doc:"created_at:desc, created_at:asc, updated_at:desc or updated_at:asc" example:"created_at:desc"`
}

// JobList is a part of the list of jobs.
type JobList struct {
	Jobs       []JobRow `json:"jobs" nullable:"false"`
	Count      int      `json:"count" doc:"Jobs in this answer"`
	Limit      int      `json:"limit"`
	Offset     int      `json:"offset"`
	NextCursor *string  `json:"next_cursor" doc:"For the next part; null: this is the last one"`
}

type listJobsOutput struct{ Body JobList }

func (a *API) listJobs(ctx context.Context, in *listJobsInput) (*listJobsOutput, error) {
	list, err := a.list(ctx, *in)
	if err != nil {
		return nil, err
	}
	return &listJobsOutput{Body: list}, nil
}

// ListJobs returns a part of the list of jobs, as the route does: of those that
// a filter selects, in an order ("": the newest first), behind a cursor ("": from
// the beginning).
func (a *API) ListJobs(ctx context.Context, f JobFilter, sort, cursor string, limit int) (JobList, error) {
	return a.list(ctx, listJobsInput{JobFilter: f, Sort: sort, Cursor: cursor, Limit: limit})
}

func (a *API) list(ctx context.Context, in listJobsInput) (JobList, error) {
	f, err := in.filter()
	if err != nil {
		return JobList{}, err
	}
	if in.After != "" {
		if f.After, err = a.behind(ctx, in); err != nil {
			return JobList{}, err
		}
	}
	found, more, err := a.listPart(ctx, f)
	if err != nil {
		return JobList{}, err
	}
	list := JobList{Jobs: jobRows(found), Count: len(found), Limit: in.Limit, Offset: in.Offset}
	if more {
		list.NextCursor = text(jobCursor(f.Order, found[len(found)-1]).encode())
	}
	return list, nil
}

// behind is the job that a list begins behind.
func (a *API) behind(ctx context.Context, in listJobsInput) (*jobs.Job, error) {
	id, err := jobs.ParseID(in.After)
	switch {
	case err != nil:
		return nil, invalid("query.after", "%q is not a UUID", in.After)
	case in.Cursor != "":
		return nil, invalid("query.after", "a cursor is given as well: give one of them")
	}
	j, err := a.job(ctx, id)
	return &j, err
}

// listPart reads one job more than asked for, to learn whether there is one.
func (a *API) listPart(ctx context.Context, f jobs.Filter) (found []jobs.Job, more bool, err error) {
	limit := f.Limit
	f.Limit = min(limit+1, mostAtOnce)
	found, err = a.jobs.List(ctx, f)
	if err != nil {
		return nil, false, err
	}
	more = len(found) > limit || len(found) == mostAtOnce
	return found[:min(limit, len(found))], more, nil
}

// mostAtOnce is what a store returns at most.
const mostAtOnce = 1000

func (in *listJobsInput) filter() (jobs.Filter, error) {
	if in.Status != "" && in.StatusFilter != "" && in.Status != in.StatusFilter {
		return jobs.Filter{}, invalid("query.status_filter", "it says %q, and status says %q: give one of them", in.StatusFilter, in.Status)
	}
	in.Status = cmp.Or(in.Status, in.StatusFilter)
	f, err := in.selection("query")
	if err != nil {
		return f, err
	}
	f.Limit, f.Offset, f.Order = in.Limit, in.Offset, jobs.Order(in.Sort)
	if in.Sort != "" && !slices.Contains(jobs.Orders(), f.Order) {
		return f, invalid("query.sort", "%q is not an order: created_at:desc, created_at:asc, updated_at:desc or updated_at:asc", in.Sort)
	}
	if in.Cursor == "" {
		if f.Order == "" {
			f.Order = jobs.NewestFirst
		}
		return f, nil
	}
	c, err := decodeCursor(in.Cursor)
	if err != nil || !slices.Contains(jobs.Orders(), jobs.Order(c.Order)) {
		return f, invalid("query.cursor", "not one that this service gave")
	}
	if f.Order != "" && f.Order != jobs.Order(c.Order) {
		return f, invalid("query.cursor", "it belongs to a list in the order %s", c.Order)
	}
	f.Order = jobs.Order(c.Order)
	f.After = &jobs.Job{ID: c.ID, CreatedAt: c.At, UpdatedAt: c.At}
	return f, nil
}

// cursor is a place in a list: behind the row with this time and id.
type cursor struct {
	Order string    `json:"o"`
	At    time.Time `json:"t"`
	ID    jobs.ID   `json:"i"`
}

func jobCursor(o jobs.Order, last jobs.Job) cursor {
	at := last.CreatedAt
	if strings.HasPrefix(string(o), "updated_at") {
		at = last.UpdatedAt
	}
	return cursor{Order: string(o), At: at.UTC(), ID: last.ID}
}

func (c cursor) encode() string {
	data, _ := json.Marshal(c) // words, a time of the store, an id
	return base64.RawURLEncoding.EncodeToString(data)
}

func decodeCursor(s string) (cursor, error) {
	var c cursor
	data, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, err
	}
	if c.ID.IsZero() || c.At.IsZero() {
		return c, errCursor
	}
	return c, nil
}

var errCursor = errors.New("not a cursor")

package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mivaa/mivaa/jobs"
)

// mostCounted is where counting ends: a page shows "10,000+", and costs the
// same beside a million jobs.
const mostCounted = 10_000

// Count is how many jobs a filter selects.
type Count struct {
	Count int  `json:"count" doc:"Counted up to 10000"`
	More  bool `json:"more" doc:"There may be more than that"`
}

// Groups is interrupted and failed jobs by why they are.
type Groups struct {
	Groups []jobs.Group `json:"groups" nullable:"false" doc:"The largest first, at most 200"`
	Count  int          `json:"count" doc:"Groups in this answer"`
}

type (
	countOutput  struct{ Body Count }
	groupsOutput struct{ Body Groups }
)

func (a *API) countRoutes(h huma.API) {
	register(a, h, huma.Operation{
		OperationID: "count-jobs", Method: http.MethodGet, Path: "/api/rag/jobs/count", Tags: []string{tagJobs},
		Summary: "Count jobs", Description: "Takes the filters of the list. Counting ends at 10000.",
	}, func(ctx context.Context, in *JobFilter) (*countOutput, error) {
		c, err := a.CountJobs(ctx, *in)
		return &countOutput{Body: c}, err
	})
	register(a, h, huma.Operation{
		OperationID: "group-jobs", Method: http.MethodGet, Path: "/api/rag/jobs/groups", Tags: []string{tagJobs},
		Summary: "Group interrupted and failed jobs", Description: "By status, and by cause or error_code. Takes the filters of the list.",
	}, func(ctx context.Context, in *JobFilter) (*groupsOutput, error) {
		g, err := a.GroupJobs(ctx, *in)
		return &groupsOutput{Body: g}, err
	})
}

// CountJobs counts what a filter selects, as the route does.
func (a *API) CountJobs(ctx context.Context, f JobFilter) (Count, error) {
	selected, err := f.selection("query")
	if err != nil {
		return Count{}, err
	}
	n, err := a.jobs.Count(ctx, selected, mostCounted)
	return Count{Count: n, More: n >= mostCounted}, err
}

// GroupJobs groups what a filter selects, as the route does.
func (a *API) GroupJobs(ctx context.Context, f JobFilter) (Groups, error) {
	selected, err := f.selection("query")
	if err != nil {
		return Groups{}, err
	}
	found, err := a.jobs.Groups(ctx, selected)
	if err != nil {
		return Groups{}, err
	}
	if found == nil {
		found = []jobs.Group{}
	}
	return Groups{Groups: found, Count: len(found)}, nil
}

package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mivaa/mivaa/jobs"
)

// AdminJobs is what a deploy script reads before it restarts the service.
type AdminJobs struct {
	ActiveJobs int             `json:"active_jobs" doc:"Jobs that are processing"`
	Jobs       []ActiveJob     `json:"jobs" nullable:"false" doc:"Those jobs, the oldest first, at most 1000"`
	Statistics jobs.Statistics `json:"statistics"`
}

// ActiveJob is a job that is processing.
type ActiveJob struct {
	ID       string `json:"id" format:"uuid"`
	Filename string `json:"filename"`
	Status   string `json:"status"`
	Progress int    `json:"progress"`
}

const tagAdmin = "admin"

type adminJobsOutput struct{ Body AdminJobs }

func (a *API) adminRoutes(h huma.API) {
	register(a, h, huma.Operation{
		OperationID: "admin-jobs", Method: http.MethodGet, Path: "/api/rag/admin/jobs", Tags: []string{tagAdmin},
		Summary:     "Show what is running",
		Description: "What a deploy waits for. When the store cannot be read the answer is an error, never an empty list.",
	}, a.adminJobs)
	a.instanceRoutes(h)
	a.drainRoutes(h)
	a.figureRoutes(h)
}

// adminJobs reads twice; the number that scripts go by and the statistics are
// from the same read.
func (a *API) adminJobs(ctx context.Context, _ *struct{}) (*adminJobsOutput, error) {
	running, err := a.jobs.List(ctx, jobs.Filter{Status: jobs.Processing, Order: jobs.OldestFirst, Limit: mostAtOnce})
	if err != nil {
		return nil, err
	}
	statistics, err := a.jobs.Statistics(ctx)
	if err != nil {
		return nil, err
	}
	body := AdminJobs{ActiveJobs: statistics.Processing, Jobs: make([]ActiveJob, len(running)), Statistics: statistics}
	for i, j := range running {
		body.Jobs[i] = ActiveJob{ID: j.ID.String(), Filename: j.Filename, Status: string(j.Status), Progress: j.Progress}
	}
	return &adminJobsOutput{Body: body}, nil
}

package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mivaa/mivaa/jobs"
)

const tagJobs = "jobs"

type getJobInput struct {
	IDParam
	Wait string `query:"wait" maxLength:"20" doc:"Answer at the next change of the job, or after this time: 30s, at most 60s. A job that has ended answers at once" example:"30s"`
}

type getJobOutput struct{ Body JobStatus }

func (a *API) jobRoutes(h huma.API) {
	registerOpen(a, h, huma.Operation{
		OperationID: "get-job", Method: http.MethodGet, Path: "/api/rag/documents/job/{id}", Tags: []string{tagJobs},
		Summary:     "Show a job",
		Description: "Every column of the job's row, its place in the queue, and its result when it is completed. 410 for an id that is older than jobs are kept.",
	}, a.getJob)
	register(a, h, huma.Operation{
		OperationID: "list-jobs", Method: http.MethodGet, Path: "/api/rag/documents/jobs", Tags: []string{tagJobs},
		Summary:     "List jobs",
		Description: "Page through it with next_cursor: jobs that are added meanwhile are neither skipped nor shown twice.",
	}, a.listJobs)
	register(a, h, huma.Operation{
		OperationID: "list-checkpoints", Method: http.MethodGet, Path: "/api/rag/jobs/{id}/checkpoints", Tags: []string{tagJobs},
		Summary: "List what a job has recorded", Description: "A checkpoint is a recorded page.",
	}, a.listCheckpoints)
	register(a, h, huma.Operation{
		OperationID: "delete-job", Method: http.MethodDelete, Path: "/api/rag/documents/jobs/{id}", Tags: []string{tagJobs},
		Summary:     "Delete a job",
		Description: "With its history. Its document stays, and its pages where they are the document's content. 409 while it is processing: cancel it first.",
	}, a.deleteJob)
	a.countRoutes(h)
	a.storyRoutes(h)
	a.bulkRoutes(h)
	a.eventRoutes(h)
}

func (a *API) getJob(ctx context.Context, in *getJobInput) (*getJobOutput, error) {
	wait, err := parseWait(in.Wait)
	if err != nil {
		return nil, err
	}
	j, err := a.job(ctx, in.id())
	if err != nil {
		return nil, err
	}
	if wait > 0 && !j.Ended() && !a.isStopping() {
		if j, err = a.waitForChange(ctx, j, wait); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s, err := a.jobStatus(ctx, j)
	return &getJobOutput{Body: s}, err
}

const mostWait = time.Minute

// parseWait reads a time to wait: a duration, or a plain number of seconds.
func parseWait(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		d, err = time.ParseDuration(s + "s")
	}
	if err != nil || d < 0 {
		return 0, invalid("query.wait", "%q is no time to wait: write 30s", s)
	}
	return min(d, mostWait), nil
}

// Gone is the answer to a deletion.
type Gone struct {
	Success bool   `json:"success"`
	Message string `json:"message" example:"Job deleted."`
	JobID   string `json:"job_id" format:"uuid"`
}

type deleteJobOutput struct{ Body Gone }

func (a *API) deleteJob(ctx context.Context, in *IDParam) (*deleteJobOutput, error) {
	id := in.id()
	if err := a.DeleteJob(ctx, id); err != nil {
		return nil, err
	}
	return &deleteJobOutput{Body: Gone{Success: true, Message: "Job deleted.", JobID: id.String()}}, nil
}

// DeleteJob deletes a job that is not processing, with its history.
func (a *API) DeleteJob(ctx context.Context, id jobs.ID) error {
	err := a.jobs.Delete(ctx, id)
	if errors.Is(err, jobs.ErrNotFound) {
		return a.missingJob(id)
	}
	if move, ok := errors.AsType[*jobs.MoveError](err); ok {
		p := moveProblem(move)
		p.Detail = "This job is " + string(move.Status) + " and cannot be deleted now. Cancel it first."
		p.Allowed = allowedMoves(move.Status)
		return p
	}
	return err
}

func allowedMoves(s jobs.Status) []string {
	words := []string{} // never null
	for _, m := range jobs.Allowed(s) {
		words = append(words, string(m))
	}
	return words
}

// job reads one job; an id that is not there gets the answer its age deserves.
func (a *API) job(ctx context.Context, id jobs.ID) (jobs.Job, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	j, err := jobs.Get(ctx, a.jobs, id)
	if errors.Is(err, jobs.ErrNotFound) {
		return j, a.missingJob(id)
	}
	return j, err
}

const (
	// rereadEvery is for hints that were missed.
	rereadEvery = time.Second
	// restBetween bounds how often a waiting request reads the job: hints come
	// with every commit of every job.
	restBetween = 50 * time.Millisecond
	// fewWaiting is how many requests may wait before they rest longer, so that
	// all of them together read no more often than these do.
	fewWaiting = 20
)

// waitForChange returns the job once its row differs from what it was, or as
// it is when the time is over or the service stops.
func (a *API) waitForChange(ctx context.Context, was jobs.Job, wait time.Duration) (jobs.Job, error) {
	waiting, cancel := a.untilStop(ctx)
	defer cancel()
	waiting, cancelWait := context.WithTimeout(waiting, wait)
	defer cancelWait()
	hints := a.jobs.Watch(waiting)
	a.waiting.Add(1)
	defer a.waiting.Add(-1)
	for {
		// Read after the watch began: what changed before is seen here.
		j, err := a.job(ctx, was.ID)
		if err != nil || changed(was, j) {
			return j, err
		}
		if !pause(waiting, hints, restBetween*time.Duration(1+a.waiting.Load()/fewWaiting)) {
			if ctx.Err() != nil {
				return j, context.Cause(ctx)
			}
			return j, nil
		}
	}
}

// changed tells whether anything a reader of the job sees is different.
func changed(was, is jobs.Job) bool {
	return was.Status != is.Status || was.Attempt != is.Attempt || was.StepsDone != is.StepsDone || was.StepsTotal != is.StepsTotal ||
		was.Cause != is.Cause || was.Failures != is.Failures || was.Crashes != is.Crashes || !was.UpdatedAt.Equal(is.UpdatedAt)
}

// pause waits for a hint and a rest, or for a second without one. It reports
// false when ctx has ended.
func pause(ctx context.Context, hints <-chan jobs.Hint, d time.Duration) bool {
	rest := time.NewTimer(d)
	defer rest.Stop()
	reread := time.NewTimer(rereadEvery)
	defer reread.Stop()
	select {
	case <-hints: // closed when ctx ends
	case <-reread.C:
	case <-ctx.Done():
		return false
	}
	select {
	case <-rest.C:
		return true
	case <-ctx.Done():
		return false
	}
}

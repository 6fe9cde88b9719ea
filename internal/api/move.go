package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mivaa/mivaa/jobs"
)

// The words by which routes, links and buttons call moves. Retry is what people
// call a resume of something that failed.
const (
	wordResume  = "resume"
	wordRestart = "restart"
	wordRetry   = "retry"
	wordCancel  = "cancel"
)

func moveWords() []string { return []string{wordResume, wordRetry, wordRestart, wordCancel} }

func moveOf(word string) jobs.Move {
	if word == wordRetry {
		return jobs.Resume
	}
	return jobs.Move(word)
}

// Moved is the answer to a move.
type Moved struct {
	Success   bool              `json:"success"`
	Message   string            `json:"message" example:"Job resumed: it goes on at page 12."`
	JobID     string            `json:"job_id" format:"uuid"`
	Status    string            `json:"status" enum:"pending,processing,completed,failed,interrupted"`
	NextStep  int               `json:"next_step" doc:"The page (of those selected) that comes next"`
	StatusURL string            `json:"status_url"`
	Links     map[string]string `json:"links"`
}

type moveOutput struct{ Body Moved }

func (a *API) moveRoutes(h huma.API) {
	for word, text := range map[string][2]string{
		wordResume:  {"Resume a job", "An interrupted or failed job goes on at the first page that is not recorded."},
		wordRestart: {"Restart a job", "A job that is not processing and not completed forgets its pages and begins again."},
		wordRetry:   {"Retry a job", "The same as resume: recorded pages are kept."},
		wordCancel:  {"Cancel a job", "The job is interrupted; nothing but a person resumes it. Cancelling it again changes nothing."},
	} {
		register(a, h, huma.Operation{
			OperationID: word + "-job", Method: http.MethodPost, Path: movePath(word), Tags: []string{tagJobs},
			Summary: text[0], Description: text[1] + " 409 names the status, and what it allows, where the move is not allowed.",
		}, func(ctx context.Context, in *IDParam) (*moveOutput, error) {
			j, err := a.MoveJob(ctx, in.id(), word, "api")
			return &moveOutput{Body: moved(j, word)}, err
		})
	}
}

func movePath(word string) string {
	if word == wordResume {
		return "/api/rag/documents/job/{id}/resume"
	}
	return "/api/rag/jobs/{id}/" + word
}

// MoveJob makes a move, by the word of a route; by says for the history where it came from.
func (a *API) MoveJob(ctx context.Context, id jobs.ID, word, by string) (jobs.Job, error) {
	j, err := a.jobs.Move(ctx, id, moveOf(word), by)
	if errors.Is(err, jobs.ErrNotFound) {
		return j, a.missingJob(id)
	}
	return j, err
}

func moved(j jobs.Job, word string) Moved {
	m := Moved{
		Success: true, JobID: j.ID.String(), Status: string(j.Status), NextStep: j.StepsDone + 1,
		StatusURL: jobURL(j.ID), Links: jobLinks(j),
	}
	switch word {
	case wordRestart:
		m.Message = "Job restarted: it begins again."
	case wordCancel:
		m.Message = "Job cancelled. Nothing but a person resumes it."
	default:
		m.Message = fmt.Sprintf("Job resumed: it goes on at page %d.", m.NextStep)
	}
	return m
}

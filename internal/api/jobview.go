package api

import (
	"context"
	"encoding/json"
	"time"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/jobs"
)

// JobRow is a row of background_jobs: every column is there, under its name,
// null where the column is NULL.
type JobRow struct {
	ID             string          `json:"id" format:"uuid"`
	DocumentID     *string         `json:"document_id" format:"uuid"`
	Filename       string          `json:"filename" example:"report.pdf"`
	Status         string          `json:"status" enum:"pending,processing,completed,failed,interrupted"`
	Progress       int             `json:"progress" minimum:"0" maximum:"100" doc:"Percent; 100 only when completed"`
	Metadata       json.RawMessage `json:"metadata" doc:"The submitter's, an object"`
	Error          *string         `json:"error" doc:"With failed and interrupted: why"`
	CreatedAt      time.Time       `json:"created_at"`
	UpdatedAt      time.Time       `json:"updated_at"`
	StartedAt      *time.Time      `json:"started_at" doc:"Of the latest attempt"`
	CompletedAt    *time.Time      `json:"completed_at"`
	FailedAt       *time.Time      `json:"failed_at"`
	InterruptedAt  *time.Time      `json:"interrupted_at"`
	Kind           string          `json:"kind" example:"extract"`
	Payload        json.RawMessage `json:"payload"`
	Priority       int             `json:"priority" doc:"Higher runs first"`
	RunAt          time.Time       `json:"run_at" doc:"Not before"`
	Attempt        int64           `json:"attempt" doc:"Only rises"`
	Failures       int             `json:"failures" doc:"Errors since a person's last move"`
	Crashes        int             `json:"crashes" doc:"Deaths of its process since its last recorded page"`
	Interruptions  int             `json:"interruptions"`
	Cause          *string         `json:"cause" doc:"With interrupted: shutdown, crash, lease_lost, cancelled or operator"`
	InstanceID     *string         `json:"instance_id"`
	IdempotencyKey *string         `json:"idempotency_key"`
	StepsDone      int             `json:"steps_done" doc:"Pages recorded"`
	StepsTotal     int             `json:"steps_total" doc:"Pages in all; 0: not known yet"`
	Recovery       *string         `json:"recovery" doc:"auto: goes on by itself after an interruption; manual: waits for a person"`
	ErrorCode      *string         `json:"error_code" doc:"With failed: why, as one stable word"`
	Owner          *string         `json:"owner"`
	Position       *int64          `json:"position" doc:"In the queue, within its kind and priority"`
	MaxFailures    *int            `json:"max_failures" doc:"Of this job, in place of the service's"`
	MaxCrashes     *int            `json:"max_crashes" doc:"Of this job, in place of the service's"`
	RetryDelayMS   *int            `json:"retry_delay_ms" doc:"After the first failure, doubled with each, in place of the service's"`

	JobID     string            `json:"job_id" format:"uuid" doc:"The same as id"`
	Retryable bool              `json:"retryable" doc:"Whether resuming it is allowed and may help"`
	Links     map[string]string `json:"links" doc:"What can be read and, by its name, done next; moves are there only while they are allowed"`
}

// JobStatus is a job and what is known of its document.
type JobStatus struct {
	JobRow
	QueuePosition *int       `json:"queue_position" doc:"While pending: 1 is claimed next; counted up to 10000"`
	PagesFailed   int        `json:"pages_failed" doc:"Pages recorded as failed so far"`
	Result        *JobResult `json:"result,omitempty" doc:"When completed"`
}

// JobResult is what a completed job made.
type JobResult struct {
	DocumentID     string                 `json:"document_id" format:"uuid"`
	Filename       string                 `json:"filename"`
	PageCount      int                    `json:"page_count" doc:"Pages read, the failed ones included"`
	Partial        bool                   `json:"partial" doc:"Some pages could not be read"`
	FailedPages    []documents.FailedPage `json:"failed_pages" nullable:"false" doc:"Those pages"`
	ProcessingTime float64                `json:"processing_time" doc:"Seconds of the latest attempt"`
	ContentURL     string                 `json:"content_url"`
	Message        string                 `json:"message"`
}

func jobRow(j jobs.Job) JobRow {
	return JobRow{
		ID: j.ID.String(), JobID: j.ID.String(), DocumentID: text(j.DocumentID.String()), Filename: j.Filename,
		Status: string(j.Status), Progress: j.Progress, Metadata: object(j.Metadata), Error: text(j.Error),
		CreatedAt: j.CreatedAt.UTC(), UpdatedAt: j.UpdatedAt.UTC(), StartedAt: moment(j.StartedAt), CompletedAt: moment(j.CompletedAt),
		FailedAt: moment(j.FailedAt), InterruptedAt: moment(j.InterruptedAt),
		Kind: j.Kind, Payload: object(j.Payload), Priority: j.Priority, RunAt: j.RunAt.UTC(), Attempt: j.Attempt,
		Failures: j.Failures, Crashes: j.Crashes, Interruptions: j.Interruptions, Cause: text(string(j.Cause)),
		InstanceID: text(j.InstanceID), IdempotencyKey: text(j.IdempotencyKey), StepsDone: j.StepsDone, StepsTotal: j.StepsTotal,
		Recovery: text(string(j.Recovery)), ErrorCode: text(j.ErrorCode), Owner: text(j.Owner), Position: number(j.Position),
		MaxFailures: number(j.MaxFailures), MaxCrashes: number(j.MaxCrashes), RetryDelayMS: number(j.RetryDelayMS),
		Retryable: retryable(j), Links: jobLinks(j),
	}
}

func retryable(j jobs.Job) bool {
	_, legal := jobs.Resume.Target(j.Status)
	return legal && !extract.Refused(j.ErrorCode)
}

func jobRows(found []jobs.Job) []JobRow {
	rows := make([]JobRow, len(found)) // never null
	for i, j := range found {
		rows[i] = jobRow(j)
	}
	return rows
}

func jobURL(id jobs.ID) string      { return "/api/rag/documents/job/" + id.String() }
func documentURL(id jobs.ID) string { return "/api/rag/documents/" + id.String() }
func contentURL(id jobs.ID) string  { return documentURL(id) + "/content" }

func moveURL(id jobs.ID, word string) string {
	if word == wordResume {
		return jobURL(id) + "/resume"
	}
	return "/api/rag/jobs/" + id.String() + "/" + word
}

func jobLinks(j jobs.Job) map[string]string {
	links := map[string]string{"self": jobURL(j.ID), "checkpoints": "/api/rag/jobs/" + j.ID.String() + "/checkpoints"}
	if !j.DocumentID.IsZero() {
		links["document"], links["content"] = documentURL(j.DocumentID), contentURL(j.DocumentID)
	}
	for _, word := range moveWords() {
		if _, legal := moveOf(word).Target(j.Status); legal {
			links[word] = moveURL(j.ID, word)
		}
	}
	return links
}

// jobStatus adds what the row alone does not tell.
func (a *API) jobStatus(ctx context.Context, j jobs.Job) (JobStatus, error) {
	s := JobStatus{JobRow: jobRow(j)}
	if j.Status == jobs.Pending {
		ahead, err := a.jobs.Ahead(ctx, j.ID)
		if err != nil {
			return s, err
		}
		place := ahead + 1
		s.QueuePosition = &place
	}
	failed, err := a.documents.FailedPages(ctx, j.ID)
	if err != nil {
		return s, err
	}
	s.PagesFailed = len(failed)
	if j.Status == jobs.Completed {
		s.Result = jobResult(j, failed)
	}
	return s, nil
}

func jobResult(j jobs.Job, failed []documents.FailedPage) *JobResult {
	r := &JobResult{
		DocumentID: j.DocumentID.String(), Filename: j.Filename, PageCount: j.StepsDone, FailedPages: failed, Partial: len(failed) > 0,
		ProcessingTime: j.CompletedAt.Sub(j.StartedAt).Seconds(), ContentURL: contentURL(j.DocumentID), Message: "Document processed.",
	}
	if r.FailedPages == nil {
		r.FailedPages = []documents.FailedPage{}
	}
	if r.Partial {
		r.Message = "Document processed; some pages could not be read."
	}
	return r
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func number[T int | int64](n T) *T {
	if n == 0 {
		return nil
	}
	return &n
}

// object returns what a column holds, {} where it holds nothing.
func object(data json.RawMessage) json.RawMessage {
	if len(data) == 0 {
		return json.RawMessage("{}")
	}
	return data
}

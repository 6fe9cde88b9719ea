package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Status is how a job stands.
type Status string

// There are five.
const (
	Pending     Status = "pending"
	Processing  Status = "processing"
	Completed   Status = "completed"
	Failed      Status = "failed"
	Interrupted Status = "interrupted"
)

// Job is a row of background_jobs. What is null there is zero here.
type Job struct {
	ID             string          `json:"id"`
	DocumentID     string          `json:"document_id"`
	Filename       string          `json:"filename"`
	Status         Status          `json:"status"`
	Progress       int             `json:"progress"` // percent; 100 only when completed
	Metadata       json.RawMessage `json:"metadata"`
	Error          string          `json:"error"`
	CreatedAt      time.Time       `json:"created_at"`
	UpdatedAt      time.Time       `json:"updated_at"`
	StartedAt      time.Time       `json:"started_at"`
	CompletedAt    time.Time       `json:"completed_at"`
	FailedAt       time.Time       `json:"failed_at"`
	InterruptedAt  time.Time       `json:"interrupted_at"`
	Kind           string          `json:"kind"`
	Payload        json.RawMessage `json:"payload"`
	Priority       int             `json:"priority"`
	RunAt          time.Time       `json:"run_at"`
	Attempt        int64           `json:"attempt"`
	Failures       int             `json:"failures"`
	Crashes        int             `json:"crashes"`
	Interruptions  int             `json:"interruptions"`
	Cause          string          `json:"cause"` // of interrupted
	InstanceID     string          `json:"instance_id"`
	IdempotencyKey string          `json:"idempotency_key"`
	StepsDone      int             `json:"steps_done"`  // pages recorded
	StepsTotal     int             `json:"steps_total"` // 0: not known yet
	Recovery       string          `json:"recovery"`
	ErrorCode      string          `json:"error_code"`
	Owner          string          `json:"owner"`
	Position       int64           `json:"position"`
	MaxFailures    int             `json:"max_failures"`
	MaxCrashes     int             `json:"max_crashes"`
	RetryDelayMS   int             `json:"retry_delay_ms"`

	Retryable bool              `json:"retryable"` // resuming it is allowed and may help
	Links     map[string]string `json:"links"`

	// Of one job alone; a list leaves them out.
	QueuePosition int     `json:"queue_position"` // while pending: 1 is next
	PagesFailed   int     `json:"pages_failed"`
	Result        *Result `json:"result"` // when completed
}

// Ended reports whether nothing happens to the job any more unless a person
// moves it.
func (j Job) Ended() bool {
	switch j.Status {
	case Completed, Failed:
		return true
	case Interrupted:
		return j.Cause == "cancelled" || j.Recovery != "auto"
	}
	return false
}

// Result is what a completed job made.
type Result struct {
	DocumentID     string       `json:"document_id"`
	Filename       string       `json:"filename"`
	PageCount      int          `json:"page_count"`
	Partial        bool         `json:"partial"` // some pages could not be read
	FailedPages    []FailedPage `json:"failed_pages"`
	ProcessingTime float64      `json:"processing_time"` // seconds
	ContentURL     string       `json:"content_url"`
	Message        string       `json:"message"`
}

// FailedPage is a page that could not be read.
type FailedPage struct {
	PageNumber int    `json:"page_number"`
	Code       string `json:"error_code"`
	Error      string `json:"error"`
}

// JobFilter selects jobs. Zero fields select everything.
type JobFilter struct {
	Status     Status `json:"status,omitempty"`
	Query      string `json:"q,omitempty"` // part of the filename, or the beginning of the id
	Cause      string `json:"cause,omitempty"`
	ErrorCode  string `json:"error_code,omitempty"`
	Owner      string `json:"owner,omitempty"`
	Instance   string `json:"instance,omitempty"`
	DocumentID string `json:"document_id,omitempty"`
}

func (f JobFilter) query() url.Values {
	q := url.Values{}
	set(q, "status", string(f.Status))
	set(q, "q", f.Query)
	set(q, "cause", f.Cause)
	set(q, "error_code", f.ErrorCode)
	set(q, "owner", f.Owner)
	set(q, "instance", f.Instance)
	set(q, "document_id", f.DocumentID)
	return q
}

func set(q url.Values, name, value string) {
	if value != "" {
		q.Set(name, value)
	}
}

func setInt(q url.Values, name string, value int) {
	if value > 0 {
		q.Set(name, strconv.Itoa(value))
	}
}

// JobPage says which part of a list is wanted, in which order.
type JobPage struct {
	Sort   string // created_at:desc (zero), created_at:asc, updated_at:desc or updated_at:asc
	Limit  int    // 0: 100; at most 1000
	Cursor string // NextCursor of the part before
	After  string // an id, in place of a cursor: only what stands behind this job
}

// JobList is a part of the list of jobs.
type JobList struct {
	Jobs       []Job  `json:"jobs"`
	Count      int    `json:"count"`
	Limit      int    `json:"limit"`
	Offset     int    `json:"offset"`
	NextCursor string `json:"next_cursor"` // "": that was all
}

// Job returns one job. CodeNotFound, CodeExpired.
func (c *Client) Job(ctx context.Context, jobID string) (Job, error) {
	var j Job
	err := c.get(ctx, jobPath(jobID), nil, &j)
	return j, err
}

// JobChange returns a job at its next change, or as it is when wait (at most a
// minute) is over or when it has ended.
func (c *Client) JobChange(ctx context.Context, jobID string, wait time.Duration) (Job, error) {
	var j Job
	query := url.Values{"wait": {wait.String()}}
	err := c.do(ctx, call{method: http.MethodGet, path: jobPath(jobID), query: query, wait: wait}, &j)
	return j, err
}

func jobPath(jobID string) string { return "/api/rag/documents/job/" + part(jobID) }

// ListJobs returns a part of the list of jobs.
func (c *Client) ListJobs(ctx context.Context, f JobFilter, p JobPage) (JobList, error) {
	q := f.query()
	set(q, "sort", p.Sort)
	set(q, "cursor", p.Cursor)
	set(q, "after", p.After)
	setInt(q, "limit", p.Limit)
	var list JobList
	err := c.get(ctx, "/api/rag/documents/jobs", q, &list)
	return list, err
}

// Jobs returns all jobs that a filter selects, in an order (JobPage.Sort). Jobs
// added meanwhile are neither skipped nor given twice. An error is the last
// thing it gives.
func (c *Client) Jobs(ctx context.Context, f JobFilter, sort string) iter.Seq2[Job, error] {
	return func(yield func(Job, error) bool) {
		p := JobPage{Sort: sort, Limit: 1000}
		for {
			list, err := c.ListJobs(ctx, f, p)
			if err != nil {
				yield(Job{}, err)
				return
			}
			for _, j := range list.Jobs {
				if !yield(j, nil) {
					return
				}
			}
			if p.Cursor = list.NextCursor; p.Cursor == "" {
				return
			}
		}
	}
}

// DeleteJob deletes a job that is not processing, with its history; its
// document stays.
func (c *Client) DeleteJob(ctx context.Context, jobID string) error {
	return c.remove(ctx, "/api/rag/documents/jobs/"+part(jobID))
}

// Checkpoint is a recorded page, without its content.
type Checkpoint struct {
	Seq        int    `json:"seq"`
	PageNumber int    `json:"page_number"`
	Status     string `json:"status"` // ok or failed
	ErrorCode  string `json:"error_code"`
	Bytes      int    `json:"bytes"`
}

// Checkpoints is a part of what a job has recorded.
type Checkpoints struct {
	JobID       string       `json:"job_id"`
	Checkpoints []Checkpoint `json:"checkpoints"`
	Count       int          `json:"count"`
	StepsDone   int          `json:"steps_done"`
	StepsTotal  int          `json:"steps_total"`
	NextAfter   int          `json:"next_after"` // 0: that was all
}

// Checkpoints returns everything that a job has recorded, behind a seq.
func (c *Client) Checkpoints(ctx context.Context, jobID string, after int) iter.Seq2[Checkpoint, error] {
	return func(yield func(Checkpoint, error) bool) {
		for {
			var list Checkpoints
			q := url.Values{"limit": {"1000"}}
			setInt(q, "after", after)
			if err := c.get(ctx, "/api/rag/jobs/"+part(jobID)+"/checkpoints", q, &list); err != nil {
				yield(Checkpoint{}, err)
				return
			}
			for _, p := range list.Checkpoints {
				if !yield(p, nil) {
					return
				}
			}
			if after = list.NextAfter; after == 0 {
				return
			}
		}
	}
}

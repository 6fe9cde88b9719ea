package client

import (
	"context"
	"net/http"
	"time"
)

// Moved is the answer to a move.
type Moved struct {
	Success   bool              `json:"success"`
	Message   string            `json:"message"`
	JobID     string            `json:"job_id"`
	Status    Status            `json:"status"`
	NextStep  int               `json:"next_step"` // the page that comes next
	StatusURL string            `json:"status_url"`
	Links     map[string]string `json:"links"`
}

// Resume puts an interrupted or failed job back; it goes on at the first page
// that is not recorded. This and the other moves: CodeNotFound, CodeExpired,
// CodeMoveNotAllowed, which names the job's status and what it allows.
func (c *Client) Resume(ctx context.Context, jobID string) (Moved, error) {
	return c.move(ctx, jobPath(jobID)+"/resume")
}

// Retry is Resume under the name that people give it after a failure.
func (c *Client) Retry(ctx context.Context, jobID string) (Moved, error) {
	return c.move(ctx, movePath(jobID, "retry"))
}

// Restart puts a job back to its first page; what it recorded is forgotten.
func (c *Client) Restart(ctx context.Context, jobID string) (Moved, error) {
	return c.move(ctx, movePath(jobID, "restart"))
}

// Cancel stops a job; nothing but a person resumes it. Cancelling it again
// changes nothing.
func (c *Client) Cancel(ctx context.Context, jobID string) (Moved, error) {
	return c.move(ctx, movePath(jobID, "cancel"))
}

func movePath(jobID, word string) string { return "/api/rag/jobs/" + part(jobID) + "/" + word }

func (c *Client) move(ctx context.Context, path string) (Moved, error) {
	var m Moved
	err := c.do(ctx, call{method: http.MethodPost, path: path, once: true}, &m)
	return m, err
}

// Bulk is a move of everything that a filter selects.
type Bulk struct {
	Move   string    `json:"move"` // resume, retry, restart or cancel
	Filter JobFilter `json:"filter"`
	DryRun bool      `json:"dry_run,omitempty"` // only count
	Cursor string    `json:"cursor,omitempty"`  // of the slice before
}

// BulkDone is what a slice of a bulk move did.
type BulkDone struct {
	Matched    int    `json:"matched"` // where no cursor was given: counted to 10000
	Moved      int    `json:"moved"`
	Refused    int    `json:"refused"`     // their status changed meanwhile, or forbids it
	NextCursor string `json:"next_cursor"` // "": that was all
}

// BulkSlice moves a part of what a filter selects. The cursor of the answer, in
// the next call, goes on behind it.
func (c *Client) BulkSlice(ctx context.Context, b Bulk) (BulkDone, error) {
	var done BulkDone
	k, err := jsonCall("/api/rag/jobs/bulk", b)
	if err != nil {
		return done, err
	}
	err = c.do(ctx, k, &done) // moved again, a job is where it was
	return done, err
}

// Bulk moves all that a filter selects. Where it fails, what it did before is
// done, and told.
func (c *Client) Bulk(ctx context.Context, b Bulk) (BulkDone, error) {
	var sum BulkDone
	for first := true; ; first = false {
		done, err := c.BulkSlice(ctx, b)
		if err != nil {
			return sum, err
		}
		if first {
			sum.Matched = done.Matched
		}
		sum.Moved += done.Moved
		sum.Refused += done.Refused
		sum.NextCursor = done.NextCursor
		if b.Cursor = done.NextCursor; b.Cursor == "" || b.DryRun {
			return sum, nil
		}
	}
}

// CountJobs counts what a filter selects.
func (c *Client) CountJobs(ctx context.Context, f JobFilter) (JobCount, error) {
	var n JobCount
	err := c.get(ctx, "/api/rag/jobs/count", f.query(), &n)
	return n, err
}

// JobCount is how many jobs there are.
type JobCount struct {
	Count int  `json:"count"`
	More  bool `json:"more"` // there are more than were counted
}

// Group is jobs that are interrupted or failed for one reason.
type Group struct {
	Status    Status    `json:"status"`
	Cause     string    `json:"cause"`
	ErrorCode string    `json:"error_code"`
	Error     string    `json:"error"` // of the latest of them
	Count     int       `json:"count"`
	FirstAt   time.Time `json:"first_at"`
	LastAt    time.Time `json:"last_at"`
}

// Groups counts interrupted and failed jobs by why they are, the largest group
// first.
func (c *Client) Groups(ctx context.Context, f JobFilter) ([]Group, error) {
	var list struct {
		Groups []Group `json:"groups"`
	}
	err := c.get(ctx, "/api/rag/jobs/groups", f.query(), &list)
	return list.Groups, err
}

package client

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"time"
)

// Event is a row of job_events: a line of a job's history.
type Event struct {
	ID         int64     `json:"id"` // rises with time
	JobID      string    `json:"job_id"`
	At         time.Time `json:"at"`
	Event      string    `json:"event"` // accepted, started, completed, failed, retrying, interrupted, resumed or restarted
	FromStatus Status    `json:"from_status"`
	ToStatus   Status    `json:"to_status"`
	Cause      string    `json:"cause"`
	InstanceID string    `json:"instance_id"`
	Attempt    int64     `json:"attempt"`
	StepsDone  int       `json:"steps_done"` // pages recorded when it happened
	Detail     string    `json:"detail"`
}

// JobState is how a job stands, in short.
type JobState struct {
	ID         string `json:"id"`
	Filename   string `json:"filename"`
	Status     Status `json:"status"`
	Progress   int    `json:"progress"`
	StepsDone  int    `json:"steps_done"`
	StepsTotal int    `json:"steps_total"`
	Attempt    int64  `json:"attempt"`
	InstanceID string `json:"instance_id"`
	Cause      string `json:"cause"`
	Error      string `json:"error"`
}

// PageState is a page that was recorded.
type PageState struct {
	JobID      string `json:"job_id"`
	Seq        int    `json:"seq"`
	PageNumber int    `json:"page_number"`
	Status     string `json:"status"` // ok or failed
}

// Kinds of an Update.
const (
	UpdateStatus   = "status"   // a line of history
	UpdateProgress = "progress" // a job went on
	UpdatePage     = "step"     // a page was recorded; of one job's stream alone
)

// Update is one thing that a stream tells.
type Update struct {
	Kind  string     // one of the Update constants
	Event *Event     // with UpdateStatus
	Job   *JobState  // with UpdateStatus and UpdateProgress: as the job is now
	Page  *PageState // with UpdatePage
}

// Watch tells what happens to a job: its history behind an event's id (0: all
// of it), each line once, then what comes. It connects again by itself, also
// after a restart of the service, for as long as ctx lives. An error is the last
// thing it gives: that of ctx, CodeNotFound, CodeExpired.
func (c *Client) Watch(ctx context.Context, jobID string, after int64) iter.Seq2[Update, error] {
	return c.updates(ctx, jobPath(jobID)+"/events", after)
}

// WatchAll tells what happens to all jobs, from now on or behind an event's id.
// It is otherwise like Watch.
func (c *Client) WatchAll(ctx context.Context, after int64) iter.Seq2[Update, error] {
	return c.updates(ctx, "/api/rag/jobs/events", after)
}

func (c *Client) updates(ctx context.Context, path string, after int64) iter.Seq2[Update, error] {
	return func(yield func(Update, error) bool) {
		var wrong error
		err := c.follow(ctx, path, after, func(f frame) bool {
			u, err := updateOf(f)
			if err != nil {
				wrong = err
				return false
			}
			return u.Kind == "" || yield(u, nil)
		})
		if wrong != nil {
			err = wrong
		}
		if err != nil {
			yield(Update{}, err)
		}
	}
}

// updateOf reads a frame. Kinds that it does not know are passed over: streams
// grow.
func updateOf(f frame) (Update, error) {
	u := Update{Kind: f.kind}
	var into any
	switch f.kind {
	case UpdateStatus:
		both := struct {
			*Event
			Job *JobState `json:"job"`
		}{Event: &Event{}}
		err := json.Unmarshal([]byte(f.data), &both)
		u.Event, u.Job = both.Event, both.Job
		return u, inStream(f, err)
	case UpdateProgress:
		u.Job = &JobState{}
		into = u.Job
	case UpdatePage:
		u.Page = &PageState{}
		into = u.Page
	default:
		return Update{}, nil
	}
	return u, inStream(f, json.Unmarshal([]byte(f.data), into))
}

func inStream(f frame, err error) error {
	if err != nil {
		return fmt.Errorf("read %s event of stream: %w", f.kind, err)
	}
	return nil
}

// Wait returns a job once it has ended, however often the service is restarted
// meanwhile. An error: that of ctx, with the job as it was last seen;
// CodeNotFound; CodeExpired.
func (c *Client) Wait(ctx context.Context, jobID string) (Job, error) {
	j, err := c.Job(ctx, jobID)
	if err != nil || j.Ended() {
		return j, err
	}
	for u, err := range c.Watch(ctx, jobID, 0) {
		if err != nil {
			return j, err
		}
		if u.Job == nil || u.Job.Status == Pending || u.Job.Status == Processing {
			continue
		}
		if now, err := c.Job(ctx, jobID); err != nil || now.Ended() {
			return now, err
		}
	}
	return j, context.Cause(ctx)
}

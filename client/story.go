package client

import (
	"context"
	"time"
)

// Story is a job's history as people ask about it.
type Story struct {
	Job           Job            `json:"job"`
	Summary       string         `json:"summary"`  // in a sentence or two
	Attempts      []Attempt      `json:"attempts"` // the oldest first
	Interruptions []Interruption `json:"interruptions"`
	History       []Event        `json:"history"`
	Truncated     bool           `json:"truncated"` // the history's middle is left out
}

// Attempt is one run of a job.
type Attempt struct {
	Attempt    int64     `json:"attempt"`
	InstanceID string    `json:"instance_id"`
	Host       string    `json:"host"` // "": the instance is no longer remembered
	PID        int       `json:"pid"`
	StartedAt  time.Time `json:"started_at"`
	EndedAt    time.Time `json:"ended_at"` // zero: it runs
	Waited     float64   `json:"waited_seconds"`
	Ended      string    `json:"ended"` // running, completed, failed, retrying or interrupted
	Cause      string    `json:"cause"`
	Error      string    `json:"error"`
	FirstStep  int       `json:"first_step"` // the page it began at
	LastStep   int       `json:"last_step"`  // the last that it recorded; below FirstStep: none
}

// Interruption is what came between two attempts.
type Interruption struct {
	Attempt       int64     `json:"attempt"` // that was interrupted
	Cause         string    `json:"cause"`
	InstanceID    string    `json:"instance_id"` // that ran it
	Host          string    `json:"host"`
	PID           int       `json:"pid"`
	Evidence      string    `json:"evidence"` // how the death was proved, or who asked
	LastSeenAt    time.Time `json:"last_seen_at"`
	NoticedAt     time.Time `json:"noticed_at"`
	DetectSeconds *float64  `json:"detect_seconds"` // nil: not known
	ResumedAt     time.Time `json:"resumed_at"`     // zero: it waits for a person
	RunningAt     time.Time `json:"running_at"`     // zero: not yet
	RunningOn     string    `json:"running_on"`
	ResumeSeconds *float64  `json:"resume_seconds"` // nil: not yet
	StepsKept     int       `json:"steps_kept"`     // pages that were not read again
	Summary       string    `json:"summary"`        // all this in a sentence
}

// Story tells what happened to a job: who ran it, who died, when that was
// noticed, how long until it went on, what was kept.
func (c *Client) Story(ctx context.Context, jobID string) (Story, error) {
	var s Story
	err := c.get(ctx, jobPath(jobID)+"/full-status", nil, &s)
	return s, err
}

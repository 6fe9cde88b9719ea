package jobs

import (
	"context"
	"time"
)

// Console is what an operator's pages and tools ask of a store, beside what
// running jobs takes. Both stores of this module are one; an engine on another
// database works without.
//
// Errors and guarantees are those of Store. What is counted here is bounded, so
// that a page costs the same beside a million finished jobs.
type Console interface {
	// Instances returns the processes that run jobs, the newest first: those
	// that are alive, and those that ended and are still remembered. At most
	// limit of them (0: 100; at most 1000), the living before the others.
	Instances(ctx context.Context, limit int) ([]InstanceState, error)

	// InstancesByID returns those of these instances that are remembered.
	InstancesByID(ctx context.Context, ids ...string) ([]InstanceState, error)

	// Drain tells every instance that is alive now to claim nothing more until
	// Undrain; what they run goes on. An instance that starts later is not
	// draining. One that drains already keeps its time and takes the new reason.
	Drain(ctx context.Context, reason string) error

	// Undrain ends it for every instance.
	Undrain(ctx context.Context) error

	// Count counts the jobs that a filter selects, its Limit, Offset and After
	// aside. It stops counting at most (at least 1): an answer of most says
	// "that many or more".
	Count(ctx context.Context, f Filter, most int) (int, error)

	// Groups counts jobs that are interrupted or failed by why they are, the
	// largest group first, at most 200. Of the filter everything that selects
	// rows applies.
	Groups(ctx context.Context, f Filter) ([]Group, error)

	// Delete deletes a job that is not processing, with its history, and its
	// steps unless they are a document's content. ErrNotFound; *MoveError, with
	// nothing allowed, where it is processing.
	Delete(ctx context.Context, id ID) error

	// LastEvent returns an id that no event of the history so far is above: Events
	// of all jobs after it are those of from now on. 0 where there was none.
	LastEvent(ctx context.Context) (int64, error)

	// Figures counts what happened since a time, in n spans (at most 400) of a
	// length each, the oldest first. Spans that are over are remembered: asking
	// again costs the last one. from is rounded down to a multiple of every.
	Figures(ctx context.Context, from time.Time, every time.Duration, n int) ([]Figure, error)
}

// States of an instance.
const (
	InstanceLive     = "live"
	InstanceStopping = "stopping" // its death charges no job with a crash
	InstanceStopped  = "stopped"  // left, with nothing left behind
	InstanceDead     = "dead"     // declared dead; its jobs were taken
)

// InstanceState is a row of job_instances and what the instance has in work.
type InstanceState struct {
	ID             string    `json:"id"`
	Host           string    `json:"host"`
	PID            int       `json:"pid"`
	Version        string    `json:"version"`
	StartedAt      time.Time `json:"started_at"`
	SeenAt         time.Time `json:"seen_at"`     // its last renewal: the last sign of life
	LeaseUntil     time.Time `json:"lease_until"` // when it is taken for dead without another
	State          string    `json:"state"`       // one of the Instance constants
	DrainingSince  time.Time `json:"draining_since,omitzero"`
	DrainingReason string    `json:"draining_reason,omitempty"`
	Slots          int       `json:"slots"`        // how many jobs it runs at once; 0: not known
	MemoryBytes    int64     `json:"memory_bytes"` // as it said with its last renewal; 0: not known
	Running        []ID      `json:"running"`      // the jobs that are processing with it, never null
}

// Group is jobs that are interrupted or failed for one reason.
type Group struct {
	Status    Status    `json:"status"`
	Cause     Cause     `json:"cause,omitempty"`      // of interrupted
	ErrorCode string    `json:"error_code,omitempty"` // of failed
	Error     string    `json:"error"`                // of the latest of them, as an example
	Count     int       `json:"count"`
	First     time.Time `json:"first_at"` // when the first and the last of them came to be so
	Last      time.Time `json:"last_at"`
}

// Figure is what happened in a span of time.
type Figure struct {
	At            time.Time     `json:"at"` // its beginning
	Accepted      int           `json:"accepted"`
	Completed     int           `json:"completed"`
	Failed        int           `json:"failed"`
	Retried       int           `json:"retried"`
	Interruptions map[Cause]int `json:"interruptions"` // by cause, never null
	Starts        int           `json:"starts"`        // of instances
	Steps         int           `json:"steps"`         // of the jobs that completed in it
	// Of the jobs that completed in the span, in seconds: from created to the
	// start of the attempt that completed, and of that attempt. 0 where none did.
	WaitP50 float64 `json:"wait_p50"`
	WaitP95 float64 `json:"wait_p95"`
	RunP50  float64 `json:"run_p50"`
	RunP95  float64 `json:"run_p95"`
}

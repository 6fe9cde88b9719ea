package jobs

import (
	"encoding/json"
	"time"
)

// Job is a row of background_jobs. Field names and JSON keys are the column
// names. A zero time or ID is a NULL.
type Job struct {
	ID         ID              `json:"id"`
	DocumentID ID              `json:"document_id,omitzero"`
	Filename   string          `json:"filename"`
	Status     Status          `json:"status"`
	Progress   int             `json:"progress"` // percent; 100 only when completed; never falls within an attempt
	Metadata   json.RawMessage `json:"metadata"` // the submitter's, an object; the engine never writes into it
	Error      string          `json:"error,omitempty"`

	CreatedAt     time.Time `json:"created_at"`
	UpdatedAt     time.Time `json:"updated_at"`
	StartedAt     time.Time `json:"started_at,omitzero"` // of the latest attempt
	CompletedAt   time.Time `json:"completed_at,omitzero"`
	FailedAt      time.Time `json:"failed_at,omitzero"`
	InterruptedAt time.Time `json:"interrupted_at,omitzero"`

	Kind           string          `json:"kind"`
	Payload        json.RawMessage `json:"payload"`
	Priority       int             `json:"priority"`      // higher runs first
	RunAt          time.Time       `json:"run_at"`        // not before
	Attempt        int64           `json:"attempt"`       // only rises; with the id, the fence
	Failures       int             `json:"failures"`      // errors of the handler since a person's last move
	Crashes        int             `json:"crashes"`       // deaths of its process since its last recorded step
	Interruptions  int             `json:"interruptions"` // how often it was stopped, for whatever cause; costs nothing
	Cause          Cause           `json:"cause,omitempty"`
	InstanceID     string          `json:"instance_id,omitempty"`
	IdempotencyKey string          `json:"idempotency_key,omitempty"`
	StepsDone      int             `json:"steps_done"`
	StepsTotal     int             `json:"steps_total"` // 0: not known yet
	Recovery       Recovery        `json:"recovery,omitempty"`
	ErrorCode      string          `json:"error_code,omitempty"`
	Owner          string          `json:"owner,omitempty"`
	Position       int64           `json:"position,omitempty"`       // in the queue, within its kind and priority; 0 while RunAt lies ahead
	MaxFailures    int             `json:"max_failures,omitempty"`   // of this job, in place of the policy's; 0: the policy's
	MaxCrashes     int             `json:"max_crashes,omitempty"`    // as MaxFailures
	RetryDelayMS   int             `json:"retry_delay_ms,omitempty"` // after the first failure, doubled with each; 0: the policy's
}

// Fence returns what a write of the job's present attempt carries.
func (j Job) Fence() Fence { return Fence{Job: j.ID, Attempt: j.Attempt} }

// Ended reports whether nothing happens to the job any more unless a person
// moves it.
func (j Job) Ended() bool {
	switch j.Status {
	case Completed, Failed:
		return true
	case Interrupted:
		return j.Cause == CauseCancelled || j.Recovery != RecoveryAuto
	}
	return false
}

// NewJob is what Insert takes. Kind is required; every other zero value works.
type NewJob struct {
	ID         ID // zero: a new one. Given again with the same content, Insert returns the first job
	Kind       string
	Payload    json.RawMessage // zero: {}
	DocumentID ID              // a row of documents, inserted in the same transaction or before
	Filename   string
	Metadata   json.RawMessage // an object; zero: {}
	Priority   int
	RunAt      time.Time // zero: now
	Recovery   Recovery  // zero: RecoveryAuto
	Owner      string    // owners take turns: see Store.Claim
	// MaxFailures, MaxCrashes and RetryDelay are this job's own in place of the
	// policy's of whoever runs it. RetryDelay doubles with each failure.
	MaxFailures, MaxCrashes int
	RetryDelay              time.Duration // kept in milliseconds
	// IdempotencyKey is unique within its Owner. Given again with the same Kind
	// and Payload, Insert returns the first job; with others, ErrKeyReused.
	IdempotencyKey string
	// Instance, if given, claims the job in the same statement: it is born
	// processing, at attempt 1, and no other worker ever sees it pending.
	Instance string
}

// Fence identifies an attempt. Every write of a worker carries one and is
// refused unless the job is processing with that attempt.
type Fence struct {
	Job     ID
	Attempt int64
}

// Step is one recorded unit of a job: its output and its checkpoint in one.
// Steps are numbered from 1 without a gap.
type Step struct {
	Seq  int             `json:"seq"`
	Data json.RawMessage `json:"data"`
}

// Event is one line of a job's history.
type Event struct {
	ID       int64     `json:"id"` // rises with time
	JobID    ID        `json:"job_id"`
	At       time.Time `json:"at"`
	Event    string    `json:"event"` // one of the Event constants
	From     Status    `json:"from_status,omitempty"`
	To       Status    `json:"to_status"`
	Cause    Cause     `json:"cause,omitempty"`
	Instance string    `json:"instance_id,omitempty"` // that ran the job, or ran into its death
	Attempt  int64     `json:"attempt"`
	Steps    int       `json:"steps_done"`       // of the job, when it happened; after a restart 0
	Detail   string    `json:"detail,omitempty"` // the error, who made a move, how a death was proved
}

// What an Event tells.
const (
	EventAccepted    = "accepted"    // inserted
	EventStarted     = "started"     // an attempt began
	EventCompleted   = "completed"   //
	EventFailed      = "failed"      // given up
	EventRetrying    = "retrying"    // an error; it will be tried again
	EventInterrupted = "interrupted" // Cause says by what
	EventResumed     = "resumed"     // put back: by a person (Cause operator), or by recovery (no Cause)
	EventRestarted   = "restarted"   // put back to step 1, by a person
)

// Instance is one start of one process that runs jobs.
type Instance struct {
	ID      string        // never used again
	Host    string        //
	PID     int           //
	Version string        // of the program
	Boot    string        // of the operating system: its change proves a reboot, which charges no job with a crash
	Lease   time.Duration // how long it may be silent where death cannot be proved
	Slots   int           // how many jobs it runs at once, for people
}

// Statistics counts jobs by status.
type Statistics struct {
	Total       int `json:"total"`
	Pending     int `json:"pending"`
	Processing  int `json:"processing"`
	Completed   int `json:"completed"`
	Failed      int `json:"failed"`
	Interrupted int `json:"interrupted"`
}

// Filter selects and orders jobs for List. Zero fields select everything.
type Filter struct {
	IDs        []ID
	IDPrefix   string // of the id's text form
	Status     Status
	Kind       string
	DocumentID ID
	Owner      string
	Key        string // idempotency key
	Cause      Cause  // of jobs that are interrupted
	ErrorCode  string // of jobs that failed
	Instance   string // that runs or last ran them
	Search     string // part of the filename, in any case, or the beginning of the id; more than 1000 bytes are an error
	Order      Order  // zero: newest first
	After      *Job   // keyset: only jobs that stand behind this one in the Order
	Offset     int    // beside After, for callers that count
	Limit      int    // 0: 100; at most 1000
}

// Order is the order of a list. The id breaks ties, in the same direction.
type Order string

const (
	NewestFirst  Order = "created_at:desc"
	OldestFirst  Order = "created_at:asc"
	UpdatedFirst Order = "updated_at:desc"
	UpdatedLast  Order = "updated_at:asc"
)

// Orders returns all of them.
func Orders() []Order { return []Order{NewestFirst, OldestFirst, UpdatedFirst, UpdatedLast} }

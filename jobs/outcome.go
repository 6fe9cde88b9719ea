package jobs

import (
	"cmp"
	"time"
)

// Outcome is how an attempt ended.
type Outcome struct {
	Fence
	Status Status        // Completed, Failed, Interrupted, or Pending: try again after Delay
	Cause  Cause         // of Interrupted
	Error  string        // of all but Completed
	Code   string        // of Failed and Pending
	Delay  time.Duration // of Pending
	Free   bool          // of Pending: it was not the job's fault, and counts no failure
}

// Event is what the history is to say of the outcome, and in detail.
func (o Outcome) Event() (event, detail string) {
	switch o.Status {
	case Failed:
		return EventFailed, o.Error
	case Pending:
		return EventRetrying, o.Error
	case Interrupted:
		if o.Error == o.Cause.Reason() {
			return EventInterrupted, ""
		}
		return EventInterrupted, o.Error
	}
	return EventCompleted, ""
}

// Reason is why the attempt was interrupted, in words.
func (o Outcome) Reason() string { return cmp.Or(o.Error, o.Cause.Reason()) }

// FailureCode is the code of the error; CodeInternal where none is given.
func (o Outcome) FailureCode() string { return cmp.Or(o.Code, CodeInternal) }

package api

import (
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// teller goes through a job's history, event by event, and makes attempts and
// interruptions of it.
type teller struct {
	job       jobs.Job
	unit      unit
	instances map[string]jobs.InstanceState
	now       time.Time

	attempts      []AttemptStory
	interruptions []Interruption
	details       []detail // beside interruptions: what their sentences need
	readyAt       time.Time
	open          bool // the last attempt runs
	waiting       bool // the last interruption is not over
}

// detail is what the sentence of an interruption needs and its fields do not
// have.
type detail struct {
	from      jobs.Status
	by        string // who put it back; "": recovery
	restarted bool
	failed    string // it was given up: why
	stale     bool   // its end is in the part of the history that is left out
}

func (t *teller) tell(e jobs.Event) {
	switch e.Event {
	case jobs.EventAccepted:
		t.readyAt = e.At
	case jobs.EventStarted:
		t.started(e)
	case jobs.EventCompleted:
		t.ended(e, "")
	case jobs.EventRetrying:
		t.ended(e, e.Detail)
		t.readyAt = e.At
	case jobs.EventFailed:
		t.ended(e, e.Detail)
		if n := len(t.details); n > 0 && t.waiting {
			t.details[n-1].failed, t.waiting = e.Detail, false
		}
	case jobs.EventInterrupted:
		t.interrupted(e)
	case jobs.EventResumed, jobs.EventRestarted:
		t.putBack(e)
	}
}

// forget marks where a part of the history is left out: nothing before it ends
// behind it.
func (t *teller) forget() {
	t.open, t.readyAt = false, time.Time{}
	if n := len(t.details); n > 0 && t.waiting {
		t.details[n-1].stale = true
	}
	t.waiting = false
}

func (t *teller) started(e jobs.Event) {
	s := AttemptStory{Attempt: e.Attempt, InstanceID: text(e.Instance), StartedAt: e.At.UTC(), Ended: endedRunning, FirstStep: e.Steps + 1, LastStep: e.Steps}
	s.Host, s.PID = t.place(e.Instance)
	if !t.readyAt.IsZero() {
		s.Waited = seconds(e.At.Sub(t.readyAt))
	}
	t.attempts, t.open = append(t.attempts, s), true
	n := len(t.interruptions)
	if n == 0 || !t.waiting {
		return
	}
	t.waiting = false
	in := &t.interruptions[n-1]
	in.RunningAt, in.RunningOn = moment(e.At), text(e.Instance)
	took := seconds(e.At.Sub(in.NoticedAt))
	in.ResumeSeconds = &took
}

// Words of AttemptStory.Ended that are not a status.
const (
	endedRunning  = "running"
	endedRetrying = "retrying"
)

// ended closes the attempt that an event ends, if it ends one.
func (t *teller) ended(e jobs.Event, why string) {
	if !t.open || e.From != jobs.Processing {
		return
	}
	t.open = false
	s := &t.attempts[len(t.attempts)-1]
	s.EndedAt, s.Error, s.LastStep, s.Ended = moment(e.At), text(why), e.Steps, string(e.To)
	if e.Event == jobs.EventRetrying {
		s.Ended = endedRetrying
	}
	if e.Event == jobs.EventInterrupted {
		s.Cause = text(string(e.Cause))
	}
}

func (t *teller) interrupted(e jobs.Event) {
	t.ended(e, e.Cause.Reason())
	in := Interruption{Attempt: e.Attempt, Cause: string(e.Cause), NoticedAt: e.At.UTC(), Evidence: text(e.Detail), StepsKept: e.Steps}
	if e.From == jobs.Processing {
		in.InstanceID = text(e.Instance)
		in.Host, in.PID = t.place(e.Instance)
		t.detected(&in, e)
	}
	t.interruptions, t.details = append(t.interruptions, in), append(t.details, detail{from: e.From})
	t.waiting = true
}

// detected says how long a death went unnoticed. The last sign of life is the
// last renewal: the death came after it, so that this is the most it can be.
func (t *teller) detected(in *Interruption, e jobs.Event) {
	known, ok := t.instances[e.Instance]
	died := e.Cause == jobs.CauseCrash || e.Cause == jobs.CauseLeaseLost
	if !ok || !died || known.SeenAt.IsZero() || known.SeenAt.After(e.At) {
		return
	}
	took := seconds(e.At.Sub(known.SeenAt))
	in.LastSeenAt, in.DetectSeconds = moment(known.SeenAt), &took
}

func (t *teller) putBack(e jobs.Event) {
	t.readyAt = e.At
	n := len(t.interruptions)
	if n == 0 || !t.waiting {
		return
	}
	in, d := &t.interruptions[n-1], &t.details[n-1]
	in.ResumedAt = moment(e.At)
	if e.Cause == jobs.CauseOperator {
		d.by = e.Detail
		if d.by == "" {
			d.by = "a person"
		}
	}
	if e.Event == jobs.EventRestarted {
		in.StepsKept, d.restarted = 0, true
	}
}

// end takes in what the row says and the history does not yet: how far the
// attempt that runs has come.
func (t *teller) end() {
	if t.attempts == nil {
		t.attempts = []AttemptStory{}
	}
	if t.interruptions == nil {
		t.interruptions = []Interruption{}
	}
	if t.open && t.job.Status == jobs.Processing {
		t.attempts[len(t.attempts)-1].LastStep = t.job.StepsDone
	}
}

// place is where an instance runs or ran.
func (t *teller) place(instance string) (host *string, pid *int) {
	in, ok := t.instances[instance]
	if !ok {
		return nil, nil
	}
	return text(in.Host), &in.PID
}

// seconds of a time that passed; clocks that disagree make it 0 at least.
func seconds(d time.Duration) float64 {
	return max(0, d.Round(time.Millisecond).Seconds())
}

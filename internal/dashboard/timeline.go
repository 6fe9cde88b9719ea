package dashboard

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/mivaa/mivaa/internal/api"
	"github.com/mivaa/mivaa/jobs"
)

// entry is one thing that happened to a job.
type entry struct {
	At    time.Time
	Icon  string
	Class string // a status, for its colour
	Head  string
	Text  string
	Error string
	Facts []pair
	order int // of what happened at the same time
}

// mostEntries is what a timeline shows; of a longer one its beginning and its
// end.
const (
	mostEntries  = 60
	firstEntries = 10
)

// timeline tells a story as a list, the oldest first, and how many entries of
// its middle are left out.
func timeline(story api.Story) (all []entry, cut int) {
	for _, e := range story.History {
		if made, ok := entryOf(e); ok {
			all = append(all, made)
		}
	}
	for _, a := range story.Attempts {
		all = append(all, began(a))
		if e, ok := ended(a); ok {
			all = append(all, e)
		}
	}
	for _, in := range story.Interruptions {
		all = append(all, interrupted(in))
	}
	slices.SortStableFunc(all, func(a, b entry) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.order, b.order)) })
	if len(all) > mostEntries {
		cut = len(all) - mostEntries
		all = slices.Delete(all, firstEntries, firstEntries+cut)
	}
	return all, cut
}

// entryOf is for what is neither an attempt nor an interruption.
func entryOf(e api.JobEvent) (entry, bool) {
	switch e.Event {
	case jobs.EventAccepted:
		return entry{At: e.At, Icon: "accepted", Class: "pending", Head: "Accepted", Text: "Stored, with its file, before the answer."}, true
	case jobs.EventResumed, jobs.EventRestarted:
		if str(e.Cause) != string(jobs.CauseOperator) {
			return entry{}, false // by itself: the interruption tells it
		}
		word := "Resumed"
		if e.Event == jobs.EventRestarted {
			word = "Restarted"
		}
		return entry{At: e.At, Icon: "resume", Class: "pending", Head: word + " by " + cmp.Or(str(e.Detail), "a person"), order: 3}, true
	}
	return entry{}, false
}

func began(a api.AttemptStory) entry {
	e := entry{At: a.StartedAt, Icon: "processing", Class: "processing", Head: fmt.Sprintf("Attempt %d", a.Attempt), order: 4}
	if a.InstanceID != nil {
		e.Head += " on " + short(*a.InstanceID)
		if a.Host != nil && a.PID != nil {
			e.Head += fmt.Sprintf(" (%s, pid %d)", *a.Host, *a.PID)
		}
	}
	e.Facts = append(e.Facts, pair{"waited", seconds(a.Waited)})
	if a.EndedAt != nil {
		e.Facts = append(e.Facts, pair{"ran", took(a.EndedAt.Sub(a.StartedAt))})
	}
	switch n := a.LastStep - a.FirstStep + 1; {
	case n > 0:
		e.Facts = append(e.Facts, pair{"recorded", fmt.Sprintf("pages %s to %s", thousands(a.FirstStep), thousands(a.LastStep))})
	case a.EndedAt != nil:
		e.Facts = append(e.Facts, pair{"recorded", "no page"})
	}
	return e
}

// ended is the end of an attempt that was not interrupted: those have entries of
// their own.
func ended(a api.AttemptStory) (entry, bool) {
	if a.EndedAt == nil {
		return entry{}, false
	}
	e := entry{At: *a.EndedAt, Icon: a.Ended, Class: a.Ended, order: 5, Error: str(a.Error)}
	switch a.Ended {
	case string(jobs.Completed):
		e.Head = "Completed"
	case string(jobs.Failed):
		e.Head = "Failed"
	case "retrying":
		e.Head, e.Icon, e.Class = fmt.Sprintf("Attempt %d failed; it is tried again", a.Attempt), "restart", "interrupted"
	default:
		return entry{}, false
	}
	return e, true
}

func interrupted(in api.Interruption) entry {
	e := entry{At: in.NoticedAt, Icon: "interrupted", Class: "interrupted", Head: causeWord(jobs.Cause(in.Cause)), Text: in.Summary, order: 2}
	if in.Cause == string(jobs.CauseCancelled) {
		e.Icon, e.Class = "cancelled", "cancelled"
	}
	if in.DetectSeconds != nil {
		e.Facts = append(e.Facts, pair{"noticed after", seconds(*in.DetectSeconds)})
	}
	if in.ResumeSeconds != nil {
		e.Facts = append(e.Facts, pair{"running again after", seconds(*in.ResumeSeconds)})
	}
	e.Facts = append(e.Facts, pair{"kept", plural(in.StepsKept, "page")})
	return e
}

func seconds(s float64) string { return took(time.Duration(s * float64(time.Second))) }

func causeWord(c jobs.Cause) string {
	switch c {
	case jobs.CauseShutdown:
		return "Interrupted: the service was stopped"
	case jobs.CauseCrash:
		return "Interrupted: its process died"
	case jobs.CauseLeaseLost:
		return "Interrupted: its instance was silent for too long"
	case jobs.CauseCancelled:
		return "Cancelled"
	case jobs.CauseOperator:
		return "Interrupted by an operator"
	}
	return "Interrupted"
}

package api

import (
	"encoding/json"
	"strconv"

	"github.com/mivaa/mivaa/jobs"
)

// The events of a stream.
const (
	eventHello    = "hello"    // first of all
	eventStatus   = "status"   // a row of job_events, the one that has an id
	eventProgress = "progress" // how a job is, where that changed
	eventStep     = "step"     // a job has recorded a page
	eventStore    = "store"    // the store cannot be read, or can be again
	eventBye      = "bye"      // before the end
)

// JobGlance is a job in a few words, as live events have it.
type JobGlance struct {
	ID         string  `json:"id" format:"uuid"`
	Filename   string  `json:"filename"`
	Status     string  `json:"status"`
	Progress   int     `json:"progress"`
	StepsDone  int     `json:"steps_done"`
	StepsTotal int     `json:"steps_total"`
	Attempt    int64   `json:"attempt"`
	InstanceID *string `json:"instance_id"`
	Cause      *string `json:"cause"`
	Error      *string `json:"error"`
}

// StatusEvent is the data of a status event.
type StatusEvent struct {
	JobEvent
	Job *JobGlance `json:"job"` // as it is now; nil: it was deleted
}

// StepEvent is the data of a step event.
type StepEvent struct {
	JobID      string  `json:"job_id"`
	Seq        int     `json:"seq"`
	PageNumber *int    `json:"page_number"`
	Status     *string `json:"status"`
}

// glance is what of a job has to change for its progress to be told.
type glance struct {
	Status      jobs.Status
	Attempt     int64
	Done, Total int
	Progress    int
}

func glanceOf(j jobs.Job) glance {
	return glance{Status: j.Status, Attempt: j.Attempt, Done: j.StepsDone, Total: j.StepsTotal, Progress: j.Progress}
}

func jobGlance(j jobs.Job) *JobGlance {
	if j.ID.IsZero() {
		return nil
	}
	return &JobGlance{
		ID: j.ID.String(), Filename: j.Filename, Status: string(j.Status), Progress: j.Progress, StepsDone: j.StepsDone, StepsTotal: j.StepsTotal,
		Attempt: j.Attempt, InstanceID: text(j.InstanceID), Cause: text(string(j.Cause)), Error: text(j.Error),
	}
}

// statusFrame tells an event; j is zero where the job was deleted meanwhile.
func statusFrame(e jobs.Event, j jobs.Job) frame {
	return frame{id: e.ID, data: encode(eventStatus, e.ID, StatusEvent{jobEvent(e), jobGlance(j)})}
}

func progressFrame(j jobs.Job) frame { return frame{data: encode(eventProgress, 0, jobGlance(j))} }

func stepFrame(job jobs.ID, s jobs.Step) frame {
	c := checkpointOf(s.Seq, s.Data)
	return frame{data: encode(eventStep, 0, StepEvent{JobID: job.String(), Seq: s.Seq, PageNumber: c.PageNumber, Status: c.Status})}
}

func storeFrame(status, detail string) frame {
	return frame{data: encode(eventStore, 0, Component{Status: status, Detail: detail})}
}

func helloFrame(last int64) []byte {
	return encode(eventHello, 0, map[string]int64{"last_event_id": last})
}

func byeFrame(reason string) []byte {
	return encode(eventBye, 0, map[string]string{"reason": reason})
}

// encode writes an event as text/event-stream has it. JSON has no line breaks
// of its own, and so one line of data is enough.
func encode(event string, id int64, v any) []byte {
	data, _ := json.Marshal(v) // a struct of words and numbers
	b := make([]byte, 0, len(data)+len(event)+40)
	if id != 0 {
		b = append(b, "id: "...)
		b = strconv.AppendInt(b, id, 10)
		b = append(b, '\n')
	}
	b = append(b, "event: "...)
	b = append(b, event...)
	b = append(b, "\ndata: "...)
	b = append(b, data...)
	return append(b, "\n\n"...)
}

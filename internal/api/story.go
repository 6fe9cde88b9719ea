package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mivaa/mivaa/jobs"
)

// Story is a job's history as people ask about it: who ran it, who died and of
// what, when that was noticed, how long until it went on, what was kept.
type Story struct {
	Job           JobStatus      `json:"job"`
	Summary       string         `json:"summary" doc:"The story in a sentence or two"`
	Attempts      []AttemptStory `json:"attempts" nullable:"false" doc:"The oldest first"`
	Interruptions []Interruption `json:"interruptions" nullable:"false" doc:"The oldest first"`
	History       []JobEvent     `json:"history" nullable:"false" doc:"Rows of job_events, the oldest first"`
	Truncated     bool           `json:"truncated" doc:"The history is longer: its middle is left out"`
}

// JobEvent is a row of job_events.
type JobEvent struct {
	ID         int64     `json:"id" doc:"Rises with time"`
	JobID      string    `json:"job_id" format:"uuid"`
	At         time.Time `json:"at"`
	Event      string    `json:"event" enum:"accepted,started,completed,failed,retrying,interrupted,resumed,restarted"`
	FromStatus *string   `json:"from_status"`
	ToStatus   string    `json:"to_status"`
	Cause      *string   `json:"cause"`
	InstanceID *string   `json:"instance_id"`
	Attempt    int64     `json:"attempt"`
	StepsDone  int       `json:"steps_done" doc:"Pages recorded when it happened"`
	Detail     *string   `json:"detail" doc:"The error, who made a move, how a death was proved"`
}

// AttemptStory is one run of a job.
type AttemptStory struct {
	Attempt    int64      `json:"attempt"`
	InstanceID *string    `json:"instance_id"`
	Host       *string    `json:"host" doc:"null: the instance is no longer remembered"`
	PID        *int       `json:"pid"`
	StartedAt  time.Time  `json:"started_at"`
	EndedAt    *time.Time `json:"ended_at" doc:"null: it runs"`
	Waited     float64    `json:"waited_seconds" doc:"From when it could have begun"`
	Ended      string     `json:"ended" enum:"running,completed,failed,retrying,interrupted"`
	Cause      *string    `json:"cause"`
	Error      *string    `json:"error"`
	FirstStep  int        `json:"first_step" doc:"The page it began at"`
	LastStep   int        `json:"last_step" doc:"The last page that it recorded; below first_step: none"`
}

// Interruption is what came between two attempts.
type Interruption struct {
	Attempt       int64      `json:"attempt" doc:"That was interrupted"`
	Cause         string     `json:"cause" enum:"shutdown,crash,lease_lost,cancelled,operator"`
	InstanceID    *string    `json:"instance_id" doc:"That ran it"`
	Host          *string    `json:"host"`
	PID           *int       `json:"pid"`
	Evidence      *string    `json:"evidence" doc:"How the death was proved, or who asked"`
	LastSeenAt    *time.Time `json:"last_seen_at" doc:"The last sign of life of that instance"`
	NoticedAt     time.Time  `json:"noticed_at"`
	DetectSeconds *float64   `json:"detect_seconds" doc:"From the last sign of life to when it was noticed: at most"`
	ResumedAt     *time.Time `json:"resumed_at" doc:"Put back into the queue; null: it waits for a person"`
	RunningAt     *time.Time `json:"running_at" doc:"When the next attempt began"`
	RunningOn     *string    `json:"running_on" doc:"The instance of the next attempt"`
	ResumeSeconds *float64   `json:"resume_seconds" doc:"From noticed_at to running_at"`
	StepsKept     int        `json:"steps_kept" doc:"Pages recorded before: they are not read again"`
	Summary       string     `json:"summary" doc:"All this in a sentence"`
}

type storyOutput struct{ Body Story }

func (a *API) storyRoutes(h huma.API) {
	register(a, h, huma.Operation{
		OperationID: "get-job-story", Method: http.MethodGet, Path: "/api/rag/documents/job/{id}/full-status", Tags: []string{tagJobs},
		Summary: "Tell what happened to a job",
		Description: "Its attempts, and each interruption: who died and of what, when it was noticed, how long until it went on, what was kept. " +
			"Of a very long history the first 100 and the last 900 events are told.",
	}, func(ctx context.Context, in *IDParam) (*storyOutput, error) {
		s, err := a.Story(ctx, in.id())
		return &storyOutput{Body: s}, err
	})
}

// Story tells what happened to a job.
func (a *API) Story(ctx context.Context, id jobs.ID) (Story, error) {
	j, err := a.job(ctx, id)
	if err != nil {
		return Story{}, err
	}
	status, err := a.jobStatus(ctx, j)
	if err != nil {
		return Story{}, err
	}
	s, err := ReadStory(ctx, a.jobs, j, a.now())
	s.Job = status
	return s, err
}

const (
	firstEvents = 100
	lastEvents  = 900
)

// ReadStory tells what happened to a job, straight from a store; of the job it
// has what stands in its row.
func ReadStory(ctx context.Context, store Store, j jobs.Job, now time.Time) (Story, error) {
	first, last, err := ends(ctx, store, j.ID)
	if err != nil {
		return Story{}, err
	}
	var ids []string
	for _, e := range slices.Concat(first, last) {
		if e.Instance != "" && !slices.Contains(ids, e.Instance) {
			ids = append(ids, e.Instance)
		}
	}
	var instances []jobs.InstanceState
	if len(ids) > 0 {
		if instances, err = store.InstancesByID(ctx, ids...); err != nil {
			return Story{}, err
		}
	}
	return StoryOf(j, first, last, instances, now), nil
}

// ends reads a job's history, and keeps its beginning and its end; last is
// empty where nothing is left out.
func ends(ctx context.Context, store jobs.Store, id jobs.ID) (first, last []jobs.Event, err error) {
	const page = 1000
	var after int64
	left := false
	for {
		found, err := store.Events(ctx, id, after, page)
		if err != nil {
			return nil, nil, err
		}
		if n := len(found); n > 0 {
			after = found[n-1].ID
		}
		n := min(len(found), max(0, firstEvents-len(first)))
		first, last = append(first, found[:n]...), append(last, found[n:]...)
		if over := len(last) - lastEvents; over > 0 {
			last, left = slices.Clone(last[over:]), true
		}
		if len(found) < page {
			break
		}
	}
	if !left {
		return append(first, last...), nil, nil
	}
	return first, last, nil
}

// StoryOf tells a story from a job's row, its history (the end apart, where
// something is left out before it), and what is remembered of the instances in
// it.
func StoryOf(j jobs.Job, first, last []jobs.Event, instances []jobs.InstanceState, now time.Time) Story {
	t := &teller{job: j, unit: unitOf(j), instances: map[string]jobs.InstanceState{}, now: now}
	for _, in := range instances {
		t.instances[in.ID] = in
	}
	for _, e := range first {
		t.tell(e)
	}
	if len(last) > 0 {
		t.forget()
	}
	for _, e := range last {
		t.tell(e)
	}
	t.end()
	s := Story{
		Job: JobStatus{JobRow: jobRow(j)}, Attempts: t.attempts, Interruptions: t.interruptions,
		History: jobEvents(slices.Concat(first, last)), Truncated: len(last) > 0,
	}
	for i := range s.Interruptions {
		s.Interruptions[i].Summary = t.interruption(i)
	}
	s.Summary = t.summary()
	return s
}

func jobEvents(events []jobs.Event) []JobEvent {
	out := make([]JobEvent, len(events)) // never null
	for i, e := range events {
		out[i] = jobEvent(e)
	}
	return out
}

func jobEvent(e jobs.Event) JobEvent {
	return JobEvent{
		ID: e.ID, JobID: e.JobID.String(), At: e.At.UTC(), Event: e.Event, FromStatus: text(string(e.From)), ToStatus: string(e.To),
		Cause: text(string(e.Cause)), InstanceID: text(e.Instance), Attempt: e.Attempt, StepsDone: e.Steps, Detail: text(e.Detail),
	}
}

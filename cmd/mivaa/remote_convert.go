package main

import (
	"fmt"

	"github.com/mivaa/mivaa/client"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs"
)

// What a service sends, as the store would have given it.

// ids reads ids, "" as none, and remembers the first that is none.
type ids struct{ err error }

func (r *ids) read(text string) jobs.ID {
	if text == "" {
		return jobs.ID{}
	}
	id, err := jobs.ParseID(text)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("read answer of service: %w", err)
	}
	return id
}

func jobOf(j client.Job) (jobs.Job, error) {
	var r ids
	return jobs.Job{
		ID: r.read(j.ID), DocumentID: r.read(j.DocumentID), Filename: j.Filename, Status: jobs.Status(j.Status), Progress: j.Progress,
		Metadata: j.Metadata, Error: j.Error, CreatedAt: j.CreatedAt, UpdatedAt: j.UpdatedAt, StartedAt: j.StartedAt, CompletedAt: j.CompletedAt,
		FailedAt: j.FailedAt, InterruptedAt: j.InterruptedAt, Kind: j.Kind, Payload: j.Payload, Priority: j.Priority, RunAt: j.RunAt,
		Attempt: j.Attempt, Failures: j.Failures, Crashes: j.Crashes, Interruptions: j.Interruptions, Cause: jobs.Cause(j.Cause),
		InstanceID: j.InstanceID, IdempotencyKey: j.IdempotencyKey, StepsDone: j.StepsDone, StepsTotal: j.StepsTotal,
		Recovery: jobs.Recovery(j.Recovery), ErrorCode: j.ErrorCode, Owner: j.Owner, Position: j.Position,
		MaxFailures: j.MaxFailures, MaxCrashes: j.MaxCrashes, RetryDelayMS: j.RetryDelayMS,
	}, r.err
}

func jobsOf(sent []client.Job) ([]jobs.Job, error) {
	found := make([]jobs.Job, len(sent))
	for i, s := range sent {
		var err error
		if found[i], err = jobOf(s); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func eventOf(e client.Event) (jobs.Event, error) {
	var r ids
	return jobs.Event{
		ID: e.ID, JobID: r.read(e.JobID), At: e.At, Event: e.Event, From: jobs.Status(e.FromStatus), To: jobs.Status(e.ToStatus),
		Cause: jobs.Cause(e.Cause), Instance: e.InstanceID, Attempt: e.Attempt, Steps: e.StepsDone, Detail: e.Detail,
	}, r.err
}

func instanceOf(in client.Instance) (jobs.InstanceState, error) {
	var r ids
	state := jobs.InstanceState{
		ID: in.ID, Host: in.Host, PID: in.PID, Version: in.Version, StartedAt: in.StartedAt, SeenAt: in.SeenAt, LeaseUntil: in.LeaseUntil,
		State: in.State, DrainingSince: in.DrainingSince, DrainingReason: in.DrainingReason, Slots: in.Slots, MemoryBytes: in.MemoryBytes,
		Running: make([]jobs.ID, len(in.Running)),
	}
	for i, id := range in.Running {
		state.Running[i] = r.read(id)
	}
	return state, r.err
}

func documentOf(d client.Document) (documents.Document, error) {
	var r ids
	return documents.Document{
		ID: r.read(d.ID), ContentJobID: r.read(d.ContentJobID), Owner: d.Owner, Filename: d.Filename, SourceSHA256: d.SourceSHA256,
		SourceSize: d.SourceSize, MediaType: d.MediaType, Metadata: d.Metadata, Options: d.Options, Facts: d.Facts,
		CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt,
	}, r.err
}

// jobFilter is what of a filter a service knows, aside from ids, order and
// place.
func jobFilter(f jobs.Filter) client.JobFilter {
	return client.JobFilter{
		Status: client.Status(f.Status), Query: f.Search, Cause: string(f.Cause), ErrorCode: f.ErrorCode, Owner: f.Owner,
		Instance: f.Instance, DocumentID: f.DocumentID.String(),
	}
}

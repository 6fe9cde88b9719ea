package api

import (
	"context"
	"encoding/json"
)

type listCheckpointsInput struct {
	IDParam
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"1000" doc:"How many at most"`
	After int `query:"after" minimum:"0" doc:"Only those behind this seq"`
}

// Checkpoint is a recorded page, without its content.
type Checkpoint struct {
	Seq        int     `json:"seq" doc:"From 1, without a gap"`
	PageNumber *int    `json:"page_number" doc:"In the document; seq counts the selected pages"`
	Status     *string `json:"status" doc:"ok or failed"`
	ErrorCode  *string `json:"error_code"`
	Bytes      int     `json:"bytes" doc:"Size of the record"`
}

// Checkpoints is a part of what a job has recorded.
type Checkpoints struct {
	JobID       string       `json:"job_id" format:"uuid"`
	Checkpoints []Checkpoint `json:"checkpoints" nullable:"false"`
	Count       int          `json:"count" doc:"Checkpoints in this answer"`
	StepsDone   int          `json:"steps_done" doc:"Checkpoints in all"`
	StepsTotal  int          `json:"steps_total"`
	NextAfter   *int         `json:"next_after" doc:"after, for the next part; null: this is the last one"`
}

type listCheckpointsOutput struct{ Body Checkpoints }

func (a *API) listCheckpoints(ctx context.Context, in *listCheckpointsInput) (*listCheckpointsOutput, error) {
	j, err := a.job(ctx, in.id())
	if err != nil {
		return nil, err
	}
	body := Checkpoints{JobID: j.ID.String(), Checkpoints: []Checkpoint{}, StepsDone: j.StepsDone, StepsTotal: j.StepsTotal}
	after := in.After
	for len(body.Checkpoints) < in.Limit {
		steps, err := a.jobs.Steps(ctx, j.ID, after, in.Limit-len(body.Checkpoints))
		if err != nil {
			return nil, err
		}
		if len(steps) == 0 {
			break
		}
		for _, s := range steps {
			body.Checkpoints = append(body.Checkpoints, checkpointOf(s.Seq, s.Data))
			after = s.Seq
		}
	}
	body.Count = len(body.Checkpoints)
	if body.Count == in.Limit && after < j.StepsDone {
		body.NextAfter = &after
	}
	return &listCheckpointsOutput{Body: body}, nil
}

// checkpointOf looks into a record no further than it has to: one of another
// kind of job, or of a newer version, is a checkpoint as well.
func checkpointOf(seq int, data json.RawMessage) Checkpoint {
	c := Checkpoint{Seq: seq, Bytes: len(data)}
	var record struct {
		PageNumber int    `json:"page_number"`
		Status     string `json:"status"`
		ErrorCode  string `json:"error_code"`
	}
	if json.Unmarshal(data, &record) != nil {
		return c
	}
	if record.PageNumber > 0 {
		c.PageNumber = &record.PageNumber
	}
	c.Status, c.ErrorCode = text(record.Status), text(record.ErrorCode)
	return c
}

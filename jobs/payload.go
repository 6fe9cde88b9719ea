package jobs

import (
	"context"
	"encoding/json"
	"fmt"
)

// New makes a job of a kind from a typed payload.
func New[P any](kind string, payload P) (NewJob, error) {
	data, err := json.Marshal(payload)
	if err != nil {
		return NewJob{}, fmt.Errorf("encode payload of %s: %w", kind, err)
	}
	return NewJob{Kind: kind, Payload: data}, nil
}

// Handle makes a Handler from one that takes its payload typed. A payload that
// does not decode fails the job at once: trying again would not mend it.
func Handle[P any](h func(ctx context.Context, a *Attempt, payload P) error) Handler {
	return func(ctx context.Context, a *Attempt) error {
		var payload P
		if err := json.Unmarshal(a.job.Payload, &payload); err != nil {
			return Permanent(fmt.Errorf("decode payload of %s: %w", a.job.Kind, err))
		}
		return h(ctx, a, payload)
	}
}

// StepOf makes a step from a typed output.
func StepOf[D any](seq int, output D) (Step, error) {
	data, err := json.Marshal(output)
	if err != nil {
		return Step{}, fmt.Errorf("encode step %d: %w", seq, err)
	}
	return Step{Seq: seq, Data: data}, nil
}

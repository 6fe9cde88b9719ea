package tracing

import (
	"context"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/mivaa/mivaa/jobs"
)

// recovered leaves it to Follow to tell of the attempts of the dead. More of
// them than it keeps up with go untold.
func (t *Traces) recovered(events []jobs.Event) {
	for _, e := range events {
		if e.Event != jobs.EventInterrupted || e.From != jobs.Processing {
			continue
		}
		select {
		case t.dead <- e:
		default:
		}
	}
}

// Follow tells of the dead until ctx ends.
func (t *Traces) Follow(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-t.dead:
			if err := t.tell(ctx, e); err != nil && ctx.Err() == nil {
				t.Log.Debug("an attempt has no span", jobs.KeyJob, e.JobID, jobs.KeyAttempt, e.Attempt, jobs.KeyError, err)
			}
		}
	}
}

// tell makes the span of an attempt from the history of its job. end is how it
// was found dead.
func (t *Traces) tell(ctx context.Context, end jobs.Event) error {
	job, err := jobs.Get(ctx, t.Jobs, end.JobID)
	if err != nil {
		return err
	}
	start, err := t.start(ctx, end)
	if err != nil || start.ID == 0 {
		return err
	}
	_, span := t.begin(ctx, job, end.Attempt, start.At)
	span.SetAttributes(
		keyInstance.String(start.Instance), keyStepsFrom.Int(start.Steps), keyStepsDone.Int(end.Steps),
		keyOutcome.String(string(jobs.Interrupted)), keyFromLog.Bool(true),
	)
	interrupted(span, end.Cause, trace.WithTimestamp(end.At))
	span.SetStatus(codes.Error, end.Cause.Reason())
	span.End(trace.WithTimestamp(end.At))
	return nil
}

// start finds how the attempt began that ended so; zero: the history says
// nothing of it.
func (t *Traces) start(ctx context.Context, end jobs.Event) (jobs.Event, error) {
	const slice = 1000
	for after := int64(0); ; {
		events, err := t.Jobs.Events(ctx, end.JobID, after, slice)
		if err != nil {
			return jobs.Event{}, err
		}
		for _, e := range events {
			if e.Event == jobs.EventStarted && e.Attempt == end.Attempt {
				return e, nil
			}
		}
		if len(events) < slice {
			return jobs.Event{}, nil
		}
		after = events[len(events)-1].ID
	}
}

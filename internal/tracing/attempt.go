package tracing

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/mivaa/mivaa/jobs"
)

// Attributes of an attempt's span.
const (
	keyJob        = attribute.Key("mivaa.job.id")
	keyDocument   = attribute.Key("mivaa.document.id")
	keyKind       = attribute.Key("mivaa.job.kind")
	keyAttempt    = attribute.Key("mivaa.job.attempt")
	keyInstance   = attribute.Key("mivaa.instance.id")
	keyOutcome    = attribute.Key("mivaa.outcome")
	keyCause      = attribute.Key("mivaa.cause")
	keyStepsFrom  = attribute.Key("mivaa.steps_before")
	keyStepsDone  = attribute.Key("mivaa.steps_done")
	keyStepsTotal = attribute.Key("mivaa.steps_total")
	keyFromLog    = attribute.Key("mivaa.from_history") // the attempt could not tell of itself
	keyErrorType  = attribute.Key("error.type")
)

// Outcomes that no status names.
const (
	outcomeRetrying = "retrying"
	outcomeLost     = "lost"    // it was not this process's any more
	outcomeUnknown  = "unknown" // the process ended first
)

// attempt is one that runs here.
type attempt struct {
	span        trace.Span
	done, total int // steps
	told        int // steps at the last checkpoint that became an event
}

// Handler runs h within the span of its attempt, which [Traces.Hooks] end.
func (t *Traces) Handler(h jobs.Handler) jobs.Handler {
	if t == nil {
		return h
	}
	return func(ctx context.Context, a *jobs.Attempt) error {
		j := a.Job()
		ctx, span := t.begin(ctx, j, j.Attempt, j.StartedAt)
		span.SetAttributes(keyInstance.String(j.InstanceID), keyStepsFrom.Int(j.StepsDone))
		t.mu.Lock()
		t.open[j.Fence()] = &attempt{span: span, done: j.StepsDone, total: j.StepsTotal, told: j.StepsDone}
		t.mu.Unlock()
		return h(ctx, a)
	}
}

// patience is how long a job waits to learn which trace it is part of.
const patience = 2 * time.Second

// begin makes an attempt's span, below what its job was submitted by.
func (t *Traces) begin(ctx context.Context, j jobs.Job, number int64, at time.Time) (context.Context, trace.Span) {
	looking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	parent, err := t.TraceParent(looking, j.ID)
	if err != nil {
		t.Log.Debug("the trace of a job is not known; it gets one of its own", jobs.KeyJob, j.ID, jobs.KeyError, err)
	}
	ctx = trace.ContextWithSpanContext(ctx, trace.SpanContext{})
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": parent})
	ctx = context.WithValue(ctx, fixedKey{}, idsOf(jobs.Fence{Job: j.ID, Attempt: number}))
	ctx, span := t.tracer.Start(ctx, "job "+j.Kind, trace.WithTimestamp(at), trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
		keyJob.String(j.ID.String()), keyDocument.String(j.DocumentID.String()), keyKind.String(j.Kind), keyAttempt.Int64(number),
	))
	return context.WithValue(ctx, fixedKey{}, nil), span // what is made below it has ids of its own
}

// Hooks tell the spans what becomes of their attempts.
func (t *Traces) Hooks() jobs.Hooks {
	if t == nil {
		return jobs.Hooks{}
	}
	return jobs.Hooks{Recorded: t.recorded, Finished: t.finished, Lost: t.lost, Recovered: t.recovered}
}

// mostCheckpoints bounds the events of a long job.
const mostCheckpoints = 50

func (t *Traces) recorded(j jobs.Job) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.open[j.Fence()]
	if a == nil {
		return
	}
	a.done, a.total = j.StepsDone, j.StepsTotal
	if a.done < a.told+max(10, a.total/mostCheckpoints) {
		return
	}
	a.told = a.done
	a.span.AddEvent("checkpoint", trace.WithAttributes(keyStepsDone.Int(j.StepsDone), keyStepsTotal.Int(j.StepsTotal)))
}

// take returns the span of an attempt that ends; nil: there is none.
func (t *Traces) take(f jobs.Fence) trace.Span {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.open[f]
	if a == nil {
		return nil
	}
	delete(t.open, f)
	a.span.SetAttributes(keyStepsDone.Int(a.done), keyStepsTotal.Int(a.total))
	return a.span
}

func (t *Traces) finished(j jobs.Job, o jobs.Outcome, _ time.Duration) {
	span := t.take(j.Fence())
	if span == nil {
		return
	}
	defer span.End()
	outcome := string(o.Status)
	switch o.Status {
	case jobs.Pending:
		outcome = outcomeRetrying
	case jobs.Interrupted:
		interrupted(span, o.Cause)
	}
	span.SetAttributes(keyOutcome.String(outcome))
	if o.Code != "" {
		span.SetAttributes(keyErrorType.String(o.Code))
		span.SetStatus(codes.Error, o.Error)
	}
}

func (t *Traces) lost(j jobs.Job, reason error, _ time.Duration) {
	span := t.take(j.Fence())
	if span == nil {
		return
	}
	defer span.End()
	cause := jobs.CauseLeaseLost
	if errors.Is(reason, jobs.ErrCancelled) {
		cause = jobs.CauseCancelled
	}
	interrupted(span, cause)
	span.SetAttributes(keyOutcome.String(outcomeLost))
}

func interrupted(span trace.Span, cause jobs.Cause, more ...trace.EventOption) {
	span.SetAttributes(keyCause.String(string(cause)))
	span.AddEvent("interrupted", append(more, trace.WithAttributes(keyCause.String(string(cause))))...)
}

func (t *Traces) endAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for f, a := range t.open {
		a.span.SetAttributes(keyOutcome.String(outcomeUnknown))
		a.span.End()
		delete(t.open, f)
	}
}

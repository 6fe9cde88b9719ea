package tracing

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/sqlite"
)

const (
	submitter   = "4bf92f3577b34da6a3ce929d0e0e4736"
	traceParent = "00-" + submitter + "-00f067aa0ba902b7-01"
	kind        = "test"
)

// env is a store, and what was told of its jobs.
type env struct {
	*testing.T
	store    *sqlite.Store
	exporter *tracetest.InMemoryExporter
	traces   *Traces
	parents  map[jobs.ID]string
}

func newEnv(t *testing.T) *env {
	t.Helper()
	e := &env{T: t, exporter: tracetest.NewInMemoryExporter(), parents: map[jobs.ID]string{}}
	var err error
	e.store, err = sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "mivaa.db")})
	e.ok(err)
	t.Cleanup(func() { _ = e.store.Close() }) // its folder goes anyway
	e.traces = New(Config{
		TraceParent: func(_ context.Context, id jobs.ID) (string, error) { return e.parents[id], nil },
		Jobs:        e.store, Version: "1.2.3", Log: slog.New(slog.DiscardHandler),
	}, sdktrace.NewSimpleSpanProcessor(e.exporter))
	return e
}

func (e *env) ok(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

func (e *env) insert(parent string) jobs.ID {
	e.Helper()
	inserted, err := e.store.Insert(e.Context(), jobs.NewJob{Kind: kind})
	e.ok(err)
	e.parents[inserted[0].ID] = parent
	return inserted[0].ID
}

// work runs a worker, until the function that it returns is called.
func (e *env) work(h jobs.Handler) (stop func()) {
	w := &jobs.Worker{
		Store: e.store, Handlers: map[string]jobs.Handler{kind: e.traces.Handler(h)}, Hooks: e.traces.Hooks(),
		Policy: jobs.Policy{Backoff: func(int) time.Duration { return time.Millisecond }},
	}
	ctx, cancel := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	parts.Go(func() { e.traces.Follow(ctx) })
	parts.Go(func() {
		if err := w.Run(ctx); err != nil {
			e.Error(err)
		}
	})
	stop = func() { cancel(); parts.Wait() }
	e.Cleanup(stop)
	return stop
}

// spans waits for a number of them, in the order of their starts.
func (e *env) spans(n int) tracetest.SpanStubs {
	e.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if got := e.exporter.GetSpans(); len(got) >= n {
			for i := range got {
				for j := range got[:i] {
					if got[i].StartTime.Before(got[j].StartTime) {
						got[i], got[j] = got[j], got[i]
					}
				}
			}
			return got
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			e.Fatalf("%d spans, want %d", len(e.exporter.GetSpans()), n)
		}
	}
}

func value(s tracetest.SpanStub, key attribute.Key) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value.String()
		}
	}
	return ""
}

func TestAttempt(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	id := e.insert(traceParent)
	e.work(func(ctx context.Context, a *jobs.Attempt) error {
		if a.Job().Attempt == 1 {
			return jobs.WithCode("damaged", errors.New("try again"))
		}
		a.SetTotal(30)
		for seq := 1; seq <= 30; seq++ {
			if err := a.Checkpoint(ctx, jobs.Step{Seq: seq, Data: []byte(`{}`)}); err != nil {
				return err
			}
		}
		return nil
	})
	spans := e.spans(2)
	for i, s := range spans {
		if s.SpanContext.TraceID().String() != submitter || s.Parent.SpanID().String() != "00f067aa0ba902b7" || !s.Parent.IsRemote() || s.Name != "job test" {
			t.Errorf("span %d is no part of its submitter's trace: %+v", i, s)
		}
		if value(s, keyJob) != id.String() || value(s, keyInstance) == "" || s.EndTime.Before(s.StartTime) {
			t.Errorf("span %d: %+v", i, s.Attributes)
		}
	}
	first, second := spans[0], spans[1]
	if value(first, keyOutcome) != outcomeRetrying || value(first, keyErrorType) != "damaged" || first.Status.Code != codes.Error || value(first, keyAttempt) != "1" {
		t.Errorf("first: %+v, %+v", first.Status, first.Attributes)
	}
	if value(second, keyOutcome) != "completed" || value(second, keyStepsDone) != "30" || value(second, keyStepsTotal) != "30" || second.Status.Code == codes.Error {
		t.Errorf("second: %+v, %+v", second.Status, second.Attributes)
	}
	if len(second.Events) != 3 || second.Events[0].Name != "checkpoint" {
		t.Errorf("events: %+v", second.Events)
	}
	var service string
	for _, a := range first.Resource.Attributes() {
		if a.Key == "service.name" {
			service = a.Value.AsString()
		}
	}
	if service != "mivaa" {
		t.Errorf("service.name is %q", service)
	}
}

// An attempt that was killed is a span all the same, in the same trace: whoever
// goes on with its job tells of it.
func TestKilledAttempt(t *testing.T) {
	t.Parallel()
	for name, parent := range map[string]string{"traced": traceParent, "not traced": "", "nonsense": "nonsense"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			id := e.insert(parent)
			const dead = "dead"
			proof, err := e.store.Join(e.Context(), jobs.Instance{ID: dead, Host: "test", PID: 1, Lease: time.Hour})
			e.ok(err)
			claimed, err := e.store.Claim(e.Context(), jobs.ClaimParams{Instance: dead, Kinds: []string{kind}, Limit: 1})
			e.ok(err)
			e.ok(e.store.Checkpoint(e.Context(), claimed.Jobs[0].Fence(), 3, jobs.Step{Seq: 1, Data: []byte(`{}`)}, jobs.Step{Seq: 2, Data: []byte(`{}`)}))
			e.ok(proof.Close()) // as a kill does

			e.work(func(context.Context, *jobs.Attempt) error { return nil })
			spans := e.spans(2)
			killed, next := spans[0], spans[1]
			if value(killed, keyInstance) != dead || value(killed, keyFromLog) != "true" || value(killed, keyCause) != "crash" ||
				value(killed, keyOutcome) != "interrupted" || value(killed, keyAttempt) != "1" || value(killed, keyStepsDone) != "2" || killed.Status.Code != codes.Error {
				t.Errorf("killed: %+v, %+v", killed.Status, killed.Attributes)
			}
			if !killed.StartTime.Equal(claimed.Jobs[0].StartedAt) || len(killed.Events) != 1 || killed.Events[0].Name != "interrupted" || !killed.EndTime.After(killed.StartTime) && !killed.EndTime.Equal(killed.StartTime) {
				t.Errorf("killed from %v to %v: %+v", killed.StartTime, killed.EndTime, killed.Events)
			}
			if value(next, keyOutcome) != "completed" || value(next, keyAttempt) != "2" || value(next, keyStepsFrom) != "2" {
				t.Errorf("next: %+v", next.Attributes)
			}
			if killed.SpanContext.TraceID() != next.SpanContext.TraceID() || killed.SpanContext.SpanID() == next.SpanContext.SpanID() {
				t.Error("the two are not two spans of one trace")
			}
			if parent == traceParent && killed.SpanContext.TraceID().String() != submitter {
				t.Error("it is not the submitter's trace")
			}
			if want := idsOf(jobs.Fence{Job: id, Attempt: 1}); killed.SpanContext.SpanID() != want.span {
				t.Error("the id of the span depends on who makes it")
			}
		})
	}
}

// A trace that was not sampled stays so.
func TestNotSampled(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.insert(strings.TrimSuffix(traceParent, "01") + "00")
	e.insert(traceParent)
	e.work(func(context.Context, *jobs.Attempt) error { return nil })
	if spans := e.spans(1); len(spans) != 1 || spans[0].SpanContext.TraceID().String() != submitter {
		t.Errorf("spans: %+v", spans)
	}
}

// A stop is told, and a handler that does not end is told as what it is.
func TestStopped(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.insert("")
	began := make(chan struct{})
	stop := e.work(func(ctx context.Context, a *jobs.Attempt) error {
		close(began)
		<-a.Stopping()
		return a.Checkpoint(ctx)
	})
	<-began
	stop()
	if s := e.spans(1)[0]; value(s, keyOutcome) != "interrupted" || value(s, keyCause) != "shutdown" {
		t.Errorf("stopped: %+v", s.Attributes)
	}
	_, span := e.traces.begin(t.Context(), jobs.Job{ID: jobs.NewID()}, 1, time.Now())
	e.traces.open[jobs.Fence{Attempt: 9}] = &attempt{span: span}
	e.exporter.Reset()
	e.traces.endAll()
	if s := e.spans(1)[0]; value(s, keyOutcome) != outcomeUnknown {
		t.Errorf("left open: %+v", s.Attributes)
	}
}

func TestFromEnv(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		env  map[string]string
		on   bool
		says string
	}{
		{nil, false, ""},
		{map[string]string{"OTEL_SERVICE_NAME": "x"}, false, ""},
		{map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, false, ""},
		{map[string]string{"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp"}, false, ""},
		{map[string]string{"OTEL_TRACES_EXPORTER": "zipkin"}, false, "only otlp"},
		{map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, false, "4318"},
		{map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, true, ""},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, true, ""},
		{map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, true, ""},
	} {
		var log bytes.Buffer
		got := FromEnv(t.Context(), func(name string) string { return c.env[name] }, Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
		if (got != nil) != c.on || !strings.Contains(log.String(), c.says) || c.says == "" && log.Len() > 0 {
			t.Errorf("%v: %t, log %q", c.env, got != nil, log.String())
		}
		got.Close()
	}
	var none *Traces
	if none.Tracer() != nil || none.Handler(nil) != nil || none.Hooks().Started != nil {
		t.Error("without traces something is made")
	}
}

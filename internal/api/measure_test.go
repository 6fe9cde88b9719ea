package api

import (
	"net/http"
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/mivaa/mivaa/jobs"
)

const (
	callersTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	callersSpan  = "00-" + callersTrace + "-00f067aa0ba902b7-01"
)

// An upload's job is part of the trace that the upload came with: below the
// service's own span where it makes one, else below the caller's.
func TestTraceOfAnUpload(t *testing.T) {
	t.Parallel()
	exporter := tracetest.NewInMemoryExporter()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter)).Tracer("test")
	traced := newEnv(t, func(c *Config) { c.Tracer = tracer })
	trace := func(e *env, headers ...string) string {
		id := mustID(e, *e.upload("a"+strings.Join(headers, ""), headers...).JobID)
		parent, err := e.docs.TraceParent(e.Context(), id)
		e.ok(err)
		return parent
	}
	parent := trace(traced, "traceparent", callersSpan)
	spans := exporter.GetSpans()
	if len(spans) != 1 || spans[0].Name != "POST "+uploadPath || spans[0].SpanContext.TraceID().String() != callersTrace ||
		spans[0].Parent.SpanID().String() != "00f067aa0ba902b7" {
		t.Fatalf("spans: %+v", spans)
	}
	if want := "00-" + callersTrace + "-" + spans[0].SpanContext.SpanID().String() + "-01"; parent != want {
		t.Errorf("the job's trace is %q, want %q", parent, want)
	}
	if parent := trace(traced); len(parent) != len(callersSpan) || strings.Contains(parent, callersTrace) {
		t.Errorf("without a trace of the caller's it is %q", parent)
	}

	plain := newEnv(t)
	if parent := trace(plain, "traceparent", callersSpan); parent != callersSpan {
		t.Errorf("without spans of our own it is %q", parent)
	}
	for _, none := range []string{"", "nonsense", "00-00000000000000000000000000000000-0000000000000000-01"} {
		if parent := trace(plain, "traceparent", none); parent != "" {
			t.Errorf("of %q became %q", none, parent)
		}
	}
}

func TestSpansOfRequests(t *testing.T) {
	t.Parallel()
	exporter := tracetest.NewInMemoryExporter()
	e := newEnv(t, func(c *Config) {
		c.Metrics = NewMetrics()
		c.Tracer = sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter)).Tracer("test")
	})
	e.get("/health")
	e.get("/metrics")
	if n := len(exporter.GetSpans()); n > 0 {
		t.Errorf("%d spans of what asks all the time", n)
	}
	id := jobs.NewID().String()
	e.get("/api/rag/documents/job/" + id + "?token=hunter2")
	spans := exporter.GetSpans()
	if len(spans) != 1 || spans[0].Name != "GET /api/rag/documents/job/{id}" {
		t.Fatalf("spans: %+v", spans)
	}
	seen := map[string]string{}
	for _, a := range spans[0].Attributes {
		seen[string(a.Key)] = a.Value.String()
		if strings.Contains(a.Value.String(), "hunter2") {
			t.Errorf("%s holds the query", a.Key)
		}
	}
	if seen["http.response.status_code"] != "404" || seen["http.request.method"] != http.MethodGet || seen["url.path"] != "/api/rag/documents/job/"+id {
		t.Errorf("attributes: %v", seen)
	}
}

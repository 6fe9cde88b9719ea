package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/mivaa/mivaa/jobs"
)

// Config is what traces are made of. All fields are required.
type Config struct {
	// TraceParent returns the trace that a job's submission was part of, as in
	// W3C Trace Context; "": none.
	TraceParent func(ctx context.Context, job jobs.ID) (string, error)
	Jobs        jobs.Store
	Version     string
	Log         *slog.Logger
}

// Traces makes spans. A nil one makes none.
type Traces struct {
	Config
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer

	mu   sync.Mutex
	open map[jobs.Fence]*attempt
	dead chan jobs.Event // attempts that others are to tell of
}

// FromEnv returns what the standard environment variables ask for, nil where
// they ask for nothing: OTEL_TRACES_EXPORTER=otlp, or an
// OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT. The other
// variables of OpenTelemetry hold as its specification has them; spans go by
// HTTP. A setting that cannot be met is logged, and there are no traces.
func FromEnv(ctx context.Context, env func(string) string, c Config) *Traces {
	if !wanted(env) {
		return nil
	}
	err := supported(env)
	var exporter sdktrace.SpanExporter
	if err == nil {
		exporter, err = otlptracehttp.New(ctx)
	}
	if err != nil {
		c.Log.Warn("no traces are sent", jobs.KeyError, err)
		return nil
	}
	otel.SetErrorHandler(&complaint{log: c.Log})
	return New(c, sdktrace.NewBatchSpanProcessor(exporter))
}

const envExporter = "OTEL_TRACES_EXPORTER"

func wanted(env func(string) string) bool {
	switch {
	case env("OTEL_SDK_DISABLED") == "true" || env(envExporter) == "none":
		return false
	}
	return env(envExporter) != "" || env("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

func supported(env func(string) string) error {
	if name := env(envExporter); name != "" && name != "otlp" {
		return fmt.Errorf("%s is %.40q: only otlp is known", envExporter, name)
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		switch protocol := env(name); protocol {
		case "":
			continue
		case "http/protobuf":
			return nil
		default:
			return fmt.Errorf("%s is %.40q: only http/protobuf is known, as a collector takes it at port 4318", name, protocol)
		}
	}
	return nil
}

// New returns what hands its spans to a processor.
func New(c Config, p sdktrace.SpanProcessor) *Traces {
	// What is in the environment wins. An error is a detail that is missing.
	about, err := resource.New(context.Background(),
		resource.WithAttributes(attribute.String("service.name", "mivaa"), attribute.String("service.version", c.Version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		c.Log.Debug("traces say less of this service", jobs.KeyError, err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(p), sdktrace.WithResource(about), sdktrace.WithIDGenerator(generator{}))
	return &Traces{
		Config: c, provider: provider, tracer: provider.Tracer("github.com/mivaa/mivaa", trace.WithInstrumentationVersion(c.Version)),
		open: map[jobs.Fence]*attempt{}, dead: make(chan jobs.Event, 256),
	}
}

// Tracer makes the spans of requests; nil: nobody collects them.
func (t *Traces) Tracer() trace.Tracer {
	if t == nil {
		return nil
	}
	return t.tracer
}

// Close ends the spans of attempts that are still open and sends what was not
// sent yet, as far as that takes no longer than a second.
func (t *Traces) Close() {
	if t == nil {
		return
	}
	t.endAll()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Log.Warn("the last spans were not sent", jobs.KeyError, err)
	}
}

// complaint is what OpenTelemetry reports its own errors to: a collector that is
// away is worth a line now and then, not one each five seconds.
type complaint struct {
	log  *slog.Logger
	mu   sync.Mutex
	last time.Time
}

// Handle implements otel.ErrorHandler.
func (c *complaint) Handle(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.last) < 10*time.Minute {
		return
	}
	c.last = time.Now()
	c.log.Warn("spans are not sent", jobs.KeyError, err)
}

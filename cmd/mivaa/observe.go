package main

import (
	"context"
	"log/slog"

	"github.com/mivaa/mivaa/internal/api"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/host"
	"github.com/mivaa/mivaa/internal/lifecycle"
	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/internal/tracing"
)

// observers are what tells of the service's work beside its log.
type observers struct {
	metrics *api.Metrics
	traces  *tracing.Traces // nil: nobody collects them
}

func (c *console) observe(ctx context.Context, d *data, log *slog.Logger) observers {
	return observers{metrics: api.NewMetrics(), traces: tracing.FromEnv(ctx, c.environ, tracing.Config{
		TraceParent: d.documents.TraceParent, Jobs: d.jobs, Version: version(), Log: log,
	})}
}

// attach adds the observers to a service whose worker, if it has one, runs jobs
// with e.
func (o observers) attach(svc *lifecycle.Service, d *data, e *extract.Extractor) {
	svc.Beside = append(svc.Beside, func(ctx context.Context) { o.metrics.Follow(ctx, d.jobs) })
	if o.traces != nil {
		svc.Beside = append(svc.Beside, o.traces.Follow)
	}
	if svc.Worker == nil {
		return
	}
	o.metrics.Slots(svc.Worker.Slots)
	o.metrics.Extraction(e.Stats)
	svc.Worker.Hooks = svc.Worker.Hooks.And(o.metrics.Hooks()).And(o.traces.Hooks())
	for kind, h := range svc.Worker.Handlers {
		svc.Worker.Handlers[kind] = o.traces.Handler(h)
	}
}

// memory shows what readers have of it.
func (o observers) memory(m *host.Memory, pool *pdf.Pool) {
	o.metrics.Memory(api.Memory{Readers: pool.Readers(), Limit: m.Limit, Available: m.Available, Wait: pool.MemoryWait})
}

func (o observers) close() { o.traces.Close() }

package api

import (
	"context"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/mivaa/mivaa/jobs"
)

// Metrics counts what happens in this process, for GET /metrics. The zero value
// is not usable.
type Metrics struct {
	registry *prometheus.Registry
	refused  prometheus.Counter
}

// NewMetrics returns metrics of which nothing has happened yet.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "mivaa_late_writes_refused_total",
			Help: "Writes of attempts that had lost their job; the store refused each.",
		}),
	}
	start := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "mivaa_instance_start_timestamp_seconds",
		Help: "When this process started, in seconds since 1970.",
	})
	start.SetToCurrentTime()
	m.registry.MustRegister(m.refused, start,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Refused counts a write that came too late: it is a hook of jobs.Worker.
func (m *Metrics) Refused(jobs.Fence) { m.refused.Inc() }

// metricRoutes adds GET /metrics where there is something to count with.
func (a *API) metricRoutes(r chi.Router, m *Metrics) {
	if m == nil {
		return
	}
	m.registry.MustRegister(&jobCounts{store: a.jobs})
	r.Method(http.MethodGet, "/metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
}

// jobCounts asks the store with each scrape. While it does not answer there are
// no numbers of jobs, rather than zeros, and mivaa_store_up says why.
type jobCounts struct{ store jobs.Store }

var (
	jobsByStatus = prometheus.NewDesc("mivaa_jobs", "Jobs by status.", []string{"status"}, nil)
	storeUp      = prometheus.NewDesc("mivaa_store_up", "Whether the store answered this scrape.", nil, nil)
)

// scrapeTimeout is how long a scrape waits for the store.
const scrapeTimeout = 5 * time.Second

// Describe implements prometheus.Collector.
func (c *jobCounts) Describe(to chan<- *prometheus.Desc) {
	to <- jobsByStatus
	to <- storeUp
}

// Collect implements prometheus.Collector.
func (c *jobCounts) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	counts, err := c.store.Statistics(ctx)
	if err != nil {
		to <- prometheus.MustNewConstMetric(storeUp, prometheus.GaugeValue, 0)
		return
	}
	to <- prometheus.MustNewConstMetric(storeUp, prometheus.GaugeValue, 1)
	for status, n := range map[jobs.Status]int{
		jobs.Pending: counts.Pending, jobs.Processing: counts.Processing, jobs.Completed: counts.Completed,
		jobs.Failed: counts.Failed, jobs.Interrupted: counts.Interrupted,
	} {
		to <- prometheus.MustNewConstMetric(jobsByStatus, prometheus.GaugeValue, float64(n), string(status))
	}
}

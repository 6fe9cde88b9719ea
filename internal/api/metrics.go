package api

import (
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics counts what happens in this process, for GET /metrics. What it counts
// begins at 0 with the process; only what the store knows is the same in all of
// them. The zero value is not usable.
type Metrics struct {
	registry *prometheus.Registry
	job      jobMetrics
	recovery recoveryMetrics
	page     pageMetrics
	webhook  webhookMetrics
	requests *prometheus.CounterVec
}

// Labels of metrics.
const (
	labelStatus  = "status"
	labelCause   = "cause"
	labelCode    = "error_code"
	labelKind    = "kind"
	labelOutcome = "outcome"
	labelRoute   = "route"
	labelMethod  = "method"
	labelClass   = "class"
	labelVersion = "version"
)

// NewMetrics returns metrics of which nothing has happened yet.
func NewMetrics() *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.gauge("mivaa_instance_start_timestamp_seconds", "When this process started, in seconds since 1970.").SetToCurrentTime()
	m.job = newJobMetrics(m)
	m.recovery = newRecoveryMetrics(m)
	m.page = newPageMetrics(m)
	m.webhook = newWebhookMetrics(m)
	m.requests = m.counters("mivaa_http_requests_total", "Answered HTTP requests, by route and by the first digit of the status.", labelRoute, labelMethod, labelClass)
	return m
}

func (m *Metrics) gauge(name, help string) prometheus.Gauge {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	m.registry.MustRegister(g)
	return g
}

func (m *Metrics) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) histogram(name, help string, buckets ...time.Duration) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: bounds(buckets)})
	m.registry.MustRegister(h)
	return h
}

func (m *Metrics) histograms(name, help, label string, buckets ...time.Duration) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: bounds(buckets)}, []string{label})
	m.registry.MustRegister(h)
	return h
}

func bounds(buckets []time.Duration) []float64 {
	out := make([]float64, len(buckets))
	for i, b := range buckets {
		out[i] = b.Seconds()
	}
	return out
}

// metricRoutes adds GET /metrics where there is something to count with.
func (a *API) metricRoutes(r chi.Router, m *Metrics) {
	if m == nil {
		return
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "mivaa_build_info", Help: "1, with the version of the program.", ConstLabels: prometheus.Labels{labelVersion: a.version},
	})
	build.Set(1)
	m.registry.MustRegister(build, &storeMetrics{store: a.jobs}, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "mivaa_event_streams", Help: "Clients that follow jobs as they change.",
	}, func() float64 { return float64(a.hub.open()) }))
	r.Method(http.MethodGet, "/metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
}

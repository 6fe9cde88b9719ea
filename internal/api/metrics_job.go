package api

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/ocr"
	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/internal/webhook"
	"github.com/mivaa/mivaa/jobs"
)

// jobMetrics are of the jobs that this process runs.
type jobMetrics struct {
	finished *prometheus.CounterVec
	failed   *prometheus.CounterVec
	retried  prometheus.Counter
	duration *prometheus.HistogramVec
	wait     prometheus.Histogram
	refused  prometheus.Counter
	slots    prometheus.Gauge
}

func newJobMetrics(m *Metrics) jobMetrics {
	j := jobMetrics{
		finished: m.counters("mivaa_jobs_finished_total", "Attempts that ended for good or were interrupted, by status and by what interrupted them.", labelStatus, labelCause),
		failed:   m.counters("mivaa_jobs_failed_total", "Jobs that failed, by error code.", labelCode),
		retried:  m.counter("mivaa_jobs_retried_total", "Attempts that failed and are to be tried again."),
		duration: m.histograms("mivaa_job_duration_seconds", "How long attempts ran, by how they ended.", labelStatus,
			100*time.Millisecond, 500*time.Millisecond, time.Second, 5*time.Second, 15*time.Second, time.Minute, 5*time.Minute,
			15*time.Minute, 30*time.Minute, time.Hour, 2*time.Hour, 4*time.Hour, 8*time.Hour),
		wait: m.histogram("mivaa_job_wait_seconds", "How long jobs waited for their first attempt.",
			10*time.Millisecond, 100*time.Millisecond, time.Second, 5*time.Second, 15*time.Second, time.Minute, 5*time.Minute,
			15*time.Minute, time.Hour, 4*time.Hour, 12*time.Hour, 24*time.Hour),
		refused: m.counter("mivaa_late_writes_refused_total", "Writes of attempts that had lost their job; the store refused each."),
		slots:   m.gauge("mivaa_slots", "How many jobs this process runs at once."),
	}
	// Series that are there from the start show the first that happens as a rise.
	for _, status := range []jobs.Status{jobs.Completed, jobs.Failed} {
		j.finished.WithLabelValues(string(status), "")
		j.duration.WithLabelValues(string(status))
	}
	j.finished.WithLabelValues(string(jobs.Failed), string(jobs.CauseCrash))
	j.duration.WithLabelValues(string(jobs.Interrupted))
	for _, cause := range jobs.Causes() {
		j.finished.WithLabelValues(string(jobs.Interrupted), string(cause))
	}
	return j
}

// Hooks count what a worker does.
func (m *Metrics) Hooks() jobs.Hooks {
	return jobs.Hooks{
		Recovered: m.recovered, Started: m.started, Finished: m.finished, Lost: m.lost,
		Refused: func(jobs.Fence) { m.job.refused.Inc() },
	}
}

// Slots says how many jobs this process runs at once.
func (m *Metrics) Slots(n int) { m.job.slots.Set(float64(n)) }

func (m *Metrics) started(j jobs.Job) {
	if j.Attempt == 1 {
		due := j.CreatedAt
		if j.RunAt.After(due) {
			due = j.RunAt
		}
		m.job.wait.Observe(max(0, j.StartedAt.Sub(due).Seconds()))
		return
	}
	m.recovery.ask(inquiry{resumed: j})
}

func (m *Metrics) finished(_ jobs.Job, o jobs.Outcome, took time.Duration) {
	if o.Status == jobs.Pending {
		m.job.retried.Inc()
		return
	}
	m.job.finished.WithLabelValues(string(o.Status), string(o.Cause)).Inc()
	m.job.duration.WithLabelValues(string(o.Status)).Observe(took.Seconds())
	if o.Status == jobs.Failed {
		m.job.failed.WithLabelValues(o.Code).Inc()
	}
}

// lost: who took the job away counts the others.
func (m *Metrics) lost(_ jobs.Job, reason error, took time.Duration) {
	if errors.Is(reason, jobs.ErrCancelled) {
		m.job.finished.WithLabelValues(string(jobs.Interrupted), string(jobs.CauseCancelled)).Inc()
	}
	m.job.duration.WithLabelValues(string(jobs.Interrupted)).Observe(took.Seconds())
}

// pageMetrics are of the pages that this process reads.
type pageMetrics struct {
	seconds    prometheus.Histogram
	recognised prometheus.Histogram
	crashes    *prometheus.CounterVec
}

const kindInstance = "instance"

func newPageMetrics(m *Metrics) pageMetrics {
	p := pageMetrics{
		seconds: m.histogram("mivaa_page_seconds", "How long a reader took for a page.",
			time.Millisecond, 5*time.Millisecond, 20*time.Millisecond, 50*time.Millisecond, 100*time.Millisecond, 250*time.Millisecond,
			time.Second, 5*time.Second, 15*time.Second, time.Minute, 5*time.Minute),
		recognised: m.histogram("mivaa_ocr_page_seconds", "How long recognising a page took.",
			250*time.Millisecond, 500*time.Millisecond, time.Second, 2*time.Second, 5*time.Second, 10*time.Second, 30*time.Second, time.Minute, 5*time.Minute),
		crashes: m.counters("mivaa_crashes_total",
			"Processes that died or were killed at their work: instances of the service found dead, readers and Tesseract by what ended them.", labelKind),
	}
	for _, kind := range []string{kindInstance, pdf.CodeReaderCrashed, pdf.CodeOutOfMemory, pdf.CodePageTimeout, ocr.CodeCrashed, ocr.CodeMemory, ocr.CodeTimeout} {
		p.crashes.WithLabelValues(kind)
	}
	return p
}

// PageRead counts a page: it is pdf.Config's.
func (m *Metrics) PageRead(took time.Duration, code string) {
	m.page.seconds.Observe(took.Seconds())
	switch code {
	case pdf.CodeReaderCrashed, pdf.CodeOutOfMemory, pdf.CodePageTimeout:
		m.page.crashes.WithLabelValues(code).Inc()
	}
}

// PageRecognised counts a page: it is ocr.Config's.
func (m *Metrics) PageRecognised(took time.Duration, code string) {
	m.page.recognised.Observe(took.Seconds())
	switch code {
	case ocr.CodeCrashed, ocr.CodeMemory, ocr.CodeTimeout:
		m.page.crashes.WithLabelValues(code).Inc()
	}
}

// Extraction shows what an extractor counts. Call it once.
func (m *Metrics) Extraction(s *extract.Stats) {
	count := func(name, help string, labels prometheus.Labels, load func() int64) {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels},
			func() float64 { return float64(load()) }))
	}
	const pages = "Pages that were recorded, by outcome."
	count("mivaa_pages_total", pages, prometheus.Labels{labelOutcome: "ok"}, s.PagesOK.Load)
	count("mivaa_pages_total", pages, prometheus.Labels{labelOutcome: "failed"}, s.PagesFailed.Load)
	const recognised = "Pages that were to be recognised from their picture, by outcome."
	count("mivaa_ocr_pages_total", recognised, prometheus.Labels{labelOutcome: "ok"}, s.PagesRecognised.Load)
	count("mivaa_ocr_pages_total", recognised, prometheus.Labels{labelOutcome: "failed"}, s.PagesUnrecognised.Load)
	count("mivaa_steps_recorded_total", "Steps that were recorded.", nil, s.StepsRecorded.Load)
	count("mivaa_steps_redone_total", "Steps that were done and not recorded before an attempt ended: they are done again.", nil, s.StepsRedone.Load)
	count("mivaa_checkpoints_total", "Writes that recorded steps.", nil, s.Checkpoints.Load)
}

// webhookMetrics are of the webhooks that this process sends.
type webhookMetrics struct {
	sent    *prometheus.CounterVec
	seconds prometheus.Histogram
}

func newWebhookMetrics(m *Metrics) webhookMetrics {
	w := webhookMetrics{
		sent: m.counters("mivaa_webhooks_total", "Attempts to send a webhook, by outcome; a failed one is tried again.", labelOutcome),
		seconds: m.histogram("mivaa_webhook_seconds", "How long an attempt to send a webhook took.",
			10*time.Millisecond, 50*time.Millisecond, 250*time.Millisecond, time.Second, 3*time.Second, 10*time.Second),
	}
	for _, outcome := range []string{webhook.SentDelivered, webhook.SentFailed, webhook.SentGivenUp} {
		w.sent.WithLabelValues(outcome)
	}
	return w
}

// WebhookSent counts an attempt: it is webhook.Sender's.
func (m *Metrics) WebhookSent(outcome string, took time.Duration) {
	m.webhook.sent.WithLabelValues(outcome).Inc()
	m.webhook.seconds.Observe(took.Seconds())
}

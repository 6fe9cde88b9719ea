package api

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mivaa/mivaa/jobs"
)

// storeMetrics asks the store with each scrape. While it does not answer there
// are no numbers of jobs, rather than zeros, and mivaa_store_up says why.
type storeMetrics struct{ store jobs.Store }

var (
	jobsByStatus = prometheus.NewDesc("mivaa_jobs", "Jobs by status, of all processes on the store.", []string{labelStatus}, nil)
	longestWait  = prometheus.NewDesc("mivaa_queue_oldest_seconds", "How long the job that waits longest has been waiting; 0 while none waits.", nil, nil)
	storeUp      = prometheus.NewDesc("mivaa_store_up", "Whether the store answered this scrape.", nil, nil)
)

// scrapeTimeout is how long a scrape waits for the store.
const scrapeTimeout = 5 * time.Second

// Describe implements prometheus.Collector.
func (c *storeMetrics) Describe(to chan<- *prometheus.Desc) {
	to <- jobsByStatus
	to <- longestWait
	to <- storeUp
}

// Collect implements prometheus.Collector.
func (c *storeMetrics) Collect(to chan<- prometheus.Metric) {
	gauge := func(what *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(what, prometheus.GaugeValue, value, labels...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	counts, waiting, err := c.look(ctx)
	if err != nil {
		gauge(storeUp, 0)
		return
	}
	gauge(storeUp, 1)
	gauge(longestWait, waiting.Seconds())
	for status, n := range map[jobs.Status]int{
		jobs.Pending: counts.Pending, jobs.Processing: counts.Processing, jobs.Completed: counts.Completed,
		jobs.Failed: counts.Failed, jobs.Interrupted: counts.Interrupted,
	} {
		gauge(jobsByStatus, float64(n), string(status))
	}
}

func (c *storeMetrics) look(ctx context.Context) (counts jobs.Statistics, waiting time.Duration, err error) {
	counts, err = c.store.Statistics(ctx)
	if err != nil || counts.Pending == 0 {
		return counts, 0, err
	}
	// Since it was put into the queue, which may be long after it was accepted.
	oldest, err := c.store.List(ctx, jobs.Filter{Status: jobs.Pending, Order: jobs.UpdatedLast, Limit: 1})
	if err != nil || len(oldest) == 0 {
		return counts, 0, err
	}
	return counts, max(0, time.Since(oldest[0].UpdatedAt)), nil
}

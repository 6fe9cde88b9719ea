package api

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mivaa/mivaa/jobs"
)

// recoveryMetrics are of the jobs of the dead that this process found, and of
// those that it went on with.
type recoveryMetrics struct {
	atStartup prometheus.Gauge
	detect    prometheus.Histogram
	resume    prometheus.Histogram
	ready     *atomic.Bool
	inquiries chan inquiry
}

// inquiry is what is looked up beside the worker, which is not to wait for it.
type inquiry struct {
	dead    map[string]time.Time // when instances were found dead
	resumed jobs.Job             // or a job whose further attempt begins
}

func newRecoveryMetrics(m *Metrics) recoveryMetrics {
	buckets := []time.Duration{
		50 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 15 * time.Second,
		30 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 24 * time.Hour,
	}
	return recoveryMetrics{
		atStartup: m.gauge("mivaa_jobs_interrupted_at_startup", "Jobs of the dead that the start of this process found and marked."),
		detect: m.histogram("mivaa_recovery_detect_seconds",
			"From the last sign of life of an instance until this process found it dead: down time counts where no other ran.", buckets...),
		resume: m.histogram("mivaa_recovery_resume_seconds",
			"From the interruption of a job until this process went on with it, where it went on by itself.", buckets...),
		ready:     &atomic.Bool{},
		inquiries: make(chan inquiry, 256),
	}
}

// ask leaves out what comes faster than it can be looked up.
func (r recoveryMetrics) ask(i inquiry) {
	select {
	case r.inquiries <- i:
	default:
	}
}

// Ready ends the start: what is found from now on was not found by it.
func (m *Metrics) Ready() { m.recovery.ready.Store(true) }

func (m *Metrics) recovered(events []jobs.Event) {
	dead := map[string]time.Time{}
	for _, e := range events {
		switch {
		case e.Event == jobs.EventFailed:
			m.job.finished.WithLabelValues(string(jobs.Failed), string(jobs.CauseCrash)).Inc()
			m.job.failed.WithLabelValues(jobs.CodeCrashed).Inc()
		case e.Event != jobs.EventInterrupted:
		default:
			m.job.finished.WithLabelValues(string(jobs.Interrupted), string(e.Cause)).Inc()
			if !m.recovery.ready.Load() {
				m.recovery.atStartup.Inc()
			}
			if e.Instance != "" && e.From == jobs.Processing {
				dead[e.Instance] = e.At
			}
		}
	}
	if len(dead) > 0 {
		m.page.crashes.WithLabelValues(kindInstance).Add(float64(len(dead)))
		m.recovery.ask(inquiry{dead: dead})
	}
}

// Follow looks up how long recoveries took, until ctx ends.
func (m *Metrics) Follow(ctx context.Context, store Store) {
	for {
		select {
		case <-ctx.Done():
			return
		case i := <-m.recovery.inquiries:
			if i.dead != nil {
				m.recovery.lookAtDead(ctx, store, i.dead)
			} else {
				m.recovery.lookAtResumed(ctx, store, i.resumed)
			}
		}
	}
}

// lookAtDead measures by the store's clock. What cannot be looked up is not
// measured: the next one is as good.
func (r recoveryMetrics) lookAtDead(ctx context.Context, store Store, dead map[string]time.Time) {
	ids := make([]string, 0, len(dead))
	for id := range dead {
		ids = append(ids, id)
	}
	found, err := store.InstancesByID(ctx, ids...)
	if err != nil {
		return
	}
	for _, in := range found {
		if !in.SeenAt.IsZero() {
			r.detect.Observe(max(0, dead[in.ID].Sub(in.SeenAt).Seconds()))
		}
	}
}

// lookAtResumed measures from the interruption before the attempt, unless a
// person resumed the job.
func (r recoveryMetrics) lookAtResumed(ctx context.Context, store Store, j jobs.Job) {
	if j.Interruptions == 0 {
		return
	}
	at, byItself, err := lastInterruption(ctx, store, j)
	if err == nil && byItself {
		r.resume.Observe(max(0, j.StartedAt.Sub(at).Seconds()))
	}
}

// lastInterruption looks through a job's history for what its attempt goes on
// from, and whether it does so by itself.
func lastInterruption(ctx context.Context, store jobs.Store, j jobs.Job) (at time.Time, byItself bool, err error) {
	const slice = 1000
	for after := int64(0); ; {
		events, err := store.Events(ctx, j.ID, after, slice)
		if err != nil {
			return at, false, err
		}
		for _, e := range events {
			if e.Event == jobs.EventStarted && e.Attempt == j.Attempt {
				return at, byItself && !at.IsZero(), nil
			}
			switch e.Event {
			case jobs.EventInterrupted:
				at, byItself = e.At, false
			case jobs.EventResumed:
				byItself = e.Cause == ""
			case jobs.EventStarted, jobs.EventRetrying, jobs.EventRestarted:
				at = time.Time{}
			}
		}
		if len(events) < slice {
			return at, byItself && !at.IsZero(), nil
		}
		after = events[len(events)-1].ID
	}
}

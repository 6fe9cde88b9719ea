package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/jobs"
)

// scrape reads /metrics, and wants lines that begin so.
func (e *env) scrape(want ...string) string {
	e.Helper()
	a := e.get("/metrics")
	if a.StatusCode != http.StatusOK {
		e.Fatalf("%d: %s", a.StatusCode, a.body)
	}
	for _, line := range want {
		if !strings.Contains("\n"+a.body, "\n"+line) {
			e.Errorf("%q is not there", line)
		}
	}
	return a.body
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	m := NewMetrics()
	e := newEnv(t, func(c *Config) { c.Metrics = m })
	e.in(jobs.Pending)
	e.in(jobs.Failed)
	m.Hooks().Refused(jobs.Fence{})
	m.Hooks().Refused(jobs.Fence{})
	e.scrape("mivaa_jobs{status=\"pending\"} 1\n", "mivaa_jobs{status=\"failed\"} 1\n", "mivaa_jobs{status=\"completed\"} 0\n",
		"mivaa_late_writes_refused_total 2\n", "mivaa_store_up 1\n", "# TYPE mivaa_instance_start_timestamp_seconds gauge\n",
		"mivaa_queue_oldest_seconds 0.", "mivaa_build_info{version=\"1.2.3\"} 1\n", "mivaa_event_streams 0\n")
	e.scrape("mivaa_http_requests_total{class=\"2xx\",method=\"GET\",route=\"/metrics\"} 1\n")
	e.ok(e.store.Close())
	text := e.scrape("mivaa_store_up 0\n", "mivaa_late_writes_refused_total 2\n")
	if strings.Contains(text, "mivaa_jobs{") || strings.Contains(text, "mivaa_queue_oldest_seconds ") {
		t.Error("a store that does not answer looks like one without jobs")
	}
}

// Every metric that dashboards and alerts rely on is there under its name after
// jobs of every outcome ran, a dead instance's among them.
func TestMetricsOfAService(t *testing.T) {
	t.Parallel()
	m := NewMetrics()
	e := newEnv(t, func(c *Config) { c.Metrics = m })

	// One that died, with a job in hand.
	dead := e.insert("dead.pdf")
	id := jobs.NewID().String()
	proof, err := e.store.Join(e.Context(), jobs.Instance{ID: id, Host: "test", PID: 1, Lease: time.Hour})
	e.ok(err)
	_, err = e.store.Claim(e.Context(), jobs.ClaimParams{Instance: id, Kinds: []string{documents.Kind}, Only: []jobs.ID{dead.ID}, Limit: 1})
	e.ok(err)
	e.ok(proof.Close())
	for _, name := range []string{"completes.pdf", "fails.pdf", "retries.pdf"} {
		e.insert(name)
	}

	stats := &extract.Stats{}
	m.Extraction(stats)
	m.Slots(3)
	stats.PagesOK.Add(7)
	stats.PagesFailed.Add(1)
	stats.StepsRecorded.Add(8)
	m.PageRead(20*time.Millisecond, "")
	m.PageRead(time.Second, "reader_crashed")
	m.PageRead(time.Minute, "page_timeout")
	m.PageRead(time.Second, "damaged")
	m.WebhookSent("delivered", time.Second)

	w := &jobs.Worker{Store: e.store, Slots: 3, Hooks: m.Hooks(), Handlers: map[string]jobs.Handler{documents.Kind: func(_ context.Context, a *jobs.Attempt) error {
		switch j := a.Job(); {
		case j.Filename == "fails.pdf":
			return jobs.Permanent(jobs.WithCode("damaged", errors.New("no")))
		case j.Filename == "retries.pdf" && j.Attempt == 1:
			return errors.New("try again")
		}
		return nil
	}}, Policy: jobs.Policy{Recovery: jobs.RecoveryAuto, Backoff: func(int) time.Duration { return time.Millisecond }}}
	e.ok(w.Recover(e.Context()))
	m.Ready()
	ctx, stop := context.WithCancel(e.Context())
	var parts sync.WaitGroup
	parts.Go(func() { m.Follow(ctx, e.store) })
	parts.Go(func() { _ = w.Run(ctx) }) // its error would be one of the store's
	defer parts.Wait()
	defer stop()

	m.Memory(Memory{
		Readers: 2, Limit: func() (int64, bool) { return 4096, true }, Available: func() (int64, bool) { return 0, false },
		Wait: func() (bool, time.Duration) { return true, 1500 * time.Millisecond },
	})

	want := []string{
		"mivaa_readers 2\n",
		"mivaa_memory_limit_bytes 4096\n",
		"mivaa_memory_waiting 1\n",
		"mivaa_memory_wait_seconds_total 1.5\n",
		"mivaa_jobs{status=\"completed\"} 3\n",
		"mivaa_jobs_finished_total{cause=\"\",status=\"completed\"} 3\n",
		"mivaa_jobs_finished_total{cause=\"\",status=\"failed\"} 1\n",
		"mivaa_jobs_finished_total{cause=\"crash\",status=\"interrupted\"} 1\n",
		"mivaa_jobs_finished_total{cause=\"shutdown\",status=\"interrupted\"} 0\n",
		"mivaa_jobs_failed_total{error_code=\"damaged\"} 1\n",
		"mivaa_jobs_retried_total 1\n",
		"mivaa_job_duration_seconds_count{status=\"completed\"} 3\n",
		"mivaa_job_wait_seconds_count 3\n",
		"mivaa_jobs_interrupted_at_startup 1\n",
		"mivaa_recovery_detect_seconds_count 1\n",
		"mivaa_recovery_resume_seconds_count 1\n",
		"mivaa_steps_recorded_total 8\n",
		"mivaa_steps_redone_total 0\n",
		"mivaa_late_writes_refused_total 0\n",
		"mivaa_crashes_total{kind=\"instance\"} 1\n",
		"mivaa_crashes_total{kind=\"reader_crashed\"} 1\n",
		"mivaa_crashes_total{kind=\"page_timeout\"} 1\n",
		"mivaa_crashes_total{kind=\"out_of_memory\"} 0\n",
		"mivaa_pages_total{outcome=\"ok\"} 7\n",
		"mivaa_pages_total{outcome=\"failed\"} 1\n",
		"mivaa_page_seconds_count 4\n",
		"mivaa_instance_start_timestamp_seconds ",
		"mivaa_slots 3\n",
		"mivaa_webhooks_total{outcome=\"delivered\"} 1\n",
		"mivaa_webhook_seconds_count 1\n",
		"go_goroutines ",
	}
	e.eventually("all jobs are counted", func() bool {
		text := e.get("/metrics").body
		for _, line := range want {
			if !strings.Contains("\n"+text, "\n"+line) {
				return false
			}
		}
		return true
	})
	problems, err := promlint.New(strings.NewReader(e.get("/metrics").body)).Lint()
	e.ok(err)
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// A job that a person resumed did not recover by itself.
func TestResumeByAPersonIsNoRecovery(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	j := e.claim(e.insert("a.pdf").ID)
	e.finish(j, jobs.Outcome{Status: jobs.Interrupted, Cause: jobs.CauseOperator, Error: "taken"})
	_, err := e.store.Move(e.Context(), j.ID, jobs.Resume, "test")
	e.ok(err)
	j = e.claim(j.ID)
	if _, byItself, err := lastInterruption(e.Context(), e.store, j); byItself || err != nil {
		t.Errorf("by itself: %t, %v", byItself, err)
	}
	// Nor one that failed in between and was tried again.
	e.finish(j, jobs.Outcome{Status: jobs.Pending, Error: "try again", Code: "internal"})
	j = e.claim(j.ID)
	if at, byItself, err := lastInterruption(e.Context(), e.store, j); byItself || !at.IsZero() || err != nil {
		t.Errorf("by itself: %t, at %v, %v", byItself, at, err)
	}
}

func TestRequestsAreCounted(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(c *Config) { c.Metrics = NewMetrics() })
	id := jobs.NewID().String()
	e.get("/api/rag/documents/job/" + id)
	e.send(http.MethodHead, "/health/live", nil)
	e.send("BREW", "/", nil)
	e.get("/nowhere/" + id)
	e.get("/health/live", "Host", "evil.example")
	text := e.scrape(
		"mivaa_http_requests_total{class=\"4xx\",method=\"GET\",route=\"/api/rag/documents/job/{id}\"} 1\n",
		"mivaa_http_requests_total{class=\"2xx\",method=\"HEAD\",route=\"/health/live\"} 1\n",
		"mivaa_http_requests_total{class=\"4xx\",method=\"GET\",route=\"other\"} 2\n",
		"mivaa_http_requests_total{class=\"4xx\",method=\"other\",route=\"other\"} 1\n",
	)
	if strings.Contains(text, id) {
		t.Error("a label holds what a client made up")
	}
}

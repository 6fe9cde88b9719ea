package e2e

import (
	"regexp"
	"strconv"
	"testing"
	"time"
)

// metric reads one from /metrics; -1: it is not there.
func (s *service) metric(series string) float64 {
	s.t.Helper()
	var text string
	s.call("GET", "/metrics", nil, &text)
	found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(series) + ` (\S+)$`).FindStringSubmatch(text)
	if found == nil {
		return -1
	}
	value, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return value
}

// What a kill, a recovery and a lost page leave in the figures of the service
// that went on.
func TestMetricsAfterAKill(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	s := serve(t, dir)
	j := s.upload(loopPDF(4, 2))
	s.until(j.JobID, "page 1 recorded", func(now job) bool { return now.StepsDone == 1 })
	s.kill()
	s = serve(t, dir, "--page-timeout", "500ms", "--workers", "2")
	s.until(j.JobID, "completed", completed)
	for series, want := range map[string]float64{
		"mivaa_jobs_interrupted_at_startup":                             1,
		`mivaa_jobs{status="completed"}`:                                1,
		`mivaa_jobs_finished_total{cause="crash",status="interrupted"}`: 1,
		`mivaa_jobs_finished_total{cause="",status="completed"}`:        1,
		`mivaa_job_duration_seconds_count{status="completed"}`:          1,
		"mivaa_recovery_detect_seconds_count":                           1,
		"mivaa_recovery_resume_seconds_count":                           1,
		`mivaa_crashes_total{kind="instance"}`:                          1,
		`mivaa_crashes_total{kind="page_timeout"}`:                      1,
		`mivaa_pages_total{outcome="ok"}`:                               2,
		`mivaa_pages_total{outcome="failed"}`:                           1,
		"mivaa_steps_recorded_total":                                    3,
		"mivaa_slots":                                                   2,
		"mivaa_store_up":                                                1,
		"mivaa_queue_oldest_seconds":                                    0,
	} {
		// The outcome is counted a moment after it is written.
		eventually(t, series, wait, func() bool { return s.metric(series) == want })
	}
	if n := s.metric("mivaa_page_seconds_count"); n < 3 {
		t.Errorf("%v pages were timed", n)
	}
	if at := s.metric("mivaa_instance_start_timestamp_seconds"); time.Since(time.Unix(int64(at), 0)) > 10*time.Minute {
		t.Errorf("started at %v", at)
	}
}

package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/jobs"
)

func TestMetrics(t *testing.T) {
	t.Parallel()
	m := NewMetrics()
	e := newEnv(t, func(c *Config) { c.Metrics = m })
	e.in(jobs.Pending)
	e.in(jobs.Failed)
	m.Refused(jobs.Fence{})
	m.Refused(jobs.Fence{})
	scrape := func(want ...string) string {
		t.Helper()
		a := e.get("/metrics")
		if a.StatusCode != http.StatusOK {
			t.Fatalf("%d: %s", a.StatusCode, a.body)
		}
		for _, line := range want {
			if !strings.Contains(a.body, line+"\n") {
				t.Errorf("%q is not there", line)
			}
		}
		return a.body
	}
	scrape(`mivaa_jobs{status="pending"} 1`, `mivaa_jobs{status="failed"} 1`, `mivaa_jobs{status="completed"} 0`,
		`mivaa_late_writes_refused_total 2`, `mivaa_store_up 1`, `# TYPE mivaa_instance_start_timestamp_seconds gauge`)
	e.ok(e.store.Close())
	if text := scrape(`mivaa_store_up 0`, `mivaa_late_writes_refused_total 2`); strings.Contains(text, "mivaa_jobs{") {
		t.Error("a store that does not answer looks like one without jobs")
	}
}

package e2e

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// activeJobs is the guide's step before a restart, to the letter but for the host.
func (s *service) activeJobs() string {
	s.t.Helper()
	out, err := exec.CommandContext(s.t.Context(), "sh", "-c", `curl -s "`+s.url+`/api/rag/admin/jobs" | jq '.active_jobs'`).CombinedOutput()
	if err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestDeployStep(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"curl", "jq"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skipf("THE GUIDE'S DEPLOY STEP IS NOT TESTED: %v", err)
		}
	}
	s := serve(t, dataDir(t), "--workers", "1")
	if got := s.activeJobs(); got != "0" {
		t.Errorf("idle: %s active jobs", got)
	}
	j := s.upload(slowPDF(1000, "deploy"))
	s.until(j.JobID, "reading", func(j job) bool { return j.StepsDone > 0 })
	if got := s.activeJobs(); got != "1" {
		t.Errorf("at work: %s active jobs", got)
	}
}

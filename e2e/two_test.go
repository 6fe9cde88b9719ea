//go:build linux

package e2e

import (
	"testing"
)

// Two processes on one data dir: starting or killing one never touches the
// other's jobs, and a pending job waits through restarts.
func TestTwoProcessesOneDataDir(t *testing.T) {
	dir := dataDir(t)
	one := serve(t, dir, "--workers", "1")
	running := one.upload(slowPDF(10000, "running"))
	one.until(running.JobID, "a page", func(now job) bool { return now.StepsDone > 0 })
	pending := one.upload(textPDF(5, "pending"))

	for range 3 {
		two := serve(t, dir, "--workers", "1", "--recovery", "auto")
		two.until(pending.JobID, "the pending job is done by the second", func(now job) bool { return completed(now) })
		mine := two.upload(slowPDF(3000, "mine"))
		two.until(mine.JobID, "a page", func(now job) bool { return now.StepsDone > 0 })
		two.kill()
		if now := one.job(running.JobID); now.Status != "processing" || now.Attempt != 1 || now.Crashes != 0 {
			t.Fatalf("the other's job: %+v", now)
		}
		// The living one takes over what the dead one had, as soon as it has a slot: it is busy.
		now := one.until(mine.JobID, "the dead one's job is recovered", func(now job) bool { return now.Status == "pending" })
		if now.Crashes > 1 || now.StepsDone == 0 {
			t.Errorf("recovered job: %+v", now)
		}
		if _, stderr, code := cli(t, "jobs", "cancel", "--yes", "--data-dir", dir, mine.JobID); code != 0 {
			t.Fatalf("cancel exited %d: %s", code, stderr)
		}
		pending = one.upload(textPDF(5, "pending again "+mine.JobID))
	}

	one.kill()
	api := serve(t, dir, "--workers", "0")
	for range 2 {
		if now := api.job(pending.JobID); now.Status != "pending" {
			t.Fatalf("the pending job: %+v", now)
		}
		api.kill()
		api = serve(t, dir, "--workers", "0")
	}
}

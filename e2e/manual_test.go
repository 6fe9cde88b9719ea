//go:build linux

package e2e

import (
	"testing"
)

// With manual recovery a start marks what was processing and what was pending,
// as the guide has it; what a person put back it leaves alone, and only a
// person puts anything back.
func TestManualRecovery(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	start := func() *service { return serve(t, dir, "--workers", "1", "--recovery", "manual") }
	s := start()
	running := s.upload(textPDF(killPages, "running"))
	s.until(running.JobID, "a page", func(now job) bool { return now.StepsDone > 0 })
	pending, other := s.upload(textPDF(3, "pending")), s.upload(textPDF(3, "other"))
	s.kill()

	s = start()
	inOrder(t, s.log(), "🛑 Marked 3 jobs as interrupted due to: Service restart detected",
		"📊 Job statistics: {'total': 3, 'pending': 0, 'processing': 0, 'completed': 0, 'failed': 0, 'interrupted': 3}")
	marked := s.job(running.JobID)
	for _, j := range []job{running, pending, other} {
		now := s.job(j.JobID)
		if now.Status != "interrupted" || now.Error != "Service restart detected" || now.Cause != "crash" || now.InterruptedAt == "" || now.Interruptions != 1 {
			t.Errorf("marked: %+v", now)
		}
	}
	if now := s.job(pending.JobID); now.Crashes != 0 || now.Attempt != 0 {
		t.Errorf("a job that never ran is charged: %+v", now)
	}
	s.kill()

	// Nothing happens to them by itself, however often the service starts.
	for range 2 {
		s = start()
		inOrder(t, s.log(), "✅ No interrupted jobs found")
		s.kill()
	}

	// A person puts one back while no service runs: the start leaves it so.
	move(t, dir, "resume", pending.JobID)
	s = start()
	inOrder(t, s.log(), "✅ No interrupted jobs found")
	s.until(pending.JobID, "resumed by a person", completed)
	for _, j := range []job{running, other} {
		if now := s.job(j.JobID); now.Status != "interrupted" {
			t.Errorf("not resumed by anyone: %+v", now)
		}
	}

	// And the others while it runs: they go on where they were.
	move(t, dir, "resume", running.JobID, other.JobID)
	done := s.until(running.JobID, "resumed", completed)
	s.until(other.JobID, "resumed", completed)
	if done.StepsDone != killPages || done.Attempt != 2 || marked.StepsDone == 0 {
		t.Errorf("resumed: %+v, %d pages were kept", done, marked.StepsDone)
	}
	if got, want := happened(history(t, dir, running.JobID)), "accepted started interrupted(crash) resumed(operator) started completed"; got != want {
		t.Errorf("history: %s\nwant: %s", got, want)
	}
}

func move(t *testing.T, dir, word string, ids ...string) {
	t.Helper()
	if _, stderr, code := cli(t, append([]string{"jobs", word, "--data-dir", dir}, ids...)...); code != 0 {
		t.Fatalf("%s exited %d: %s", word, code, stderr)
	}
}

// Where another instance lives, a start of a manual one marks nothing.
func TestManualRecoveryBesideAnother(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	one := serve(t, dir, "--workers", "1", "--recovery", "manual", "--page-timeout", "10m")
	busy := one.upload(loopPDF(3, 2))
	one.until(busy.JobID, "a page", func(now job) bool { return now.StepsDone == 1 })
	pending := one.upload(textPDF(3, "pending"))
	two := serve(t, dir, "--workers", "1", "--recovery", "manual")
	inOrder(t, two.log(), "✅ No interrupted jobs found")
	done := two.until(pending.JobID, "the second runs what waits", completed)
	if done.Attempt != 1 || done.Interruptions != 0 {
		t.Errorf("the pending job: %+v", done)
	}
	if now := one.job(busy.JobID); now.Status != "processing" || now.Attempt != 1 {
		t.Errorf("the other's job: %+v", now)
	}
}

// With automatic recovery a pending job stays pending through any restart, and
// its row and history say so; what was processing goes on. The stamp of the
// job decides, not the setting of the process that recovers.
func TestAutomaticRecoveryLeavesPendingAlone(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	s := serve(t, dir, "--workers", "1")
	running := s.uploadForm("running.pdf", textPDF(3000, "running"), map[string]string{"priority": "1"}) // what is put back stands behind its equals
	s.until(running.JobID, "a page", func(now job) bool { return now.StepsDone > 0 })
	pending := s.upload(textPDF(3, "pending"))
	for n, recovery := range []string{"auto", "manual", "auto"} {
		s.kill()
		s = serve(t, dir, "--workers", "1", "--recovery", recovery)
		now := s.job(pending.JobID)
		if now.Status != "pending" || now.Attempt != 0 || now.Interruptions != 0 || now.Crashes != 0 || now.InterruptedAt != "" {
			t.Errorf("the pending job: %+v", now)
		}
		before := s.job(running.JobID).StepsDone
		s.until(running.JobID, "the other goes on", func(now job) bool {
			return now.Status == "processing" && now.Attempt == n+2 && now.StepsDone > before
		})
	}
	if got := happened(history(t, dir, pending.JobID)); got != "accepted" {
		t.Errorf("history: %s", got)
	}
}

//go:build linux

package e2e

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// A killed process says nothing and cleans nothing up: its job stays
// processing in the database until a start finds it.
func TestSIGKILLIsNotCaught(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	s := serve(t, dir)
	j := s.upload(slowPDF(killPages, "sigkill"))
	s.until(j.JobID, "a page", func(now job) bool { return now.StepsDone > 0 })
	s.kill()
	for _, line := range s.log() {
		if strings.HasPrefix(line, "🛑") || strings.Contains(line, "SHUTDOWN") {
			t.Errorf("a killed process wrote %q", line)
		}
	}
	conn := database(t, dir)
	var status string
	if err := conn.QueryRowContext(t.Context(), "SELECT status FROM background_jobs WHERE id = ?", j.JobID).Scan(&status); err != nil || status != "processing" {
		t.Errorf("its job is %q, %v", status, err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	s = serve(t, dir, "--workers", "1")
	inOrder(t, s.log(), "🛑 Marked 1 jobs as interrupted due to: Service restart detected", "   - Job "+j.JobID)
}

// A start removes jobs that ended more than seven days ago, and says how many;
// younger ones stay, and so do those that somebody may still resume.
func TestStartCleansUpOldJobs(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	s := serve(t, dir)
	var old []job
	for n := range 5 {
		j := s.upload(textPDF(1, fmt.Sprintf("old %d", n)))
		s.until(j.JobID, "completed", completed)
		old = append(old, j)
	}
	if code, _ := s.signal(syscall.SIGTERM); code != 0 {
		t.Fatalf("exit %d", code)
	}
	conn := database(t, dir)
	age := func(id, ago string, more string) {
		exec1(t, conn, `UPDATE background_jobs SET created_at = datetime('now', ?1), started_at = datetime('now', ?1), completed_at = datetime('now', ?1),
			updated_at = datetime('now', ?1) `+more+` WHERE id = ?2`, ago, id)
	}
	age(old[0].JobID, "-8 days", "")
	age(old[1].JobID, "-8 days", ", status = 'failed', progress = 99, error = 'by hand', error_code = 'internal', failed_at = datetime('now', ?1), completed_at = NULL")
	age(old[2].JobID, "-169 hours", "")
	age(old[3].JobID, "-8 days", ", status = 'interrupted', progress = 99, error = 'by hand', cause = 'shutdown', recovery = 'manual', interrupted_at = datetime('now', ?1), completed_at = NULL")
	age(old[4].JobID, "-6 days", "")
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	s = serve(t, dir)
	inOrder(t, s.log(), "🧹 Cleaned up 3 old jobs", "✅ Job recovery service initialized successfully")
	left := map[string]bool{}
	for _, j := range s.jobs() {
		left[j.ID] = true
	}
	if len(left) != 2 || !left[old[3].JobID] || !left[old[4].JobID] {
		t.Errorf("left: %v", left)
	}
	if text := s.content(old[0].DocumentID, "text"); !strings.Contains(text, "Page 1 of old 0") {
		t.Errorf("the document went with its job: %.100q", text)
	}
}

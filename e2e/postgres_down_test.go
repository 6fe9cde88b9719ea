//go:build linux

package e2e

import (
	"strings"
	"testing"

	"github.com/mivaa/mivaa/internal/pgtest"
)

// A database that goes away under a document, and comes back, costs time and
// nothing else. While it is away the health says so, the log says it once, and
// nothing can start.
func TestPostgresGoesAwayAndComesBack(t *testing.T) {
	t.Parallel()
	pdf := textPDF(killPages, "down")
	want, _ := undisturbed(t, pdf)
	server := pgtest.Start(t, "fsync=off", "full_page_writes=off")
	c := &cluster{url: withPassword(server.URL()), schema: "mivaa"}
	s := c.serve(t)
	j := s.upload(pdf)
	for _, mode := range []pgtest.Mode{pgtest.Immediate, pgtest.Fast} {
		done := s.job(j.JobID).StepsDone
		s.until(j.JobID, "some pages", func(now job) bool { return now.StepsDone > done+20 || completed(now) })
		if err := server.Down(mode); err != nil {
			t.Fatal(err)
		}
		var health struct{ Status string }
		if code := s.call("GET", "/health", nil, &health); code != 503 || health.Status != "unhealthy" {
			t.Errorf("health while the database is away: %d %+v", code, health)
		}
		s.line("store does not answer|The store does not answer")
		f := failsWith(t, c.setup, 6, "serve", "--data-dir", dataDir(t), "--addr", "127.0.0.1:0")
		f.needsHint(t, "no database server listens there")
		f = failsWith(t, c.setup, 6, "jobs", "list")
		f.needsHint(t, "no database server listens there")
		if strings.Contains(f.Message, password) {
			t.Errorf("the password is told: %s", f.Message)
		}
		if err := server.Up(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "healthy again", wait, func() bool { return s.call("GET", "/health", nil, nil) == 200 })
	}
	end := s.until(j.JobID, "completed", completed)
	if end.Crashes != 0 || end.StepsDone != killPages {
		t.Errorf("completed job: %+v", end)
	}
	t.Logf("attempts: %d, interruptions: %d", end.Attempt, end.Interruptions)
	if s.content(j.DocumentID, "markdown") != want {
		t.Error("the document differs from that of an undisturbed run")
	}
	recordedOnce(t, s, j.JobID, killPages)
	told := 0
	for _, line := range s.log() {
		if strings.Contains(line, "The store does not answer") {
			told++
		}
	}
	if told > 2 {
		t.Errorf("the log says %d times that the store does not answer", told)
	}
}

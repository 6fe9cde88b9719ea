//go:build linux

package e2e

import (
	"strings"
	"testing"
)

// A document whose service dies three times in a row without a page between is
// given up with its history. What ran beside it is not, and the service goes on.
func TestDocumentThatIsThereAtEveryDeath(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	start := func() *service { return serve(t, dir, "--workers", "2", "--page-timeout", "10m") }
	s := start()
	guilty := s.upload(loopPDF(3, 1))
	var beside []job
	for _, name := range []string{"one", "two", "three"} {
		beside = append(beside, s.upload(textPDF(150, "beside "+name)))
	}
	for death := 1; death <= 3; death++ {
		now := s.until(guilty.JobID, "the document is read", func(now job) bool { return now.Status == "processing" && now.Attempt == death })
		if now.Crashes != death-1 || now.StepsDone != 0 {
			t.Errorf("before death %d: %+v", death, now)
		}
		eventually(t, "a reader is at it", wait, func() bool { return len(s.readers()) > 0 })
		s.kill()
		s = start()
	}
	now := s.job(guilty.JobID) // the start has decided
	if now.Status != "failed" || now.ErrorCode != "crashed" || now.Attempt != 3 || now.Crashes != 3 || !strings.Contains(now.Error, "3 times") {
		t.Errorf("the document that was there at every death: %+v", now)
	}
	inOrder(t, s.log(), "❌ Gave up 1 jobs whose process died too often in a row:", "   - Job "+guilty.JobID)
	const died = "started interrupted(crash) "
	if got, want := happened(history(t, dir, guilty.JobID)), "accepted "+died+"resumed "+died+"resumed "+died+"failed(crash)"; got != want {
		t.Errorf("history: %s\nwant: %s", got, want)
	}
	for _, j := range beside {
		if now := s.until(j.JobID, "the jobs beside it", completed); now.Crashes != 0 || now.StepsDone != 150 {
			t.Errorf("beside it: %+v", now)
		}
	}

	// The service is at work, and a person may give the document another try.
	next := s.upload(textPDF(2, "next"))
	s.until(next.JobID, "the next upload", completed)
	if _, stderr, code := cli(t, "jobs", "retry", "--data-dir", dir, guilty.JobID); code != 0 {
		t.Fatalf("retry exited %d: %s", code, stderr)
	}
	again := s.until(guilty.JobID, "read again", func(now job) bool { return now.Status == "processing" })
	if again.Crashes != 0 || again.Attempt != 4 {
		t.Errorf("given another try: %+v", again)
	}
}

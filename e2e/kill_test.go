//go:build linux

package e2e

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

const (
	killPages = 600
	kills     = 20
)

// undisturbed is what a document gives when nothing happens to it.
func undisturbed(t *testing.T, pdf []byte) (markdown, text string) {
	t.Helper()
	dir, path := dataDir(t), write(t, pdf)
	for _, format := range []string{"markdown", "text"} {
		out, stderr, code := cli(t, "extract", "--data-dir", dir, "--format", format, path)
		if code != 0 || out == "" {
			t.Fatalf("extract exited %d: %s", code, stderr)
		}
		if format == "markdown" {
			markdown = out
		} else {
			text = out
		}
	}
	return markdown, text
}

// moments spreads n kills over the pages of a document. The last third is for
// what a service reads, on a busy machine, until its kill arrives.
func moments(rng *rand.Rand, n, pages int) []int {
	pages = pages * 2 / 3
	at := make([]int, n)
	for i := range at {
		at[i] = i*pages/n + rng.IntN(pages/n)
	}
	return at
}

func seeded(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// A service that is killed at twenty moments in one document gives the same
// document, each page recorded once, and goes on within a second of each start.
func TestKilledServiceLosesNothing(t *testing.T) {
	pdf := textPDF(killPages, "kill")
	wantMarkdown, wantText := undisturbed(t, pdf)
	rng := seeded(t)
	dir := dataDir(t)

	s := serve(t, dir)
	j := s.upload(pdf)
	done := 0
	for n, at := range moments(rng, kills, killPages) {
		// At least one: three deaths in a row without a page fail the job.
		now := s.until(j.JobID, "a page after the kill", func(now job) bool { return now.StepsDone >= max(at, done+1) || completed(now) })
		if completed(now) {
			t.Fatalf("completed before kill %d: give the document more pages", n+1)
		}
		readers := s.readers()
		if len(readers) == 0 {
			t.Error("a document is read without a reader")
		}
		s.kill()
		noneOutlives(t, readers)
		s = serve(t, dir)
		done = s.job(j.JobID).StepsDone
		s.until(j.JobID, "resumed", func(now job) bool { return now.Status == "processing" || completed(now) })
		if took := time.Since(s.ready); took > time.Second {
			t.Errorf("resumed %v after the start", took)
		}
	}
	end := s.until(j.JobID, "completed", completed)
	if end.StepsDone != killPages || end.StepsTotal != killPages || end.Attempt != kills+1 || end.Crashes != 0 {
		t.Errorf("completed job: %+v", end)
	}
	if s.content(j.DocumentID, "markdown") != wantMarkdown || s.content(j.DocumentID, "text") != wantText {
		t.Error("the document differs from that of an undisturbed run")
	}
	recordedOnce(t, s, j.JobID, killPages)
}

// recordedOnce checks the numbers of the recorded steps: 1, 2, 3 and so on.
func recordedOnce(t *testing.T, s *service, id string, pages int) {
	t.Helper()
	var got struct {
		Count       int `json:"count"`
		Checkpoints []struct {
			Seq        int `json:"seq"`
			PageNumber int `json:"page_number"`
		} `json:"checkpoints"`
	}
	s.call("GET", "/api/rag/jobs/"+id+"/checkpoints?limit=1000", nil, &got)
	if got.Count != pages || len(got.Checkpoints) != pages {
		t.Fatalf("%d checkpoints, %d listed, want %d", got.Count, len(got.Checkpoints), pages)
	}
	for i, c := range got.Checkpoints {
		if c.Seq != i+1 || c.PageNumber != i+1 {
			t.Fatalf("checkpoint %d has number %d and page %d", i+1, c.Seq, c.PageNumber)
		}
	}
}

// The extract command, killed twenty times and given again, does the same.
func TestKilledExtractLosesNothing(t *testing.T) {
	pdf := textPDF(killPages, "extract")
	wantMarkdown, _ := undisturbed(t, pdf)
	rng := seeded(t)
	dir, path := dataDir(t), write(t, pdf)
	out := filepath.Join(t.TempDir(), "out.md")
	args := []string{"extract", "--data-dir", dir, "-o", out, path}

	watcher := serve(t, dir, "--workers", "0")
	done := 0
	var slowest time.Duration // from a start to the job being in work, the start of the process included
	for n, at := range moments(rng, kills, killPages) {
		started := time.Now()
		p := launch(t, args...)
		if n == 0 {
			eventually(t, "the job", 10*time.Second, func() bool { return len(watcher.jobs()) == 1 })
		}
		id := watcher.jobs()[0].ID
		watcher.until(id, "resumed", func(now job) bool { return now.Status == "processing" && now.Attempt == n+1 || completed(now) })
		took := time.Since(started)
		slowest = max(slowest, took)
		if took > time.Second {
			t.Errorf("resumed %v after start %d", took, n+1)
		}
		now := watcher.until(id, "a page after the kill", func(now job) bool { return now.StepsDone >= max(at, done+1) || completed(now) })
		if completed(now) {
			t.Fatalf("completed before kill %d", n+1)
		}
		if now.StepsDone < done {
			t.Errorf("steps fell from %d to %d", done, now.StepsDone)
		}
		readers := p.readers()
		p.kill()
		noneOutlives(t, readers)
		done = watcher.job(id).StepsDone // what was recorded until the end
		if _, err := os.Stat(out); err == nil {
			t.Error("output was written before the end")
		}
	}
	stdout, stderr, code := cli(t, args...)
	if code != 0 || stdout != "" {
		t.Fatalf("last extract exited %d: %s", code, stderr)
	}
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != wantMarkdown {
		t.Error("the document differs from that of an undisturbed run")
	}
	j := watcher.job(watcher.jobs()[0].ID)
	if j.Attempt != kills+1 || j.StepsDone != killPages {
		t.Errorf("job: %+v", j)
	}
	recordedOnce(t, watcher, j.JobID, killPages)
	t.Logf("slowest resume: %v", slowest)
}

func (s *service) jobs() []job {
	s.t.Helper()
	var list struct {
		Jobs []job `json:"jobs"`
	}
	s.call("GET", "/api/rag/documents/jobs", nil, &list)
	return list.Jobs
}

// A page that loops for ever is being read when the service is killed: its
// reader dies with it all the same.
func TestKilledServiceTakesAHungReaderWithIt(t *testing.T) {
	s := serve(t, dataDir(t))
	j := s.upload(loopPDF(3, 2))
	s.until(j.JobID, "page 1 recorded", func(now job) bool { return now.StepsDone == 1 })
	readers := s.readers()
	s.kill()
	noneOutlives(t, readers)
}

// A page that loops for ever costs its time limit and nothing else.
func TestLoopingPageCostsItself(t *testing.T) {
	s := serve(t, dataDir(t), "--page-timeout", "2s")
	j := s.upload(loopPDF(6, 3))
	other := s.upload(textPDF(20, "beside"))
	for !completed(s.job(j.JobID)) {
		asked := time.Now()
		if code := s.call("GET", "/health", nil, nil); code != 200 {
			t.Fatalf("health answered %d", code)
		}
		if took := time.Since(asked); took > 100*time.Millisecond {
			t.Logf("health took %v", took)
		}
	}
	done := s.job(j.JobID)
	failed := done.Result.FailedPages
	if done.PagesFailed != 1 || len(failed) != 1 || failed[0].PageNumber != 3 || failed[0].ErrorCode != "page_timeout" {
		t.Errorf("failed pages: %d, %+v", done.PagesFailed, failed)
	}
	s.until(other.JobID, "the other document", completed)
}

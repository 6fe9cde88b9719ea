//go:build linux

package e2e

import (
	"encoding/json"
	"strings"
	"testing"
)

// An embedded store is copied into PostgreSQL, and the copy is killed again and
// again: what is read there is the same byte for byte, and the document that was
// being read when the old service died goes on.
func TestCopyIntoPostgres(t *testing.T) {
	t.Parallel()
	const longPages = 1500
	long := textPDF(longPages, "long")
	dir := dataDir(t)
	old := serve(t, dir, "--workers", "1")
	done := []job{
		old.upload(textPDF(400, "copied")),
		old.uploadForm("secret.pdf", encryptedPDF("open sesame"), map[string]string{"password": "open sesame", "owner": "alice"}),
	}
	want := map[string]string{}
	for _, j := range done {
		old.until(j.JobID, "completed", completed)
		for _, format := range []string{"markdown", "json"} {
			want[j.DocumentID+format] = old.content(j.DocumentID, format)
		}
	}
	unfinished := old.upload(long)
	old.until(unfinished.JobID, "some pages", func(now job) bool { return now.StepsDone > 100 })

	c := newCluster(t)
	args := []string{"copy", "--from", dir, "--data-dir", t.TempDir()}
	f := failsWith(t, c.setup, 5, args...)
	f.needsHint(t, "stop the service")
	old.kill()

	// Killed as soon as a little more has arrived, until it is done before.
	for kills, seen := 0, 0; ; kills++ {
		p := launchWith(t, c.setup, append(args, "--json")...)
		ended := false
		eventually(t, "some steps arrive", wait, func() bool {
			select {
			case <-p.ended:
				ended = true
				return true
			default:
			}
			if !ask[bool](t, c, `SELECT to_regclass('job_steps') IS NOT NULL`) {
				return false
			}
			now := ask[int](t, c, `SELECT count(*) FROM job_steps`)
			more := now > seen
			seen = max(seen, now)
			return more && kills < 4
		})
		if !ended {
			p.kill()
			continue
		}
		var result struct {
			Verified bool
			Problems []any
		}
		if err := json.Unmarshal(p.stdout.Bytes(), &result); p.wait() != 0 || err != nil || !result.Verified || len(result.Problems) > 0 {
			t.Fatalf("copy exited %d, %v: %s%s", p.wait(), err, p.stdout.String(), strings.Join(p.log(), "\n"))
		}
		t.Logf("copied after %d kills", kills)
		break
	}
	out, stderr, code := c.cli(t, args...)
	if code != 0 || !strings.HasPrefix(out, "copied 0 documents, 0 jobs, 0 steps, 0 events and 0 sources") {
		t.Errorf("given again: exit %d: %s%s", code, out, stderr)
	}

	s := c.serve(t)
	for _, j := range done {
		for _, format := range []string{"markdown", "json"} {
			if got := s.content(j.DocumentID, format); got != want[j.DocumentID+format] {
				t.Errorf("%s of %s: %d bytes there, %d here", format, j.DocumentID, len(got), len(want[j.DocumentID+format]))
			}
		}
	}
	end := s.until(unfinished.JobID, "the unfinished one goes on", completed)
	if end.StepsDone != longPages || end.Attempt != 2 || end.Interruptions != 1 {
		t.Errorf("completed job: %+v", end)
	}
	if got, want := happened(historyWith(t, c.setup, dir, unfinished.JobID)), "accepted started interrupted(crash) resumed started completed"; got != want {
		t.Errorf("history: %s, want %s", got, want)
	}
	// The old store is as it was, and may still be used.
	look := serve(t, dir, "--workers", "0")
	if got := look.content(done[0].DocumentID, "markdown"); got != want[done[0].DocumentID+"markdown"] {
		t.Error("the source was changed")
	}
}

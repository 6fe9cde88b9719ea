//go:build linux

package e2e

import (
	"database/sql"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

const followPages = 3000

// An extract that finds its document in the hands of another process waits for
// it, and goes on itself when that one dies or is stopped.
func TestExtractOutlivesWhoItFollows(t *testing.T) {
	pdf := textPDF(followPages, "followed")
	path, own := write(t, pdf), dataDir(t)
	want, stderr, code := cli(t, "extract", "--data-dir", own, path)
	if code != 0 {
		t.Fatalf("extract exited %d: %s", code, stderr)
	}
	extract := func(t *testing.T, dir string) *process { return launch(t, "extract", "--data-dir", dir, path) }
	stop := func(code int) func(*testing.T, *process) {
		return func(t *testing.T, p *process) {
			if got, _ := p.signal(syscall.SIGTERM); got != code {
				t.Errorf("the first exited %d, want %d", got, code)
			}
		}
	}
	for name, tt := range map[string]struct {
		begin func(t *testing.T, dir string) *process
		end   func(*testing.T, *process)
	}{
		"extract, killed":  {extract, func(_ *testing.T, p *process) { p.kill() }},
		"extract, stopped": {extract, stop(75)},
		"serve, stopped": {func(t *testing.T, dir string) *process {
			s := serve(t, dir, "--workers", "1")
			s.upload(pdf)
			return s.process
		}, stop(0)},
	} {
		t.Run(name, func(t *testing.T) {
			dir := dataDir(t)
			watcher := serve(t, dir, "--workers", "0")
			first := tt.begin(t, dir)
			eventually(t, "the job", wait, func() bool { return len(watcher.jobs()) == 1 })
			id := watcher.jobs()[0].ID
			watcher.until(id, "a page", func(now job) bool { return now.StepsDone > 0 })
			second := extract(t, dir)
			db := database(t, dir)
			eventually(t, "the second found it in other hands", wait, func() bool { return givenUp(t, db) > 0 })
			if now := watcher.job(id); now.Status != "processing" || now.Attempt != 1 {
				t.Fatalf("the second came too late, or disturbs the first: %+v", now)
			}
			tt.end(t, first)
			if code := second.wait(); code != 0 {
				t.Fatalf("the second exited %d: %s", code, strings.Join(second.log(), "\n"))
			}
			if second.stdout.String() != want {
				t.Error("the document differs from that of an undisturbed run")
			}
			now := watcher.job(id)
			if all := watcher.jobs(); len(all) != 1 || !completed(now) || now.Attempt != 2 || now.StepsDone != followPages {
				t.Errorf("%d jobs, the first: %+v", len(all), now)
			}
		})
	}
}

// givenUp is how many instances have come and gone: one that finds its document
// in other hands does.
func givenUp(t *testing.T, db *sql.Conn) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM job_instances WHERE state = 'stopped'`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// A signal while the engine is compiled is heard: nothing waits for its end.
func TestStopWhileTheEngineIsCompiled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := launch(t, "extract", "--data-dir", dir, "--log-level", "info", write(t, textPDF(3, "cold")))
	p.line("Compiling the PDF engine")
	code, took := p.signal(syscall.SIGTERM)
	if code != 75 || took > 10*time.Second {
		t.Errorf("exited %d after %v", code, took)
	}
	out, _, code := cli(t, "jobs", "list", "--data-dir", dir, "--json")
	if code != 0 || !strings.Contains(out, `"cause":"shutdown"`) || !strings.Contains(out, `"steps_done":0`) {
		t.Errorf("exited %d: %s", code, out)
	}
	if out, _, _ = cli(t, "check", "--data-dir", dir); !strings.Contains(out, "compiled, a reader starts") {
		t.Errorf("the engine was compiled to its end: %s", out)
	}
}

// Who reads the result leaves, as head does: the command ends without a word,
// and what it read is kept.
func TestNobodyReadsTheResult(t *testing.T) {
	t.Parallel()
	dir, path := dataDir(t), write(t, textPDF(50, "unread"))
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	p := launchWith(t, func(cmd *exec.Cmd) { cmd.Stdout = w }, "extract", "--data-dir", dir, path)
	code := p.wait()
	// To a shell both are 141.
	state, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if code != 141 && !(ok && state.Signaled() && state.Signal() == syscall.SIGPIPE) || len(p.log()) > 0 {
		t.Errorf("%v: %v", p.cmd.ProcessState, p.log())
	}
	out, _, _ := cli(t, "jobs", "list", "--data-dir", dir, "--json")
	if !strings.Contains(out, `"status":"completed"`) || !strings.Contains(out, `"steps_done":50`) {
		t.Errorf("the job: %s", out)
	}
	if got, stderr, code := cli(t, "extract", "--data-dir", dir, path); code != 0 || got == "" {
		t.Errorf("extract exited %d: %s", code, stderr)
	}
}

//go:build linux

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// load is a service in the middle of its work, of which a backup is to be taken.
type load struct {
	*service
	accepted []job // in the order of their acceptance
	done     job   // completed before
	running  job   // a long document that is being read
}

const loadPages = 500

// underLoad gives a service something that it has done, does, and has to do.
func underLoad(t *testing.T, s *service) *load {
	t.Helper()
	l := &load{service: s}
	l.done = s.upload(textPDF(20, "before the backup"))
	s.until(l.done.JobID, "completed", completed)
	l.running = s.upload(slowPDF(loadPages, "across the backup"))
	s.until(l.running.JobID, "some pages", func(now job) bool { return now.StepsDone > 20 })
	l.accepted = []job{l.done, l.running}
	return l
}

// more accepts another document.
func (l *load) more() {
	l.t.Helper()
	l.accepted = append(l.accepted, l.upload(textPDF(3, fmt.Sprintf("document %d", len(l.accepted)))))
}

// while uploads as long as a command runs, and returns what was accepted before
// it was given. The command has to succeed.
func (l *load) while(setup func(*exec.Cmd), program string, args ...string) (before []job) {
	l.t.Helper()
	l.more()
	before = slices.Clone(l.accepted)
	cmd := exec.CommandContext(l.t.Context(), program, args...)
	cmd.Env = cleanEnv()
	if setup != nil {
		setup(cmd)
	}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case err := <-ended:
			if err != nil {
				l.t.Fatalf("%s: %v\n%s", program, err, &out)
			}
			l.more() // after the copy: not in it
			return before
		default:
			l.more()
		}
	}
}

// kept checks a service that was started from a backup: all that was accepted
// before it is there, is read to its end, and is the same document.
func (l *load) kept(restored *service, before []job) {
	l.t.Helper()
	for _, j := range before {
		end := restored.until(j.JobID, "completed where it was restored", completed)
		if end.Crashes != 0 || end.ErrorCode != "" {
			l.t.Errorf("restored job: %+v", end)
		}
		l.until(j.JobID, "completed where it was accepted", completed)
		if got, want := restored.content(j.DocumentID, "markdown"), l.content(j.DocumentID, "markdown"); got != want {
			l.t.Errorf("%s: %d bytes where it was restored, %d where it was accepted", j.Filename, len(got), len(want))
		}
	}
	if end := restored.job(l.running.JobID); end.StepsDone != loadPages || end.Attempt != 2 || end.Interruptions != 1 {
		l.t.Errorf("the job that was running at the moment of the copy: %+v", end)
	}
	if end := restored.job(l.done.JobID); end.Attempt != 1 {
		l.t.Errorf("the job that was completed was run again: %+v", end)
	}
}

// A backup of an embedded store that is taken while it works, first the database,
// then the sources, goes on elsewhere: nothing that was accepted before it is
// lost, and what was running is charged with nothing.
func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	for name, backup := range map[string]func(from, to string) (program string, args []string){
		"mivaa": func(from, to string) (string, []string) {
			return binary, []string{"backup", "--data-dir", from, filepath.Join(to, "mivaa.db")}
		},
		"sqlite3": func(from, to string) (string, []string) {
			return "sqlite3", []string{"-cmd", ".timeout 10000", filepath.Join(from, "mivaa.db"), ".backup '" + filepath.Join(to, "mivaa.db") + "'"}
		},
		"VACUUM INTO": func(from, to string) (string, []string) {
			return "sqlite3", []string{"-cmd", ".timeout 10000", filepath.Join(from, "mivaa.db"), "VACUUM INTO '" + filepath.Join(to, "mivaa.db") + "'"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to := dataDir(t), dataDir(t)
			program, args := backup(from, to)
			needs(t, program)
			l := underLoad(t, serve(t, from))
			before := l.while(nil, program, args...)
			copySources(t, from, to)
			last := l.accepted[len(l.accepted)-1]
			restored := serve(t, to)
			l.kept(restored, before)
			if code := restored.call("GET", "/api/rag/documents/job/"+last.JobID, nil, nil); code != 404 {
				t.Errorf("what was accepted after the copy is in it (%d): the copy was not looked at", code)
			}
		})
	}
}

// A data dir of which nobody has anything open may be copied by any tool.
func TestBackupOfAStoppedService(t *testing.T) {
	t.Parallel()
	from, to := dataDir(t), filepath.Join(t.TempDir(), "data")
	l := underLoad(t, serve(t, from))
	l.more()
	if code, _ := l.signal(syscall.SIGTERM); code != 0 {
		t.Fatalf("exit %d", code)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	before := l.accepted
	l.service = serve(t, from)
	l.kept(serve(t, to), before)
}

// copySources copies the folder of sources, as cp -a does.
func copySources(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(filepath.Join(to, "blobs"), os.DirFS(filepath.Join(from, "blobs"))); err != nil {
		t.Fatal(err)
	}
}

// needs skips a test without a program, or fails it under CI.
func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("SKIPPED: %v", err)
	}
}

//go:build unix

package sqlite

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mivaa/mivaa/jobs"
)

// recovered claims by an instance until something was recovered.
func recovered(t *testing.T, s *Store) []jobs.Event {
	t.Helper()
	var events []jobs.Event
	eventually(t, "jobs of the dead are recovered", func() bool {
		got, err := s.Claim(t.Context(), jobs.ClaimParams{Instance: "watcher"})
		if err != nil {
			t.Fatal(err)
		}
		events = got.Recovered
		return len(events) > 0
	})
	return events
}

func watcher(t *testing.T) (*Store, string, jobs.Job) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "jobs.db")
	s := open(t, path)
	guard(t, path)
	join(t, s, "watcher")
	return s, path, insertOne(t, s, jobs.NewJob{Kind: "work"})
}

func TestProcessKilledLosesItsJobsAtOnce(t *testing.T) {
	t.Parallel()
	s, path, j := watcher(t)
	c := spawn(t, "victim", path)
	if got, err := s.Claim(t.Context(), jobs.ClaimParams{Instance: "watcher"}); err != nil || len(got.Recovered) > 0 {
		t.Fatalf("recovered %v of the living, %v", got.Recovered, err)
	}
	if err := c.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = c.cmd.Wait()
	got, err := s.Claim(t.Context(), jobs.ClaimParams{Instance: "watcher", Kinds: []string{"work"}, Limit: 1, Suspects: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Recovered) != 1 || got.Recovered[0].Cause != jobs.CauseCrash || got.Recovered[0].Instance != "victim" {
		t.Errorf("recovered %+v", got.Recovered)
	}
	if len(got.Jobs) != 1 || got.Jobs[0].ID != j.ID || got.Jobs[0].Crashes != 1 || got.Jobs[0].Attempt != 2 {
		t.Errorf("claimed %+v", got.Jobs)
	}
	if _, err := os.Stat(s.lockPath("victim")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the lock of the dead is still there: %v", err)
	}
}

func TestProcessKilledWhileStoppingChargesNobody(t *testing.T) {
	t.Parallel()
	s, path, _ := watcher(t)
	c := spawn(t, "victim", path)
	if line := c.tell("stopping"); !strings.HasSuffix(line, "error <nil>") {
		t.Fatal(line)
	}
	if err := c.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = c.cmd.Wait()
	got, err := s.Claim(t.Context(), claimParams("watcher", 1))
	if err != nil || len(got.Jobs) != 1 || got.Jobs[0].Crashes != 0 || got.Recovered[0].Cause != jobs.CauseShutdown {
		t.Errorf("claimed %+v, recovered %+v, %v", got.Jobs, got.Recovered, err)
	}
}

func TestProcessStoppedLosesItsJobsWithItsLease(t *testing.T) {
	t.Parallel()
	s, path, j := watcher(t)
	c := spawn(t, "victim", path)
	if line := c.tell("renew"); !strings.HasSuffix(line, "error <nil>") {
		t.Fatal(line)
	}
	if err := c.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	events := recovered(t, s)
	if len(events) != 1 || events[0].Cause != jobs.CauseLeaseLost || events[0].JobID != j.ID {
		t.Errorf("recovered %+v", events)
	}
	if err := c.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if line := c.tell("checkpoint"); !strings.Contains(line, "lost true") {
		t.Errorf("late checkpoint: %s", line)
	}
	if line := c.tell("renew"); !strings.Contains(line, "gone true") {
		t.Errorf("late renewal: %s", line)
	}
	steps, err := s.Steps(t.Context(), j.ID, 0, 10)
	if err != nil || len(steps) != 0 {
		t.Errorf("late steps %v, %v", steps, err)
	}
}

func TestFolderThatIsReadOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	made := filepath.Join(dir, "jobs.db")
	open(t, made)
	for path := range map[string]bool{made: true, filepath.Join(dir, "sub", "new.db"): true, filepath.Join(dir, "new.db"): true} {
		cmd := childCommand(t, "open", path)
		if os.Getuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			readable(t, dir, cmd.Path)
		} else if err := os.Chmod(dir, 0o500); err != nil {
			t.Fatal(err)
		}
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "hint: ") || strings.HasSuffix(strings.TrimSpace(string(out)), "hint:") {
			t.Errorf("open %s: %v\n%s", path, err, out)
		}
	}
	if os.Getuid() != 0 {
		if err := os.Chmod(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

// readable lets another user run the test binary and read a folder.
func readable(t *testing.T, dir, binary string) {
	t.Helper()
	for _, path := range []string{dir, filepath.Dir(dir), filepath.Dir(binary)} {
		for p := path; p != os.TempDir() && len(p) > 1; p = filepath.Dir(p) {
			if err := os.Chmod(p, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, p := range []string{filepath.Join(dir, "jobs.db"), filepath.Join(dir, "jobs.db-wal"), filepath.Join(dir, "jobs.db-shm")} {
		if err := os.Chmod(p, 0o644); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

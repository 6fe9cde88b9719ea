package jobs_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/sqlite"
)

// The tests of this file run workers in processes of their own: this binary,
// started again with a role.
const roleVar, pathVar = "JOBS_TEST_ROLE", "JOBS_TEST_PATH"

func TestMain(m *testing.M) {
	if os.Getenv(roleVar) == "worker" {
		if err := workerProcess(os.Getenv(pathVar)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// workerProcess runs jobs until its standard input closes. Jobs of kind
// "poison" kill it; those of kind "slow" record a step and then wait.
func workerProcess(path string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	store, err := sqlite.Open(ctx, sqlite.Config{Path: path})
	if err != nil {
		return err
	}
	defer store.Close()
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, os.Stdin) // its end is all that is waited for
	}()
	w := &jobs.Worker{Store: store, Slots: 4, Grace: 5 * time.Second, Handlers: map[string]jobs.Handler{
		"poison": func(context.Context, *jobs.Attempt) error {
			self, err := os.FindProcess(os.Getpid())
			if err != nil {
				return err
			}
			return self.Kill()
		},
		"slow": func(ctx context.Context, a *jobs.Attempt) error {
			fmt.Fprintf(os.Stdout, "started %s\n", a.Job().ID)
			for seq := a.Done() + 1; seq <= 3; seq++ {
				select {
				case <-time.After(100 * time.Millisecond):
				case <-a.Stopping():
				}
				if err := a.Checkpoint(ctx, step(seq)); err != nil {
					return err
				}
			}
			return nil
		},
	}}
	return w.Run(ctx)
}

// spawn starts a worker process; wait reports how it ended.
func spawn(t *testing.T, path string) (lines *bufio.Scanner, kill func(), wait func() error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), roleVar+"=worker", pathVar+"="+path)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close() })
	return bufio.NewScanner(out), func() { _ = cmd.Process.Kill() }, cmd.Wait
}

// A job that kills its process is failed after three deaths in a row; the jobs
// beside it complete, and no crash stays with them.
func TestPoisonIsStopped(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jobs.db")
	s := openAt(t, path)
	var innocent []jobs.ID
	for range 3 {
		innocent = append(innocent, insert(t, s, jobs.NewJob{Kind: "slow"}).ID)
	}
	poison := insert(t, s, jobs.NewJob{Kind: "poison"}).ID
	deaths := 0
	for ; deaths < 10; deaths++ {
		lines, _, wait := spawn(t, path)
		ended := make(chan struct{})
		go func() {
			for lines.Scan() { // until the process is gone
			}
			_ = wait() // killed, or ended by its closed input
			close(ended)
		}()
		if !diesOrSettles(t, s, poison, ended) {
			break
		}
	}
	if deaths != 3 {
		t.Errorf("the process died %d times, want 3", deaths)
	}
	j := get(t, s, poison)
	if j.Status != jobs.Failed || j.ErrorCode != jobs.CodeCrashed || j.Crashes != 3 {
		t.Errorf("poison: %+v", j)
	}
	crashes := 0
	for _, word := range history(t, s, poison) {
		if word == "interrupted:crash" {
			crashes++
		}
	}
	if crashes != 3 {
		t.Errorf("history tells of %d crashes: %v", crashes, history(t, s, poison))
	}
	for _, id := range innocent {
		if j := until(t, s, id, has(jobs.Completed)); j.Crashes != 0 || j.StepsDone != 3 {
			t.Errorf("innocent: %+v", j)
		}
	}
}

// diesOrSettles waits for the death of a process (true), or for the poison to
// be given up (false).
func diesOrSettles(t *testing.T, s jobs.Store, poison jobs.ID, ended <-chan struct{}) bool {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for {
		select {
		case <-ended:
			return true
		case <-tick.C:
			if get(t, s, poison).Status == jobs.Failed {
				return false
			}
		case <-deadline:
			t.Fatalf("neither: %+v", get(t, s, poison))
		}
	}
}

// Killing one of two processes moves its jobs to the other within a moment,
// and touches none of the other's.
func TestKilledProcessIsSucceeded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jobs.db")
	s := openAt(t, path)
	victim := insert(t, s, jobs.NewJob{Kind: "slow"}).ID
	lines, kill, wait := spawn(t, path)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "started") {
		t.Fatalf("worker said %q", lines.Text())
	}
	until(t, s, victim, func(j jobs.Job) bool { return j.StepsDone >= 1 })
	kill()
	if err := wait(); err == nil {
		t.Error("killed process ended well")
	}
	spawn(t, path)
	j := until(t, s, victim, has(jobs.Completed))
	if j.Attempt != 2 || j.StepsDone != 3 || j.Crashes != 0 {
		t.Errorf("succeeded job: %+v", j)
	}
	if got := strings.Join(history(t, s, victim), " "); got != "accepted started interrupted:crash resumed started completed" {
		t.Errorf("history: %s", got)
	}
}

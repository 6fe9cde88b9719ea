package sqlite

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// childEnv makes the test binary a process of its own: "role path".
const childEnv = "MIVAA_SQLITE_CHILD"

func TestMain(m *testing.M) {
	if role, path, ok := strings.Cut(os.Getenv(childEnv), " "); ok {
		if err := childMain(os.Stdout, role, path); err != nil {
			fmt.Fprintln(os.Stdout, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// childMain opens a store and does what it is told, a line a command.
func childMain(out io.Writer, role, path string) (err error) {
	ctx := context.Background()
	s, err := Open(ctx, Config{Path: path})
	if err != nil {
		if e, ok := errors.AsType[*jobs.StoreError](err); ok {
			return fmt.Errorf("%w\nhint: %s", err, e.Hint)
		}
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if role == "open" {
		fmt.Fprintln(out, "opened")
		return nil
	}
	if _, err := s.Join(ctx, jobs.Instance{ID: role, Host: "host", PID: os.Getpid(), Version: "test", Boot: "boot", Lease: 300 * time.Millisecond}); err != nil {
		return err
	}
	got, err := s.Claim(ctx, jobs.ClaimParams{Instance: role, Kinds: []string{"work"}, Limit: 1, Suspects: 1})
	if err != nil || len(got.Jobs) != 1 {
		return fmt.Errorf("claimed %d jobs: %w", len(got.Jobs), err)
	}
	f := got.Jobs[0].Fence()
	fmt.Fprintln(out, "claimed", f.Job)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		switch lines.Text() {
		case "renew":
			_, err = s.Renew(ctx, jobs.Renewal{Instance: role, Held: []jobs.Fence{f}})
		case "stopping":
			_, err = s.Renew(ctx, jobs.Renewal{Instance: role, Stopping: true})
		case "checkpoint":
			err = s.Checkpoint(ctx, f, 0, jobs.Step{Seq: 1, Data: json.RawMessage(`{}`)})
		}
		fmt.Fprintf(out, "%s: gone %t, lost %t, error %v\n", lines.Text(), errors.Is(err, jobs.ErrInstanceGone), errors.Is(err, jobs.ErrLeaseLost), err)
	}
	return nil
}

// child is a running childMain.
type child struct {
	testing.TB
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
}

func childCommand(tb testing.TB, role, path string) *exec.Cmd {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childEnv+"="+role+" "+path)
	return cmd
}

// spawn starts a process that has claimed a job.
func spawn(tb testing.TB, role, path string) *child {
	tb.Helper()
	c := &child{TB: tb, cmd: childCommand(tb, role, path)}
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		tb.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	c.lines = bufio.NewScanner(out)
	if err := c.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = c.cmd.Process.Kill() // it may be gone
		_ = c.cmd.Wait()
	})
	if line := c.read(); !strings.HasPrefix(line, "claimed ") {
		tb.Fatalf("child: %s", line)
	}
	return c
}

func (c *child) read() string {
	c.Helper()
	if !c.lines.Scan() {
		c.Fatalf("child ended: %v", c.lines.Err())
	}
	return c.lines.Text()
}

// tell gives a command and returns what came of it.
func (c *child) tell(command string) string {
	c.Helper()
	if _, err := fmt.Fprintln(c.in, command); err != nil {
		c.Fatal(err)
	}
	return c.read()
}

// eventually polls until cond holds.
func eventually(tb testing.TB, what string, cond func() bool) {
	tb.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			tb.Fatalf("not in time: %s", what)
		}
	}
}

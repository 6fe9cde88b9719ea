package postgres

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// childEnv makes the test binary a process of its own: the id of its instance.
const (
	childEnv       = "MIVAA_POSTGRES_CHILD"
	childURLEnv    = "MIVAA_POSTGRES_CHILD_URL"
	childSchemaEnv = "MIVAA_POSTGRES_CHILD_SCHEMA"
	childLeaseEnv  = "MIVAA_POSTGRES_CHILD_LEASE"
)

// runChild is called before the tests: in a child it does not return.
func runChild() {
	id := os.Getenv(childEnv)
	if id == "" {
		return
	}
	if err := childMain(os.Stdin, os.Stdout, id); err != nil {
		fmt.Fprintln(os.Stdout, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// childMain is a living instance until its input ends. It says "joined", and
// "gone" when it is told that it is.
func childMain(in io.Reader, out io.Writer, id string) (err error) {
	if id == workerRole {
		return workerMain(in, out)
	}
	lease, err := time.ParseDuration(os.Getenv(childLeaseEnv))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s, err := Open(ctx, Config{URL: os.Getenv(childURLEnv), Schema: os.Getenv(childSchemaEnv)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if _, err := s.Join(ctx, jobs.Instance{ID: id, Host: "host", PID: os.Getpid(), Version: "test", Boot: "boot", Lease: lease}); err != nil {
		return err
	}
	fmt.Fprintln(out, "joined")
	var stopping atomic.Bool
	go func() {
		for lines := bufio.NewScanner(in); lines.Scan(); {
			stopping.Store(true)
		}
		cancel()
	}()
	said := map[string]bool{}
	say := func(word string) {
		if !said[word] {
			said[word] = true
			fmt.Fprintln(out, word)
		}
	}
	for {
		once, done := context.WithTimeout(ctx, lease/3)
		stops := stopping.Load()
		_, err := s.Renew(once, jobs.Renewal{Instance: id, Stopping: stops})
		done()
		switch {
		case errors.Is(err, jobs.ErrInstanceGone):
			say("gone")
		case err == nil && stops:
			say("stopping")
		}
		if !sleep(ctx, lease/5) {
			return nil
		}
	}
}

// child is a running childMain.
type child struct {
	*site
	id    string
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
}

// spawn starts a process that has joined.
func (e *site) spawn(id string, lease time.Duration) *child {
	e.Helper()
	c := e.command(id, childLeaseEnv+"="+lease.String())
	c.expect("joined")
	return c
}

func (e *site) command(id string, env ...string) *child {
	e.Helper()
	self, err := os.Executable()
	if err != nil {
		e.Fatal(err)
	}
	c := &child{site: e, id: id, cmd: exec.Command(self)}
	c.cmd.Env = append(append(os.Environ(), childEnv+"="+id, childURLEnv+"="+e.URL, childSchemaEnv+"="+e.Schema), env...)
	c.cmd.Stderr = os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		e.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		e.Fatal(err)
	}
	c.lines = bufio.NewScanner(out)
	if err := c.cmd.Start(); err != nil {
		e.Fatal(err)
	}
	e.Cleanup(c.kill)
	return c
}

func (c *child) expect(word string) {
	c.Helper()
	if !c.lines.Scan() || c.lines.Text() != word {
		c.Fatalf("child said %q, want %q (%v)", c.lines.Text(), word, c.lines.Err())
	}
}

// kill ends the process as kill -9 does.
func (c *child) kill() {
	_ = c.cmd.Process.Kill() // it may be gone
	_ = c.cmd.Wait()
}

func TestProcessKilledIsDeadAtOnce(t *testing.T) {
	t.Parallel()
	e := newSite(t)
	a := e.node("a", time.Minute)
	victim := e.spawn("victim", time.Minute)
	passes(t, 2*tryEvery+secondLook, func() {})
	if state, death := e.state("victim"); state != stateLive {
		t.Fatalf("it lives and is %s: %s", state, death)
	}
	start := time.Now()
	victim.kill()
	if death := e.dies("victim"); strings.HasPrefix(death, "lease") {
		t.Errorf("death: %s", death)
	}
	t.Logf("dead after %v", time.Since(start))
	if e.locks("victim") != 0 {
		t.Error("the dead is still in the ring")
	}
	alive(t, a)
}

func TestProcessKilledWhileStoppingHasStopped(t *testing.T) {
	t.Parallel()
	e := newSite(t)
	e.node("a", time.Minute)
	victim := e.spawn("victim", 2*time.Second)
	if _, err := fmt.Fprintln(victim.in, "stop"); err != nil {
		t.Fatal(err)
	}
	victim.expect("stopping")
	victim.kill()
	e.dies("victim")
	if state, _ := e.state("victim"); state != stateStopped {
		t.Errorf("it is %s", state)
	}
}

func TestWatcherAndWatchedKilledTogether(t *testing.T) {
	t.Parallel()
	e := newSite(t)
	a := e.node("a", time.Minute)
	b, c := e.spawn("b", time.Minute), e.spawn("c", time.Minute) // a watches b, b watches c
	start := time.Now()
	b.kill()
	c.kill()
	e.dies("b")
	e.dies("c")
	t.Logf("both dead after %v", time.Since(start))
	alive(t, a)
}

func TestBuryFindsTheDeadBeforeItReturns(t *testing.T) {
	t.Parallel()
	e := newSite(t)
	var dead []string
	for _, id := range []string{"v1", "v2", "v3"} {
		e.spawn(id, time.Minute).kill()
		dead = append(dead, id)
	}
	living := e.spawn("living", time.Minute)
	s := e.open(e.Config)
	e.join(s, "w", time.Minute)
	if err := s.bury(t.Context(), "w"); err != nil {
		t.Fatal(err)
	}
	for _, id := range dead {
		if state, _ := e.state(id); state != stateDead {
			t.Errorf("%s is %s", id, state)
		}
	}
	if state, death := e.state(living.id); state != stateLive {
		t.Errorf("the living is %s: %s", state, death)
	}
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mivaa/mivaa/jobs"
)

// terminal is a real one, as the kernel makes them, with a test at its keys.
type terminal struct {
	testing.TB
	keys   *os.File // and screen
	tty    *os.File // what a command has
	shown  *pipe
	copied chan struct{}
}

func newTerminal(tb testing.TB, width int) *terminal {
	tb.Helper()
	ok := func(err error) {
		tb.Helper()
		if err != nil {
			tb.Skipf("NO TERMINAL to be had here, so what it shows is not tested: %v", err)
		}
	}
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	ok(err)
	tb.Cleanup(func() { _ = keys.Close() })
	ok(unix.IoctlSetPointerInt(int(keys.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(keys.Fd()), unix.TIOCGPTN)
	ok(err)
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	ok(err)
	ok(unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: uint16(width)}))
	t := &terminal{TB: tb, keys: keys, tty: tty, shown: &pipe{}, copied: make(chan struct{})}
	go func() {
		defer close(t.copied)
		_, _ = io.Copy(t.shown, keys) // ends with EIO, when the terminal is gone
	}()
	return t
}

// run runs a command at the terminal and returns its exit code.
func (t *terminal) run(w *world, env []string, args ...string) chan int {
	return t.runIn(w.Context(), w, env, args...)
}

func (t *terminal) runIn(ctx context.Context, w *world, env []string, args ...string) chan int {
	code := make(chan int, 1)
	env = append(slices.Clone(env), "MIVAA_DATA_DIR="+w.dir, "TERM=xterm") // the first one counts
	go func() { code <- run(ctx, args, env, t.tty, t.tty, t.tty) }()
	return code
}

// says waits until a text is on the screen.
func (t *terminal) says(text string) {
	t.Helper()
	eventually(t, text, func() bool { return strings.Contains(t.shown.String(), text) })
}

func (t *terminal) types(text string) {
	t.Helper()
	if _, err := t.keys.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// close takes the terminal away and returns all that was on it.
func (t *terminal) close() string {
	t.Helper()
	if err := t.tty.Close(); err != nil {
		t.Fatal(err)
	}
	<-t.copied
	return t.shown.String()
}

func TestAsksOnTerminal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, test := range []struct {
		typed string
		exit  int
	}{{"y\n", exitOK}, {"YES\n", exitOK}, {"n\n", exitFailure}, {"\n", exitFailure}, {"yellow\n", exitFailure}, {"\x04", exitFailure}} {
		j := w.in(jobs.Pending)
		tm := newTerminal(t, 80)
		code := tm.run(w, nil, "jobs", "cancel", j.ID.String())
		tm.says("Cancel 1 job? Its pages are kept; only a person resumes it. [y/N] ")
		tm.types(test.typed)
		if got := <-code; got != test.exit {
			t.Errorf("%q: exit code %d, want %d", test.typed, got, test.exit)
		}
		shown := tm.close()
		want := jobs.Interrupted
		if test.exit != exitOK {
			want = jobs.Pending
			if !strings.Contains(shown, "declined: nothing was changed") {
				t.Errorf("%q: %s", test.typed, shown)
			}
		}
		w.is(j.ID, want)
	}
}

func TestDoesNotAskWithJSON(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	j := w.in(jobs.Pending)
	tm := newTerminal(t, 80)
	if code := <-tm.run(w, nil, "jobs", "cancel", "--json", j.ID.String()); code != exitUsage {
		t.Errorf("exit code %d", code)
	}
	if shown := tm.close(); !strings.Contains(shown, `"needs_yes"`) {
		t.Errorf("shown: %s", shown)
	}
	w.is(j.ID, jobs.Pending)
}

func TestListOnTerminal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	j := w.in(jobs.Failed)
	w.in(jobs.Processing)
	for _, test := range []struct {
		name       string
		env        []string
		has, hasNo []string
	}{
		{"colour", nil, []string{"\x1b[31m✗ failed\x1b[0m", "\x1b[36m● processing\x1b[0m"}, []string{j.ID.String()}},
		{"NO_COLOR", []string{"NO_COLOR=1"}, []string{"✗ failed"}, []string{"\x1b", j.ID.String()}},
		{"dumb", []string{"TERM=dumb"}, []string{"failed"}, []string{"\x1b", "✗", "…", j.ID.String()}},
	} {
		tm := newTerminal(t, 60)
		if code := <-tm.run(w, test.env, "jobs", "list"); code != exitOK {
			t.Errorf("%s: exit code %d", test.name, code)
		}
		shown := tm.close()
		for _, word := range test.has {
			if !strings.Contains(shown, word) {
				t.Errorf("%s: no %q in %q", test.name, word, shown)
			}
		}
		for _, word := range test.hasNo {
			if strings.Contains(shown, word) {
				t.Errorf("%s: %q in %q", test.name, word, shown)
			}
		}
		if !strings.Contains(shown, j.ID.String()[:8]) {
			t.Errorf("%s: no id in %q", test.name, shown)
		}
	}
}

// TestShortIDsAreEnough: what a list shows on a terminal names the job.
func TestShortIDsAreEnough(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var want []string
	for range 20 {
		want = append(want, w.in(jobs.Pending).ID.String())
	}
	tm := newTerminal(t, 80)
	<-tm.run(w, []string{"NO_COLOR=1"}, "jobs", "list", "--sort", "created_at:asc")
	i := 0
	for line := range strings.Lines(tm.close()) {
		short, _, _ := strings.Cut(line, " ")
		if short == "ID" {
			continue
		}
		if got := object[jobs.Job](w.run("jobs", "show", "--json", short).exits(exitOK)); got.ID.String() != want[i] {
			t.Errorf("%s is %s, want %s", short, got.ID, want[i])
		}
		i++
	}
	if i != len(want) {
		t.Errorf("%d lines, want %d", i, len(want))
	}
}

func TestWatchOnTerminal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.submit("live.pdf")
	tm := newTerminal(t, 100)
	all := newTerminal(t, 100)
	code := tm.run(w, nil, "jobs", "watch", made.Job.ID.String())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	codeAll := all.runIn(ctx, w, nil, "jobs", "watch")
	tm.says("○ pending")
	all.says("nothing is running")
	j := w.claim(made.Job.ID)
	tm.says("● processing")
	w.record(j, 4, 1, 2)
	tm.says("2/4 pages  50%")
	all.says("● 1 running: live.pdf 50%")
	w.record(j, 4, 3, 4)
	w.ok(w.docs.Publish(t.Context(), j.Fence(), json.RawMessage(`{"v":1,"pages":1,"body_size":11}`)))
	w.finish(j, jobs.Outcome{Status: jobs.Completed})
	if got := <-code; got != exitOK {
		t.Errorf("exit code %d", got)
	}
	shown := tm.close()
	if !strings.Contains(shown, "\x1b[32m██\x1b[0m\x1b[2m░░\x1b[0m\r\n2/4 pages") || !strings.Contains(shown, "✓ completed") {
		t.Errorf("shown: %q", shown)
	}
	all.says("✓ completed")
	cancel()
	if got := <-codeAll; got != exitOK {
		t.Errorf("exit code %d", got)
	}
	all.close()
}

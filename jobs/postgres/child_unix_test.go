//go:build unix

package postgres

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

// A process that is stopped for longer than its lease is succeeded, and finds
// itself gone when it wakes. Its lock proves nothing: it holds it all the time.
func TestProcessStoppedLosesItsLease(t *testing.T) {
	t.Parallel()
	const lease = 2 * time.Second
	e := newSite(t)
	a := e.node("a", lease)
	b := e.spawn("b", lease)
	start := time.Now()
	if err := b.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if death := e.dies("b"); !strings.HasPrefix(death, "lease") {
		t.Errorf("death: %s", death)
	}
	if took := time.Since(start); took < lease/2 || took > lease+5*time.Second {
		t.Errorf("dead after %v with a lease of %v", took, lease)
	}
	if err := b.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	b.expect("gone")
	alive(t, a)
}

// Watcher and watched stop together, as with the machine they are on: the one
// that wakes first concludes nothing.
func TestWatcherThatSleptTooConcludesNothing(t *testing.T) {
	t.Parallel()
	const lease = 3 * time.Second
	e := newSite(t)
	b, c := e.spawn("b", lease), e.spawn("c", lease)
	stop := func(sig syscall.Signal, list ...*child) {
		for _, x := range list {
			if err := x.cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
		}
	}
	passes(t, 2*time.Second, func() {}) // both have seen each other for a while
	stop(syscall.SIGSTOP, b, c)
	passes(t, lease+time.Second, func() {})
	stop(syscall.SIGCONT, b)
	passes(t, time.Second, func() {
		if state, death := e.state("c"); state != stateLive {
			t.Fatalf("c was only asleep, like its watcher, and is %s: %s", state, death)
		}
	})
	stop(syscall.SIGCONT, c)
}

//go:build unix && !linux

package child

import (
	"os/exec"
	"syscall"
)

// Isolate puts a child into a process group of its own, out of reach of the
// terminal's Ctrl-C. When the service dies, the child's standard input ends.
func Isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// Kill ends a child that was isolated, and what it started. An error of it
// means that they have ended.
func Kill(cmd *exec.Cmd) { killGroup(cmd) }

// Confine does nothing here: limits of another process cannot be set.
func Confine(int, int64) error { return nil }

// ResidentBytes is not known here.
func ResidentBytes(int) (int64, bool) { return 0, false }

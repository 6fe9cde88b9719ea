package child

import (
	"os/exec"
	"syscall"
)

// Isolate puts a child into a process group of its own, out of reach of the
// console's Ctrl-C. When the service dies, the child's standard input ends.
func Isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// Kill ends a child. An error of it means that it has ended.
func Kill(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

// Confine does nothing here: limits of another process cannot be set.
func Confine(int, int64) error { return nil }

// ResidentBytes is not known here.
func ResidentBytes(int) (int64, bool) { return 0, false }

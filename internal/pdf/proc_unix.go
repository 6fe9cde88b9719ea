//go:build unix && !linux

package pdf

import (
	"os"
	"os/exec"
	"syscall"
)

// isolate puts a reader into a process group of its own, out of reach of the
// terminal's Ctrl-C. When the service dies, the reader's standard input ends.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

func executable() (string, error) { return os.Executable() }

func guardedBy(parent int) bool { return os.Getppid() == parent }

// residentBytes is not known here: the sandbox's own limit has to do.
func residentBytes(int) (int64, bool) { return 0, false }

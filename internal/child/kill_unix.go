//go:build unix

package child

import (
	"os/exec"
	"syscall"
)

func killGroup(cmd *exec.Cmd) {
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // the group; not yet there if it was only just started
	_ = cmd.Process.Kill()
}

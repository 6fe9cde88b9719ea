package pgtest

import (
	"os/exec"
	"syscall"
)

// DieWithUs has a server stop when this process is gone, however it went.
func DieWithUs(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGQUIT
}

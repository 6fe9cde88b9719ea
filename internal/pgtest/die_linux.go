package pgtest

import (
	"os/exec"
	"syscall"
)

// dieWithUs has the server stop when this process is gone, however it went.
func dieWithUs(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGQUIT
}

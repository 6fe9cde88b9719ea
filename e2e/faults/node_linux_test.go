package faults

import (
	"os/exec"
	"syscall"
)

// dieWithUs ends a process with this one, also where it is paused and cannot
// see that its input was closed.
func dieWithUs(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

package pgtest

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// StartWithUs starts a server that stops when this process is gone, however it
// went. The system sends the signal when the thread that started the server
// ends, so that is one which never does.
func StartWithUs(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGQUIT
	started := make(chan error)
	starter() <- func() { started <- cmd.Start() }
	return <-started
}

var starter = sync.OnceValue(func() chan<- func() {
	starts := make(chan func())
	go func() {
		runtime.LockOSThread()
		for start := range starts {
			start()
		}
	}()
	return starts
})

package pdf

import (
	"os/exec"
	"runtime"
)

// starter starts processes from one thread that lives as long as the pool.
// On Linux the kernel kills a reader when the thread that started it ends (not
// the process), and Go ends threads when it likes.
type starter struct{ requests chan start }

type start struct {
	cmd *exec.Cmd
	err chan error
}

// run is the starter's goroutine; it ends when requests is closed.
func (s starter) run() {
	runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
	for r := range s.requests {
		r.err <- r.cmd.Start()
	}
}

func (s starter) start(cmd *exec.Cmd) error {
	r := start{cmd, make(chan error, 1)}
	s.requests <- r
	return <-r.err
}

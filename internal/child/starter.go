package child

import (
	"os/exec"
	"runtime"
	"sync"
)

// Starter starts processes from one thread that lives as long as the starter.
// On Linux the kernel kills a child when the thread that started it ends (not
// the process), and Go ends threads when it likes.
type Starter struct {
	requests chan start
	running  sync.WaitGroup
}

type start struct {
	cmd *exec.Cmd
	err chan error
}

// NewStarter makes a starter. The caller closes it.
func NewStarter() *Starter {
	s := &Starter{requests: make(chan start)}
	s.running.Go(s.run)
	return s
}

// run is the starter's goroutine; it ends when requests is closed.
func (s *Starter) run() {
	runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
	for r := range s.requests {
		r.err <- r.cmd.Start()
	}
}

// Start starts a command that was isolated. It must not be called after Close.
func (s *Starter) Start(cmd *exec.Cmd) error {
	r := start{cmd, make(chan error, 1)}
	s.requests <- r
	return <-r.err
}

// Close ends the starter, and on Linux with it every child that still lives.
func (s *Starter) Close() {
	close(s.requests)
	s.running.Wait()
}

//go:build unix

package faults

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// nodes is how many worker processes there are.
const nodes = 6

// node is a place for a worker process: while the run lasts, one that ends is
// followed by another.
type node struct {
	run    *run
	number int
	busy   sync.Mutex   // a fault is under way
	back   atomic.Int64 // how long the next process waits before it starts

	mu       sync.Mutex
	now      *process
	change   chan struct{} // closed when now changes
	journals []string
}

// process is one worker process.
type process struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	journal string
	stderr  string
	up      chan struct{} // closed when its worker begins to claim
	since   atomic.Int64  // when that was
	ended   chan struct{}
	killed  atomic.Bool // by us
}

// keep starts processes, one after another, until ctx ends; then it stops the
// last one and returns.
func (n *node) keep(ctx context.Context) {
	for start := 0; ctx.Err() == nil; start++ {
		p, err := n.spawn(start)
		if err != nil {
			n.run.problem("node %d: %v", n.number, err)
			return
		}
		n.mu.Lock()
		n.now = p
		n.journals = append(n.journals, p.journal)
		close(n.change)
		n.change = make(chan struct{})
		n.mu.Unlock()
		select {
		case <-p.ended:
		case <-ctx.Done():
			n.stop(p)
		}
		n.judge(p)
		pause(ctx, time.Duration(n.back.Swap(int64(50*time.Millisecond))))
	}
}

func (n *node) spawn(start int) (*process, error) {
	name := filepath.Join(n.run.dir, fmt.Sprintf("node-%d-%d", n.number, start))
	p := &process{journal: name + ".journal", stderr: name + ".stderr", up: make(chan struct{}), ended: make(chan struct{})}
	config := n.run.backend.child(n.number)
	config.Journal = p.journal
	if err := os.WriteFile(p.journal, nil, 0o600); err != nil { // it may be killed before it can
		return nil, err
	}
	text, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p.cmd = exec.CommandContext(context.Background(), self) // ended by its supervisor
	p.cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	dieWithUs(p.cmd)
	stderr, err := os.Create(p.stderr)
	if err != nil {
		return nil, err
	}
	defer stderr.Close()
	p.cmd.Stderr = stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go p.wait(out)
	return p, nil
}

func (p *process) wait(out io.Reader) {
	var once sync.Once
	for lines := bufio.NewScanner(out); lines.Scan(); {
		once.Do(func() { p.since.Store(time.Now().UnixNano()); close(p.up) })
	}
	_ = p.cmd.Wait() // how it ended stands in its state
	close(p.ended)
}

// stop is what a supervisor does: SIGTERM, and at last kill -9.
func (n *node) stop(p *process) {
	p.signal(syscall.SIGCONT)
	p.signal(syscall.SIGTERM)
	if !p.endsWithin(grace + 10*time.Second) {
		n.run.problem("node %d does not stop: %s", n.number, p.said())
		p.kill()
	}
}

func (p *process) signal(s syscall.Signal) {
	_ = p.cmd.Process.Signal(s) // it may be gone
}

func (p *process) kill() {
	p.killed.Store(true)
	p.signal(syscall.SIGKILL)
	<-p.ended // nothing escapes this signal
}

func (p *process) endsWithin(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-p.ended:
		return true
	case <-t.C:
		return false
	}
}

func (p *process) joined() bool {
	select {
	case <-p.up:
		return true
	default:
		return false
	}
}

// tell gives a command. A process that is gone does not hear it.
func (p *process) tell(format string, args ...any) {
	_, _ = fmt.Fprintf(p.in, format+"\n", args...)
}

// said is what the process said last.
func (p *process) said() string {
	text, err := os.ReadFile(p.stderr)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-30):], "\n")
}

// judge asks whether a process was allowed to end the way it did.
func (n *node) judge(p *process) {
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	poisoned := false
	err := readJournal(p.journal, func(e entry) {
		switch e.what {
		case wroteKill:
			poisoned = true
		case wroteOdd:
			n.run.problem("node %d: job %s, attempt %d: %s", n.number, e.fence.Job, e.fence.Attempt, e.text)
		}
	})
	if err != nil {
		n.run.problem("node %d: %v", n.number, err)
	}
	byKill := ok && status.Signaled() && status.Signal() == syscall.SIGKILL
	switch {
	case byKill && p.killed.Load():
	case ok && status.Signaled() && status.Signal() == syscall.SIGTERM && !p.joined(): // it was not listening yet
	case byKill && poisoned:
		n.run.count(&n.run.poisoned, 1)
	case p.cmd.ProcessState.Success():
	default:
		n.run.problem("node %d ended with %v:\n%s", n.number, p.cmd.ProcessState, p.said())
	}
	if text := p.said(); strings.Contains(text, "DATA RACE") || strings.Contains(text, "panic") {
		n.run.problem("node %d said:\n%s", n.number, text)
	}
}

// take waits until no fault is under way at one of the nodes, the given one
// first, and returns it. It is to be given back. Unless the fault is for whoever
// comes, it waits for one whose worker has claimed for a while: to break nothing
// but starts would let nothing else happen.
func (r *run) take(ctx context.Context, first int, anyone bool) *node {
	patience := time.Now().Add(3 * time.Second)
	for ctx.Err() == nil {
		late := time.Now().After(patience)
		for i := range r.nodes {
			n := r.nodes[(first+i)%len(r.nodes)]
			if !n.busy.TryLock() {
				continue
			}
			if anyone || late || n.working() {
				return n
			}
			n.busy.Unlock()
		}
		pause(ctx, 5*time.Millisecond)
	}
	return nil
}

// aWhile is how long a process is to work before it is broken, as a rule.
const aWhile = 300 * time.Millisecond

// working says that the node has a process whose worker claims for a while.
func (n *node) working() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.now != nil && !n.now.over() && n.now.joined() && time.Now().UnixNano()-n.now.since.Load() > int64(aWhile)
}

// running waits for a process.
func (n *node) running(ctx context.Context) *process {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		n.mu.Lock()
		p, change := n.now, n.change
		n.mu.Unlock()
		if p != nil && !p.over() {
			return p
		}
		select {
		case <-change:
		case <-ctx.Done():
			return nil
		}
	}
}

func (p *process) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

package ocr

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"sync"
	"time"

	"github.com/mivaa/mivaa/internal/child"
)

// limits of one process.
type limits struct {
	time   time.Duration
	memory int64
}

const (
	// mostOutput is far above what a page of small print gives: a word takes some 50 bytes.
	mostOutput = 16 << 20
	// watchInterval is how often a process is looked at.
	watchInterval = 50 * time.Millisecond
)

// run runs Tesseract once and returns what it says. Failures are an *Error, or
// the cause of ctx.
func (e *Engine) run(ctx context.Context, args []string, in []byte, l limits) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if !e.begin() {
		return nil, ErrClosed
	}
	defer e.running.Done()
	p := &process{cmd: exec.Command(e.path, args...), limits: l} //nolint:noctx // killed below, with all that it started
	p.cmd.Env = environment()
	p.cmd.Dir = "/"
	p.cmd.WaitDelay = time.Second // something that it started, and that left its group, may hold the pipes
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = bytes.NewReader(in), p, &p.log
	child.Isolate(p.cmd)
	if err := e.starter.Start(p.cmd); err != nil {
		return nil, fail(CodeCrashed, "start tesseract: %w", err)
	}
	_ = child.Confine(p.cmd.Process.Pid, e.config.addressSpace) // it may have ended already
	return p.wait(ctx, e.closing)
}

// begin counts a process that is about to start, unless the engine was closed.
func (e *Engine) begin() bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if !e.closed {
		e.running.Add(1)
	}
	return !e.closed
}

// process is one Tesseract as the service sees it.
type process struct {
	cmd    *exec.Cmd
	limits limits
	log    child.Tail
	out    bytes.Buffer // touched by nobody else until the process was waited for

	mu     sync.Mutex
	reason error // why it was killed
}

// Write takes what the process says: it implements io.Writer.
func (p *process) Write(b []byte) (int, error) {
	if p.out.Len()+len(b) > mostOutput {
		err := fail(CodeOutput, "tesseract said more than %d MiB", mostOutput>>20)
		p.kill(err)
		return 0, err
	}
	return p.out.Write(b)
}

// kill ends the process. The first reason stands.
func (p *process) kill(reason error) {
	p.mu.Lock()
	if p.reason == nil {
		p.reason = reason
	}
	p.mu.Unlock()
	child.Kill(p.cmd)
}

// wait waits for the end, and looks after the limits until then.
func (p *process) wait(ctx context.Context, closing <-chan struct{}) ([]byte, error) {
	over := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() { p.watch(ctx, closing, over) })
	err := p.cmd.Wait()
	close(over)
	watch.Wait()
	if p.reason != nil {
		return nil, p.reason
	}
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		text := fmt.Sprintf("tesseract crashed (%v)", err)
		if log := p.log.String(); log != "" {
			text += ": " + log
		}
		return nil, fail(CodeCrashed, "%s", text)
	}
	return p.out.Bytes(), nil
}

// watch kills the process when ctx ends, the engine closes or a limit is broken.
func (p *process) watch(ctx context.Context, closing, over <-chan struct{}) {
	late := time.NewTimer(p.limits.time)
	defer late.Stop()
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		select {
		case <-over:
			return
		case <-ctx.Done():
			p.kill(context.Cause(ctx))
			return
		case <-closing:
			p.kill(ErrClosed)
			return
		case <-late.C:
			p.kill(fail(CodeTimeout, "not done after %v", p.limits.time))
			return
		case <-tick.C:
			if used, ok := child.ResidentBytes(p.cmd.Process.Pid); ok && used > p.limits.memory {
				p.kill(fail(CodeMemory, "tesseract needs more than %d MiB of memory", p.limits.memory>>20))
				return
			}
		}
	}
}

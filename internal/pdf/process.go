package pdf

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"

	"github.com/mivaa/mivaa/internal/child"
)

// process is one reader as the service sees it. One goroutine at a time calls
// it; kill and the watch may come from anywhere.
type process struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	log  *child.Tail
	buf  []byte    // for the payload of answers
	data []byte    // for the bytes of the document
	used bool      // it has opened a document in its life
	open *Document // which it holds open now
	dead bool      // stopped and waited for

	// Of the pool, guarded by its mutex.
	lessee *Document // who uses it now

	mu       sync.Mutex
	deadline time.Time     // of the call under way; zero: none
	grace    time.Duration // by which it may still be moved
	limits   limits        // of the call under way
	reason   error         // why it was killed
}

// limits of one call.
type limits struct {
	time   time.Duration
	memory int64 // 0: none
}

// kill ends the process; the goroutine that calls it finds out, and waits for
// it. The first reason stands.
func (r *process) kill(reason error) {
	r.mu.Lock()
	if r.reason == nil {
		r.reason = reason
	}
	r.mu.Unlock()
	_ = r.cmd.Process.Kill() // an error means that it has ended
}

// stop kills the process and waits for its end.
func (r *process) stop(reason error) {
	if r.dead {
		return
	}
	r.dead = true
	r.kill(reason)
	_ = r.in.Close()
	_ = r.cmd.Wait() // how it ended is in cmd.ProcessState
}

// begin and end mark the call under way for the watch.
func (r *process) begin(l limits) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deadline, r.grace, r.limits = time.Now().Add(l.time), l.time, l
}

func (r *process) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deadline = time.Time{}
}

// extend moves the deadline: the time that the source takes is not the page's.
// Not for ever: a reader may ask without end.
func (r *process) extend(by time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	by = min(by, r.grace)
	r.deadline, r.grace = r.deadline.Add(by), r.grace-by
}

// call sends a request and returns the answer, which is valid until the next
// call. Meanwhile it serves the reader's reads of d's source. Any error but a
// failure that the reader states calmly leaves the process dead.
func (r *process) call(ctx context.Context, d *Document, l limits, kind byte, payload []byte) (frame, error) {
	r.begin(l)
	defer r.end()
	defer context.AfterFunc(ctx, func() { r.kill(context.Cause(ctx)) })()

	if err := writeFrame(r.in, kind, payload); err != nil {
		return frame{}, r.lost(err)
	}
	var sourceErr error
	for {
		f, err := readFrame(r.out, r.buf)
		if err != nil {
			return frame{}, r.lost(err)
		}
		if cap(f.payload) <= 1<<20 {
			r.buf = f.payload[:0]
		}
		switch {
		case f.kind == frameRead && d != nil:
			if err := r.serve(d, f.payload, &sourceErr); err != nil {
				return frame{}, r.lost(err)
			}
		case sourceErr != nil:
			// Whatever the answer is, it was made without what could not be read.
			r.stop(sourceErr)
			return frame{}, &Error{Code: CodeInternal, Err: fmt.Errorf("read source: %w", sourceErr)}
		case f.kind == frameFailed:
			return frame{}, r.failed(f.payload)
		default:
			return f, nil
		}
	}
}

// serve answers one read. An error of the source is kept in sourceErr.
func (r *process) serve(d *Document, payload []byte, sourceErr *error) error {
	offset, length, err := decodeRead(payload, d.size)
	if err != nil {
		return err
	}
	if r.data == nil {
		r.data = make([]byte, frameHeader+maxBlock)
	}
	b := r.data[:frameHeader+length]
	began := time.Now()
	n, err := d.src.ReadAt(b[frameHeader:], offset)
	r.extend(time.Since(began))
	if n < length {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		*sourceErr = err
		return writeFrame(r.in, frameDataError, nil)
	}
	putHeader(b, frameData)
	_, err = r.in.Write(b)
	return err
}

// failed is the error that the reader answered with.
func (r *process) failed(payload []byte) error {
	f, err := decodeFailure(payload)
	if err != nil {
		return r.lost(err)
	}
	if f.Broken {
		r.stop(nil)
	}
	return &Error{Code: f.Code, Err: errors.New(f.Error)}
}

// lost stops a process that did not answer and says why: because it was killed,
// or because it crashed or talked nonsense (err).
func (r *process) lost(err error) error {
	r.stop(nil)
	r.mu.Lock()
	reason := r.reason
	r.mu.Unlock()
	if reason != nil {
		return reason
	}
	text := fmt.Sprintf("the reader crashed (%v, %v)", r.cmd.ProcessState, err)
	if log := r.log.String(); log != "" {
		text += ": " + log
	}
	return &Error{Code: CodeReaderCrashed, Err: errors.New(text)}
}

// check kills the process if the call under way breaks a limit.
func (r *process) check(now time.Time) {
	r.mu.Lock()
	deadline, l := r.deadline, r.limits
	r.mu.Unlock()
	if deadline.IsZero() {
		return
	}
	if now.After(deadline) {
		r.kill(fail(CodePageTimeout, "not done after %v", l.time))
		return
	}
	if l.memory == 0 {
		return
	}
	if used, ok := child.ResidentBytes(r.cmd.Process.Pid); ok && used > l.memory {
		r.kill(fail(CodeOutOfMemory, "needs more than %d MiB of memory", l.memory>>20))
	}
}

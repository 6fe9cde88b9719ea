package pdf

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"

	"github.com/mivaa/mivaa/internal/child"
)

// Pool is a set of reader processes, shared by all documents that are open.
// Readers are started when they are first needed, or by Warm, and replaced after
// any failure.
type Pool struct {
	config   Config
	log      *slog.Logger
	cache    string
	ownCache bool // the cache directory goes with the pool
	starter  *child.Starter
	stop     chan struct{}  // ends the watch
	helpers  sync.WaitGroup // the watch
	compiled chan bool      // one value: whether a reader has started; held while the first one compiles

	mu      sync.Mutex
	changed sync.Cond // a document has one reader less in use, or a process is gone
	closed  bool
	live    map[*process]struct{} // started and not yet waited for
	idle    []*process            // most recently used last
	inUse   int                   // slots taken; inUse + len(idle) <= config.Readers
	waiting []*waiter             // first come first
	room    room                  // what is known of memory
	delay   delay                 // for want of memory
}

// waiter waits for a slot.
type waiter struct {
	document *Document
	granted  chan error // one value
	since    time.Time
}

// New makes a pool; it starts no reader yet. The caller closes it.
func New(config Config) (*Pool, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("configure PDF readers: %w", err)
	}
	cache, own, err := prepareCache(config.CacheDir)
	if err != nil {
		return nil, fmt.Errorf("prepare directory of compiled code: %w", err)
	}
	p := &Pool{
		config: config, log: config.Logger, cache: cache, ownCache: own,
		starter: child.NewStarter(), stop: make(chan struct{}), compiled: make(chan bool, 1),
		live: map[*process]struct{}{},
	}
	p.changed.L = &p.mu
	p.compiled <- false
	p.helpers.Go(func() { p.watch(p.stop) })
	return p, nil
}

// Cold reports whether the first reader will have to compile PDFium, which
// takes several seconds.
func (p *Pool) Cold() bool { return cold(p.cache) }

// Readers is how many readers the pool has at most.
func (p *Pool) Readers() int { return p.config.Readers }

// Warm starts the readers that are not started yet, as far as there is memory
// for them; there is always one. The first one compiles PDFium if need be, the
// others follow.
func (p *Pool) Warm(ctx context.Context) error {
	var mu sync.Mutex
	var problems []error
	var starts sync.WaitGroup
	defer starts.Wait()
	for p.reserve() {
		starts.Go(func() {
			r, err := p.launch(ctx, nil)
			p.release(nil, r)
			mu.Lock()
			defer mu.Unlock()
			problems = append(problems, err)
		})
	}
	starts.Wait()
	return errors.Join(problems...)
}

// reserve takes a slot that has no process.
func (p *Pool) reserve() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	started := p.inUse + len(p.idle)
	if p.closed || started >= p.config.Readers || started > 0 && !p.fits() {
		return false
	}
	p.inUse++
	return true
}

// Close kills every reader and waits for its end. Documents still open fail
// with ErrClosed. A second Close does nothing.
func (p *Pool) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	for _, w := range p.waiting {
		w.granted <- ErrClosed
	}
	p.waiting = nil
	for r := range p.live {
		r.kill(ErrClosed)
	}
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()

	for _, r := range idle {
		p.discard(r, ErrClosed)
	}
	p.mu.Lock()
	for len(p.live) > 0 || p.inUse > 0 {
		p.changed.Wait()
	}
	p.mu.Unlock()
	close(p.stop)
	p.starter.Close()
	p.helpers.Wait()
	if p.ownCache {
		return os.RemoveAll(p.cache)
	}
	return nil
}

// acquire waits for a reader for d and returns one that answers. Release it.
// A fresh one has never opened a document.
func (p *Pool) acquire(ctx context.Context, d *Document, fresh bool) (*process, error) {
	if err := p.slot(ctx, d); err != nil {
		return nil, err
	}
	for {
		r := p.takeIdle(d)
		if r == nil {
			break
		}
		if fresh && r.used {
			p.discard(r, nil)
			break
		}
		// It may have died in its sleep, which is nobody's fault.
		if f, err := r.call(ctx, nil, limits{time: pingTimeout}, framePing, nil); err == nil && f.kind == framePong {
			return r, nil
		}
		p.discard(r, nil)
	}
	r, err := p.launch(ctx, d)
	if err != nil {
		p.release(d, nil)
		return nil, err
	}
	return r, nil
}

const (
	pingTimeout  = 5 * time.Second
	startTimeout = 3 * time.Minute // to compile PDFium on a busy machine
)

// slot waits until d may use one more reader.
func (p *Pool) slot(ctx context.Context, d *Document) error {
	p.mu.Lock()
	if p.closed || d.closed {
		p.mu.Unlock()
		return ErrClosed
	}
	w := &waiter{d, make(chan error, 1), time.Now()}
	p.waiting = append(p.waiting, w)
	p.grant()
	p.mu.Unlock()

	select {
	case err := <-w.granted:
		return err
	case <-ctx.Done():
	}
	p.mu.Lock()
	i := slices.Index(p.waiting, w)
	if i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	}
	p.mu.Unlock()
	if i < 0 && <-w.granted == nil { // granted in the meantime
		p.release(d, nil)
	}
	return context.Cause(ctx)
}

// takeIdle takes an idle reader: the one that has d open, or one that has
// nothing open, or any.
func (p *Pool) takeIdle(d *Document) *process {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || d.closed || len(p.idle) == 0 {
		return nil
	}
	i := slices.IndexFunc(p.idle, func(r *process) bool { return r.open == d })
	if i < 0 {
		i = slices.IndexFunc(p.idle, func(r *process) bool { return r.open == nil })
	}
	i = max(i, 0)
	r := p.idle[i]
	p.idle = slices.Delete(p.idle, i, i+1)
	r.lessee = d
	return r
}

// release gives a slot back, and the reader in it if there is one.
func (p *Pool) release(d *Document, r *process) {
	if r != nil && r.dead {
		p.discard(r, nil)
		r = nil
	}
	p.mu.Lock()
	if r != nil && p.closed {
		p.mu.Unlock()
		p.discard(r, ErrClosed)
		r = nil
		p.mu.Lock()
	}
	defer p.mu.Unlock()
	p.inUse--
	if d != nil {
		d.busy--
	}
	if r != nil {
		r.lessee = nil
		if r.open != nil && r.open.closed {
			r.forget()
		}
		p.idle = append(p.idle, r)
	}
	p.grant()
	p.changed.Broadcast()
}

// grant gives free slots to those who wait: first to the document that has the
// fewest readers, among equals to the first that came.
func (p *Pool) grant() {
	for p.inUse < p.config.Readers && len(p.waiting) > 0 && p.mayBegin() {
		next := 0
		for i, w := range p.waiting {
			if w.document.busy < p.waiting[next].document.busy {
				next = i
			}
		}
		w := p.waiting[next]
		p.waiting = slices.Delete(p.waiting, next, next+1)
		p.inUse++
		w.document.busy++
		w.granted <- nil
	}
}

// contended says whether somebody waits for a reader.
func (p *Pool) contended() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.waiting) > 0
}

// launch starts a reader and waits until it is warm. While none ever was, one
// at a time: it compiles PDFium for all.
func (p *Pool) launch(ctx context.Context, d *Document) (*process, error) {
	var compiled bool
	select {
	case compiled = <-p.compiled:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if compiled {
		p.compiled <- true
		return p.startProcess(ctx, d)
	}
	r, err := p.startProcess(ctx, d)
	p.compiled <- err == nil
	return r, err
}

func (p *Pool) startProcess(ctx context.Context, d *Document) (*process, error) {
	s, err := json.Marshal(settings{Parent: os.Getpid(), Sandbox: p.config.PageMemory / 2, Cache: p.cache})
	if err != nil {
		return nil, fmt.Errorf("start reader: %w", err)
	}
	args := append(slices.Clone(p.config.Command[1:]), string(s))
	cmd := exec.Command(p.config.Command[0], args...) //nolint:noctx // a reader outlives the call that starts it; Close ends it
	cmd.Env = []string{}                              // nothing of ours is a reader's business
	child.Isolate(cmd)
	r := &process{cmd: cmd, log: &child.Tail{}, lessee: d}
	cmd.Stderr = r.log
	if r.in, err = cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start reader: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start reader: %w", err)
	}
	r.out = bufio.NewReaderSize(out, 64<<10)
	if err := p.starter.Start(cmd); err != nil {
		return nil, fmt.Errorf("start reader: %w", err)
	}
	p.mu.Lock()
	p.live[r] = struct{}{}
	closed := p.closed || d != nil && d.closed
	p.mu.Unlock()
	if closed {
		p.discard(r, ErrClosed)
		return nil, ErrClosed
	}
	if err := r.hello(ctx); err != nil {
		p.discard(r, nil)
		if errors.Is(err, ErrClosed) || ctx.Err() != nil {
			return nil, err
		}
		return nil, &Error{Code: CodeInternal, Err: fmt.Errorf("start reader: %w", err)}
	}
	return r, nil
}

// hello waits for the reader's first word.
func (r *process) hello(ctx context.Context) error {
	r.begin(limits{time: startTimeout})
	defer r.end()
	defer context.AfterFunc(ctx, func() { r.kill(context.Cause(ctx)) })()
	f, err := readFrame(r.out, nil)
	if err == nil && f.kind != frameHello {
		err = fmt.Errorf("frame %q in place of a greeting", f.kind)
	}
	if err != nil {
		return r.lost(err)
	}
	return nil
}

// discard ends a reader and forgets it.
func (p *Pool) discard(r *process, reason error) {
	r.stop(reason)
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.live, r)
	p.changed.Broadcast()
}

// forget has an idle reader close its document and give its memory back. There
// is no answer to wait for; a reader that has died will be found out later.
func (r *process) forget() {
	r.open = nil
	_ = writeFrame(r.in, frameForget, nil)
}

package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// patienceWithChecks is how long /health waits for a component.
const patienceWithChecks = 2 * time.Second

var errSilent = fmt.Errorf("no answer within %v", patienceWithChecks)

// checker asks the components how they are. However many clients ask, each
// check runs once at a time, so that a component that hangs holds one goroutine
// and not one for each client; that goroutine nobody can wait for.
type checker struct {
	probes map[string]*probe
	log    *slog.Logger

	mu  sync.Mutex
	was map[string]error // so that a change, and only a change, is logged
}

func newChecker(store jobs.Store, rest map[string]func(context.Context) error, log *slog.Logger) *checker {
	c := &checker{probes: map[string]*probe{}, log: log, was: map[string]error{}}
	for name, run := range rest {
		c.probes[name] = &probe{run: run}
	}
	c.probes["store"] = &probe{run: func(ctx context.Context) error {
		_, err := store.List(ctx, jobs.Filter{Limit: 1})
		return err
	}}
	return c
}

// check asks all components at once, so that it takes no longer than the
// slowest. It waits whether or not the client does: the answer is everybody's.
func (c *checker) check() map[string]Component {
	flights := make(map[string]*flight, len(c.probes))
	for name, p := range c.probes {
		flights[name] = p.begin()
	}
	found := make(map[string]error, len(flights))
	for name, f := range flights {
		found[name] = f.wait()
	}
	c.note(found)
	out := make(map[string]Component, len(found))
	for name, err := range found {
		out[name] = component(err)
	}
	return out
}

func component(err error) Component {
	if err == nil {
		return Component{Status: healthy}
	}
	c := Component{Status: unhealthy, Detail: "It fails; the service's log says why."}
	if store, ok := errors.AsType[*jobs.StoreError](err); ok && store.Hint != "" {
		c.Detail = store.Hint
	} else if errors.Is(err, errSilent) || errors.Is(err, context.DeadlineExceeded) {
		c.Detail = "It does not answer."
	}
	return c
}

// note logs what changed.
func (c *checker) note(found map[string]error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, err := range found {
		switch before := c.was[name]; {
		case err != nil && before == nil:
			c.log.Warn("component is unhealthy", keyComponent, name, keyError, err)
		case err == nil && before != nil:
			c.log.Info("component is healthy again", keyComponent, name)
		}
	}
	maps.Copy(c.was, found)
}

const keyComponent = "component"

// probe is a check of one component, which runs once at a time.
type probe struct {
	run func(context.Context) error

	mu     sync.Mutex
	flight *flight
}

// flight is one run of a check. err is written before done is closed.
type flight struct {
	deadline time.Time
	done     chan struct{}
	err      error
}

// begin returns the run under way, or a new one.
func (p *probe) begin() *flight {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.flight != nil {
		return p.flight
	}
	f := &flight{deadline: time.Now().Add(patienceWithChecks), done: make(chan struct{})}
	p.flight = f
	go func() {
		ctx, cancel := context.WithDeadline(context.Background(), f.deadline)
		defer cancel()
		f.err = p.run(ctx)
		p.mu.Lock()
		p.flight = nil
		p.mu.Unlock()
		close(f.done)
	}()
	return f
}

// wait returns what the run finds, or that it is late. A run that has ended is
// never late, however long somebody waited for another one.
func (f *flight) wait() error {
	late := time.NewTimer(time.Until(f.deadline))
	defer late.Stop()
	select {
	case <-f.done:
		return f.err
	case <-late.C:
	}
	select {
	case <-f.done:
		return f.err
	default:
		return errSilent
	}
}

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
	store, rest probe
	log         *slog.Logger

	mu  sync.Mutex
	was map[string]error // so that a change, and only a change, is logged
}

func newChecker(store jobs.Store, rest func(context.Context) map[string]error, log *slog.Logger) *checker {
	c := &checker{log: log, was: map[string]error{}}
	c.store.name = "store"
	c.store.run = func(ctx context.Context) map[string]error {
		_, err := store.List(ctx, jobs.Filter{Limit: 1})
		return map[string]error{"store": err}
	}
	c.rest.name = "checks"
	c.rest.run = rest
	if rest == nil {
		c.rest.run = func(context.Context) map[string]error { return nil }
	}
	return c
}

func (c *checker) check(ctx context.Context) map[string]Component {
	stores, others := c.store.begin(), c.rest.begin()
	found := c.rest.wait(ctx, others)
	for name, err := range c.store.wait(ctx, stores) {
		found[name] = errors.Join(found[name], err)
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
	} else if errors.Is(err, errSilent) {
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

// probe is a check that runs once at a time.
type probe struct {
	name string // for an answer that never came
	run  func(context.Context) map[string]error

	mu     sync.Mutex
	flight *flight
}

// flight is one run of a check. found is written before done is closed.
type flight struct {
	deadline time.Time
	done     chan struct{}
	found    map[string]error
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
		f.found = p.run(ctx)
		p.mu.Lock()
		p.flight = nil
		p.mu.Unlock()
		close(f.done)
	}()
	return f
}

// wait returns what the run finds, or that it is late. The map is the caller's.
func (p *probe) wait(ctx context.Context, f *flight) map[string]error {
	ctx, cancel := context.WithDeadline(ctx, f.deadline)
	defer cancel()
	select {
	case <-f.done:
		found := map[string]error{}
		maps.Copy(found, f.found)
		return found
	case <-ctx.Done():
		return map[string]error{p.name: errSilent}
	}
}

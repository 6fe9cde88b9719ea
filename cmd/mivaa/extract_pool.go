package main

import (
	"context"
	"errors"
	"sync"

	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
)

// latePool is a pool of readers that starts with the first handler that needs
// it. A handler that was abandoned may still start one when the command ends:
// that one is closed as well. The zero value works.
type latePool struct {
	mu     sync.Mutex
	pool   *pdf.Pool
	closed bool
}

// get returns the pool, which start makes where there is none. After close it
// returns jobs.ErrStopping.
func (l *latePool) get(start func() (*pdf.Pool, error)) (*pdf.Pool, error) {
	if pool, err := l.started(); pool != nil || err != nil {
		return pool, err
	}
	pool, err := start() // not under the mutex: close does not wait for it
	if err != nil {
		return nil, err
	}
	return l.keep(pool)
}

func (l *latePool) started() (*pdf.Pool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, jobs.ErrStopping
	}
	return l.pool, nil
}

// keep takes a pool that was started, unless it comes too late.
func (l *latePool) keep(pool *pdf.Pool) (*pdf.Pool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errors.Join(jobs.ErrStopping, pool.Close())
	}
	if l.pool != nil {
		return l.pool, pool.Close()
	}
	l.pool = pool
	return pool, nil
}

func (l *latePool) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	return closePool(l.pool)
}

// whileGoing calls do with a context that ends when the worker stops, too. What
// do could not bring to its end then is jobs.ErrStopping.
func whileGoing(ctx context.Context, a *jobs.Attempt, do func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel(nil)
	watch.Go(func() {
		select {
		case <-a.Stopping():
			cancel(jobs.ErrStopping)
		case <-ctx.Done():
		}
	})
	err := do(ctx)
	if err != nil && errors.Is(context.Cause(ctx), jobs.ErrStopping) {
		return jobs.ErrStopping
	}
	return err
}

//go:build unix

package faults

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// witness is a store that writes down what it was told about its own instance:
// who is alive enough to write was not dead.
type witness struct {
	store
	journal journal

	mu       sync.Mutex
	instance string
	acked    time.Time // when the last acknowledged renewal was asked for
	said     map[string]bool
}

func (w *witness) Renew(ctx context.Context, r jobs.Renewal) ([]jobs.Fence, error) {
	asked := time.Now()
	lost, err := w.store.Renew(ctx, r)
	switch {
	case err == nil:
		w.renewed(r.Instance, asked)
		if r.Stopping {
			w.once(wroteStopping, r.Instance)
		}
	case errors.Is(err, jobs.ErrInstanceGone):
		w.gone(r.Instance)
	}
	return lost, err
}

func (w *witness) Claim(ctx context.Context, p jobs.ClaimParams) (jobs.Claimed, error) {
	claimed, err := w.store.Claim(ctx, p)
	if errors.Is(err, jobs.ErrInstanceGone) {
		w.gone(p.Instance)
	}
	return claimed, err
}

func (w *witness) renewed(instance string, asked time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.instance != instance || asked.After(w.acked) {
		w.instance, w.acked = instance, asked
	}
}

// gone tells for how long the instance had been silent when it learned that it
// is gone. One that never renewed cannot say.
func (w *witness) gone(instance string) {
	w.mu.Lock()
	silent := time.Since(w.acked)
	known := w.instance == instance && !w.acked.IsZero()
	w.mu.Unlock()
	if known {
		w.once(wroteGone, instance, silent.Milliseconds())
	}
}

func (w *witness) once(what, instance string, rest ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if key := what + instance; !w.said[key] {
		w.said[key] = true
		w.journal.write(what, jobs.Fence{}, append([]any{instance}, rest...)...)
	}
}

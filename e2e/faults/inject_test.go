//go:build unix

package faults

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// inject carries out the plan until it has as many faults as wanted, or ctx
// ends. It returns when the last one is over.
func (r *run) inject(ctx context.Context, plan *planner, most int) {
	began := time.Now()
	for n := 0; most == 0 || n < most; n++ {
		f := plan.next()
		if !pause(ctx, time.Until(began.Add(f.At))) {
			break
		}
		r.begin(ctx, f)
	}
	r.faults.Wait()
}

// soon is the part of the faults that also hit processes which are just
// starting.
const soon = 0.15

// begin starts a fault as soon as there is something left to break, and comes
// back without waiting for its end.
func (r *run) begin(ctx context.Context, f fault) {
	var taken []*node
	want := map[string]int{killTwo: 2, killAll: nodes}[f.Kind]
	if r.backend.ownFault(f.Kind) {
		want = r.backend.nodesOf(f.Kind)
	} else {
		want = max(1, want)
	}
	for len(taken) < want {
		n := r.take(ctx, f.Node, f.Dice < soon)
		if n == nil {
			break
		}
		taken = append(taken, n)
	}
	give := func() {
		for _, n := range taken {
			n.busy.Unlock()
		}
	}
	if len(taken) < want {
		give()
		return
	}
	r.faults.Go(func() {
		defer give()
		r.note("begin", f)
		if len(taken) == 0 {
			defer r.outage(time.Now())
		}
		err := r.carryOut(ctx, f, taken)
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return // the time is over
		}
		if err != nil {
			r.problem("fault %v: %v", f, err)
			return
		}
		r.injected(f)
	})
}

func (r *run) carryOut(ctx context.Context, f fault, on []*node) error {
	if r.backend.ownFault(f.Kind) {
		return r.backend.inject(ctx, r, f, on)
	}
	ps := make([]*process, len(on))
	for i, n := range on {
		if ps[i] = n.running(ctx); ps[i] == nil {
			return fmt.Errorf("node %d has no process: %w", n.number, ctx.Err())
		}
		n.back.Store(int64(f.Back))
	}
	p, n := ps[0], on[0]
	switch f.Kind {
	case kill, killTwo, killAll:
		for _, p := range ps {
			r.died(p)
			p.killed.Store(true)
			p.signal(syscall.SIGKILL)
		}
		for _, p := range ps {
			p.kill()
		}
	case stop:
		n.stop(p)
	case killInStop:
		p.signal(syscall.SIGTERM)
		pause(ctx, time.Duration(f.Dice*float64(100*time.Millisecond)))
		p.kill()
	case pauseShort, pauseLong:
		if f.Kind == pauseLong {
			r.died(p)
		}
		p.signal(syscall.SIGSTOP)
		pause(ctx, f.For)
		p.signal(syscall.SIGCONT)
	case killPaused:
		p.signal(syscall.SIGSTOP)
		pause(ctx, f.For)
		r.died(p)
		p.kill()
	default:
		return fmt.Errorf("nobody knows how")
	}
	return nil
}

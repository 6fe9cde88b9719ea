package jobs

import (
	"context"
	"io"
	"sync"
)

// legacy is what sessions that lost their lease could not write any more: how
// their attempts ended, and that they left. The process lives, so it is written
// as soon as the store answers: then no job is charged with a crash that was
// none, and none waits for a lease to run out. Fences refuse what others have by
// then.
type legacy struct {
	mu     sync.Mutex
	ends   []ended
	proofs []io.Closer
}

func (l *legacy) add(proof io.Closer, ends ...ended) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ends = append(l.ends, ends...)
	if proof != nil {
		l.proofs = append(l.proofs, proof)
	}
}

func (l *legacy) take() (ends []ended, proofs []io.Closer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ends, proofs = l.ends, l.proofs
	l.ends, l.proofs = nil, nil
	return ends, proofs
}

// settle writes what earlier sessions left behind.
func (w *Worker) settle(ctx context.Context) error {
	ends, proofs := w.legacy.take()
	if len(ends) > 0 {
		lost, err := w.Store.Finish(ctx, outcomesOf(ends)...)
		if err != nil {
			w.legacy.add(nil, ends...)
			for _, p := range proofs {
				w.legacy.add(p)
			}
			return err
		}
		w.tellEnds(ends, lost)
	}
	w.leave(proofs)
	return nil
}

// leave gives up proofs of life. Where that cannot be written, others find out.
func (w *Worker) leave(proofs []io.Closer) {
	for _, p := range proofs {
		if err := p.Close(); err != nil {
			w.logger().Warn("an earlier instance of this process could not leave; it is found dead", KeyError, err)
		}
	}
}

// tellEnds tells which ends were written, and which came too late.
func (w *Worker) tellEnds(ends []ended, lost []Fence) {
	gone := make(map[Fence]bool, len(lost))
	for _, f := range lost {
		gone[f] = true
	}
	for _, e := range ends {
		a, o := e.attempt, e.outcome
		if gone[o.Fence] {
			w.logger().Warn("attempt lost its job before its end was written", KeyJob, a.job.ID, KeyAttempt, a.job.Attempt, KeyInstance, a.job.InstanceID)
			w.refused(o.Fence)
			if w.Hooks.Lost != nil {
				w.Hooks.Lost(a.job, ErrLeaseLost, e.took)
			}
			continue
		}
		w.logger().Debug("attempt ended", KeyJob, a.job.ID, KeyAttempt, a.job.Attempt, KeyInstance, a.job.InstanceID, KeyStatus, o.Status, KeyTook, e.took, KeyError, o.Error)
		if w.Hooks.Finished != nil {
			w.Hooks.Finished(a.job, o, e.took)
		}
	}
}

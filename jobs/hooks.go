package jobs

import "time"

// Hooks are called as things happen, from several goroutines, and must not
// block for long. Nil ones are skipped.
type Hooks struct {
	Recovered func(events []Event)                          // jobs of the dead: found, marked, perhaps failed
	Started   func(j Job)                                   // an attempt begins
	Recorded  func(j Job)                                   // steps were recorded; the job is as it was claimed, but for its steps
	Finished  func(j Job, o Outcome, took time.Duration)    // its outcome is written
	Lost      func(j Job, reason error, took time.Duration) // the attempt was not the worker's any more
	Trouble   func(err error)                               // the store failed; nil: it answers again
	Unknown   func(kinds []string)                          // pending jobs of kinds without a handler
	Refused   func(f Fence)                                 // a write that came too late: the store refused it
}

// And returns hooks that call those of h, and then those of more.
func (h Hooks) And(more Hooks) Hooks {
	return Hooks{
		Recovered: both(h.Recovered, more.Recovered),
		Started:   both(h.Started, more.Started),
		Recorded:  both(h.Recorded, more.Recorded),
		Finished:  all(h.Finished, more.Finished),
		Lost:      all(h.Lost, more.Lost),
		Trouble:   both(h.Trouble, more.Trouble),
		Unknown:   both(h.Unknown, more.Unknown),
		Refused:   both(h.Refused, more.Refused),
	}
}

func both[A any](f, g func(A)) func(A) {
	switch {
	case f == nil:
		return g
	case g == nil:
		return f
	}
	return func(a A) { f(a); g(a) }
}

func all[A, B, C any](f, g func(A, B, C)) func(A, B, C) {
	switch {
	case f == nil:
		return g
	case g == nil:
		return f
	}
	return func(a A, b B, c C) { f(a, b, c); g(a, b, c) }
}

package jobs

import (
	"math/rand/v2"
	"time"
)

// Recovery says who decides that an interrupted job goes on. It is stamped on
// a job when it is accepted; the job's stamp decides, never the process that
// recovers.
type Recovery string

const (
	RecoveryAuto   Recovery = "auto"   // it goes on by itself, at the first step not recorded
	RecoveryManual Recovery = "manual" // it waits for a person
)

// Policy is how much a worker puts up with. The zero value works.
type Policy struct {
	// Recovery is for jobs that carry no stamp: rows that people inserted.
	// Zero: RecoveryAuto.
	Recovery Recovery
	// MaxCrashes is how many deaths in a row, without a step recorded in
	// between, fail a job. Zero: 3.
	MaxCrashes int
	// MaxFailures is how many errors of its handler fail a job. Zero: 4.
	MaxFailures int
	// Backoff is how long a job waits after its nth failure. Nil: Backoff.
	Backoff func(failures int) time.Duration
}

// WithDefaults returns the policy with every zero field filled in.
func (p Policy) WithDefaults() Policy {
	if p.Recovery == "" {
		p.Recovery = RecoveryAuto
	}
	if p.MaxCrashes == 0 {
		p.MaxCrashes = 3
	}
	if p.MaxFailures == 0 {
		p.MaxFailures = 4
	}
	if p.Backoff == nil {
		p.Backoff = Backoff
	}
	return p
}

// Backoff doubles from one second up to ten minutes. A random half is taken
// off, so that jobs which failed together do not come back together.
func Backoff(failures int) time.Duration {
	const most = 10 * time.Minute
	d := most
	if failures < 10 {
		d = time.Second << max(failures-1, 0)
	}
	return d/2 + rand.N(d/2)
}

package jobs

import (
	"errors"
	"fmt"
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

func (p Policy) validate(who string) error {
	var errs []error
	if p.MaxCrashes < 0 || p.MaxFailures < 0 {
		errs = append(errs, fmt.Errorf("%s: MaxCrashes and MaxFailures must not be negative", who))
	}
	if p.Recovery != "" && p.Recovery != RecoveryAuto && p.Recovery != RecoveryManual {
		errs = append(errs, fmt.Errorf("%s: unknown recovery %q", who, p.Recovery))
	}
	return errors.Join(errs...)
}

// For returns the policy with every zero field filled in and, where the job has
// a budget of its own, that in place of the policy's.
func (p Policy) For(j Job) Policy {
	p = p.WithDefaults()
	if j.MaxCrashes > 0 {
		p.MaxCrashes = j.MaxCrashes
	}
	if j.MaxFailures > 0 {
		p.MaxFailures = j.MaxFailures
	}
	if j.RetryDelayMS > 0 {
		p.Backoff = BackoffFrom(time.Duration(j.RetryDelayMS) * time.Millisecond)
	}
	return p
}

// PolicyFor returns the policy for a job: that of its kind, else the common
// one, each completed and overruled by the job as Policy.For says.
func (p ClaimParams) PolicyFor(j Job) Policy { return policyFor(p.Policies, p.Policy, j) }

func policyFor(kinds map[string]Policy, common Policy, j Job) Policy {
	if p, ok := kinds[j.Kind]; ok {
		return p.For(j)
	}
	return common.For(j)
}

// Backoff is BackoffFrom one second.
func Backoff(failures int) time.Duration { return BackoffFrom(time.Second)(failures) }

// BackoffFrom doubles from a first delay up to ten minutes, or up to the first
// where that is longer. A random half is taken off, so that jobs which failed
// together do not come back together.
func BackoffFrom(first time.Duration) func(failures int) time.Duration {
	return func(failures int) time.Duration {
		d, most := first, max(first, 10*time.Minute)
		for i := 1; i < failures && d < most; i++ {
			d *= 2
		}
		d = min(d, most)
		return d/2 + rand.N(d/2+1)
	}
}

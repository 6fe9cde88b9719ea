package jobs

import "time"

// pollEvery bounds how late a worker notices work, or a death, of which no
// hint reached it.
const pollEvery = time.Second

// pause is how long a claim loop waits when nothing calls it: until poll at
// the latest, and for hints not before quiet.
type pause struct{ poll, quiet time.Duration }

// pace spaces claims. Hints come with every commit, also with those that bring
// no work (a checkpoint); so each claim in vain makes the loop deafer, up to a
// tenth of a second, and the first that finds work makes it hear again. A
// store that fails is asked less and less often.
type pace struct{ quiet, fail time.Duration }

const (
	leastQuiet = time.Millisecond
	mostQuiet  = 100 * time.Millisecond
)

func (p *pace) next(claimed int, err error, due time.Duration) pause {
	if err != nil {
		p.fail = min(max(2*p.fail, 50*time.Millisecond), 5*time.Second)
		return pause{poll: p.fail, quiet: p.fail}
	}
	p.fail = 0
	if claimed > 0 {
		p.quiet = 0
	} else {
		p.quiet = min(max(2*p.quiet, leastQuiet), mostQuiet)
	}
	poll := pollEvery
	if due > 0 {
		poll = min(poll, max(due, leastQuiet))
	}
	return pause{poll: poll, quiet: p.quiet}
}

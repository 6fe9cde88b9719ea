package webhook

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// pace is how fast a sender goes.
type pace struct {
	timeout time.Duration // of one attempt, from dialling to the end of the answer
	hold    time.Duration // how long a taken delivery is nobody else's: longer than an attempt and its record
	rest    time.Duration // between two looks at what is due, however often the store changes
	poll    time.Duration // a look without a hint: for what comes due, and for hints that were missed
	last    time.Duration // how long what is being sent may go on once the service stops
	delays  []time.Duration
}

// usual is the pace of a service. Its delays are how long the next attempt waits
// after each that failed, three days in all; after the last a delivery is given
// up.
func usual() pace {
	return pace{
		timeout: 10 * time.Second, hold: 30 * time.Second, rest: 200 * time.Millisecond, poll: 5 * time.Second, last: 300 * time.Millisecond,
		delays: []time.Duration{
			5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 3 * time.Hour,
			6 * time.Hour, 12 * time.Hour, 12 * time.Hour, 12 * time.Hour, 12 * time.Hour, 12 * time.Hour,
		},
	}
}

// longestDelay bounds what a receiver may ask for.
const longestDelay = 24 * time.Hour

// next returns how long to wait after an attempt (from 1) that failed, and
// false when it was the last. The receiver may have asked for more. A fifth
// either way is left to chance, so that what failed together does not come back
// together.
func (p pace) next(attempt int, asked time.Duration) (time.Duration, bool) {
	if attempt > len(p.delays) {
		return 0, false
	}
	d := p.delays[max(attempt, 1)-1]
	d += time.Duration((rand.Float64() - 0.5) * 0.4 * float64(d))
	return min(max(d, asked), longestDelay), true
}

// retryAfter reads the header: seconds, or a date. 0: it says nothing.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

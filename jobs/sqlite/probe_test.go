package sqlite

import (
	"testing"
	"time"
)

func TestSilenceIsWhatWasSeenOfIt(t *testing.T) {
	t.Parallel()
	const lease = 15 * time.Second
	type look struct {
		after   time.Duration // of the one before
		renewal string
		dead    bool
	}
	second := func(n int, renewal string, dead bool) (looks []look) {
		for range n {
			looks = append(looks, look{time.Second, renewal, dead})
		}
		return looks
	}
	for name, looks := range map[string][]look{
		"it renews":                          append(second(14, "a", false), second(14, "b", false)...),
		"it is silent":                       append(second(15, "a", false), second(2, "a", true)...),
		"it wakes in time":                   append(second(15, "a", false), second(15, "b", false)...),
		"the observer slept, once":           {{0, "a", false}, {time.Hour, "a", false}, {time.Second, "b", false}},
		"the observer slept, it is silent":   {{0, "a", false}, {time.Hour, "a", false}, {time.Second, "a", false}, {4 * time.Second, "a", true}},
		"the observer seldom looks":          {{0, "a", false}, {time.Minute, "a", false}, {time.Minute, "a", true}},
		"the observer looks again at once":   {{0, "a", false}, {time.Hour, "a", false}, {0, "a", false}, {time.Millisecond, "a", false}},
		"first seen with an ancient seen_at": {{0, "1999-01-01 00:00:00.000", false}, {time.Second, "1999-01-01 00:00:00.000", false}},
	} {
		var s silence
		now := time.Now()
		for i, l := range looks {
			now = now.Add(l.after)
			if got := s.longerThan(lease, "x", l.renewal, now); got != l.dead {
				t.Errorf("%s: look %d: dead %t, want %t", name, i, got, l.dead)
			}
		}
	}
}

package postgres

import (
	"testing"
	"time"
)

func TestSilenceIsWhatWasSeenOfIt(t *testing.T) {
	t.Parallel()
	const lease = 15 * time.Second
	base := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	type step struct {
		after   time.Duration // of the one before
		renewal time.Time
		silent  bool
	}
	a, b := base, base.Add(time.Second)
	seconds := func(n int, renewal time.Time, silent bool) (steps []step) {
		for range n {
			steps = append(steps, step{time.Second, renewal, silent})
		}
		return steps
	}
	for name, steps := range map[string][]step{
		"it renews":                          append(seconds(15, a, false), seconds(15, b, false)...),
		"it is silent":                       append(seconds(15, a, false), seconds(2, a, true)...),
		"it wakes in time":                   append(seconds(15, a, false), seconds(15, b, false)...),
		"its clock went back":                append(seconds(15, b, false), seconds(15, a, false)...),
		"the observer slept":                 append(append(seconds(10, a, false), step{time.Hour, a, false}), seconds(14, a, false)...),
		"the observer slept; it is silent":   append(append(append(seconds(10, a, false), step{time.Hour, a, false}), seconds(14, a, false)...), step{time.Second, a, true}),
		"the observer stuttered":             append(append(seconds(9, a, false), step{7 * time.Second, a, true}), seconds(1, a, true)...),
		"the observer seldom looks":          {{0, a, false}, {time.Minute, a, false}, {time.Minute, a, false}},
		"first seen with an ancient seen_at": {{0, base.AddDate(-27, 0, 0), false}, {time.Second, base.AddDate(-27, 0, 0), false}},
	} {
		var s sighting
		now := time.Now()
		for i, x := range steps {
			now = now.Add(x.after)
			var silent bool
			if s, silent = s.look(lease, x.renewal, now); silent != x.silent {
				t.Errorf("%s: look %d: silent %t, want %t", name, i, silent, x.silent)
			}
		}
	}
}

// A lock that the server gives up because the client is silent gets free when the
// instance was not heard of for half of its lease: then it proves nothing.
func TestServerGivesUpTheSilentAfterHalfTheLease(t *testing.T) {
	t.Parallel()
	e := newSite(t)
	for _, lease := range []time.Duration{time.Second, 15 * time.Second, 17 * time.Second, 19999 * time.Millisecond, 20 * time.Second, time.Minute, 6 * time.Minute} {
		conn, err := e.s.connectFor(t.Context(), lease)
		if err != nil {
			t.Fatal(err)
		}
		var idle, interval, count, given int
		err = conn.QueryRow(t.Context(), `SELECT current_setting('tcp_keepalives_idle')::int, current_setting('tcp_keepalives_interval')::int,
			current_setting('tcp_keepalives_count')::int, current_setting('tcp_user_timeout')::int / 1000`).Scan(&idle, &interval, &count, &given)
		closeConn(conn)
		if err != nil {
			t.Fatal(err)
		}
		after := time.Duration(idle+interval*count) * time.Second
		if after <= lease/2 || after > max(10*time.Second, lease) || after != time.Duration(given)*time.Second {
			t.Errorf("with a lease of %v: after %v, or %d s", lease, after, given)
		}
	}
}

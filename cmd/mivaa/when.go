package main

import (
	"strconv"
	"time"

	"github.com/dustin/go-humanize"
)

// span is a length of time in one word: 5s, 3m, 2h, 4d, 5w, 2y.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	steps := []struct {
		below time.Duration
		unit  time.Duration
		word  string
	}{
		{time.Minute, time.Second, "s"}, {time.Hour, time.Minute, "m"}, {day, time.Hour, "h"},
		{14 * day, day, "d"}, {365 * day, 7 * day, "w"},
	}
	d = max(d, 0)
	for _, s := range steps {
		if d < s.below {
			return strconv.FormatInt(int64(d/s.unit), 10) + s.word
		}
	}
	return strconv.FormatInt(int64(d/(365*day)), 10) + "y"
}

// age is how long ago something was, in one word.
func age(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return span(now.Sub(t))
}

// How times are written for people: in the zone of their machine, which the line
// or the day above it names. JSON and logs have UTC.
const (
	clockTime = "15:04:05.000"
	zoneClock = "15:04:05 MST"
	zoneDay   = "2006-01-02 MST"
	zoneTime  = "2006-01-02 15:04:05.000 MST"
)

// exact is a time for people, in the zone of now, to the second, and how long
// ago that was.
func exact(t, now time.Time) string {
	return t.In(now.Location()).Format("2006-01-02 15:04:05 MST") + " (" + humanize.RelTime(t, now, "ago", "from now") + ")"
}

// counted is a number with its noun: 1 page, 2 pages, 12,345 pages.
func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return humanize.Comma(int64(n)) + " " + noun
}

// sizeOf is a number of bytes for people.
func sizeOf(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

package jobs_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mivaa/mivaa/jobs"
)

// Spans that are over are counted once; the others anew each time, and what a
// caller does with an answer changes none that comes later.
func TestSpansRememberWhatIsOver(t *testing.T) {
	t.Parallel()
	var s jobs.Spans
	var counted [][]time.Time
	count := func(figures []jobs.Figure) error {
		var at []time.Time
		for i := range figures {
			at = append(at, figures[i].At)
			figures[i].Accepted = 1
			figures[i].Interruptions[jobs.CauseCrash] = 2
		}
		counted = append(counted, at)
		return nil
	}
	from := time.Date(2026, 5, 1, 12, 0, 30, 0, time.UTC)
	minute := func(n int) time.Time { return time.Date(2026, 5, 1, 12, n, 0, 0, time.UTC) }
	ask := func(n int, now time.Time) {
		t.Helper()
		got, err := s.Figures(from, time.Minute, n, now, count)
		if err != nil || len(got) != n {
			t.Fatalf("%d figures, %v", len(got), err)
		}
		for i, f := range got {
			if !f.At.Equal(minute(i)) || f.Accepted != 1 || f.Interruptions[jobs.CauseCrash] != 2 {
				t.Errorf("figure %d: %+v", i, f)
			}
			f.Interruptions[jobs.CauseCrash] = 99
		}
	}
	ask(4, minute(4).Add(30*time.Second)) // the last two may still change
	ask(4, minute(4).Add(40*time.Second))
	ask(4, minute(6))
	ask(4, minute(6))
	ask(5, minute(7))
	ask(4, minute(7))
	want := [][]time.Time{
		{minute(0), minute(1), minute(2), minute(3)}, {minute(3)}, {minute(3)}, {minute(4)},
	}
	if d := cmp.Diff(want, counted); d != "" {
		t.Errorf("counted (-want +got):\n%s", d)
	}
	fails := errors.New("it fails")
	if _, err := s.Figures(from, time.Hour, 1, minute(0).AddDate(1, 0, 0), func([]jobs.Figure) error { return fails }); !errors.Is(err, fails) {
		t.Errorf("got %v, want the error of the count", err)
	}
	counted = nil
	if _, err := s.Figures(from, time.Hour, 1, minute(0).AddDate(1, 0, 0), count); err != nil || len(counted) != 1 {
		t.Errorf("%v: what failed was remembered", err)
	}
}

// However many spans are asked for, few are held.
func TestSpansAreBounded(t *testing.T) {
	t.Parallel()
	var s jobs.Spans
	asked := 0
	count := func(figures []jobs.Figure) error { asked += len(figures); return nil }
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for round := range 40 {
		if _, err := s.Figures(from.AddDate(0, 0, round), time.Minute, 400, from.AddDate(1, 0, 0), count); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 40*400 {
		t.Fatalf("%d were counted", asked)
	}
	if _, err := s.Figures(from, time.Minute, 400, from.AddDate(1, 0, 0), count); err != nil || asked == 40*400 {
		t.Errorf("%v: the first are still held after %d others", err, asked)
	}
}

package dashboard

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTrace(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		values []float64
		want   string
	}{
		{"nothing", nil, ""},
		{"none there", []float64{-1, -1}, ""},
		{"through", []float64{0, 5, 10}, "M0.50 100.00L1.50 50.00L2.50 0.00"},
		{"one alone is a dash", []float64{-1, 5, -1}, "M1.20 50.00h0.6"},
		{"interrupted", []float64{10, 10, -1, 0, 0}, "M0.50 0.00L1.50 0.00M3.50 100.00L4.50 100.00"},
	} {
		if got := trace(tt.values, 10); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestBars(t *testing.T) {
	t.Parallel()
	got := bars([]float64{0, 1, 1000}, 1000, func(i int) string { return string(rune('a' + i)) })
	want := []bar{
		{X: "1.12", Y: "98.50", Width: "0.76", Height: "1.50", Text: "b"}, // too low to see, and seen all the same
		{X: "2.12", Y: "0.00", Width: "0.76", Height: "100.00", Text: "c"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRoundUp(t *testing.T) {
	t.Parallel()
	for f, want := range map[float64]float64{0: 1, 1: 1, 1.1: 2, 3: 5, 5: 5, 6: 10, 101: 200, 31882: 50000} {
		if got := roundUp(f); got != want {
			t.Errorf("roundUp(%v) = %v, want %v", f, got, want)
		}
	}
	for f, want := range map[float64]float64{0: 0.1, 0.3: 0.5, 45: 60, 61: 120, 5000: 7200, 90000: 2 * 86400, 86400 * 3: 86400 * 5} {
		if got := roundUpTime(f); got != want {
			t.Errorf("roundUpTime(%v) = %v, want %v", f, got, want)
		}
	}
}

func TestSpanName(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 10, 21, 22, 30, 0, 0, time.UTC)
	if got := spanName(at, time.Minute); got != "22:30 to 22:31" {
		t.Error(got)
	}
	if got := spanName(at.Add(-30*time.Minute), 2*time.Hour); got != "Wed 21 Oct 22:00 to 00:00" {
		t.Error(got)
	}
}

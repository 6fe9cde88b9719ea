package extract

import (
	"slices"
	"testing"
)

func TestParsePages(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in, want string
		of10     []int // nil: not looked at
	}{
		{"", "", nil},
		{" ", "", nil},
		{"1-", "", nil},
		{"3", "3", []int{3}},
		{"1-5,9", "1-5,9", []int{1, 2, 3, 4, 5, 9}},
		{"9, 1 - 5", "1-5,9", nil},
		{"5-", "5-", []int{5, 6, 7, 8, 9, 10}},
		{"5-,7-8,1", "1,5-", []int{1, 5, 6, 7, 8, 9, 10}},
		{"1-3,2-6,7", "1-7", nil},
		{"4,4,4", "4", nil},
		{"2-3,3-", "2-", nil},
		{"8-20", "8-20", []int{8, 9, 10}},
		{"11-", "11-", []int{}},
		{"1-3,4-", "", nil},
	}
	for _, tt := range tests {
		p, err := ParsePages(tt.in)
		if err != nil || p.String() != tt.want {
			t.Errorf("%q: got %q, %v; want %q", tt.in, p, err, tt.want)
		}
		if tt.of10 != nil && !slices.Equal(p.Select(10), tt.of10) {
			t.Errorf("%q of 10 pages: got %v, want %v", tt.in, p.Select(10), tt.of10)
		}
	}
	for _, bad := range []string{"0", "-3", "a", "1,", ",", "5-3", "1--2", "1-2-3", "+1", "1.5", "99999999", "1-99999999999999999999", "１"} {
		if p, err := ParsePages(bad); err == nil {
			t.Errorf("%q is read as %q", bad, p)
		}
	}
}

func FuzzParsePages(f *testing.F) {
	for _, s := range []string{"1-5,9,12-", "3-,1", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePages(s)
		if err != nil {
			return
		}
		again, err := ParsePages(p.String())
		if err != nil || !slices.Equal(p, again) {
			t.Fatalf("%q: %v, read again %v, %v", s, p, again, err)
		}
		for _, n := range p.Select(50) {
			if !p.Contains(n) {
				t.Fatalf("%q selects %d and does not contain it", s, n)
			}
		}
	})
}

package main

import (
	"testing"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs"
)

func TestStrip(t *testing.T) {
	t.Parallel()
	signs := map[pageCell]string{pagesWaiting: ".", pagesBegun: "o", pagesDone: "#", pagesFailed: "x"}
	for _, test := range []struct {
		done, total int
		failed      []int
		most        int
		want        string
	}{
		{0, 0, nil, 10, ""},
		{0, 3, nil, 10, "..."},
		{2, 3, []int{1}, 10, "x#."},
		{3, 3, []int{3, 9, 0}, 10, "##x"},
		{50, 100, nil, 10, "#####....."},
		{55, 100, []int{1, 100}, 10, "x####o...x"},
		{1320, 1321, []int{1321}, 4, "###x"},
		{6, 10, nil, 4, "##o."},
		{1, 2, nil, 0, ""},
	} {
		got := ""
		for _, c := range strip(test.done, test.total, test.failed, test.most) {
			got += signs[c]
		}
		if got != test.want {
			t.Errorf("%d of %d, failed %v, in %d: got %q, want %q", test.done, test.total, test.failed, test.most, got, test.want)
		}
	}
	// Each page has one place, and a failed one is shown in it.
	for total := 1; total < 60; total++ {
		for most := 1; most <= 20; most++ {
			for page := 1; page <= total; page++ {
				row := strip(page-1, total, []int{page}, most)
				shown := 0
				for i, c := range row {
					if c == pagesFailed {
						shown++
						if first, last := i*total/len(row)+1, (i+1)*total/len(row); page < first || page > last {
							t.Fatalf("page %d of %d is shown at pages %d to %d", page, total, first, last)
						}
					}
				}
				if shown != 1 {
					t.Fatalf("page %d of %d in %d is shown %d times", page, total, most, shown)
				}
			}
		}
	}
}

func TestFailedSteps(t *testing.T) {
	t.Parallel()
	failed := []documents.FailedPage{{PageNumber: 5}, {PageNumber: 9}}
	for payload, want := range map[string][2]int{`{}`: {5, 9}, `{"options":{"pages":"4-6,9"}}`: {2, 4}, `not JSON`: {5, 9}} {
		got := failedSteps(jobs.Job{Payload: []byte(payload)}, failed)
		if got[0] != want[0] || got[1] != want[1] {
			t.Errorf("%s: got %v, want %v", payload, got, want)
		}
	}
}

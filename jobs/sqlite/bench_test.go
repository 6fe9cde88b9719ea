package sqlite

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/storetest"
)

// BenchmarkRead is what lists and counts cost with a long history behind; what
// every store is measured by is in storetest.
func BenchmarkRead(b *testing.B) {
	for _, n := range []int{1000, storetest.LongHistory()} {
		path := filepath.Join(b.TempDir(), "jobs.db")
		s := open(b, path)
		if err := finished(person(b, path), n); err != nil {
			b.Fatal(err)
		}
		insertMany(b, s, 1000)
		b.Run(fmt.Sprintf("finished=%d/statistics", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Statistics(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
		for _, f := range []jobs.Filter{
			{}, {Order: jobs.OldestFirst}, {Order: jobs.UpdatedFirst}, {Status: jobs.Completed}, {Status: jobs.Failed},
			{Status: jobs.Completed, Order: jobs.UpdatedLast}, {Kind: "other"},
		} {
			b.Run(fmt.Sprintf("finished=%d/list/status=%s,kind=%s,order=%s", n, f.Status, f.Kind, f.Order), func(b *testing.B) {
				for b.Loop() {
					if _, err := s.List(b.Context(), f); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkConsole(b *testing.B) { storetest.BenchmarkConsole(b, harness) }

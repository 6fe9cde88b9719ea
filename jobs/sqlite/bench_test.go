package sqlite

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// joined makes an instance on a store.
func joined(tb testing.TB, s *Store, id string) {
	tb.Helper()
	m, err := s.Join(tb.Context(), jobs.Instance{ID: id, Host: "host", PID: 1, Version: "test", Boot: "boot", Lease: time.Minute})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := m.Close(); err != nil {
			tb.Error(err)
		}
	})
}

func claimParams(limit int) jobs.ClaimParams {
	return jobs.ClaimParams{Instance: "a", Kinds: []string{"work"}, Limit: limit, Suspects: 1}
}

func insertMany(tb testing.TB, s *Store, n int) []jobs.Job {
	tb.Helper()
	var all []jobs.Job
	for n > 0 {
		list := make([]jobs.NewJob, min(n, 1000))
		for i := range list {
			list[i] = jobs.NewJob{Kind: "work", Filename: "document.pdf"}
		}
		got, err := s.Insert(tb.Context(), list...)
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, got...)
		n -= len(list)
	}
	return all
}

// BenchmarkNoop is jobs/s from a backlog: claims of 500, and the completions
// of the batch before, wait together.
func BenchmarkNoop(b *testing.B) {
	for _, size := range []int{1, 50, 500} {
		b.Run(fmt.Sprint("batch=", size), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "jobs.db"))
			joined(b, s, "a")
			insertMany(b, s, b.N)
			b.ResetTimer()
			cpu := cpuTime(b)
			var wg sync.WaitGroup
			for done := 0; done < b.N; {
				got, err := s.Claim(b.Context(), claimParams(size))
				if err != nil {
					b.Fatal(err)
				}
				wg.Wait()
				wg.Go(func() {
					out := make([]jobs.Outcome, len(got.Jobs))
					for i, j := range got.Jobs {
						out[i] = jobs.Outcome{Fence: j.Fence(), Status: jobs.Completed}
					}
					if lost, err := s.Finish(b.Context(), out...); err != nil || len(lost) > 0 {
						b.Errorf("lost %d, %v", len(lost), err)
					}
				})
				if done += len(got.Jobs); len(got.Jobs) == 0 {
					b.Fatal("nothing claimed")
				}
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
			b.ReportMetric(float64((cpuTime(b)-cpu).Nanoseconds())/1000/float64(b.N), "cpu-us/job")
		})
	}
}

// cpuTime is what the process has used: on a busy machine it says more than
// the clock.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkInsert(b *testing.B) {
	b.Run("bulk", func(b *testing.B) {
		s := open(b, filepath.Join(b.TempDir(), "jobs.db"))
		b.ResetTimer()
		cpu := cpuTime(b)
		insertMany(b, s, b.N)
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
		b.ReportMetric(float64((cpuTime(b)-cpu).Nanoseconds())/1000/float64(b.N), "cpu-us/job")
	})
	for _, n := range []int{1, 8} {
		b.Run(fmt.Sprint("goroutines=", n), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "jobs.db"))
			b.ResetTimer()
			var wg sync.WaitGroup
			for g := range n {
				wg.Go(func() {
					for i := g; i < b.N; i += n {
						if _, err := s.Insert(b.Context(), jobs.NewJob{Kind: "work", Filename: "document.pdf"}); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
		})
	}
}

func BenchmarkCheckpoint(b *testing.B) {
	data := json.RawMessage(`"` + strings.Repeat("x", 2046) + `"`)
	for _, workers := range []int{1, 8, 32} {
		b.Run(fmt.Sprint("workers=", workers), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "jobs.db"))
			joined(b, s, "a")
			insertMany(b, s, workers)
			got, err := s.Claim(b.Context(), claimParams(workers))
			if err != nil || len(got.Jobs) != workers {
				b.Fatal(len(got.Jobs), err)
			}
			b.ResetTimer()
			var wg sync.WaitGroup
			for w := range workers {
				wg.Go(func() {
					for i := w; i < b.N; i += workers {
						if err := s.Checkpoint(b.Context(), got.Jobs[w].Fence(), 1_000_000, jobs.Step{Seq: i/workers + 1, Data: data}); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "steps/s")
		})
	}
}

// BenchmarkClaim is the latency of a claim of one job, and of one that finds
// nothing, with a history behind.
func BenchmarkClaim(b *testing.B) {
	for _, n := range []int{0, 1_000_000} {
		path := filepath.Join(b.TempDir(), "jobs.db")
		s := open(b, path)
		if err := finished(person(b, path), n); err != nil {
			b.Fatal(err)
		}
		joined(b, s, "a")
		b.Run(fmt.Sprint("finished=", n, "/one"), func(b *testing.B) {
			insertMany(b, s, b.N)
			b.ResetTimer()
			for range b.N {
				if got, err := s.Claim(b.Context(), claimParams(1)); err != nil || len(got.Jobs) != 1 {
					b.Fatal(len(got.Jobs), err)
				}
			}
		})
		b.Run(fmt.Sprint("finished=", n, "/empty"), func(b *testing.B) {
			for range b.N {
				if got, err := s.Claim(b.Context(), claimParams(1)); err != nil || len(got.Jobs) != 0 {
					b.Fatal(len(got.Jobs), err)
				}
			}
		})
		b.Run(fmt.Sprint("finished=", n, "/statistics"), func(b *testing.B) {
			for range b.N {
				if _, err := s.Statistics(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
		for _, f := range []jobs.Filter{
			{}, {Order: jobs.UpdatedFirst}, {Status: jobs.Completed}, {Status: jobs.Failed},
			{Status: jobs.Completed, Order: jobs.UpdatedLast}, {Kind: "other"},
		} {
			b.Run(fmt.Sprintf("finished=%d/list/%s,%s,%s", n, f.Status, f.Kind, f.Order), func(b *testing.B) {
				for range b.N {
					if _, err := s.List(b.Context(), f); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

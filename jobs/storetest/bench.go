package storetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// batch is how many jobs the batched benchmarks give to a call.
const batch = 500

// LongHistory is how many finished jobs stand behind what is measured; a short run
// makes do with fewer.
func LongHistory() int {
	if testing.Short() {
		return 10_000
	}
	return 1_000_000
}

// Benchmark measures what a store costs, in figures that compare between
// stores: everything is on, durability, fences and events included, and
// whatever must be there first is made with the clock stopped. open is called
// once for each benchmark.
func Benchmark(b *testing.B, open func(tb testing.TB) Harness) {
	b.Run("Backlog", func(b *testing.B) { backlog(newEnv(b, open), b) })
	for _, workers := range []int{1, 8} {
		b.Run(fmt.Sprintf("Checkpoint/workers=%d", workers), func(b *testing.B) { checkpoints(newEnv(b, open), b, workers) })
	}
	for _, n := range []int{0, LongHistory()} {
		b.Run(fmt.Sprintf("Claim/finished=%d", n), func(b *testing.B) { claims(newEnv(b, open), b, n) })
	}
	b.Run("Claim/empty", func(b *testing.B) {
		e := newEnv(b, open)
		a := e.join("a")
		for b.Loop() {
			a.claim(1)
		}
	})
	b.Run("Insert/one by one, 8 at once", func(b *testing.B) { inserts(newEnv(b, open), b) })
	b.Run("Insert/500 in a call", func(b *testing.B) {
		e := newEnv(b, open)
		for b.Loop() {
			e.insertAll(make([]jobs.NewJob, batch)...)
		}
		rate(b, "jobs/s", b.N*batch)
	})
}

// rate reports n things in the time that was measured.
func rate(b *testing.B, unit string, n int) {
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), unit)
}

// stock sees to it that enough jobs wait, with the clock stopped.
func stock(e *env, b *testing.B, waiting *int, want int) {
	if *waiting >= want {
		return
	}
	b.StopTimer()
	for range 20 {
		e.insertAll(make([]jobs.NewJob, batch)...)
		*waiting += batch
	}
	b.StartTimer()
}

// backlog claims and finishes jobs that do nothing, a batch at a time, the
// next claim under way while the last batch is finished. One operation is one
// batch.
func backlog(e *env, b *testing.B) {
	a := e.join("a")
	waiting, done := 0, 0
	var ended []jobs.Outcome
	for b.Loop() {
		stock(e, b, &waiting, batch)
		var got []jobs.Job
		together(2, func(k int) {
			if k == 0 {
				e.finish(ended...)
			} else {
				got = a.claim(batch)
			}
		})
		if len(got) != batch {
			b.Fatalf("claimed %d, want %d", len(got), batch)
		}
		done += len(ended)
		waiting -= len(got)
		ended = ended[:0]
		for _, j := range got {
			ended = append(ended, jobs.Outcome{Fence: j.Fence(), Status: jobs.Completed})
		}
	}
	e.finish(ended...)
	done += len(ended)
	rate(b, "jobs/s", done)
}

// checkpoints records steps of 2 KB, each in a call of its own, by workers
// that each run a job. One operation is one step.
func checkpoints(e *env, b *testing.B, workers int) {
	a := e.join("a")
	e.insertAll(make([]jobs.NewJob, workers)...)
	running := a.claim(workers)
	data := json.RawMessage(`"` + string(bytes.Repeat([]byte("x"), 2046)) + `"`)
	b.SetBytes(int64(len(data)))
	b.ResetTimer()
	var left atomic.Int64
	left.Store(int64(b.N))
	together(workers, func(k int) {
		for seq := 1; left.Add(-1) >= 0; seq++ {
			if err := e.Store.Checkpoint(e.Context(), running[k].Fence(), 0, jobs.Step{Seq: seq, Data: data}); err != nil {
				b.Errorf("step %d: %v", seq, err)
				return
			}
		}
	})
	rate(b, "checkpoints/s", b.N)
}

// claims measures the claim of one job from a short queue beside a long
// history. The job is put back with the clock stopped.
func claims(e *env, b *testing.B, finished int) {
	if finished > 0 {
		e.Finished(b, finished)
	}
	e.insertAll(make([]jobs.NewJob, 100)...)
	a := e.join("a")
	var each []time.Duration
	for b.Loop() {
		start := time.Now()
		got := a.claim(1)
		each = append(each, time.Since(start))
		if len(got) != 1 {
			b.Fatalf("claimed %d, want 1", len(got))
		}
		b.StopTimer()
		e.finish(jobs.Outcome{Fence: got[0].Fence(), Status: jobs.Interrupted, Cause: jobs.CauseShutdown})
		a.claim(0) // which puts it back
		b.StartTimer()
	}
	slices.Sort(each)
	b.ReportMetric(float64(each[len(each)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(each[len(each)*99/100].Microseconds()), "p99-µs")
}

// inserts adds jobs one in a call from eight goroutines. One operation is one
// job.
func inserts(e *env, b *testing.B) {
	const clients = 8
	b.ResetTimer()
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if _, err := e.Store.Insert(e.Context(), jobs.NewJob{Kind: work}); err != nil {
					b.Errorf("Insert: %v", err)
					return
				}
				runtime.Gosched()
			}
		})
	}
	wg.Wait()
	rate(b, "jobs/s", b.N)
}

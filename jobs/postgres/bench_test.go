package postgres

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mivaa/mivaa/internal/pgtest"
	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/storetest"
)

// durable is a server that keeps what it acknowledged: what the figures of
// docs/benchmarks.md are about.
func durable(tb testing.TB) string {
	tb.Helper()
	return pgtest.Start(tb, "max_wal_size=4GB", "shared_buffers=1GB").URL()
}

// measured is a queue in a schema of its own.
func measured(tb testing.TB, url, schema string) *queue {
	tb.Helper()
	pgtest.Exec(tb, url, `CREATE SCHEMA IF NOT EXISTS `+schema)
	s, err := Open(tb.Context(), Config{URL: pgtest.With(url, "pool_max_conns", "10"), DirectURL: url, Schema: schema})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	q := &queue{TB: tb, Store: s}
	q.join("a")
	return q
}

// BenchmarkCheckpointInsert is a checkpoint of 2 KB beside a plain INSERT of the
// same bytes into a table of the same shape: a few of each in turn, so that
// whatever else the machine does falls on both. One operation is one of each.
func BenchmarkCheckpointInsert(b *testing.B) {
	url := durable(b)
	for name, workers := range map[string]int{"workers=1": 1, "workers=8": 8} {
		b.Run(name, func(b *testing.B) { checkpointInsert(b, url, workers) })
	}
}

func checkpointInsert(b *testing.B, url string, workers int) {
	const turn = 50 // of each worker
	q := measured(b, url, fmt.Sprintf("checkpoints_%d", workers))
	q.exec(`DROP TABLE IF EXISTS jobs_schema.plain`)
	q.exec(`CREATE TABLE jobs_schema.plain (LIKE jobs_schema.job_steps INCLUDING ALL)`)
	q.insert(make([]jobs.NewJob, workers)...)
	running := q.claim(params("a", workers))
	data := json.RawMessage(`"` + string(bytes.Repeat([]byte("x"), 2046)) + `"`)
	insert := q.SQL(`INSERT INTO jobs_schema.plain (job_id, seq, data) VALUES ($1, $2, $3::json)`)
	checkpoint := func(j jobs.Job, seq int) error {
		return q.Checkpoint(b.Context(), j.Fence(), 0, jobs.Step{Seq: seq, Data: data})
	}
	plain := func(j jobs.Job, seq int) error {
		_, err := q.pool.Exec(b.Context(), insert, uuidOf(j.ID), seq, []byte(data))
		return err
	}
	var took [2]time.Duration
	n := 0
	for b.Loop() {
		for k, write := range []func(jobs.Job, int) error{checkpoint, plain} {
			began := time.Now()
			var all sync.WaitGroup
			for _, j := range running {
				all.Go(func() {
					for seq := n + 1; seq <= n+turn; seq++ {
						if err := write(j, seq); err != nil {
							b.Errorf("step %d: %v", seq, err)
							return
						}
					}
				})
			}
			all.Wait()
			took[k] += time.Since(began)
		}
		n += turn
	}
	done := float64(n * workers)
	b.ReportMetric(done/took[0].Seconds(), "checkpoints/s")
	b.ReportMetric(done/took[1].Seconds(), "inserts/s")
	b.ReportMetric(took[1].Seconds()/took[0].Seconds(), "checkpoint/insert")
	q.finish(running)
}

// BenchmarkClaimAtSize is the claim of 20 jobs beside a million finished and a
// hundred thousand waiting ones, and where there is nothing else: in turn.
func BenchmarkClaimAtSize(b *testing.B) {
	url := durable(b)
	large, empty := measured(b, url, "large"), measured(b, url, "empty")
	large.exec(strings.Replace(finished, "background_jobs", "jobs_schema.background_jobs", 1), storetest.LongHistory())
	for range storetest.LongHistory() / 20_000 {
		large.insert(make([]jobs.NewJob, 2000)...)
	}
	large.exec(`VACUUM ANALYZE jobs_schema.background_jobs`)
	var took [2][]time.Duration
	for b.Loop() {
		for k, q := range []*queue{large, empty} {
			q.insert(make([]jobs.NewJob, 20)...)
			began := time.Now()
			got := q.claim(params("a", 20))
			took[k] = append(took[k], time.Since(began))
			if len(got) != 20 {
				b.Fatalf("claimed %d", len(got))
			}
			q.finish(got)
		}
	}
	report := func(unit string, each []time.Duration) time.Duration {
		slices.Sort(each)
		p50 := each[len(each)/2]
		b.ReportMetric(float64(p50.Microseconds()), unit)
		return p50
	}
	l, e := report("large-p50-µs", took[0]), report("empty-p50-µs", took[1])
	b.ReportMetric(l.Seconds()/e.Seconds(), "large/empty")
}

func BenchmarkConsole(b *testing.B) {
	storetest.BenchmarkConsole(b, func(tb testing.TB) storetest.Harness { return harness(tb, pgtest.URL(tb)) })
}

package bench

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/internal/pgtest"
)

// How often River looks for work: as in its own benchmark command.
const (
	fetchCooldown = 2 * time.Millisecond
	fetchPoll     = 20 * time.Millisecond
)

// each runs a measurement for both engines, each in its turn, on one server.
func each(b *testing.B, measure func(b *testing.B, server *pgtest.Server, e engine)) {
	server := pgtest.Start(b, "max_wal_size=4GB", "shared_buffers=1GB")
	all := engines(b, server)
	for _, name := range []string{"mivaa", "river"} {
		b.Run(name, func(b *testing.B) { measure(b, server, all[name]) })
	}
}

// BenchmarkBacklog is no-op jobs from a backlog: until all are completed in the
// database.
func BenchmarkBacklog(b *testing.B) {
	const backlog = 20_000
	each(b, func(b *testing.B, server *pgtest.Server, e engine) {
		b.ReportAllocs()
		var took time.Duration
		var wal int64
		for b.Loop() {
			before := lsn(b, server)
			for range backlog / 2000 {
				must(b, e.bulk(b.Context(), 2000))
			}
			inserted := time.Now()
			work(b, e, backlog)
			took += time.Since(inserted)
			wal += lsn(b, server) - before
		}
		jobs := float64(backlog) * float64(b.N)
		b.ReportMetric(jobs/took.Seconds(), "jobs/s")
		b.ReportMetric(float64(wal)/jobs, "WAL-B/job")
	})
}

// work runs an engine until n jobs have begun and none is left unfinished.
func work(b *testing.B, e engine, n int) {
	b.Helper()
	var begun atomic.Int64
	all := make(chan struct{})
	stop, err := e.start(b.Context(), func() {
		if begun.Add(1) == int64(n) {
			close(all)
		}
	})
	must(b, err)
	select {
	case <-all:
	case <-time.After(5 * time.Minute):
		b.Fatalf("%d of %d jobs begun", begun.Load(), n)
	}
	for {
		left, err := e.left(b.Context())
		must(b, err)
		if left == 0 {
			break
		}
		time.Sleep(time.Millisecond) // a benchmark: there is nothing to be told by
	}
	must(b, stop())
}

// BenchmarkInsert is jobs inserted, none worked: one by one from one and from
// eight callers, and 1,000 a call.
func BenchmarkInsert(b *testing.B) {
	const n = 2000
	each(b, func(b *testing.B, _ *pgtest.Server, e engine) {
		for name, insert := range map[string]func() error{
			"one_caller":    func() error { return inserts(b.Context(), e, 1, n) },
			"eight_callers": func() error { return inserts(b.Context(), e, 8, n) },
			"bulk":          func() error { return e.bulk(b.Context(), n) },
		} {
			b.Run(name, func(b *testing.B) {
				for b.Loop() {
					must(b, insert())
				}
				b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
			})
		}
	})
}

func inserts(ctx context.Context, e engine, callers, n int) error {
	errs := make([]error, callers)
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			for range n / callers {
				if errs[c] = e.one(ctx); errs[c] != nil {
					return
				}
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkLatency is from the call of an insert to the begin of its job, on a
// system that has nothing else to do.
func BenchmarkLatency(b *testing.B) {
	const samples = 200
	each(b, func(b *testing.B, _ *pgtest.Server, e engine) {
		began := make(chan time.Time, 1)
		stop, err := e.start(b.Context(), func() { began <- time.Now() })
		must(b, err)
		var all []time.Duration
		for b.Loop() {
			for range samples {
				asked := time.Now()
				must(b, e.one(b.Context()))
				all = append(all, (<-began).Sub(asked))
				time.Sleep(25 * time.Millisecond) // idle again
			}
		}
		must(b, stop())
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
	})
}

// lsn is how many bytes of WAL the server has written.
func lsn(b *testing.B, server *pgtest.Server) (n int64) {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), server.URL())
	must(b, err)
	defer conn.Close(b.Context())
	must(b, conn.QueryRow(b.Context(), `SELECT pg_current_wal_lsn() - '0/0'::pg_lsn`).Scan(&n))
	return n
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

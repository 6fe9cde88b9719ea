package postgres

import (
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/internal/pgtest"
	"github.com/mivaa/mivaa/jobs"
)

// TestOldSnapshot measures what claims cost while a transaction holds an old
// snapshot, beside what they cost in the same minute in a database of the same
// server in which nobody does: MIVAA_SNAPSHOT is for how many seconds, at
// MIVAA_SNAPSHOT_RATE jobs a second in each (1000). It is an experiment, not a
// test.
func TestOldSnapshot(t *testing.T) {
	seconds, err := strconv.Atoi(os.Getenv("MIVAA_SNAPSHOT"))
	if err != nil {
		t.Skip("MIVAA_SNAPSHOT is not set")
	}
	rate := 1000
	if n, err := strconv.Atoi(os.Getenv("MIVAA_SNAPSHOT_RATE")); err == nil {
		rate = n
	}
	url := durable(t)
	pgtest.Exec(t, url, `CREATE DATABASE other`)
	held, free := measured(t, url, "jobs"), measured(t, pgtest.With(url, "dbname", "other"), "jobs")
	underLoad(t, "before", held, free, rate, 5*time.Second)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), `BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM pg_class LIMIT 1`); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		underLoad(t, "held", held, free, rate, time.Duration(seconds)*time.Second/4)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	underLoad(t, "after", held, free, rate, 5*time.Second)
}

// underLoad inserts, claims and finishes at a rate, in both in turn, and tells
// what a claim of 20 takes.
func underLoad(t *testing.T, what string, held, free *queue, rate int, d time.Duration) {
	t.Helper()
	var took [2][]time.Duration
	done := 0
	for began := time.Now(); time.Since(began) < d; {
		due := min(int(time.Since(began).Seconds()*float64(rate))-done, 500)
		if due <= 0 {
			continue
		}
		done += due
		for k, q := range []*queue{held, free} {
			q.insert(make([]jobs.NewJob, due)...)
			at := time.Now()
			got := q.claim(params("a", 20))
			took[k] = append(took[k], time.Since(at))
			for len(got) > 0 {
				q.finish(got)
				got = q.claim(params("a", 500))
			}
		}
	}
	p := func(k, percent int) time.Duration {
		slices.Sort(took[k])
		return took[k][len(took[k])*percent/100]
	}
	t.Logf("%s: %d jobs; claim of 20: p50 %v, p99 %v; in the other database %v, %v; %.2f times", what, done,
		p(0, 50), p(0, 99), p(1, 50), p(1, 99), p(0, 50).Seconds()/p(1, 50).Seconds())
}

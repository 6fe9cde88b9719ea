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
// snapshot: MIVAA_SNAPSHOT is for how many seconds, at MIVAA_SNAPSHOT_RATE jobs a
// second (1500). It is an experiment, not a test.
func TestOldSnapshot(t *testing.T) {
	seconds, err := strconv.Atoi(os.Getenv("MIVAA_SNAPSHOT"))
	if err != nil {
		t.Skip("MIVAA_SNAPSHOT is not set")
	}
	rate := 1500
	if n, err := strconv.Atoi(os.Getenv("MIVAA_SNAPSHOT_RATE")); err == nil {
		rate = n
	}
	server := pgtest.Start(t)
	for _, marks := range []bool{true, false} {
		t.Run("marks="+strconv.FormatBool(marks), func(t *testing.T) { oldSnapshot(t, server.URL(), rate, seconds, marks) })
	}
}

func oldSnapshot(t *testing.T, url string, rate, seconds int, marks bool) {
	s, err := Open(t.Context(), Config{URL: url, Schema: "marks_" + strconv.FormatBool(marks)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	q := &queue{TB: t, Store: s}
	q.join("a")
	// Figures that do not depend on how busy the machine is.
	const walks = `SELECT coalesce(sum(idx_tup_read), 0) FROM pg_stat_user_indexes WHERE indexrelname = 'jobs_by_position' AND schemaname = trim('"' FROM split_part('jobs_schema.', '.', 1))`
	walked := 0
	run := func(what string, d time.Duration) {
		var took []time.Duration
		began := time.Now()
		done := 0
		for time.Since(began) < d {
			due := int(time.Since(began).Seconds()*float64(rate)) - done
			if due <= 0 {
				continue
			}
			q.insert(make([]jobs.NewJob, min(due, 500))...)
			if !marks {
				s.claimed.mu.Lock()
				s.claimed.until = time.Time{}
				s.claimed.mu.Unlock()
			}
			at := time.Now()
			got := q.claim(params("a", 20))
			took = append(took, time.Since(at))
			done += min(due, 500)
			for len(got) > 0 {
				q.finish(got)
				got = q.claim(params("a", 500))
			}
		}
		slices.Sort(took)
		was := walked
		walked = q.number(walks)
		t.Logf("%s: %d jobs, claim of 20: p50 %v, p99 %v; %d index entries walked a job", what, done, took[len(took)/2], took[len(took)*99/100], (walked-was)/max(done, 1))
	}
	run("before", 5*time.Second)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), `BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM pg_class LIMIT 1`); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		run("held", time.Duration(seconds)*time.Second/4)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	run("after", 5*time.Second)
}

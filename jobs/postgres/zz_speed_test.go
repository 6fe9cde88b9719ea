package postgres

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"context"

	"github.com/mivaa/mivaa/internal/pgtest"
	"github.com/mivaa/mivaa/jobs"
)

func cpu(pp string) (sum time.Duration) {
	ents, _ := os.ReadDir("/proc")
	for _, e := range ents {
		b, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+2:]))
		if f[1] == pp {
			u, _ := strconv.Atoi(f[11])
			s, _ := strconv.Atoi(f[12])
			sum += time.Duration(u+s) * 10 * time.Millisecond
		}
	}
	return
}

func TestZZSpeed(t *testing.T) {
	if os.Getenv("ZZ") == "" {
		t.Skip()
	}
	n, _ := strconv.Atoi(os.Getenv("ZZ"))
	srv := pgtest.Start(t)
	s, err := Open(t.Context(), Config{URL: srv.URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	q := &queue{TB: t, Store: s}
	q.exec(`INSERT INTO jobs_schema.job_instances (id, host, pid, version, boot, lease_until, lease_ms, state)
		VALUES ('a', 'host', 1, 'test', 'boot', now() + interval '1 hour', 3600000, 'live')`)
	var pid int
	s.pool.QueryRow(t.Context(), `select pg_backend_pid()`).Scan(&pid)
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	pp := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+2:]))[1]
	measure := func(what string, n int, f func()) {
		var r0, r1 syscall.Rusage
		syscall.Getrusage(0, &r0)
		w0 := q.number(`SELECT (pg_current_wal_lsn() - '0/0')::bigint`)
		c0, t0 := cpu(pp), time.Now()
		f()
		c1, t1 := cpu(pp), time.Now()
		w1 := q.number(`SELECT (pg_current_wal_lsn() - '0/0')::bigint`)
		syscall.Getrusage(0, &r1)
		own := time.Duration(r1.Utime.Nano()+r1.Stime.Nano()-r0.Utime.Nano()-r0.Stime.Nano())
		fmt.Printf("%-28s %8.0f/s  server cpu %6.1f us  own cpu %6.1f us  WAL %6d B each\n", what, float64(n)/t1.Sub(t0).Seconds(), float64((c1-c0).Microseconds())/float64(n), float64(own.Microseconds())/float64(n), (w1-w0)/n)
	}
	measure("insert 500 a call", n, func() {
		for range n / 500 {
			list := make([]jobs.NewJob, 500)
			q.insert(list...)
		}
	})
	var out [][]jobs.Job
	measure("claim 500", n/2, func() {
		for range n / 1000 {
			out = append(out, q.claim(params("a", 500)))
		}
	})
	measure("finish 500", n/2, func() {
		for _, l := range out {
			q.finish(l)
		}
	})
	out = nil
	one := min(n/4, 2000)
	measure("claim 1", one, func() {
		for range one {
			out = append(out, q.claim(params("a", 1)))
		}
	})
	measure("finish 1", one, func() {
		for _, l := range out {
			q.finish(l)
		}
	})
	measure("insert 1", one, func() {
		for range one {
			q.insert(jobs.NewJob{})
		}
	})
	left := q.number(`SELECT count(*) FROM jobs_schema.background_jobs WHERE status = 'pending'`)
	var done atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	slots, _ := strconv.Atoi(os.Getenv("ZZS"))
	w := &jobs.Worker{Store: s, Slots: max(slots, 1), Handlers: map[string]jobs.Handler{"work": func(context.Context, *jobs.Attempt) error {
		if done.Add(1) == int64(left) {
			cancel()
		}
		return nil
	}}}
	measure("worker "+os.Getenv("ZZS"), left, func() { fmt.Println(w.Run(ctx)) })
}

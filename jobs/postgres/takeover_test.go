package postgres

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mivaa/mivaa/internal/pgtest"
	"github.com/mivaa/mivaa/jobs"
)

// workerRole is a child that is a whole engine, and says what it does and when.
const workerRole = "worker"

const takeoverSteps, takeoverPace = 30, 20 * time.Millisecond

// workerMain runs jobs until its input ends. Lines are "what time details".
func workerMain(in io.Reader, out io.Writer) (err error) {
	var mu sync.Mutex
	say := func(what string, details ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintln(out, append([]any{what, time.Now().UnixNano()}, details...)...)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s, err := Open(ctx, Config{URL: os.Getenv(childURLEnv), Schema: os.Getenv(childSchemaEnv), Logger: slog.New(teller(say))})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	w := &jobs.Worker{Store: s, Slots: 12, Handlers: map[string]jobs.Handler{"work": func(ctx context.Context, a *jobs.Attempt) error {
		say("started", a.Job().ID, a.Job().Attempt)
		for seq := a.Done() + 1; seq <= takeoverSteps; seq++ {
			if !sleep(ctx, takeoverPace) {
				return ctx.Err()
			}
			if err := a.Checkpoint(ctx, jobs.Step{Seq: seq, Data: []byte(`{}`)}); err != nil {
				return err
			}
			if seq == a.Done() && a.Job().Attempt > 1 {
				say("step", a.Job().ID, a.Job().Attempt)
			}
		}
		return nil
	}}}
	id, err := w.Join(ctx)
	if err != nil {
		return err
	}
	say("joined", id)
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, in) // its end is all that is waited for
	}()
	return w.Run(ctx)
}

// teller is a log handler that passes on what the ring sees.
type teller func(what string, details ...any)

func (teller) Enabled(context.Context, slog.Level) bool { return true }
func (t teller) WithAttrs([]slog.Attr) slog.Handler     { return t }
func (t teller) WithGroup(string) slog.Handler          { return t }
func (t teller) Handle(_ context.Context, r slog.Record) error {
	of := ""
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == jobs.KeyInstance {
			of = a.Value.String()
		}
		return true
	})
	switch {
	case strings.HasPrefix(r.Message, "locks found free"):
		t("free", of)
	case strings.HasPrefix(r.Message, "instance is dead"):
		t("dead", of)
	}
	return nil
}

// said is a line of a worker.
type said struct {
	what string
	at   time.Time
	of   string
}

// worker is a running workerMain.
type worker struct {
	*child
	id string
}

func (e *site) worker(lines chan<- said) *worker {
	e.Helper()
	w := &worker{child: e.command(workerRole)}
	if !w.lines.Scan() {
		e.Fatal("worker said nothing")
	}
	w.id = parse(e, w.lines.Text()).of
	go tell(e, w.lines, lines)
	return w
}

// tell passes lines on until the worker ends.
func tell(tb testing.TB, lines *bufio.Scanner, to chan<- said) {
	for lines.Scan() {
		select {
		case to <- parse(tb, lines.Text()):
		default: // nobody listens: between two kills
		}
	}
}

func parse(tb testing.TB, line string) (s said) {
	var ns int64
	if n, err := fmt.Sscan(line, &s.what, &ns, &s.of); n < 3 {
		tb.Errorf("worker said %q: %v", line, err)
	}
	s.at = time.Unix(0, ns)
	return s
}

// BenchmarkTakeover kills one of three loaded processes and measures when its
// jobs run elsewhere. One operation is one kill: -benchtime=200x.
func BenchmarkTakeover(b *testing.B) {
	server := pgtest.Start(b) // as durable as by default
	e := siteAt(b, server.URL(), "takeover")
	lines := make(chan said, 10000)
	var workers []*worker
	for range 3 {
		workers = append(workers, e.worker(lines))
	}
	ctx, stop := context.WithCancel(b.Context())
	var feeding sync.WaitGroup
	feeding.Go(func() { e.feed(ctx, 12) })
	defer feeding.Wait()
	defer stop()
	took, killed := map[string][]time.Duration{}, []string{}
	for k := 0; b.Loop(); k++ {
		victim := workers[k%3]
		var held []string
		for i := range workers { // the new one is past its start; the victim last, so that it has them still
			held = e.loaded(workers[(k+1+i)%3].id)
		}
		killed = append(killed, victim.id)
		for len(lines) > 0 {
			<-lines
		}
		start := time.Now()
		victim.kill()
		for what, at := range e.succession(lines, victim.id, held) {
			took[what] = append(took[what], at.Sub(start))
		}
		workers[k%3] = e.worker(lines)
	}
	for what, list := range took {
		slices.Sort(list)
		b.ReportMetric(float64(list[len(list)/2].Milliseconds()), what+"-p50-ms")
		b.ReportMetric(float64(list[len(list)*99/100].Milliseconds()), what+"-p99-ms")
	}
	b.ReportMetric(0, "ns/op")
	var wrong int
	e.row(`SELECT count(*) FROM jobs_schema.job_instances WHERE state <> 'live' AND id <> ALL ($1)`, []any{killed}, &wrong)
	b.ReportMetric(float64(wrong), "wrongly-dead")
}

// feed keeps so many jobs unfinished.
func (e *site) feed(ctx context.Context, n int) {
	for ctx.Err() == nil {
		var open int
		e.row(`SELECT count(*) FROM jobs_schema.background_jobs WHERE status IN ('pending', 'processing')`, nil, &open)
		if more := n - open; more > 0 {
			list := make([]jobs.NewJob, more)
			for i := range list {
				list[i] = jobs.NewJob{Kind: "work", MaxCrashes: 100}
			}
			if _, err := e.s.Insert(ctx, list...); err != nil && ctx.Err() == nil {
				e.Error(err)
			}
		}
		sleep(ctx, 10*time.Millisecond)
	}
}

// loaded waits until an instance runs jobs that have some way to go, and returns
// them.
func (e *site) loaded(id string) (held []string) {
	e.Helper()
	eventually(e, id+" has work", func() bool {
		e.row(`SELECT coalesce(array_agg(id::text), '{}') FROM jobs_schema.background_jobs WHERE status = 'processing' AND instance_id = $1 AND steps_done BETWEEN 1 AND 20`,
			[]any{id}, &held)
		return len(held) > 0
	})
	return held
}

// succession reads what the living say until a job of the dead has a new step.
func (e *site) succession(lines <-chan said, victim string, held []string) map[string]time.Time {
	e.Helper()
	seen := map[string]time.Time{}
	first := func(what string, at time.Time) {
		if was, ok := seen[what]; !ok || at.Before(was) {
			seen[what] = at
		}
	}
	late := time.After(30 * time.Second)
	for seen["step"].IsZero() || seen["verdict"].IsZero() {
		select {
		case s := <-lines:
			switch {
			case s.what == "free" && s.of == victim:
				first("notice", s.at)
			case s.what == "dead" && s.of == victim:
				first("verdict", s.at)
			case s.what == "started" && slices.Contains(held, s.of):
				first("claim", s.at)
			case s.what == "step" && slices.Contains(held, s.of):
				first("step", s.at)
			}
		case <-late:
			e.Fatalf("nobody went on with the jobs of %s: %v", victim, seen)
		}
	}
	return seen
}

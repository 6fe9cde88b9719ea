//go:build unix

package faults

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// options are what the environment says.
type options struct {
	seed   uint64
	faults int           // 0: as many as there is time for
	most   time.Duration // no faults after that
	store  string        // empty: all
	report string        // empty: none
}

// How long faults are injected where FAULTS_FOR does not say.
const (
	briefly = 12 * time.Second // on a laptop
	usually = 45 * time.Second // in CI
)

func readOptions(t *testing.T) options {
	t.Helper()
	o := options{seed: rand.Uint64N(1_000_000), most: briefly, store: os.Getenv("FAULTS_STORE"), report: os.Getenv("FAULTS_REPORT")}
	if os.Getenv("CI") != "" {
		o.most = usually
	}
	var err error
	if text := os.Getenv("FAULTS"); text != "" {
		if o.faults, err = strconv.Atoi(text); err != nil {
			t.Fatalf("FAULTS: %v", err)
		}
		o.most = 2 * time.Hour
	}
	if text := os.Getenv("FAULTS_SEED"); text != "" {
		if o.seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("FAULTS_SEED: %v", err)
		}
	}
	if text := os.Getenv("FAULTS_FOR"); text != "" {
		if o.most, err = time.ParseDuration(text); err != nil {
			t.Fatalf("FAULTS_FOR: %v", err)
		}
	}
	return o
}

// TestFaults is the suite. The stores take turns: each needs the machine.
func TestFaults(t *testing.T) {
	o := readOptions(t)
	for _, s := range []struct {
		name string
		open func(*testing.T) backend
	}{{"sqlite", newFile}, {"postgres", newServer}} {
		t.Run(s.name, func(t *testing.T) {
			if o.store != "" && o.store != s.name {
				t.Skipf("FAULTS_STORE is %s", o.store)
			}
			undisturbed := runTasks(t, o, s.name, s.open(t), sample)
			disturb(t, o, s.name, s.open(t), undisturbed)
		})
	}
}

// run is several processes over one store, and what is known of them.
type run struct {
	t       *testing.T
	name    string
	options options
	backend backend
	store   store // of the harness
	dir     string
	nodes   []*node
	faults  sync.WaitGroup
	plan    *os.File // faults as they begin

	mu         sync.Mutex
	problems   []string
	jobs       int // accepted
	repeats    int // inserts given again
	cancelled  map[jobs.ID]bool
	moves      map[jobs.Move]int
	counts     map[string]int // faults, by kind
	deaths     []death
	outages    []outage // of the store itself
	poisoned   int
	mostAtOnce int      // jobs of the limited kind
	refused    int      // late writes
	gone       int      // instances that learned from the store that they are
	mistaken   []string // those of them that had not let their lease run out
	records    *records // after the run
}

// death is a moment from which on a process does nothing for its jobs.
type death struct {
	at      time.Time
	journal string
}

func newRun(t *testing.T, o options, name string, b backend) *run {
	t.Helper()
	dir, err := os.MkdirTemp("", "faults-"+name+"-") //nolint:usetesting // it stays where the test fails
	if err != nil {
		t.Fatal(err)
	}
	r := &run{
		t: t, name: name, options: o, backend: b, dir: dir,
		cancelled: map[jobs.ID]bool{}, moves: map[jobs.Move]int{}, counts: map[string]int{},
	}
	if r.plan, err = os.Create(filepath.Join(dir, "plan")); err != nil {
		t.Fatal(err)
	}
	install(t, b)
	if r.store, err = b.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range nodes {
		r.nodes = append(r.nodes, &node{run: r, number: i, change: make(chan struct{})})
	}
	t.Cleanup(r.close)
	return r
}

func (r *run) close() {
	if err := r.store.Close(); err != nil {
		r.t.Errorf("close store: %v", err)
	}
	if err := r.plan.Close(); err != nil {
		r.t.Error(err)
	}
	if !r.t.Failed() && os.Getenv("FAULTS_KEEP") == "" {
		if err := os.RemoveAll(r.dir); err != nil {
			r.t.Error(err)
		}
		return
	}
	r.t.Logf("journals, logs and the faults as they were made: %s", r.dir)
	r.t.Logf("repeat with: FAULTS_STORE=%s FAULTS_SEED=%d FAULTS=%d FAULTS_FOR=%v go test -count=1 -v -timeout 3h -run TestFaults ./e2e/faults",
		r.name, r.options.seed, max(1, r.total()), r.options.most)
}

// sample is how many jobs are also run undisturbed.
const sample = 120

// runTasks runs the first n jobs without faults, and returns how they ended.
func runTasks(t *testing.T, o options, name string, b backend, n int) map[jobs.ID]result {
	t.Helper()
	r := newRun(t, o, name, b)
	r.work(func(context.Context) {
		for r.accepted() < n {
			batch := make([]jobs.NewJob, min(fillBy, n-r.accepted()))
			for i := range batch {
				batch[i] = jobNumber(o.seed, r.accepted()+i)
			}
			r.insert(batch)
			if r.failed() {
				return
			}
		}
	})
	return r.check(nil)
}

// disturb is the run with faults.
func disturb(t *testing.T, o options, name string, b backend, undisturbed map[jobs.ID]result) {
	t.Helper()
	if t.Failed() {
		return // faults would say nothing new
	}
	r := newRun(t, o, name, b)
	began := time.Now()
	r.work(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, o.most)
		defer cancel()
		var people sync.WaitGroup
		people.Go(func() { r.submit(ctx) })
		people.Go(func() { r.move(ctx) })
		people.Go(func() { r.watchLimit(ctx) })
		r.inject(ctx, newPlanner(o.seed, b), o.faults)
		cancel()
		people.Wait()
		if err := b.heal(r); err != nil {
			r.problem("heal: %v", err)
		}
	})
	r.check(undisturbed)
	r.report(time.Since(began))
}

// work has processes for as long as fn runs and then until every job is at its
// end.
func (r *run) work(fn func(ctx context.Context)) {
	ctx, cancel := context.WithCancel(r.t.Context())
	defer cancel()
	var kept sync.WaitGroup
	for _, n := range r.nodes {
		kept.Go(func() { n.keep(ctx) })
	}
	fn(ctx)
	r.settle(ctx)
	cancel()
	kept.Wait()
}

// patience is how long something may take that must come.
func (r *run) patience() time.Duration { return 90 * time.Second }

// settle waits until nothing more will happen to any job, and every instance
// that is called live has a process.
func (r *run) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.patience())
	defer cancel()
	for {
		open, err := r.unsettled(ctx)
		if err == nil && open == "" {
			return
		}
		if !pause(ctx, 50*time.Millisecond) {
			r.problem("not settled in %v: %s (%v)", r.patience(), open, err)
			return
		}
	}
}

// unsettled says what is still to happen; empty: nothing. It is one look: between
// two, a job could go from one status to another and be seen in neither.
func (r *run) unsettled(ctx context.Context) (string, error) {
	const open = `SELECT count(*) FROM background_jobs
		WHERE status IN ('pending', 'processing') OR status = 'interrupted' AND cause <> 'cancelled'`
	var n int
	if err := r.backend.sql().QueryRowContext(ctx, open).Scan(&n); err != nil {
		return "", err
	}
	if n > 0 {
		return fmt.Sprintf("%d jobs are not at their end", n), nil
	}
	return r.ghosts(ctx)
}

// ghosts names an instance that is called live and has no process.
func (r *run) ghosts(ctx context.Context) (string, error) {
	pids := map[int]bool{}
	for _, n := range r.nodes {
		if p := n.running(ctx); p != nil {
			pids[p.cmd.Process.Pid] = true
		}
	}
	rows, err := r.backend.sql().QueryContext(ctx, `SELECT CAST(id AS TEXT), pid FROM job_instances WHERE state IN ('live', 'stopping')`)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var pid int
		if err := rows.Scan(&id, &pid); err != nil {
			return "", err
		}
		if !pids[pid] {
			return fmt.Sprintf("instance %s of process %d is called live", id, pid), rows.Err()
		}
		delete(pids, pid) // one each
	}
	return "", rows.Err()
}

// watchLimit looks how many jobs of the limited kind run at once.
func (r *run) watchLimit(ctx context.Context) {
	const running = `SELECT CAST(id AS TEXT), attempt, instance_id, CAST(started_at AS TEXT) FROM background_jobs
		WHERE status = 'processing' AND kind = '` + kindLimited + `' ORDER BY started_at`
	for pause(ctx, 50*time.Millisecond) {
		found, err := r.look(ctx, running)
		if err != nil {
			continue // the store is away: that is the fault's doing
		}
		if len(found) > limit {
			r.problem("%d jobs of a kind run at once, with a limit of %d: %s", len(found), limit, strings.Join(found, "; "))
		}
		r.mu.Lock()
		r.mostAtOnce = max(r.mostAtOnce, len(found))
		r.mu.Unlock()
	}
}

// look returns the rows of a query, of four columns, as text.
func (r *run) look(ctx context.Context, query string) (found []string, err error) {
	rows, err := r.backend.sql().QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var a, b, c, d sql.NullString
		if err := rows.Scan(&a, &b, &c, &d); err != nil {
			return nil, err
		}
		found = append(found, strings.Join([]string{a.String, b.String, c.String, d.String}, " "))
	}
	return found, rows.Err()
}

// Notes of what happens. mostProblems bounds what is kept of them.
const mostProblems = 200

func (r *run) problem(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.problems) < mostProblems {
		r.problems = append(r.problems, fmt.Sprintf(format, args...))
	}
}

func (r *run) failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.problems) > 0
}

func (r *run) accepted() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.jobs
}

func (r *run) moved(m jobs.Move) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.moves[m]++
}

func (r *run) count(what *int, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*what += n
}

func (r *run) note(what string, f fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = fmt.Fprintf(r.plan, "%s %-5s %v\n", time.Now().Format("15:04:05.000"), what, f)
}

func (r *run) injected(f fault) {
	r.note("ends", f)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[f.Kind]++
}

func (r *run) died(p *process) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deaths = append(r.deaths, death{time.Now(), p.journal})
}

// outage is a time in which the store was broken for all.
type outage struct{ from, to time.Time }

func (r *run) outage(from time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outages = append(r.outages, outage{from, time.Now()})
}

func (r *run) hadOutage(from, to time.Time) bool {
	for _, o := range r.outages {
		if o.from.Before(to) && from.Before(o.to) {
			return true
		}
	}
	return false
}

func (r *run) total() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, c := range r.counts {
		n += c
	}
	return n
}

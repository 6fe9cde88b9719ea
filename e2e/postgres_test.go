//go:build linux

package e2e

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/internal/pgtest"
)

// cluster is a PostgreSQL that several processes share, each with a data dir of
// its own as on a machine of its own.
type cluster struct {
	url, schema string
}

// newCluster returns a schema of the test's own. The URL holds a password, which
// the server does not ask for.
func newCluster(t testing.TB) *cluster {
	t.Helper()
	url, schema := pgtest.Schema(t)
	return &cluster{url: withPassword(url), schema: schema}
}

const password = "s3cret"

func withPassword(url string) string {
	return strings.Replace(url, "postgres://postgres@", "postgres://postgres:"+password+"@", 1)
}

func (c *cluster) setup(cmd *exec.Cmd) {
	cmd.Env = cleanEnv("MIVAA_DATABASE_URL="+c.url, "MIVAA_SCHEMA="+c.schema)
}

func (c *cluster) serve(t testing.TB, args ...string) *service {
	t.Helper()
	return c.serveIn(t, dataDir(t), args...)
}

func (c *cluster) serveIn(t testing.TB, dir string, args ...string) *service {
	t.Helper()
	return serveWith(t, c.setup, dir, args...)
}

func (c *cluster) cli(t testing.TB, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return cliWith(t, c.setup, args...)
}

// ask reads one value from the database.
func ask[T any](t testing.TB, c *cluster, query string, args ...any) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, pgtest.With(c.url, "search_path", c.schema))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	var v T
	if err := conn.QueryRow(ctx, query, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

// pidOf returns the process that runs a job; 0: none.
func pidOf(t testing.TB, c *cluster, id string) int {
	t.Helper()
	return ask[int](t, c, `SELECT coalesce((SELECT i.pid FROM background_jobs j JOIN job_instances i ON i.id = j.instance_id
		WHERE j.id = $1::text::uuid AND j.status = 'processing'), 0)`, id)
}

// runner returns which of the services runs a job, and the others.
func runner(t testing.TB, c *cluster, id string, services ...*service) (its *service, others []*service) {
	t.Helper()
	pid := pidOf(t, c, id)
	for _, s := range services {
		if s.cmd.Process.Pid == pid {
			its = s
		} else {
			others = append(others, s)
		}
	}
	if its == nil {
		t.Fatalf("job %s is run by process %d, which is none of ours", id, pid)
	}
	return its, others
}

// The same binary does on PostgreSQL what it does on a file, and no password is
// ever seen.
func TestPostgresReadsTheSample(t *testing.T) {
	t.Parallel()
	const path = "../examples/sample.pdf"
	want, stderr, code := cli(t, "extract", "--data-dir", dataDir(t), path)
	if code != 0 {
		t.Fatalf("extract on a file exited %d: %s", code, stderr)
	}
	c := newCluster(t)
	dir := dataDir(t)
	s := c.serveIn(t, dir)
	sample, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	j := s.upload(sample)
	s.until(j.JobID, "completed", completed)
	if got := s.content(j.DocumentID, "markdown"); got != want {
		t.Errorf("read on PostgreSQL: %d bytes, %d on a file", len(got), len(want))
	}
	var seen strings.Builder
	run := func(want int, args ...string) string {
		t.Helper()
		stdout, stderr, code := c.cli(t, append(args, "--data-dir", dir)...)
		if code != want {
			t.Errorf("%v exited %d: %s%s", args, code, stdout, stderr)
		}
		seen.WriteString(stdout + stderr)
		return stdout
	}
	if got := run(0, "extract", path); got != want {
		t.Errorf("extract on PostgreSQL gives another document: %d bytes, want %d", len(got), len(want))
	}
	check := run(0, "check")
	for _, line := range []string{"server       PostgreSQL ", "liveness     by session locks", "notices      LISTEN and NOTIFY work", "sources      written, read and deleted in the database"} {
		if !strings.Contains(check, line) {
			t.Errorf("check does not say %q:\n%s", line, check)
		}
	}
	run(2, "backup", "/nowhere/mivaa.dump")
	run(0, "migrate", "status")
	run(0, "jobs", "show", j.JobID)
	run(0, "jobs", "stats")
	run(0, "documents", "list")
	run(0, "documents", "delete", "--yes", j.DocumentID)
	run(4, "documents", "show", j.DocumentID)
	run(2, "jobs", "list", "--database-url", c.url)
	if code, _ := s.signal(syscall.SIGTERM); code != 0 {
		t.Errorf("serve exited %d", code)
	}
	seen.WriteString(strings.Join(s.log(), "\n"))
	if strings.Contains(seen.String(), password) {
		t.Errorf("the password is seen:\n%s", seen.String())
	}
	inOrder(t, s.log(), "✅ Job recovery service initialized successfully", "🛑 SHUTDOWN COMPLETE")
}

// A service on PostgreSQL that is killed goes on at its next start and gives the
// same document, each page recorded once.
func TestPostgresKilledServiceLosesNothing(t *testing.T) {
	t.Parallel()
	pdf := textPDF(killPages, "kill on postgres")
	want, _ := undisturbed(t, pdf)
	c := newCluster(t)
	dir := dataDir(t)
	s := c.serveIn(t, dir)
	j := s.upload(pdf)
	for _, at := range []int{10, 200, 390} {
		s.until(j.JobID, "some pages", func(now job) bool { return now.StepsDone >= at })
		s.kill()
		s = c.serveIn(t, dir)
	}
	end := s.until(j.JobID, "completed", completed)
	if end.Attempt != 4 || end.Crashes != 0 || end.StepsDone != killPages {
		t.Errorf("completed job: %+v", end)
	}
	if s.content(j.DocumentID, "markdown") != want {
		t.Error("the document differs from that of an undisturbed run")
	}
	recordedOnce(t, s, j.JobID, killPages)
}

// Of two services on one database, the one that lives finishes the job of the
// one that dies.
func TestPostgresNeighbourTakesOver(t *testing.T) {
	t.Parallel()
	pdf := textPDF(killPages, "neighbour")
	want, _ := undisturbed(t, pdf)
	c := newCluster(t)
	one, two := c.serve(t), c.serve(t)
	j := one.upload(pdf)
	one.until(j.JobID, "some pages", func(now job) bool { return now.StepsDone > 5 })
	its, others := runner(t, c, j.JobID, one, two)
	other := others[0]
	its.kill()
	died := time.Now()
	other.until(j.JobID, "it runs elsewhere", func(now job) bool { return now.Attempt == 2 && now.Status == "processing" || completed(now) })
	if took := time.Since(died); took > 5*time.Second {
		t.Errorf("taken over after %v", took)
	} else {
		t.Logf("taken over after %v", took)
	}
	end := other.until(j.JobID, "completed", completed)
	if end.Attempt != 2 || other.content(j.DocumentID, "markdown") != want {
		t.Errorf("completed job: %+v", end)
	}
	recordedOnce(t, other, j.JobID, killPages)
}

// A job is cancelled, or taken from its process, from the command line of any
// machine, and its worker sees it.
func TestPostgresMovesFromElsewhere(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	one, two := c.serve(t, "--workers", "1"), c.serve(t, "--workers", "1")
	j := one.uploadForm("taken.pdf", textPDF(3000, "taken"), map[string]string{"owner": "alice"})
	one.until(j.JobID, "some pages", func(now job) bool { return now.StepsDone > 0 })
	its, _ := runner(t, c, j.JobID, one, two)

	elsewhere := t.TempDir()
	if out, stderr, code := c.cli(t, "jobs", "interrupt", "--data-dir", elsewhere, j.JobID); code != 2 || !strings.Contains(stderr, "needs --yes") {
		t.Errorf("interrupt without --yes exited %d: %s%s", code, out, stderr)
	}
	if out, stderr, code := c.cli(t, "jobs", "interrupt", "--yes", "--data-dir", elsewhere, j.JobID); code != 0 || !strings.HasPrefix(out, "interrupted "+j.JobID) {
		t.Errorf("interrupt exited %d: %s%s", code, out, stderr)
	}
	asked := time.Now()
	its.line("JOB INTERRUPTED: " + j.JobID)
	if took := time.Since(asked); took > time.Second {
		t.Errorf("its worker saw it after %v", took)
	}
	kept := one.job(j.JobID).StepsDone
	one.until(j.JobID, "it goes on", func(now job) bool { return now.Status == "processing" && now.Attempt > 1 && now.StepsDone > kept })

	its, _ = runner(t, c, j.JobID, one, two)
	before := len(its.log())
	if out, stderr, code := c.cli(t, "jobs", "cancel", "--yes", "--data-dir", elsewhere, j.JobID); code != 0 {
		t.Errorf("cancel exited %d: %s%s", code, out, stderr)
	}
	eventually(t, "its worker stops", 2*time.Second, func() bool {
		return strings.Contains(strings.Join(its.log()[before:], "\n"), "Cancelled by request")
	})
	if now := two.job(j.JobID); now.Status != "interrupted" || now.Cause != "cancelled" {
		t.Errorf("cancelled job: %+v", now)
	}
	if out, stderr, code := c.cli(t, "jobs", "list", "--owner", "alice", "--json", "--data-dir", elsewhere); code != 0 || strings.Count(out, "\n") != 1 {
		t.Errorf("list --owner exited %d: %s%s", code, out, stderr)
	}
	if left, err := os.ReadDir(elsewhere); err != nil || len(left) > 0 {
		t.Errorf("commands that only look left %v in their data dir, %v", left, err)
	}
	if out, stderr, code := c.cli(t, "jobs", "restart", "--yes", "--data-dir", elsewhere, j.JobID); code != 0 {
		t.Errorf("restart exited %d: %s%s", code, out, stderr)
	}
	one.until(j.JobID, "it is read from the start", func(now job) bool { return now.Status == "processing" })
}

// Through a pooler everything works, deaths are found by lease, and the check
// says so and what to do; with a direct URL beside it they are proved.
func TestPostgresThroughPooler(t *testing.T) {
	t.Parallel()
	direct := newCluster(t)
	pooled := &cluster{url: pgtest.Pooler(t, direct.url, pgtest.TransactionMode), schema: direct.schema}
	dir := dataDir(t)
	s := pooled.serveIn(t, dir)
	s.line("session locks cannot be trusted here")
	j := s.upload(textPDF(20, "pooled"))
	s.until(j.JobID, "completed", completed)
	check := func(setup func(*exec.Cmd), want ...string) {
		t.Helper()
		out, stderr, code := cliWith(t, setup, "check", "--data-dir", dir)
		for _, line := range want {
			if code != 0 || !strings.Contains(out, line) {
				t.Errorf("check exited %d and does not say %q: %s%s", code, line, out, stderr)
			}
		}
	}
	check(pooled.setup, "warn  liveness     by lease alone", "-> give a URL that leads to the server itself with --direct-url")
	check(func(cmd *exec.Cmd) {
		pooled.setup(cmd)
		cmd.Env = append(cmd.Env, "MIVAA_DIRECT_URL="+direct.url)
	}, "ok    liveness     by session locks", "ok    notices      LISTEN and NOTIFY work")
}

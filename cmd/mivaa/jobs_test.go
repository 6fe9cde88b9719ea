package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs"
)

// columns returns the columns of a table, sorted.
func (w *world) columns(table string) []string {
	w.Helper()
	rows, err := w.store.Reader().QueryContext(w.Context(), `SELECT name FROM pragma_table_info(?) ORDER BY name`, table)
	w.ok(err)
	defer rows.Close()
	var all []string
	for rows.Next() {
		var name string
		w.ok(rows.Scan(&name))
		all = append(all, name)
	}
	w.ok(rows.Err())
	return all
}

func TestJobsListJSON(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, status := range jobs.Statuses() {
		w.in(status)
	}
	a := w.run("jobs", "list", "--json").exits(exitOK).silent()
	all := lines[jobs.Job](a)
	if len(all) != 5 || all[0].Status != jobs.Interrupted || all[4].Status != jobs.Pending {
		t.Fatalf("the newest is not first: %s", a.out)
	}
	want := w.columns("background_jobs")
	for line := range strings.Lines(a.out) {
		got := keys(t, line)
		slices.Sort(got)
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("keys are not the columns of background_jobs (-want +got):\n%s", d)
		}
	}
	for _, null := range []string{`"error":null`, `"cause":null`, `"owner":null`, `"started_at":null`, `"instance_id":null`} {
		if !strings.Contains(a.out, null) {
			t.Errorf("no %s in %s", null, a.out)
		}
	}
}

func TestJobsListSelects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := w.in(jobs.Pending), w.in(jobs.Pending)
	third := w.in(jobs.Failed, func(s *documents.Submission) { s.Owner = "alice" })
	for _, test := range []struct {
		args []string
		want []jobs.Job
	}{
		{nil, []jobs.Job{third, second, first}},
		{[]string{"--sort", "created_at:asc"}, []jobs.Job{first, second, third}},
		{[]string{"--sort", "updated_at:desc"}, []jobs.Job{third, second, first}},
		{[]string{"--status", "pending"}, []jobs.Job{second, first}},
		{[]string{"--owner", "alice"}, []jobs.Job{third}},
		{[]string{"--limit", "2"}, []jobs.Job{third, second}},
		{[]string{"--limit", "0"}, []jobs.Job{third, second, first}},
		{[]string{"--limit", "2", "--after", second.ID.String()}, []jobs.Job{first}},
		{[]string{"--status", "completed"}, nil},
	} {
		a := w.run(append([]string{"jobs", "list", "--json"}, test.args...)...).exits(exitOK).silent()
		got := lines[jobs.Job](a)
		if !slices.EqualFunc(got, test.want, func(a, b jobs.Job) bool { return a.ID == b.ID }) {
			t.Errorf("%v: %s", test.args, a.out)
		}
	}
}

func TestJobsListText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("jobs", "list").exits(exitOK).warns("no jobs")
	j := w.in(jobs.Failed)
	w.in(jobs.Pending)
	a := w.run("jobs", "list").exits(exitOK).silent().says("ID", "STATUS", "AGE", "FILE", "pending", j.ID.String(), "failed", "3/10", "failed.pdf", "damaged: the file ends")
	if strings.ContainsAny(a.out, "\x1b✗●○") {
		t.Errorf("drawn for nobody: %q", a.out)
	}
	w.run("jobs", "list", "--limit", "1").exits(exitOK).warns("more: mivaa jobs list", "--limit 1", "--after ")
}

func TestUsage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	j := w.in(jobs.Pending)
	for _, test := range []struct{ args, says string }{
		{"jobs nonsense", `unknown command "nonsense" for "mivaa jobs"`},
		{"jobs lst", "did you mean mivaa jobs list?"},
		{"documents nonsense", `unknown command "nonsense" for "mivaa documents"`},
		{"jobs list extra", "unknown command"},
		{"jobs list --status done", "none of pending, processing, completed, failed, interrupted"},
		{"jobs list --sort size", "none of created_at:desc"},
		{"jobs list --limit -1", "--limit must not be negative"},
		{"jobs list --limit many", "invalid argument"},
		{"jobs list --no-such-flag", "unknown flag"},
		{"jobs show", "accepts 1 arg(s), received 0"},
		{"jobs show ab", "too short: give at least 4"},
		{"jobs show zzzz", "is not an id"},
		{"jobs show " + strings.Repeat("a", 33), "is not an id"},
		{"jobs show \x1b[31m", `"\x1b[31m" is not an id`},
		{"jobs resume", "which jobs? Give their ids, or --all"},
		{"jobs resume --all " + j.ID.String(), "give ids or --all, not both"},
		{"jobs resume --owner a " + j.ID.String(), "choose among --all"},
		{"jobs resume --all --status completed", "none of interrupted, failed"},
		{"jobs resume --all --status failed --cause crash", "--cause is of interrupted jobs"},
		{"jobs restart --all", "--all needs --status: one of interrupted, failed, pending"},
		{"jobs cancel --all", "--all needs --status: one of pending, processing, interrupted"},
		{"jobs watch --wait -1s", "--wait must not be negative"},
		{"jobs cleanup --older-than -1h", "--older-than must not be negative"},
		{"jobs cleanup --older-than week", "invalid argument"},
		{"documents export 0000 --pages 5-1", "--pages: page selection"},
		{"documents export 0000 --format docx", "none of markdown, text, json, chunks"},
		{"documents list --limit -1", "--limit must not be negative"},
		{"migrate nonsense", "unknown command"},
		{"backup", "accepts 1 arg(s), received 0"},
		{"check extra", "unknown command"},
	} {
		w.run(strings.Split(test.args, " ")...).exits(exitUsage).warns("error: ", test.says)
	}
	code, message, hint := w.run("jobs", "show", "--json").exits(exitUsage).problem()
	if code != "usage" || message != "accepts 1 arg(s), received 0" || hint != "usage: mivaa jobs show ID [flags]" {
		t.Errorf("code %q, message %q, hint %q", code, message, hint)
	}
}

// TestIDs: an id is given whole, or by a beginning that is no other job's.
func TestIDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	insert := func(id string) {
		parsed, err := jobs.ParseID(id)
		w.ok(err)
		_, err = w.store.Insert(t.Context(), jobs.NewJob{ID: parsed, Kind: "extract", Filename: id[:4]})
		w.ok(err)
	}
	insert("abcd0000-0000-7000-8000-000000000001")
	insert("abcd0000-0000-7000-8000-000000000002")
	insert("abce0000-0000-7000-8000-000000000003")
	for _, arg := range []string{"abce", "ABCE", "abce0000-0000-7000-8000-000000000003", "ABCE0000-0000-7000-8000-000000000003", "abce000000007000800000", "abce0000-"} {
		if got := object[jobs.Job](w.run("jobs", "show", "--json", arg).exits(exitOK)); got.Filename != "abce" {
			t.Errorf("%s: shows %s", arg, got.ID)
		}
	}
	w.run("jobs", "show", "abcd").exits(exitUsage).
		warns("abcd is the beginning of more than one job: ", "abcd0000-0000-7000-8000-00000000000", "abcd0000-0000-7000-8000-00000000000", "hint: give more characters")
	code, _, _ := w.run("jobs", "show", "abcd", "--json").exits(exitUsage).problem()
	if code != "ambiguous_id" {
		t.Errorf("code %q", code)
	}
	for _, arg := range []string{"0000", "abce0000-0000-7000-8000-000000000004"} {
		for _, command := range []string{"show", "watch", "events", "resume", "retry", "restart", "cancel"} {
			a := w.run("jobs", command, arg).exits(exitNotFound).warns("error: "+arg+": job not found", "hint: mivaa jobs list")
			if a.out != "" {
				t.Errorf("%s: stdout %q", command, a.out)
			}
		}
	}
	for n := range 10 {
		insert(fmt.Sprintf("ffff0000-0000-7000-8000-00000000000%d", n))
	}
	w.run("jobs", "show", "ffff").exits(exitUsage).warns("and more")
}

func TestJobsShow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	j := w.in(jobs.Interrupted)
	a := w.run("jobs", "show", j.ID.String()).exits(exitOK).silent()
	a.says(j.ID.String(), "interrupted", "shutdown: Service shutdown", "file", "interrupted.pdf", "pages", "3 of 10 recorded (30%)",
		"history", "accepted", "started", "attempt 1", "interrupted", "shutdown",
		"what can be done", "mivaa jobs resume "+j.ID.String(), "go on at page 4", "mivaa jobs restart", "forget 3 pages", "mivaa jobs cancel")

	got := object[jobDetail](w.run("jobs", "show", "--json", j.ID.String()).exits(exitOK).silent())
	if len(got.Events) != 3 || !slices.Equal(got.Moves, []string{"resume", "restart", "cancel"}) || got.QueuePosition != 0 || len(got.PagesFailed) != 0 {
		t.Errorf("detail is %+v", got)
	}
	done := w.complete("done.pdf", 4, 2, 3)
	got = object[jobDetail](w.run("jobs", "show", "--json", done.Job.ID.String()).exits(exitOK))
	want := []documents.FailedPage{{PageNumber: 2, Code: "page_timeout", Error: "The page took too long."}, {PageNumber: 3, Code: "page_timeout", Error: "The page took too long."}}
	if d := cmp.Diff(want, got.PagesFailed); d != "" || len(got.Moves) != 0 {
		t.Errorf("failed pages (-want +got):\n%s\nmoves %v", d, got.Moves)
	}
	w.run("jobs", "show", done.Job.ID.String()).exits(exitOK).says("pages failed", "2 (page_timeout), 3 (page_timeout)", "mivaa documents export "+done.Document.ID.String())

	w.in(jobs.Pending)
	last := w.in(jobs.Pending)
	got = object[jobDetail](w.run("jobs", "show", "--json", last.ID.String()).exits(exitOK))
	if got.QueuePosition != 2 {
		t.Errorf("queue position %d, want 2", got.QueuePosition)
	}
	w.run("jobs", "show", last.ID.String()).exits(exitOK).says("in the queue", "1 job ahead")
}

// TestLookingChangesNothing: no command that looks, and no service that is
// gone, makes a job other than it was.
func TestLookingChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dead := w.in(jobs.Processing)
	manual := w.in(jobs.Pending, func(s *documents.Submission) { s.Recovery = jobs.RecoveryManual })
	// What a dead process leaves behind: its row, and a lock that nobody holds.
	w.ok(os.RemoveAll(filepath.Join(w.dir, "instances")))
	before := w.run("jobs", "list", "--json").exits(exitOK).out
	for _, args := range []string{
		"jobs list", "jobs stats", "jobs show " + dead.ID.String(), "jobs events " + dead.ID.String(), "jobs watch --wait 1ms " + manual.ID.String(),
		"documents list", "documents show " + dead.DocumentID.String(), "migrate", "migrate status", "jobs cleanup --yes", "jobs resume --all",
		"jobs retry --all", "backup " + filepath.Join(t.TempDir(), "copy.db"),
	} {
		w.run(strings.Split(args, " ")...)
		if d := cmp.Diff(before, w.run("jobs", "list", "--json").exits(exitOK).out); d != "" {
			t.Fatalf("%s changed a job:\n%s", args, d)
		}
	}
	// Every column, null where it is.
	columns := w.columns("job_events")
	accepted, _, _ := strings.Cut(w.run("jobs", "events", "--json", dead.ID.String()).out, "\n")
	got := keys(t, accepted)
	slices.Sort(got)
	if !slices.Equal(got, columns) || !strings.Contains(accepted, `"from_status":null`) || !strings.Contains(accepted, `"cause":null`) {
		t.Errorf("an event is %s, columns %v", accepted, columns)
	}
	if n := len(lines[jobs.Event](w.run("jobs", "events", "--json", dead.ID.String()))); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
}

// TestNoDatabase: a mistyped folder is an error, and is not made.
func TestNoDatabase(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "none")
	for _, args := range []string{
		"jobs list", "jobs show abcd", "jobs watch", "jobs watch abcd", "jobs events abcd", "jobs resume --all", "jobs stats", "jobs cleanup --yes",
		"documents list", "documents show abcd", "documents export abcd", "documents delete abcd --yes", "backup copy.db",
	} {
		var out, errw bytes.Buffer
		code := run(t.Context(), append(strings.Split(args, " "), "--data-dir", dir), nil, strings.NewReader(""), &out, &errw)
		if code != exitUnavailable || out.Len() > 0 || !strings.Contains(errw.String(), "there is no such database\nhint: ") {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", args, code, &out, &errw)
		}
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the folder was made: %v", err)
	}
}

// TestEveryCommand: each has an example, and --json.
func TestEveryCommand(t *testing.T) {
	t.Parallel()
	c := &console{in: strings.NewReader(""), out: &bytes.Buffer{}, err: &bytes.Buffer{}}
	root := c.root()
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		switch {
		case cmd.Example == "":
			t.Errorf("%s has no example", cmd.CommandPath())
		case cmd.Short == "":
			t.Errorf("%s does not say what it does", cmd.CommandPath())
		}
		if cmd.Flags().Lookup("json") == nil && cmd.InheritedFlags().Lookup("json") == nil && cmd != root {
			t.Errorf("%s has no --json", cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.Example) {
			if !strings.HasPrefix(line, "  ") || !strings.Contains(line, "mivaa ") {
				t.Errorf("%s: example %q", cmd.CommandPath(), line)
			}
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(root)
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	j := w.in(jobs.Failed)
	w.in(jobs.Pending)
	a := w.run("__complete", "jobs", "retry", j.ID.String()[:4]).exits(exitOK)
	a.says(j.ID.String() + "\tfailed failed.pdf")
	if strings.Contains(a.out, "pending") {
		t.Errorf("offers a job that cannot be retried: %s", a.out)
	}
	w.run("__complete", "documents", "export", "").exits(exitOK).says(j.DocumentID.String() + "\tfailed.pdf")
	w.run("__complete", "jobs", "list", "--status", "f").exits(exitOK).says("failed")
}

func TestPlainStore(t *testing.T) {
	t.Parallel()
	// A store that only embeds jobs, whose documents mivaa never saw.
	w := newWorld(t)
	made, err := w.store.Insert(t.Context(), jobs.NewJob{Kind: "mail", Payload: []byte(`{"to":"a"}`)})
	w.ok(err)
	w.run("jobs", "show", made[0].ID.String()).exits(exitOK).says("kind", "mail")
	w.run("jobs", "list").exits(exitOK).says("pending", "-")
}

func TestCancelledContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.in(jobs.Failed)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.runIn(ctx, nil, "jobs", "retry", "--all").exits(exitInterrupted)
}

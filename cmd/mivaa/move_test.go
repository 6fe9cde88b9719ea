package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs"
)

// TestMoves: each command in each status.
func TestMoves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	legal := map[string][]jobs.Status{
		"resume":  {jobs.Failed, jobs.Interrupted},
		"retry":   {jobs.Failed},
		"restart": {jobs.Pending, jobs.Failed, jobs.Interrupted},
		"cancel":  {jobs.Pending, jobs.Processing, jobs.Interrupted},
	}
	words := map[string]string{"resume": "resumed", "retry": "put back", "restart": "restarted", "cancel": "cancelled"}
	for command, from := range legal {
		for _, status := range jobs.Statuses() {
			j := w.in(status)
			a := w.run("jobs", command, j.ID.String(), "--dry-run")
			w.is(j.ID, status)
			if !slices.Contains(from, status) {
				a.exits(exitState).warns("error: cannot "+command+" job "+j.ID.String()+": it is "+string(status)+", which allows", "")
				w.run("jobs", command, j.ID.String()).exits(exitState).warns("it is " + string(status))
				code, message, _ := w.run("jobs", command, j.ID.String(), "--json").exits(exitState).problem()
				if code != "state" || !strings.Contains(message, string(status)) {
					t.Errorf("%s %s: code %q, message %q", command, status, code, message)
				}
				w.is(j.ID, status)
				continue
			}
			a.exits(exitOK).silent().says("would " + command + " " + j.ID.String() + " " + j.Filename)
			args := []string{"jobs", command, j.ID.String()}
			if command == "restart" || command == "cancel" {
				args = append(args, "--yes")
			}
			w.run(args...).exits(exitOK).silent().says(words[command] + " " + j.ID.String() + " " + j.Filename)
			after := w.job(j.ID)
			want := jobs.Pending
			if command == "cancel" {
				want = jobs.Interrupted
			}
			kept := j.StepsDone
			if command == "restart" {
				kept = 0
			}
			if after.Status != want || after.StepsDone != kept {
				t.Errorf("%s of a job that was %s: it is %s with %d pages", command, status, after.Status, after.StepsDone)
			}
			events, err := w.store.Events(t.Context(), j.ID, 0, 100)
			w.ok(err)
			if by := events[len(events)-1].Detail; !strings.HasPrefix(by, "cli:") || by == "cli:" {
				t.Errorf("%s: the history names %q", command, by)
			}
		}
	}
}

func TestMoveAllowedNamesCommands(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("jobs", "restart", w.in(jobs.Processing).ID.String()).exits(exitState).warns("which allows: cancel, interrupt", "hint: cancel it first: mivaa jobs cancel ")
	w.run("jobs", "resume", w.in(jobs.Completed).ID.String()).exits(exitState).warns("which allows no move", "hint: to read the document anew")
	w.run("jobs", "retry", w.in(jobs.Interrupted).ID.String()).exits(exitState).warns("which allows: resume, restart, cancel")
}

// TestMoveAsks: what destroys something needs a yes.
func TestMoveAsks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	j, other := w.in(jobs.Interrupted), w.in(jobs.Interrupted)
	a := w.run("jobs", "restart", j.ID.String(), other.ID.String()).exits(exitUsage)
	a.warns("error: needs --yes, because nobody can be asked: Restart 2 jobs? Their pages are forgotten and read again.",
		"hint: to go ahead: mivaa jobs restart "+j.ID.String()+" "+other.ID.String(), " --yes;", " --dry-run")
	w.run("jobs", "cancel", j.ID.String()).exits(exitUsage).warns("Cancel 1 job? Its pages are kept; only a person resumes it.")
	code, _, hint := w.run("jobs", "cancel", "--all", "--status", "interrupted", "--owner", "", "--json").exits(exitUsage).problem()
	if code != "needs_yes" || !strings.Contains(hint, "mivaa jobs cancel --all") || !strings.Contains(hint, "--status interrupted") || !strings.Contains(hint, "--owner ''") {
		t.Errorf("code %q, hint %q", code, hint)
	}
	w.is(j.ID, jobs.Interrupted)
	if got := w.job(j.ID); got.StepsDone != 3 || got.Cause != jobs.CauseShutdown {
		t.Errorf("it was moved: %+v", got)
	}
	// The command of the hint does it.
	command, _, _ := strings.Cut(strings.TrimPrefix(hint, "to go ahead: mivaa "), ";")
	w.run(strings.Fields(strings.ReplaceAll(command, "''", ""))[:5]...).exits(exitUsage) // without --yes it still asks
	w.run("jobs", "cancel", "--all", "--status", "interrupted", "--yes").exits(exitOK).says("cancelled 2 interrupted jobs")
}

func TestMoveSeveral(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	failed, interrupted, done := w.in(jobs.Failed), w.in(jobs.Interrupted), w.in(jobs.Completed)

	// One id that is wrong: none is moved.
	w.run("jobs", "resume", failed.ID.String(), "0000").exits(exitNotFound).warns("0000: job not found")
	w.is(failed.ID, jobs.Failed)

	// One that refuses: the others are moved, and the exit code says so.
	a := w.run("jobs", "resume", failed.ID.String(), done.ID.String(), interrupted.ID.String(), failed.ID.String()).exits(exitState)
	a.says("resumed "+failed.ID.String()+" failed.pdf (at page 4)", "resumed "+interrupted.ID.String()).warns("cannot resume job " + done.ID.String())
	if strings.Count(a.out, failed.ID.String()) != 1 {
		t.Errorf("a job given twice is moved twice: %s", a.out)
	}
	w.is(failed.ID, jobs.Pending)
	w.is(interrupted.ID, jobs.Pending)
	w.is(done.ID, jobs.Completed)

	// All refuse: each is named.
	w.run("jobs", "retry", failed.ID.String(), done.ID.String()).exits(exitState).
		warns("cannot retry job "+failed.ID.String(), "; cannot retry job "+done.ID.String())
}

func TestMoveJSON(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two := w.in(jobs.Failed), w.in(jobs.Failed)
	a := w.run("jobs", "retry", "--json", one.ID.String(), two.ID.String()).exits(exitOK).silent()
	got := lines[jobs.Job](a)
	if len(got) != 2 || got[0].ID != one.ID || got[0].Status != jobs.Pending || got[1].ID != two.ID {
		t.Errorf("got %s", a.out)
	}
	want := w.columns("background_jobs")
	have := keys(t, a.out)
	slices.Sort(have)
	if !slices.Equal(want, have) {
		t.Errorf("keys %v, want %v", have, want)
	}
}

func TestCancelTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	j := w.in(jobs.Pending)
	w.run("jobs", "cancel", "--yes", j.ID.String()).exits(exitOK).says("cancelled " + j.ID.String())
	w.run("jobs", "cancel", "--yes", j.ID.String()).exits(exitOK).says("already cancelled " + j.ID.String())
}

func TestMoveAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := func(s *documents.Submission) { s.Owner = "alice" }
	var failed []jobs.Job
	for range 70 { // more than are moved at once
		failed = append(failed, w.in(jobs.Failed))
	}
	theirs := w.in(jobs.Failed, alice)
	interrupted, cancelled, pending := w.in(jobs.Interrupted), w.cancelled(), w.in(jobs.Pending)

	result := func(a answer) moveResult { return object[moveResult](a.exits(exitOK).silent()) }
	if got, want := result(w.run("jobs", "retry", "--all", "--dry-run", "--json")), (moveResult{Move: "retry", Status: "failed", Matched: 71, DryRun: true}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	w.run("jobs", "retry", "--all", "--owner", "alice", "--dry-run").exits(exitOK).silent().says("would retry 1 failed job\n")
	w.run("jobs", "retry", "--all", "--owner", "alice").exits(exitOK).silent().says("put back 1 failed job\n")
	w.is(theirs.ID, jobs.Pending)
	w.is(failed[0].ID, jobs.Failed)
	w.run("jobs", "retry", "--all").exits(exitOK).silent().says("put back 70 failed jobs\n")
	for _, j := range failed {
		w.is(j.ID, jobs.Pending)
	}

	// What a person cancelled is left alone, unless it is asked for.
	a := w.run("jobs", "resume", "--all").exits(exitOK).says("resumed 1 interrupted job\n")
	a.warns("left alone: 1 job that a person cancelled (--cause cancelled takes them)")
	w.is(interrupted.ID, jobs.Pending)
	w.is(cancelled.ID, jobs.Interrupted)
	w.run("jobs", "resume", "--all", "--cause", "crash").exits(exitOK).silent().says("resumed 0 interrupted jobs\n")
	w.run("jobs", "resume", "--all", "--cause", "cancelled").exits(exitOK).silent().says("resumed 1 interrupted job\n")
	w.is(cancelled.ID, jobs.Pending)

	w.run("jobs", "cancel", "--all", "--status", "pending").exits(exitUsage).warns("Cancel 74 pending jobs?")
	if got, want := result(w.run("jobs", "cancel", "--all", "--status", "pending", "--yes", "--json")), (moveResult{Move: "cancel", Status: "pending", Matched: 74, Moved: 74}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	w.is(pending.ID, jobs.Interrupted)

	// Nothing matches: nothing is asked.
	w.run("jobs", "restart", "--all", "--status", "failed").exits(exitOK).silent().says("restarted 0 failed jobs\n")
	w.run("jobs", "restart", "--all", "--status", "interrupted").exits(exitOK).says("restarted 0 interrupted jobs\n").warns("left alone: 74 jobs")
}

func TestJobsStats(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, status := range jobs.Statuses() {
		w.in(status)
	}
	a := w.run("jobs", "stats", "--json").exits(exitOK).silent()
	if got, want := a.out, `{"total":5,"pending":1,"processing":1,"completed":1,"failed":1,"interrupted":1}`+"\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	w.run("jobs", "stats").exits(exitOK).silent().says("STATUS", "JOBS", "pending", "1", "interrupted", "1", "total", "5")
}

func TestJobsCleanup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	done := w.complete("done.pdf", 3)
	failed, cancelled := w.in(jobs.Failed), w.cancelled()
	stay := []jobs.Job{w.in(jobs.Interrupted), w.in(jobs.Pending), w.in(jobs.Processing)}

	// What is meant for a service is not done to a store that happens to be here.
	elsewhere := []string{"MIVAA_SERVER=http://127.0.0.1:1"}
	w.runIn(w.Context(), elsewhere, "jobs", "cleanup", "--older-than", "0s", "--yes").exits(exitUsage).warns("MIVAA_SERVER", "--data-dir")
	w.runIn(w.Context(), elsewhere, "jobs", "cleanup", "--yes", "--data-dir", w.dir).exits(exitOK)
	w.run("jobs", "cleanup", "--yes").exits(exitOK).silent().says("removed 0 jobs that ended more than 7d ago\n")
	w.run("jobs", "cleanup").exits(exitOK).silent().says("removed 0 jobs") // nothing to ask for
	w.run("jobs", "cleanup", "--older-than", "0s", "--dry-run").exits(exitOK).silent().says("would remove 3 jobs")
	w.run("jobs", "cleanup", "--older-than", "0s").exits(exitUsage).
		warns("nobody can be asked: Remove 3 jobs that ended more than 0s ago", "mivaa jobs cleanup", "--older-than 0s", "--yes")
	got := object[cleanupResult](w.run("jobs", "cleanup", "--older-than", "0s", "--dry-run", "--json").exits(exitOK).silent())
	if got.Jobs != 3 || !got.DryRun || got.Before.IsZero() {
		t.Errorf("got %+v", got)
	}
	a := w.run("jobs", "cleanup", "--older-than", "0s", "--yes", "--json").exits(exitOK).silent()
	if got := object[cleanupResult](a); got.Jobs != 3 || got.DryRun {
		t.Errorf("got %+v", got)
	}
	if got, want := keys(t, a.out), []string{"jobs", "sources", "bytes", "before", "dry_run"}; !slices.Equal(got, want) {
		t.Errorf("keys %v, want %v", got, want)
	}
	for _, id := range []jobs.ID{done.Job.ID, failed.ID, cancelled.ID} {
		w.run("jobs", "show", id.String()).exits(exitNotFound)
	}
	for _, j := range stay {
		w.is(j.ID, j.Status)
	}
	// The document outlives its job.
	w.run("documents", "export", done.Document.ID.String()).exits(exitOK).silent().says("This is page 1.", "This is page 3.")
	w.run("documents", "show", done.Document.ID.String()).exits(exitOK).says("completed", "3 recorded")
}

package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs"
)

// start runs a command while the test goes on.
func (w *world) start(ctx context.Context, args ...string) (out *pipe, end func() answer) {
	w.Helper()
	out, errw := &pipe{}, &pipe{}
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, args, []string{"MIVAA_DATA_DIR=" + w.dir}, strings.NewReader(""), out, errw)
	}()
	return out, func() answer {
		w.Helper()
		return answer{w.TB, <-code, out.String(), errw.String()}
	}
}

func TestWatchEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refused := w.claim(w.submit("secret.pdf").Job.ID)
	w.finish(refused, jobs.Outcome{Status: jobs.Failed, Error: "it needs a password", Code: "password_required"})
	broken := w.claim(w.submit("broken.pdf").Job.ID)
	w.finish(broken, jobs.Outcome{Status: jobs.Failed, Error: "something broke", Code: "internal"})
	manual := w.in(jobs.Interrupted, func(s *documents.Submission) { s.Recovery = jobs.RecoveryManual })
	for _, test := range []struct {
		id    jobs.ID
		exit  int
		code  string
		state string
		says  string
	}{
		{w.in(jobs.Completed).ID, exitOK, "", "completed", ""},
		{w.complete("partly.pdf", 4, 2).Job.ID, exitPartly, "partial", "completed", "1 of 4 pages could not be read: 2 (page_timeout)"},
		{refused.ID, exitRefused, "password_required", "failed", "it needs a password"},
		{broken.ID, exitFailure, "internal", "failed", "something broke"},
		{manual.ID, exitState, "shutdown", "interrupted", "is interrupted: Service shutdown"},
		{w.cancelled().ID, exitState, "cancelled", "interrupted", "is interrupted: Cancelled by request"},
	} {
		a := w.run("jobs", "watch", test.id.String()).exits(test.exit).says(test.state)
		if test.exit == exitOK {
			a.silent()
		} else {
			a.warns("error: ", test.says, "\nhint: ")
		}
		a = w.run("jobs", "watch", "--json", test.id.String()).exits(test.exit)
		if got := object[jobs.Job](a); string(got.Status) != test.state {
			t.Errorf("%s: %s", test.code, a.out)
		}
		if test.exit != exitOK {
			if code, _, _ := a.problem(); code != test.code {
				t.Errorf("code %q, want %q", code, test.code)
			}
		}
	}
}

func TestWatchFollows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.submit("live.pdf")
	out, end := w.start(t.Context(), "jobs", "watch", "--json", made.Job.ID.String())
	says := func(word string) { eventually(t, word, func() bool { return strings.Contains(out.String(), word) }) }
	says(`"status":"pending"`)
	j := w.claim(made.Job.ID)
	says(`"status":"processing"`)
	w.record(j, 4, 1, 2)
	says(`"steps_done":2`)
	w.record(j, 4, 3, 4)
	w.ok(w.docs.Publish(t.Context(), j.Fence(), json.RawMessage(`{"v":1,"pages":1,"body_size":11}`)))
	w.finish(j, jobs.Outcome{Status: jobs.Completed})
	a := end().exits(exitOK).silent()
	all := lines[jobs.Job](a)
	if last := all[len(all)-1]; last.Status != jobs.Completed || last.Progress != 100 {
		t.Errorf("the last change is %s", a.out)
	}
	for i := 1; i < len(all); i++ {
		if sightOf(all[i]) == sightOf(all[i-1]) {
			t.Errorf("an object without a change: %s", a.out)
		}
	}
}

func TestWatchText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.submit("live.pdf")
	out, end := w.start(t.Context(), "jobs", "watch", made.Job.ID.String())
	eventually(t, "pending", func() bool { return strings.Contains(out.String(), "pending        live.pdf") })
	j := w.claim(made.Job.ID)
	w.record(j, 10, 1, 5)
	eventually(t, "half", func() bool { return strings.Contains(out.String(), "5/10 pages  50%") })
	w.run("jobs", "cancel", "--yes", j.ID.String()).exits(exitOK)
	a := end().exits(exitState).says("pending", "processing", "interrupted", "5/10 pages", "cancelled: Cancelled by request")
	if strings.ContainsAny(a.out, "\x1b\r") {
		t.Errorf("drawn for nobody: %q", a.out)
	}
}

func TestWatchWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	j := w.in(jobs.Processing)
	w.run("jobs", "watch", "--wait", "1ms", j.ID.String()).exits(exitRunning).warns("has not ended yet: processing, 3 of 10 pages")
	code, _, _ := w.run("jobs", "watch", "--wait", "300ms", "--json", j.ID.String()).exits(exitRunning).problem()
	if code != "running" {
		t.Errorf("code %q", code)
	}
	w.run("jobs", "watch", "--wait", "300ms").exits(exitRunning).warns("1 processing, 0 pending")
	w.finish(j, jobs.Outcome{Status: jobs.Completed})
	w.run("jobs", "watch", "--wait", "1h", j.ID.String()).exits(exitOK)
	w.run("jobs", "watch", "--wait", "300ms").exits(exitOK)
}

func TestWatchInterrupted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	j := w.in(jobs.Processing)
	for _, args := range [][]string{{"jobs", "watch", j.ID.String()}, {"jobs", "events", "--follow", j.ID.String()}} {
		ctx, cancel := context.WithCancel(t.Context())
		out, end := w.start(ctx, args...)
		eventually(t, "it follows", func() bool { return out.String() != "" })
		cancel()
		end().exits(exitInterrupted).warns("no longer following; the job goes on (processing)", "hint: to stop the job: mivaa jobs cancel "+j.ID.String())
	}
	ctx, cancel := context.WithCancel(t.Context())
	out, end := w.start(ctx, "jobs", "watch")
	eventually(t, "it follows", func() bool { return out.String() != "" })
	cancel()
	end().exits(exitOK).silent()
}

func TestWatchAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := w.in(jobs.Failed)
	running := w.in(jobs.Processing)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, end := w.start(ctx, "jobs", "watch", "--json")
	text, endText := w.start(ctx, "jobs", "watch")
	says := func(word string) {
		t.Helper()
		eventually(t, word, func() bool { return strings.Contains(out.String(), word) })
	}
	says(running.ID.String())
	eventually(t, "text", func() bool { return strings.Contains(text.String(), "processing.pdf") })
	added := w.submit("added.pdf")
	says("added.pdf")
	eventually(t, "text", func() bool { return strings.Contains(text.String(), "added.pdf") })
	j := w.claim(added.Job.ID)
	w.record(j, 5, 1, 2)
	says(`"steps_done":2`)
	w.run("jobs", "cancel", "--yes", j.ID.String()).exits(exitOK)
	says(`"cause":"cancelled"`)
	eventually(t, "text", func() bool { return strings.Contains(text.String(), "cancelled: Cancelled by request") })
	cancel()
	a := end().exits(exitOK).silent()
	endText().exits(exitOK).silent()
	if strings.Contains(a.out, old.ID.String()) {
		t.Errorf("shows what did not change: %s", a.out)
	}
	for i, line := range strings.Split(strings.TrimSpace(a.out), "\n") {
		if !json.Valid([]byte(line)) {
			t.Errorf("line %d is no object: %s", i, line)
		}
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	j := w.in(jobs.Interrupted)
	w.run("jobs", "events", j.ID.String()).exits(exitOK).silent().says("accepted", "started", "attempt 1", "interrupted", "shutdown")
	a := w.run("jobs", "events", "--json", j.ID.String()).exits(exitOK).silent()
	all := lines[jobs.Event](a)
	if len(all) != 3 || all[2].Event != jobs.EventInterrupted || all[2].Cause != jobs.CauseShutdown {
		t.Errorf("got %s", a.out)
	}

	out, end := w.start(t.Context(), "jobs", "events", "--follow", "--json", j.ID.String())
	says := func(word string) {
		t.Helper()
		eventually(t, word, func() bool { return strings.Contains(out.String(), word) })
	}
	says(`"event":"interrupted"`)
	w.run("jobs", "resume", j.ID.String()).exits(exitOK)
	says(`"event":"resumed"`)
	w.finish(w.claim(j.ID), jobs.Outcome{Status: jobs.Failed, Error: "it broke", Code: "internal"})
	a = end().exits(exitOK).silent()
	all = lines[jobs.Event](a)
	var words []string
	for _, e := range all {
		words = append(words, e.Event)
	}
	if got, want := strings.Join(words, " "), "accepted started interrupted resumed started failed"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	w.run("jobs", "events", "--follow", j.ID.String()).exits(exitOK).silent().says("failed", "it broke")
}

// TestTimesNameTheirZone: what a person is shown is in the zone of the machine
// and says so, in every command; what a program is given is UTC.
func TestTimesNameTheirZone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	j := w.in(jobs.Completed)
	at := j.UpdatedAt.Local()
	id := j.ID.String()
	w.run("jobs", "watch", id).exits(exitOK).says(at.Format("15:04:05 MST"))
	w.run("jobs", "events", id).exits(exitOK).says(at.Format("2006-01-02 15:04:05.000 MST"))
	w.run("jobs", "show", id).exits(exitOK).says(at.Format("2006-01-02 15:04:05 MST"), "history", at.Format("2006-01-02 MST")+"\n", at.Format("15:04:05.000"))
	if got := object[jobs.Job](w.run("jobs", "watch", "--json", id)); got.UpdatedAt.Location() != time.UTC {
		t.Errorf("--json: %s", got.UpdatedAt)
	}
}

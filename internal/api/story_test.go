package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs"
)

// script is a history being written, as a store writes it.
type script struct {
	job    jobs.Job
	events []jobs.Event
	now    time.Time
}

func newScript(change ...func(*jobs.Job)) *script {
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	id, _ := jobs.ParseID("019c0000-0000-7000-8000-000000000001")
	s := &script{now: at, job: jobs.Job{
		ID: id, Filename: "report.pdf", Kind: documents.Kind, Status: jobs.Pending, CreatedAt: at, UpdatedAt: at, RunAt: at,
		Recovery: jobs.RecoveryAuto, StepsTotal: 1321,
	}}
	for _, f := range change {
		f(&s.job)
	}
	return s.event(0, jobs.Event{Event: jobs.EventAccepted, To: jobs.Pending})
}

// event adds one some time after the one before.
func (s *script) event(after time.Duration, e jobs.Event) *script {
	s.now = s.now.Add(after)
	e.ID, e.JobID, e.At, e.From = int64(len(s.events)+1), s.job.ID, s.now, s.job.Status
	if len(s.events) == 0 {
		e.From = ""
	}
	if e.Attempt == 0 {
		e.Attempt = s.job.Attempt
	}
	e.Steps = s.job.StepsDone
	s.events = append(s.events, e)
	s.job.Status, s.job.Cause, s.job.UpdatedAt = e.To, "", s.now
	if e.To == jobs.Interrupted {
		s.job.Cause, s.job.Error = e.Cause, e.Cause.Reason()
		s.job.Interruptions++
	}
	return s
}

func (s *script) start(after time.Duration, instance string) *script {
	s.job.Attempt++
	s.job.InstanceID = instance
	s.event(after, jobs.Event{Event: jobs.EventStarted, To: jobs.Processing, Instance: instance})
	s.job.StartedAt = s.now
	return s
}

func (s *script) steps(n int) *script {
	s.job.StepsDone = n
	return s
}

func (s *script) stop(after time.Duration, c jobs.Cause, detail string) *script {
	instance := s.job.InstanceID
	return s.event(after, jobs.Event{Event: jobs.EventInterrupted, To: jobs.Interrupted, Cause: c, Instance: instance, Detail: detail})
}

func (s *script) back(after time.Duration, by string) *script {
	e := jobs.Event{Event: jobs.EventResumed, To: jobs.Pending, Instance: s.job.InstanceID, Detail: by}
	if by != "" {
		e.Cause = jobs.CauseOperator
	}
	return s.event(after, e)
}

func (s *script) restart(after time.Duration, by string) *script {
	s.steps(0)
	return s.event(after, jobs.Event{Event: jobs.EventRestarted, To: jobs.Pending, Cause: jobs.CauseOperator, Detail: by})
}

func (s *script) complete(after time.Duration) *script {
	s.event(after, jobs.Event{Event: jobs.EventCompleted, To: jobs.Completed, Instance: s.job.InstanceID})
	s.job.CompletedAt, s.job.Progress = s.now, 100
	return s
}

func (s *script) fail(after time.Duration, why string) *script {
	s.event(after, jobs.Event{Event: jobs.EventFailed, To: jobs.Failed, Instance: s.job.InstanceID, Detail: why})
	s.job.FailedAt, s.job.Error = s.now, why
	return s
}

const (
	ms = time.Millisecond
	s1 = time.Second
)

// scripts are histories as they happen.
func scripts() map[string]*script {
	const free = "its lock is free: the process is gone"
	selection := func(j *jobs.Job) { j.Payload = json.RawMessage(`{"options":{"pages":"5-9"}}`) }
	mail := func(j *jobs.Job) { j.Kind, j.Payload = "mail", json.RawMessage(`[]`) }
	manual := func(j *jobs.Job) { j.Recovery = jobs.RecoveryManual }
	return map[string]*script{
		"waiting":     newScript(),
		"undisturbed": newScript().start(2*s1, "a3").steps(1321).complete(252 * s1),
		"running":     newScript().start(2*s1, "a3").steps(812),
		"killed": newScript().start(2*s1, "a3").steps(811).stop(130*s1, jobs.CauseCrash, free).back(0, "").
			start(900*ms, "a4").steps(1321).complete(80 * s1),
		"killed and waiting":   newScript().start(2*s1, "a3").steps(811).stop(130*s1, jobs.CauseCrash, free).back(0, ""),
		"killed before a page": newScript().start(2*s1, "a3").stop(130*s1, jobs.CauseCrash, free).back(0, "").start(900*ms, "a4").steps(3),
		"shut down and lost": newScript().start(2*s1, "a3").steps(1).stop(5*s1, jobs.CauseShutdown, "").back(3*s1, "").
			start(100*ms, "a3").steps(40).stop(60*s1, jobs.CauseLeaseLost, "lease of 15s ran out: not heard of since 10:01:00").back(0, "").
			start(200*ms, "a4").steps(41),
		"crash loop": newScript().start(2*s1, "a3").stop(s1, jobs.CauseCrash, free).back(0, "").start(s1, "a4").stop(s1, jobs.CauseCrash, free).back(0, "").
			start(s1, "gone").stop(s1, jobs.CauseCrash, free).fail(0, "its process died 3 times in a row while it was at step 1"),
		"cancelled": newScript().start(2*s1, "a3").steps(10).stop(s1, jobs.CauseCancelled, "api"),
		"cancelled, restarted": newScript().stop(5*s1, jobs.CauseCancelled, "dashboard").restart(3600*s1, "mivaa jobs restart").
			start(200*ms, "a4").steps(4),
		"taken and put back": newScript().start(2*s1, "a3").steps(10).stop(s1, jobs.CauseOperator, "anna").back(9*s1, "anna").start(s1, "a4").steps(11),
		"failed, retried":    newScript().start(2*s1, "a3").steps(10).fail(s1, "the disk is full.").back(60*s1, "api").start(s1, "a4").steps(12),
		"tried again": newScript().start(2*s1, "a3").event(s1, jobs.Event{Event: jobs.EventRetrying, To: jobs.Pending, Instance: "a3", Detail: "no room"}).
			start(4*s1, "a3").steps(2),
		"selected pages":     newScript(selection).start(2*s1, "a3").steps(3).stop(s1, jobs.CauseCrash, free).back(0, "").start(900*ms, "a4").steps(4),
		"of another kind":    newScript(mail).start(2*s1, "a3").steps(3).stop(s1, jobs.CauseCrash, "no instance runs it").back(0, "").start(900*ms, "a4"),
		"waits for a person": newScript(manual).start(2*s1, "a3").steps(7).stop(s1, jobs.CauseCrash, free),
	}
}

// remembered are the instances of the scripts, as they are known at the end.
func remembered() []jobs.InstanceState {
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	return []jobs.InstanceState{
		{ID: "a3", Host: "b", PID: 412, State: jobs.InstanceDead, SeenAt: at.Add(2600 * ms)},
		{ID: "a4", Host: "c", PID: 77, State: jobs.InstanceLive, SeenAt: at.Add(24 * time.Hour)},
	}
}

// TestStories: read the golden file as a person would.
func TestStories(t *testing.T) {
	t.Parallel()
	stories := map[string]Story{}
	for name, s := range scripts() {
		story := StoryOf(s.job, s.events, nil, remembered(), s.now.Add(5*s1))
		story.Job, story.History = JobStatus{}, nil // tested elsewhere
		stories[name] = story
	}
	var got bytes.Buffer
	enc := json.NewEncoder(&got)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(brief(stories)); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "stories.json")
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")); diff != "" {
		t.Errorf("stories changed (go test -update, then read the diff):\n%s", diff)
	}
}

// brief is what the golden file has of each story.
func brief(stories map[string]Story) map[string]any {
	out := map[string]any{}
	for name, s := range stories {
		out[name] = map[string]any{"summary": s.Summary, "attempts": s.Attempts, "interruptions": s.Interruptions}
	}
	return out
}

// TestLongStory: the beginning and the end of a very long history are told, and
// nothing is made up of what is left out.
func TestLongStory(t *testing.T) {
	t.Parallel()
	s := newScript()
	for range 1000 {
		s.start(s1, "a3").stop(s1, jobs.CauseShutdown, "").back(s1, "")
	}
	store := scripted{events: s.events}
	first, last, err := ends(t.Context(), store, s.job.ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(first) != firstEvents || len(last) != lastEvents || first[0].ID != 1 || last[len(last)-1].ID != int64(len(s.events)) {
		t.Errorf("%d events at the beginning, %d at the end", len(first), len(last))
	}
	story := StoryOf(s.job, first, last, nil, s.now)
	if !story.Truncated || len(story.History) != firstEvents+lastEvents {
		t.Errorf("truncated %v, %d events", story.Truncated, len(story.History))
	}
	for i, in := range story.Interruptions {
		if in.ResumeSeconds != nil && *in.ResumeSeconds > 3 {
			t.Errorf("interruption %d took %v s to resume", i, *in.ResumeSeconds)
		}
	}
	for _, n := range []int{0, 1, firstEvents, firstEvents + lastEvents, firstEvents + lastEvents + 1, 1000, 2000} {
		first, last, err := ends(t.Context(), scripted{events: s.events[:n]}, s.job.ID)
		whole := n <= firstEvents+lastEvents
		if err != nil || whole != (len(last) == 0) || whole && len(first) != n {
			t.Errorf("of %d events: %d and %d, %v", n, len(first), len(last), err)
		}
	}
}

func TestStoryRoute(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	up := e.upload("story")
	id := mustID(e, *up.JobID)
	e.process(id, 5, 3)
	e.post(moveURL(id, wordCancel))
	e.post(moveURL(id, wordResume))
	e.claim(id)
	s := read[Story](e, e.get(jobURL(id)+"/full-status"), http.StatusOK)
	if s.Job.JobID != id.String() || s.Job.StepsDone != 3 || len(s.Attempts) != 2 || len(s.Interruptions) != 1 || len(s.History) != 5 || s.Truncated {
		t.Fatalf("story is %+v", s)
	}
	in := s.Interruptions[0]
	if in.StepsKept != 3 || in.RunningOn == nil || *in.Host != "test" || !strings.Contains(in.Summary, "Pages 1 to 3 were kept; it went on at page 4.") {
		t.Errorf("interruption is %+v", in)
	}
	if a := s.Attempts[1]; a.FirstStep != 4 || a.LastStep != 3 || a.Ended != "running" {
		t.Errorf("the second attempt is %+v", a)
	}
	fresh := e.get(jobURL(e.insert("fresh.pdf").ID) + "/full-status")
	if !strings.Contains(fresh.body, `"attempts":[],"interruptions":[]`) {
		t.Errorf("a job that has not begun: %s", fresh.body)
	}
	e.problem(e.get(jobURL(jobs.NewID())+"/full-status"), http.StatusNotFound, codeNotFound)
}

func TestTook(t *testing.T) {
	t.Parallel()
	for s, want := range map[float64]string{
		0: "less than 0.1 s", 0.05: "0.1 s", 0.44: "0.4 s", 9.94: "9.9 s", 12.6: "13 s", 119: "119 s", 150: "3 min", 7190: "120 min", 3 * 3600: "3 h", 4 * 86400: "4 days",
	} {
		if got := took(s); got != want {
			t.Errorf("took(%v) = %q, want %q", s, got, want)
		}
	}
}

// scripted is a store of one history.
type scripted struct {
	jobs.Store
	events []jobs.Event
}

func (s scripted) Events(_ context.Context, _ jobs.ID, after int64, limit int) ([]jobs.Event, error) {
	if after > int64(len(s.events)) {
		return nil, fmt.Errorf("no event has the id %d", after)
	}
	return s.events[after:min(len(s.events), int(after)+limit)], nil
}

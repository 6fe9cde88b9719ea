package storetest

import (
	"reflect"
	"strings"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

var finishTests = []test{
	{"completed: its time is set, progress is 100, no error stands", func(e *env) {
		j := e.running()
		e.checkpoint(j.Fence(), 10, pages(1, 3)...)
		e.finish(outcome(j.Fence(), jobs.Completed))
		now := e.get(j.ID)
		if now.Status != jobs.Completed || now.Progress != 100 || now.Error != "" || now.ErrorCode != "" || now.Cause != "" || now.Attempt != 1 {
			e.Errorf("got %+v", now)
		}
		if !now.FailedAt.IsZero() || !now.InterruptedAt.IsZero() || !now.StartedAt.Equal(j.StartedAt) {
			e.Errorf("times of what did not happen: %+v", now)
		}
		e.since(j, now, now.CompletedAt)
		e.told(now, jobs.EventCompleted, "")
	}},
	{"failed: its time, error and code are set, and a failure counted", func(e *env) {
		j := e.running()
		e.finish(jobs.Outcome{Fence: j.Fence(), Status: jobs.Failed, Error: "no such page: 7", Code: "no_page"})
		now := e.get(j.ID)
		if now.Status != jobs.Failed || now.Error != "no such page: 7" || now.ErrorCode != "no_page" || now.Failures != 1 || now.Cause != "" {
			e.Errorf("got %+v", now)
		}
		if !now.CompletedAt.IsZero() || !now.InterruptedAt.IsZero() {
			e.Errorf("times of what did not happen: %+v", now)
		}
		e.since(j, now, now.FailedAt)
		e.told(now, jobs.EventFailed, "no such page: 7")
	}},
	{"interrupted: its time, cause and error are set, an interruption counted and no failure or crash", func(e *env) {
		for n, cause := range []jobs.Cause{jobs.CauseShutdown, jobs.CauseOperator} {
			j := e.insert(jobs.NewJob{Recovery: jobs.RecoveryManual})
			j = e.join("a-" + string(cause)).claimOne(j.ID)
			e.finish(jobs.Outcome{Fence: j.Fence(), Status: jobs.Interrupted, Cause: cause, Error: cause.Reason()})
			now := e.get(j.ID)
			if now.Status != jobs.Interrupted || now.Cause != cause || now.Error != cause.Reason() || now.ErrorCode != "" ||
				now.Interruptions != 1 || now.Failures != 0 || now.Crashes != 0 {
				e.Errorf("%d: got %+v", n, now)
			}
			e.since(j, now, now.InterruptedAt)
			if ev := e.told(now, jobs.EventInterrupted, ""); ev.Cause != cause {
				e.Errorf("event's cause %q, want %q", ev.Cause, cause)
			}
		}
	}},
	{"pending and free: told like any other, and no failure is counted", func(e *env) {
		j := e.insert(jobs.NewJob{})
		f := e.join("a").claimOne(j.ID).Fence()
		e.finish(jobs.Outcome{Fence: f, Status: jobs.Pending, Error: "out of reach", Code: "internal", Free: true})
		now := e.get(j.ID)
		if now.Status != jobs.Pending || now.Failures != 0 || now.Error != "" || now.Position == 0 {
			e.Errorf("got %+v", now)
		}
		e.told(now, jobs.EventRetrying, "out of reach")
	}},
	{"pending: a failure is counted and told, no error stands on the job, and it is claimed again", func(e *env) {
		j := e.insert(jobs.NewJob{})
		a := e.join("a")
		for n := 1; n <= 3; n++ {
			f := a.claimOne(j.ID).Fence()
			e.finish(jobs.Outcome{Fence: f, Status: jobs.Pending, Error: "try again", Code: "busy"})
			now := e.get(j.ID)
			if now.Status != jobs.Pending || now.Failures != n || now.Error != "" || now.ErrorCode != "" || now.Position == 0 {
				e.Errorf("got %+v", now)
			}
			e.told(now, jobs.EventRetrying, "try again")
		}
	}},
	{"pending with a Delay: it is not due before", func(e *env) {
		j := e.insert(jobs.NewJob{})
		a := e.join("a")
		f := a.claimOne(j.ID).Fence()
		e.finish(jobs.Outcome{Fence: f, Status: jobs.Pending, Error: "later", Code: "x", Delay: 500 * time.Millisecond})
		now := e.get(j.ID)
		if wait := now.RunAt.Sub(now.UpdatedAt); wait < 499*time.Millisecond || wait > 501*time.Millisecond || now.Position != 0 {
			e.Errorf("due in %v at position %d, want in 500ms and no position", wait, now.Position)
		}
		var again []jobs.Job
		eventually(e, "the job is claimed again", func() bool { again = a.claim(1); return len(again) > 0 })
		if again[0].StartedAt.Before(now.RunAt) || again[0].Attempt != 2 {
			e.Errorf("attempt %d at %v, want 2 not before %v", again[0].Attempt, again[0].StartedAt, now.RunAt)
		}
	}},
	{"pending with a long Delay: NextDue tells", func(e *env) {
		j := e.insert(jobs.NewJob{})
		a := e.join("a")
		e.finish(jobs.Outcome{Fence: a.claimOne(j.ID).Fence(), Status: jobs.Pending, Error: "x", Code: "x", Delay: time.Hour})
		if got := a.claimed(9); len(got.Jobs) > 0 || got.NextDue <= 30*time.Minute || got.NextDue > time.Hour {
			e.Errorf("claimed %v, NextDue %v", ids(got.Jobs), got.NextDue)
		}
	}},
	{"completing sets Crashes to 0", func(e *env) {
		j := e.insert(jobs.NewJob{})
		victim := e.process("victim")
		victim.claimOne(j.ID)
		victim.kill()
		a := e.process("a")
		a.recovers(nil, j.ID)
		got := a.claimOne(j.ID)
		if got.Crashes != 1 {
			e.Errorf("%d crashes, want 1", got.Crashes)
		}
		e.finish(outcome(got.Fence(), jobs.Completed))
		if now := e.get(j.ID); now.Crashes != 0 {
			e.Errorf("%d crashes, want 0", now.Crashes)
		}
	}},
	{"steps stay, whatever the end", func(e *env) {
		for _, to := range []jobs.Status{jobs.Completed, jobs.Failed, jobs.Interrupted, jobs.Pending} {
			j := e.running()
			e.checkpoint(j.Fence(), 5, pages(1, 3)...)
			e.finish(outcome(j.Fence(), to))
			if got := e.steps(j.ID); !reflect.DeepEqual(got, pages(1, 3)) || e.get(j.ID).StepsDone != 3 {
				e.Errorf("%s: got %v", to, got)
			}
		}
	}},
	{"the next status clears error, code and cause; timestamps keep their last value", func(e *env) {
		j := e.insert(jobs.NewJob{})
		a := e.join("a")
		e.finish(outcome(a.claimOne(j.ID).Fence(), jobs.Failed))
		failed := e.get(j.ID)
		e.move(j.ID, jobs.Resume)
		e.finish(outcome(a.claimOne(j.ID).Fence(), jobs.Interrupted))
		stopped := e.get(j.ID)
		if stopped.ErrorCode != "" || stopped.Error != jobs.CauseShutdown.Reason() {
			e.Errorf("interrupted with the error of the failure: %+v", stopped)
		}
		e.finish(outcome(e.join("b").claimOne(j.ID).Fence(), jobs.Completed))
		now := e.get(j.ID)
		if now.Error != "" || now.ErrorCode != "" || now.Cause != "" {
			e.Errorf("completed with %q, %q, %q", now.Error, now.ErrorCode, now.Cause)
		}
		if !now.FailedAt.Equal(failed.FailedAt) || !now.InterruptedAt.Equal(stopped.InterruptedAt) || now.StartedAt.Before(stopped.StartedAt) {
			e.Errorf("times %+v, want those of before", now)
		}
	}},
	{"a batch may end jobs in every way at once, and none is fine too", func(e *env) {
		list := e.insertAll(make([]jobs.NewJob, 4)...)
		ways := []jobs.Status{jobs.Completed, jobs.Failed, jobs.Interrupted, jobs.Pending}
		var out []jobs.Outcome
		for k, j := range e.join("a").claim(4) {
			out = append(out, outcome(j.Fence(), ways[k]))
		}
		e.finish(out...)
		e.finish()
		for k, j := range list {
			if now := e.get(j.ID); now.Status != ways[k] {
				e.Errorf("job %d is %s, want %s", k, now.Status, ways[k])
			}
		}
	}},
	{"a large batch is ended whole", func(e *env) {
		e.insertAll(make([]jobs.NewJob, 300)...)
		a := e.join("a")
		var out []jobs.Outcome
		for _, j := range a.claim(300) {
			out = append(out, outcome(j.Fence(), jobs.Completed))
		}
		e.finish(out...)
		if st, err := e.Store.Statistics(e.Context()); err != nil || st.Completed != 300 {
			e.Errorf("%+v, %v", st, err)
		}
	}},
}

// since checks the timestamp that a change of the status sets with it.
func (e *env) since(before, now jobs.Job, at time.Time) {
	e.Helper()
	if at.IsZero() || at.Before(before.UpdatedAt) || !at.Equal(now.UpdatedAt) || now.UpdatedAt.Before(before.UpdatedAt) {
		e.Errorf("%s at %v, updated_at %v, before it %v", now.Status, at, now.UpdatedAt, before.UpdatedAt)
	}
}

// told checks that the newest line of a job's history tells how its attempt
// ended.
func (e *env) told(now jobs.Job, event, detail string) jobs.Event {
	e.Helper()
	ev := e.lastEvent(now.ID)
	if ev.Event != event || ev.From != jobs.Processing || ev.To != now.Status || ev.Attempt != now.Attempt || ev.At.IsZero() || ev.JobID != now.ID {
		e.Errorf("history ends with %+v, want %s to %s", ev, event, now.Status)
	}
	if !strings.Contains(ev.Detail, detail) {
		e.Errorf("detail %q, want it to say %q", ev.Detail, detail)
	}
	return ev
}

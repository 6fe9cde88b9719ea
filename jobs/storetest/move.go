package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

var moveTests = append(tableOfMoves(), []test{
	{"a job that is not there is ErrNotFound", func(e *env) {
		for _, m := range jobs.Moves() {
			for _, id := range []jobs.ID{jobs.NewID(), {}} {
				_, err := e.Store.Move(e.Context(), id, m, "x")
				e.is(err, jobs.ErrNotFound)
			}
		}
	}},
	{"cancel of a processing job raises the attempt, and its worker is told by the next renewal", func(e *env) { takesAway(e, jobs.Cancel) }},
	{"interrupt raises the attempt, and its worker is told by the next renewal", func(e *env) { takesAway(e, jobs.Interrupt) }},
	{"cancelling a cancelled job changes nothing", func(e *env) {
		for _, from := range []jobs.Status{jobs.Pending, jobs.Processing, jobs.Interrupted} {
			j := e.inStatus(from)
			first := e.move(j.ID, jobs.Cancel)
			before := e.dump()
			if again := e.move(j.ID, jobs.Cancel); !reflect.DeepEqual(again, first) {
				e.Errorf("got %+v, want %+v", again, first)
			}
			e.unchanged(before, "a second cancel")
		}
	}},
	{"nothing but a person resumes a cancelled job", func(e *env) {
		a := e.join("a")
		for _, from := range []jobs.Status{jobs.Pending, jobs.Processing, jobs.Interrupted} {
			j := e.insert(jobs.NewJob{Recovery: jobs.RecoveryAuto})
			if from != jobs.Pending {
				f := a.claimOne(j.ID).Fence()
				if from == jobs.Interrupted {
					e.finish(outcome(f, jobs.Interrupted))
				}
			}
			e.move(j.ID, jobs.Cancel)
			before := e.dump()
			got := a.claimed(9, func(p *jobs.ClaimParams) { p.Starting = true })
			if len(got.Jobs) > 0 || len(got.Recovered) > 0 {
				e.Errorf("cancelled from %s: claimed %v, recovered %v", from, ids(got.Jobs), got.Recovered)
			}
			e.unchanged(before, "a claim")
			e.move(j.ID, jobs.Resume)
			e.finish(outcome(a.claimOne(j.ID).Fence(), jobs.Completed))
		}
	}},
	{"resume sets failures and crashes to 0 and keeps the steps", func(e *env) {
		j := e.worn()
		e.move(j.ID, jobs.Resume)
		now := e.get(j.ID)
		if now.Failures != 0 || now.Crashes != 0 || now.StepsDone != 2 || now.StepsTotal != 5 || len(e.steps(j.ID)) != 2 {
			e.Errorf("got %+v", now)
		}
		if now.Error != "" || now.ErrorCode != "" || now.Cause != "" {
			e.Errorf("pending with %q, %q, %q", now.Error, now.ErrorCode, now.Cause)
		}
	}},
	{"restart sets failures and crashes to 0 and deletes the steps, and progress begins again", func(e *env) {
		j := e.worn()
		other := e.running()
		e.checkpoint(other.Fence(), 0, page(1))
		e.move(j.ID, jobs.Restart)
		now := e.get(j.ID)
		if now.Failures != 0 || now.Crashes != 0 || now.StepsDone != 0 || now.Progress != 0 || len(e.steps(j.ID)) != 0 {
			e.Errorf("got %+v with %d steps", now, len(e.steps(j.ID)))
		}
		if len(e.steps(other.ID)) != 1 {
			e.Error("another job's steps are gone")
		}
		e.move(other.ID, jobs.Cancel)
		got := e.join("again").claimOne(j.ID)
		e.checkpoint(got.Fence(), 0, jobs.Step{Seq: 1, Data: []byte(`"other bytes"`)})
	}},
	{"restart of a pending job deletes the steps of earlier attempts", func(e *env) {
		j := e.running()
		e.checkpoint(j.Fence(), 3, page(1))
		e.finish(outcome(j.Fence(), jobs.Pending))
		if now := e.move(j.ID, jobs.Restart); now.Status != jobs.Pending || now.StepsDone != 0 || now.Failures != 0 || len(e.steps(j.ID)) != 0 {
			e.Errorf("got %+v with %d steps", now, len(e.steps(j.ID)))
		}
	}},
	{"a resumed job is claimed again at once, with the attempt raised", func(e *env) {
		j := e.inStatus(jobs.Failed)
		e.move(j.ID, jobs.Resume)
		if got := e.join("a").claimOne(j.ID); got.Attempt != j.Attempt+1 {
			e.Errorf("attempt %d after %d", got.Attempt, j.Attempt)
		}
	}},
	{"cancel changes the cause of an interrupted job", func(e *env) {
		j := e.inStatus(jobs.Interrupted)
		if j.Cause != jobs.CauseShutdown {
			e.Fatalf("cause %s", j.Cause)
		}
		if now := e.move(j.ID, jobs.Cancel); now.Cause != jobs.CauseCancelled || now.Error != jobs.CauseCancelled.Reason() {
			e.Errorf("got %s, %q", now.Cause, now.Error)
		}
	}},
	{"a job that a person interrupted goes on by the next claim if it is auto, and waits if it is manual", func(e *env) {
		auto, manual := e.insert(jobs.NewJob{}), e.insert(jobs.NewJob{Recovery: jobs.RecoveryManual})
		a := e.join("a")
		a.claim(2)
		e.move(auto.ID, jobs.Interrupt)
		e.move(manual.ID, jobs.Interrupt)
		if got := e.process("b").claim(9); !slices.Equal(ids(got), []jobs.ID{auto.ID}) {
			e.Errorf("claimed %v, want %v", ids(got), auto.ID)
		}
		if evs := e.events(auto.ID); len(evs) != 5 || evs[3].Event != jobs.EventResumed || evs[3].Cause == jobs.CauseOperator {
			e.Errorf("history %+v: it went on by itself, and not by a person", evs)
		}
		if now := e.get(manual.ID); now.Status != jobs.Interrupted || now.Cause != jobs.CauseOperator {
			e.Errorf("manual: %s by %s", now.Status, now.Cause)
		}
	}},
}...)

// worn makes a failed job with 2 of 5 steps, a failure and a crash on it.
func (e *env) worn() jobs.Job {
	e.Helper()
	j := e.insert(jobs.NewJob{})
	victim := e.process("victim")
	e.checkpoint(victim.claimOne(j.ID).Fence(), 5, pages(1, 2)...)
	victim.kill()
	a := e.process("a")
	a.recovers(nil, j.ID)
	e.finish(outcome(a.claimOne(j.ID).Fence(), jobs.Failed))
	j = e.get(j.ID)
	if j.Failures == 0 || j.Crashes == 0 || j.StepsDone != 2 {
		e.Fatalf("%+v, want a failure, a crash, 2 steps", j)
	}
	return j
}

// tableOfMoves is the whole table: each move in each status.
func tableOfMoves() []test {
	var list []test
	for _, from := range jobs.Statuses() {
		for _, m := range jobs.Moves() {
			to, legal := m.Target(from)
			name := fmt.Sprintf("%s of a %s job is refused and changes nothing", m, from)
			if legal {
				name = fmt.Sprintf("%s of a %s job makes it %s", m, from, to)
			}
			list = append(list, test{name, func(e *env) {
				if legal {
					legalMove(e, from, m, to)
				} else {
					illegalMove(e, from, m)
				}
			}})
		}
	}
	return list
}

func illegalMove(e *env, from jobs.Status, m jobs.Move) {
	j := e.inStatus(from)
	before := e.dump()
	_, err := e.Store.Move(e.Context(), j.ID, m, "tester")
	var refused *jobs.MoveError
	if !errors.As(err, &refused) {
		e.Fatalf("got %v, want a MoveError", err)
	}
	if refused.ID != j.ID || refused.Move != m || refused.Status != from || !slices.Equal(refused.Allowed, jobs.Allowed(from)) {
		e.Errorf("got %+v, want %s, %s, %s, %v", refused, j.ID, m, from, jobs.Allowed(from))
	}
	e.unchanged(before, "a move that was refused")
}

func legalMove(e *env, from jobs.Status, m jobs.Move, to jobs.Status) {
	j := e.inStatus(from)
	now := e.move(j.ID, m)
	if stored := e.get(j.ID); !reflect.DeepEqual(stored, now) {
		e.Errorf("returned %+v, stored %+v", now, stored)
	}
	if now.Status != to || now.UpdatedAt.Before(j.UpdatedAt) {
		e.Errorf("got %s at %v, want %s", now.Status, now.UpdatedAt, to)
	}
	raised := now.Attempt > j.Attempt
	if raised != (from == jobs.Processing) {
		e.Errorf("attempt %d after %d: Cancel and Interrupt raise that of a job that is processing", now.Attempt, j.Attempt)
	}
	event, cause := jobs.EventInterrupted, jobs.CauseCancelled
	switch m {
	case jobs.Resume:
		event, cause = jobs.EventResumed, jobs.CauseOperator
	case jobs.Restart:
		event, cause = jobs.EventRestarted, jobs.CauseOperator
	case jobs.Interrupt:
		cause = jobs.CauseOperator
	}
	ev := e.lastEvent(j.ID)
	if ev.Event != event || ev.From != from || ev.To != to || ev.Cause != cause || !strings.Contains(ev.Detail, "tester") {
		e.Errorf("history ends with %+v, want %s by tester, cause %s", ev, event, cause)
	}
	if to == jobs.Interrupted {
		e.since(j, now, now.InterruptedAt)
		if now.Cause != cause || now.Error != cause.Reason() {
			e.Errorf("cause %q, error %q", now.Cause, now.Error)
		}
	} else if now.Cause != "" || now.Error != "" || now.ErrorCode != "" || now.Position == 0 {
		e.Errorf("%s with %q, %q, %q at position %d", to, now.Cause, now.Error, now.ErrorCode, now.Position)
	}
}

// takesAway moves a job away from its worker.
func takesAway(e *env, m jobs.Move) {
	j := e.insert(jobs.NewJob{Recovery: jobs.RecoveryManual})
	a := e.process("a")
	f := a.claimOne(j.ID).Fence()
	if now := e.move(j.ID, m); now.Attempt <= f.Attempt {
		e.Errorf("attempt %d after %d", now.Attempt, f.Attempt)
	}
	lost, err := a.s.Renew(e.Context(), jobs.Renewal{Instance: "a", Held: []jobs.Fence{f}})
	if err != nil || !slices.Contains(lost, f) {
		e.Errorf("renewal lost %v, %v, want %v", lost, err, f)
	}
	e.is(a.s.Checkpoint(e.Context(), f, 0, page(1)), jobs.ErrLeaseLost)
	if d := e.get(j.ID).InterruptedAt.Sub(e.lastEvent(j.ID).At).Abs(); d > time.Minute {
		e.Errorf("the event is %v from the change it tells", d)
	}
}

package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/mivaa/mivaa/jobs"
)

// forgetful is a Store whose network loses the answer of each call that may
// be asked for again: the call takes effect, the caller hears nothing and
// calls again. Between the two, what is written must not change.
type forgetful struct {
	jobs.Store
	e *env
}

func (s forgetful) again(call func()) {
	call()
	before := s.e.dump()
	call()
	s.e.unchanged(before, "a call given again")
}

func (s forgetful) Insert(ctx context.Context, list ...jobs.NewJob) (out []jobs.Job, err error) {
	s.again(func() { out, err = s.Store.Insert(ctx, list...) })
	return out, err
}

func (s forgetful) Checkpoint(ctx context.Context, f jobs.Fence, total int, steps ...jobs.Step) (err error) {
	s.again(func() { err = s.Store.Checkpoint(ctx, f, total, steps...) })
	return err
}

func (s forgetful) Finish(ctx context.Context, out ...jobs.Outcome) (lost []jobs.Fence, err error) {
	s.again(func() { lost, err = s.Store.Finish(ctx, out...) })
	return lost, err
}

// story takes two jobs through all that a worker does to them, and returns
// every answer.
func (e *env) story(s jobs.Store) string {
	e.Helper()
	x, y := jobs.ID{15: 1}, jobs.ID{15: 2}
	a := e.joinOn(s, "a")
	var answers []any
	note := func(v ...any) { answers = append(answers, v...) }
	insert := func(list ...jobs.NewJob) {
		out, err := s.Insert(e.Context(), list...)
		for _, j := range out {
			note(j.ID, j.Status, j.Attempt)
		}
		note(err)
	}
	finish := func(out ...jobs.Outcome) {
		lost, err := s.Finish(e.Context(), out...)
		note(lost, err)
	}
	insert(jobs.NewJob{ID: x, Kind: work, Payload: json.RawMessage(`{"n":1}`)},
		jobs.NewJob{ID: y, Kind: work, IdempotencyKey: "k", Recovery: jobs.RecoveryManual})
	insert(jobs.NewJob{ID: x, Kind: work, Payload: json.RawMessage(`{"n":2}`)}) // refused, both times
	insert(jobs.NewJob{ID: jobs.ID{15: 3}, Kind: work, Instance: "a"})

	first := a.claim(2)
	note(s.Checkpoint(e.Context(), first[0].Fence(), 5, pages(1, 2)...))
	note(s.Checkpoint(e.Context(), first[1].Fence(), 0, pages(1, 1)...))
	note(s.Checkpoint(e.Context(), first[1].Fence(), 7))
	note(s.Checkpoint(e.Context(), first[1].Fence(), 7, page(9))) // a gap, both times
	finish(outcome(first[0].Fence(), jobs.Pending), outcome(first[1].Fence(), jobs.Interrupted))
	e.move(y, jobs.Resume)
	second := a.claim(2)
	note(s.Checkpoint(e.Context(), first[0].Fence(), 5, pages(3, 4)...)) // lost, both times
	for _, j := range second {
		note(s.Checkpoint(e.Context(), j.Fence(), 4, pages(j.StepsDone+1, 4)...))
	}
	finish(outcome(first[0].Fence(), jobs.Completed), outcome(second[0].Fence(), jobs.Completed),
		jobs.Outcome{Fence: second[1].Fence(), Status: jobs.Failed, Error: "no", Code: "no"})
	return fmt.Sprintf("%v", answers)
}

// varying is what two runs of one story may differ in: times, and numbers
// from sequences, which databases leave gaps in.
var varying = regexp.MustCompile(`"(\w+_at|at|position|id)":("[^"]*Z"|\d+)`)

func (e *env) comparable() string {
	e.Helper()
	return varying.ReplaceAllString(e.dump(), `"$1":0`)
}

var repeatTests = []test{
	{"Insert, Checkpoint and Finish given again after a lost answer: the same answers and the same end as once", func(e *env) {
		answers := e.story(forgetful{e.Store, e})
		once := newEnv(e, e.open)
		if want := once.story(once.Store); answers != want {
			e.Errorf("answers\n%s\nwant\n%s", answers, want)
		}
		if d := diff(once.comparable(), e.comparable()); d != "" {
			e.Errorf("the end differs:\n%s", d)
		}
	}},
	{"Finish given again is not lost, for each way to end, alone and among others", func(e *env) {
		for _, to := range []jobs.Status{jobs.Completed, jobs.Failed, jobs.Interrupted, jobs.Pending} {
			j := e.insert(jobs.NewJob{Recovery: jobs.RecoveryManual})
			f := e.join("a-"+string(to)).claim(1, only(j.ID))[0].Fence()
			other := e.running()
			e.finish(outcome(f, to))
			before := e.dump()
			e.finish(outcome(f, to))
			e.unchanged(before, "Finish given again")
			e.finish(outcome(f, to), outcome(other.Fence(), jobs.Completed))
			if now := e.get(other.ID); now.Status != jobs.Completed {
				e.Errorf("beside a repeat: %s, want completed", now.Status)
			}
			if to == jobs.Pending { // or the next claims it
				e.move(j.ID, jobs.Cancel)
			}
		}
	}},
	{"Finish as pending with a Delay, given again, does not delay it further", func(e *env) {
		j := e.running()
		out := jobs.Outcome{Fence: j.Fence(), Status: jobs.Pending, Error: "x", Code: "x", Delay: 3_600e9}
		e.finish(out)
		first := e.get(j.ID)
		e.pass(20e6)
		e.finish(out)
		if now := e.get(j.ID); !now.RunAt.Equal(first.RunAt) || now.Failures != 1 {
			e.Errorf("due %v after %d failures, want %v after 1", now.RunAt, now.Failures, first.RunAt)
		}
	}},
	{"Finish given again does not hide that a person cancelled the job before it", func(e *env) {
		j := e.running()
		e.move(j.ID, jobs.Cancel)
		for range 2 {
			lost, err := e.Store.Finish(e.Context(), outcome(j.Fence(), jobs.Interrupted))
			if err != nil || !slices.Contains(lost, j.Fence()) {
				e.Errorf("lost %v, %v", lost, err)
			}
		}
	}},
	{"Insert of many given again, after some were there", func(e *env) {
		var list []jobs.NewJob
		for k := range 20 {
			list = append(list, jobs.NewJob{ID: jobs.NewID(), Kind: work, IdempotencyKey: fmt.Sprint(k)})
		}
		first := e.insertAll(list[:10]...)
		all := e.insertAll(list...)
		before := e.dump()
		if again := e.insertAll(list...); !slices.Equal(ids(again), ids(all)) || !slices.Equal(ids(all[:10]), ids(first)) {
			e.Errorf("ids differ:\n%v\n%v", ids(again), ids(all))
		}
		e.unchanged(before, "Insert given again")
	}},
	{"a call whose context had ended is an error, and takes effect whole or not at all", func(e *env) {
		ctx, cancel := context.WithCancel(e.Context())
		cancel()
		j := e.running()
		before := e.dump()
		if err := e.Store.Checkpoint(ctx, j.Fence(), 3, pages(1, 2)...); !errors.Is(err, context.Canceled) {
			e.Errorf("Checkpoint: %v", err)
		}
		if _, err := e.Store.Finish(ctx, outcome(j.Fence(), jobs.Completed)); !errors.Is(err, context.Canceled) {
			e.Errorf("Finish: %v", err)
		}
		if _, err := e.Store.Insert(ctx, jobs.NewJob{Kind: work}, jobs.NewJob{Kind: work}); !errors.Is(err, context.Canceled) {
			e.Errorf("Insert: %v", err)
		}
		if _, err := e.Store.Move(ctx, j.ID, jobs.Cancel, "x"); !errors.Is(err, context.Canceled) {
			e.Errorf("Move: %v", err)
		}
		if _, err := e.Store.List(ctx, jobs.Filter{}); !errors.Is(err, context.Canceled) {
			e.Errorf("List: %v", err)
		}
		e.unchanged(before, "a call that was cancelled before it began")
	}},
}

package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/mivaa/mivaa/jobs"
)

// running makes a job that an instance runs.
func (e *env) running() jobs.Job {
	e.Helper()
	j := e.insert(jobs.NewJob{})
	return e.join("runner-"+j.ID.String()).claim(1, only(j.ID))[0]
}

// refused checks that a checkpoint is refused as a gap and writes nothing.
func (e *env) refused(f jobs.Fence, what string, steps ...jobs.Step) {
	e.Helper()
	before := e.dump()
	if err := e.Store.Checkpoint(e.Context(), f, 99, steps...); !errors.Is(err, jobs.ErrStepGap) {
		e.Errorf("%s: error %v, want ErrStepGap", what, err)
	}
	e.unchanged(before, what)
}

var checkpointTests = []test{
	{"steps are durable when it returns, byte for byte, whatever JSON they are", func(e *env) {
		j := e.running()
		want := []jobs.Step{
			{Seq: 1, Data: json.RawMessage(`{"b":1,  "a" : [1.50, 1e2, 12345678901234567890], "b":2}`)},
			{Seq: 2, Data: json.RawMessage(`"<p>é \u00e9 & '' \" \\ 漢 𝄞"`)},
			{Seq: 3, Data: json.RawMessage(`null`)},
			{Seq: 4, Data: json.RawMessage(`[]`)},
			{Seq: 5, Data: json.RawMessage(`"` + strings.Repeat("x", 1<<20) + `"`)},
		}
		e.checkpoint(j.Fence(), 0, want...)
		got, err := e.Again(e).Steps(e.Context(), j.ID, 0, 100)
		e.ok(err)
		if !reflect.DeepEqual(got, want) {
			e.Errorf("got %.500v, want %.500v", got, want)
		}
		if now := e.get(j.ID); now.StepsDone != 5 || now.UpdatedAt.Before(j.UpdatedAt) {
			e.Errorf("steps_done %d, want 5", now.StepsDone)
		}
	}},
	{"steps continue the recorded ones, call after call", func(e *env) {
		j := e.running()
		e.checkpoint(j.Fence(), 6, page(1))
		e.checkpoint(j.Fence(), 0, pages(2, 4)...)
		e.checkpoint(j.Fence(), 0, pages(5, 6)...)
		if got := e.steps(j.ID); !reflect.DeepEqual(got, pages(1, 6)) {
			e.Errorf("got %v", got)
		}
		if now := e.get(j.ID); now.StepsDone != 6 || now.StepsTotal != 6 {
			e.Errorf("%d of %d, want 6 of 6", now.StepsDone, now.StepsTotal)
		}
	}},
	{"steps that leave a gap are ErrStepGap, and none is written", func(e *env) {
		j := e.running()
		e.refused(j.Fence(), "step 2 first", page(2))
		e.refused(j.Fence(), "step 0", page(0))
		e.refused(j.Fence(), "step -1", page(-1))
		e.checkpoint(j.Fence(), 0, pages(1, 3)...)
		e.refused(j.Fence(), "step 5 after 3", page(5))
		e.refused(j.Fence(), "4 and 6", page(4), page(6))
		e.refused(j.Fence(), "5 and 4", page(5), page(4))
	}},
	{"steps recorded already with the same bytes are passed over: nothing is written", func(e *env) {
		j := e.running()
		e.checkpoint(j.Fence(), 9, pages(1, 3)...)
		before := e.dump()
		e.checkpoint(j.Fence(), 9, pages(1, 3)...)
		e.checkpoint(j.Fence(), 0, pages(2, 3)...)
		e.checkpoint(j.Fence(), 0, page(1))
		e.unchanged(before, "a repeated checkpoint")
	}},
	{"steps recorded already with other bytes are refused, and nothing is written", func(e *env) {
		j := e.running()
		e.checkpoint(j.Fence(), 0, pages(1, 3)...)
		other := jobs.Step{Seq: 2, Data: json.RawMessage(`{"page": 2}`)} // a blank more
		e.refused(j.Fence(), "step 2 with other bytes", other)
		e.refused(j.Fence(), "step 2 with other bytes and a new one", other, page(3), page(4))
	}},
	{"of steps that overlap the recorded ones the new are added", func(e *env) {
		j := e.running()
		e.checkpoint(j.Fence(), 0, pages(1, 3)...)
		e.checkpoint(j.Fence(), 0, pages(2, 5)...)
		if got := e.steps(j.ID); !reflect.DeepEqual(got, pages(1, 5)) {
			e.Errorf("got %v", got)
		}
		if now := e.get(j.ID); now.StepsDone != 5 {
			e.Errorf("steps_done %d, want 5", now.StepsDone)
		}
	}},
	{"total sets StepsTotal, with or without steps, and 0 leaves it", func(e *env) {
		j := e.running()
		for _, c := range []struct{ total, want int }{{0, 0}, {7, 7}, {0, 7}, {9, 9}} {
			e.checkpoint(j.Fence(), c.total)
			if now := e.get(j.ID); now.StepsTotal != c.want || now.StepsDone != 0 {
				e.Errorf("total %d: %d of %d, want 0 of %d", c.total, now.StepsDone, now.StepsTotal, c.want)
			}
		}
		e.checkpoint(j.Fence(), 12, page(1))
		if now := e.get(j.ID); now.StepsTotal != 12 || now.StepsDone != 1 {
			e.Errorf("%d of %d, want 1 of 12", now.StepsDone, now.StepsTotal)
		}
	}},
	{"a checkpoint of nothing with a fence that holds is fine and writes nothing", func(e *env) {
		j := e.running()
		before := e.dump()
		e.checkpoint(j.Fence(), 0)
		e.unchanged(before, "an empty checkpoint")
	}},
	{"progress is steps done of steps total, never falls within an attempt, and is 100 only when completed", func(e *env) {
		j := e.running()
		last := 0
		for _, c := range []struct{ total, upTo, want int }{
			{0, 1, 0}, {10, 2, 20}, {10, 5, 50}, {1000, 6, -1}, {20, 12, 60}, {20, 19, 95}, {20, 20, -1}, {21, 20, -1},
		} {
			e.checkpoint(j.Fence(), c.total, pages(e.get(j.ID).StepsDone+1, c.upTo)...)
			now := e.get(j.ID)
			if now.Progress < last || now.Progress > 99 || c.want >= 0 && now.Progress != c.want {
				e.Errorf("%d of %d: progress %d after %d, want %d", now.StepsDone, now.StepsTotal, now.Progress, last, c.want)
			}
			last = now.Progress
		}
		e.finish(outcome(j.Fence(), jobs.Completed))
		if now := e.get(j.ID); now.Progress != 100 {
			e.Errorf("completed at %d percent", now.Progress)
		}
	}},
	{"progress is not 100 for a job that ends any other way", func(e *env) {
		for _, to := range []jobs.Status{jobs.Failed, jobs.Interrupted, jobs.Pending} {
			j := e.running()
			e.checkpoint(j.Fence(), 2, pages(1, 2)...)
			e.finish(outcome(j.Fence(), to))
			if now := e.get(j.ID); now.Progress > 99 {
				e.Errorf("%s at %d percent", to, now.Progress)
			}
		}
	}},
	{"the steps of one attempt are there for the next, which goes on after them", func(e *env) {
		j := e.insert(jobs.NewJob{})
		a := e.join("a")
		first := a.claimOne(j.ID)
		e.checkpoint(first.Fence(), 4, pages(1, 2)...)
		e.finish(outcome(first.Fence(), jobs.Pending))
		second := a.claimOne(j.ID)
		e.refused(second.Fence(), "begin again with other bytes", jobs.Step{Seq: 1, Data: json.RawMessage(`"other"`)})
		e.checkpoint(second.Fence(), 0, pages(3, 4)...)
		if got := e.steps(j.ID); !reflect.DeepEqual(got, pages(1, 4)) {
			e.Errorf("got %v", got)
		}
	}},
	{"recording a step sets Crashes to 0; passing one over or setting a total does not", func(e *env) {
		j := e.insert(jobs.NewJob{})
		victim := e.process("victim")
		e.checkpoint(victim.claimOne(j.ID).Fence(), 5, page(1))
		victim.kill()
		a := e.process("a")
		a.recovers(nil, j.ID)
		f := a.claimOne(j.ID).Fence()
		crashes := func(want int, after string) {
			e.Helper()
			if now := e.get(j.ID); now.Crashes != want {
				e.Errorf("%d crashes after %s, want %d", now.Crashes, after, want)
			}
		}
		crashes(1, "a crash")
		e.checkpoint(f, 0, page(1))
		crashes(1, "a step that was there")
		e.checkpoint(f, 6)
		crashes(1, "a total")
		e.checkpoint(f, 0, pages(1, 2)...)
		crashes(0, "a new step")
	}},
	{"a checkpoint leaves everything else alone, other jobs too", func(e *env) {
		other := e.running()
		e.checkpoint(other.Fence(), 3, page(1))
		others := e.get(other.ID)
		j := e.running()
		e.checkpoint(j.Fence(), 3, page(1))
		now := e.get(j.ID)
		if now.UpdatedAt.Before(j.UpdatedAt) {
			e.Error("updated_at went back")
		}
		now.UpdatedAt, now.StepsDone, now.StepsTotal, now.Progress = j.UpdatedAt, j.StepsDone, j.StepsTotal, j.Progress
		if !reflect.DeepEqual(now, j) {
			e.Errorf("got %+v, want %+v", now, j)
		}
		if got := e.get(other.ID); !reflect.DeepEqual(got, others) || len(e.steps(other.ID)) != 1 {
			e.Errorf("another job changed: %+v, was %+v", got, others)
		}
		if n := len(e.events(j.ID)); n != 2 {
			e.Errorf("%d events, want 2: a checkpoint is not one", n)
		}
	}},
	{"concurrent checkpoints of one attempt: each step is recorded once, in order", func(e *env) {
		j := e.running()
		const workers, each = 8, 10
		handles := []jobs.Store{e.Store, e.Again(e)}
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				for k := range each {
					mine := page(k*workers + w + 1)
					var err error
					if !until(func() bool {
						err = handles[w%2].Checkpoint(e.Context(), j.Fence(), workers*each, mine)
						return !errors.Is(err, jobs.ErrStepGap)
					}) || err != nil {
						e.Errorf("step %d: %v", mine.Seq, err)
						return
					}
				}
			})
		}
		wg.Wait()
		if got := e.steps(j.ID); !reflect.DeepEqual(got, pages(1, workers*each)) {
			e.Errorf("got %v", got)
		}
		if now := e.get(j.ID); now.StepsDone != workers*each {
			e.Errorf("steps_done %d, want %d", now.StepsDone, workers*each)
		}
	}},
	{"concurrent checkpoints of the same steps all succeed and record them once", func(e *env) {
		j := e.running()
		handles := []jobs.Store{e.Store, e.Again(e)}
		var wg sync.WaitGroup
		for w := range 6 {
			wg.Go(func() {
				for seq := 1; seq <= 20; seq++ {
					if err := handles[w%2].Checkpoint(e.Context(), j.Fence(), 20, page(seq)); err != nil {
						e.Errorf("step %d: %v", seq, err)
						return
					}
				}
			})
		}
		wg.Wait()
		if got := e.steps(j.ID); !reflect.DeepEqual(got, pages(1, 20)) {
			e.Errorf("got %v", got)
		}
	}},
	{"concurrent checkpoints of one step with different bytes: one wins", func(e *env) {
		j := e.running()
		handles := []jobs.Store{e.Store, e.Again(e)}
		for seq := 1; seq <= 10; seq++ {
			won := make([]bool, 4)
			var wg sync.WaitGroup
			for w := range won {
				wg.Go(func() {
					err := handles[w%2].Checkpoint(e.Context(), j.Fence(), 0, jobs.Step{Seq: seq, Data: json.RawMessage(fmt.Sprint(w))})
					if err != nil && !errors.Is(err, jobs.ErrStepGap) {
						e.Errorf("step %d: %v", seq, err)
					}
					won[w] = err == nil
				})
			}
			wg.Wait()
			got := e.steps(j.ID)
			if len(got) != seq {
				e.Fatalf("%d steps, want %d", len(got), seq)
			}
			for w := range won {
				if won[w] != (string(got[seq-1].Data) == fmt.Sprint(w)) {
					e.Errorf("step %d is %s, but the winners are %v", seq, got[seq-1].Data, won)
				}
			}
		}
	}},
}

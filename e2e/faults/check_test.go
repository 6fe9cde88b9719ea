//go:build unix

package faults

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// result is how a job ended.
type result struct {
	status jobs.Status
	code   string
	data   string // of all steps
}

// check holds everything that was written against everything that was promised,
// and against the undisturbed run of the same jobs.
func (r *run) check(undisturbed map[jobs.ID]result) map[jobs.ID]result {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	results := map[jobs.ID]result{}
	all, err := r.collect(ctx)
	if err != nil {
		r.t.Errorf("collect: %v", err)
		return results
	}
	r.records = all
	for n := range r.accepted() {
		id := idNumber(r.options.seed, n)
		rec := all.jobs[id]
		if rec == nil {
			r.problem("job %s was accepted and is not there", id)
			continue
		}
		for _, what := range rec.check(r.wasCancelled(id)) {
			r.problem("job %s (%s, %s): %s", id, rec.job.Kind, rec.job.Status, what)
		}
		results[id] = rec.result()
		if was, ok := undisturbed[id]; ok && rec.oneEnd() && !rec.frailAnd(was.code) && results[id] != was {
			r.problem("job %s ended as %s %s; undisturbed, as %s %s, or with other steps", id, results[id].status, results[id].code, was.status, was.code)
		}
	}
	r.checkMistaken()
	if extra := len(all.jobs) - r.accepted(); extra > 0 {
		r.problem("%d jobs are there that nobody was told of", extra)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.problems {
		r.t.Error(p)
	}
	return results
}

// checkMistaken allows few verdicts on the living. On a machine with more to do
// than it can, a process whose connections were cut may come back too late; that
// costs work, and never truth. That the rules hold is for the tests of the stores.
func (r *run) checkMistaken() {
	r.mu.Lock()
	mistaken, processes := r.mistaken, 0
	r.mu.Unlock()
	for _, n := range r.nodes {
		processes += len(n.journals)
	}
	if len(mistaken) <= 3+processes/50 {
		return
	}
	for _, m := range mistaken {
		r.problem("%s", m)
	}
}

func (r *run) wasCancelled(id jobs.ID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cancelled[id]
}

func (r *record) result() result {
	return result{r.job.Status, r.job.ErrorCode, fmt.Sprint(r.data)}
}

// frailAnd says that deaths beside it failed the job in the other run.
func (r *record) frailAnd(code string) bool {
	return r.job.Kind == kindFrail && code == jobs.CodeCrashed
}

// oneEnd says that this job could end in one way only. Not so what a person
// cancelled, and what deaths alone may have failed.
func (r *record) oneEnd() bool {
	return r.job.Status != jobs.Interrupted && (r.job.ErrorCode != jobs.CodeCrashed || r.job.Kind != kindFrail && r.job.Kind != kindPoison)
}

// check returns what is wrong with a job.
func (r *record) check(cancelled bool) []string {
	var wrong []string
	for _, look := range []func() string{
		func() string { return r.checkEnd(cancelled) }, r.checkSteps, r.checkHistory, r.checkWritten, r.checkAcked, r.checkWorkers, r.checkCrashes,
	} {
		if what := look(); what != "" {
			wrong = append(wrong, what)
		}
	}
	return append(wrong, r.history.faults...)
}

// checkEnd: every job is finished or explained.
func (r *record) checkEnd(cancelled bool) string {
	status, code, steps := r.task.want()
	j := r.job
	switch {
	case j.Status == jobs.Interrupted && j.Cause == jobs.CauseCancelled && cancelled && r.history.cancelled:
		return ""
	case j.Status == jobs.Failed && j.ErrorCode == jobs.CodeCrashed && (j.Kind == kindPoison || j.Kind == kindFrail):
		return "" // see checkCrashes
	case j.Status != status || j.ErrorCode != code:
		return fmt.Sprintf("ended as %s %q %q %q, wanted %s %q", j.Status, j.ErrorCode, j.Cause, j.Error, status, code)
	case j.StepsDone != steps:
		return fmt.Sprintf("ended with %d steps, wanted %d", j.StepsDone, steps)
	case code == codeBroken && !r.task.Final && r.history.errors != mostErrors:
		return fmt.Sprintf("failed after %d errors, wanted %d", r.history.errors, mostErrors)
	}
	return ""
}

// checkSteps: each step once, with the bytes of an undisturbed run.
func (r *record) checkSteps() string {
	if len(r.data) != r.job.StepsDone {
		return fmt.Sprintf("has %d steps and steps_done %d", len(r.data), r.job.StepsDone)
	}
	for i, data := range r.data {
		if want := string(stepOf(r.job.ID, i+1).Data); data != want {
			return fmt.Sprintf("step %d is %s, wanted %s", i+1, data, want)
		}
	}
	return ""
}

// checkHistory: the events lead to the row.
func (r *record) checkHistory() string {
	if h := r.history; h.status != r.job.Status || h.attempt != r.job.Attempt {
		return fmt.Sprintf("its history leads to %s, attempt %d; the row says %s, attempt %d", h.status, h.attempt, r.job.Status, r.job.Attempt)
	}
	return ""
}

// checkWritten: within an era each step was recorded once, in order, and by
// attempts that never fall.
func (r *record) checkWritten() string {
	next := map[int]int{}
	for _, w := range r.written { // by attempt, then by step
		era := r.history.era(w.attempt)
		if !r.history.starts[w.attempt] {
			return fmt.Sprintf("step %d was recorded by attempt %d, which never began", w.seq, w.attempt)
		}
		if next[era]++; w.seq != next[era] {
			return fmt.Sprintf("attempt %d recorded step %d when step %d was next", w.attempt, w.seq, next[era])
		}
	}
	return ""
}

// checkAcked: what a worker was told to be recorded was recorded, by its own
// attempt. Otherwise it was lost, or it was a late write.
func (r *record) checkAcked() string {
	by := map[[2]int]int64{} // era and step -> attempt
	for _, w := range r.acked {
		key := [2]int{r.history.era(w.attempt), w.seq}
		if other, ok := by[key]; ok && other != w.attempt {
			return fmt.Sprintf("LATE WRITE ACCEPTED: step %d was acknowledged to attempts %d and %d", w.seq, other, w.attempt)
		}
		by[key] = w.attempt
		if !slices.Contains(r.written, w) {
			return fmt.Sprintf("LATE WRITE ACCEPTED, or a step lost: step %d was acknowledged to attempt %d and stands under another: %v", w.seq, w.attempt, r.written)
		}
	}
	return ""
}

// checkWorkers: what workers began and ended is what the history tells.
func (r *record) checkWorkers() string {
	for attempt, journal := range r.started {
		if !r.history.starts[attempt] {
			return fmt.Sprintf("attempt %d was begun (%s), and the history does not know", attempt, journal)
		}
	}
	for attempt, status := range r.ended {
		if was := r.history.ends[attempt]; was != status {
			return fmt.Sprintf("LATE WRITE ACCEPTED: attempt %d was told that it ended as %s; the history says %q", attempt, status, was)
		}
	}
	return ""
}

// checkCrashes: a job is given up only after so many deaths in a row without a
// step in between, and no other death is counted.
func (r *record) checkCrashes() string {
	for _, c := range r.history.crashed {
		in := r.deathsInARow(c.attempt, c.deaths)
		if in < mostCrashes || r.job.Kind != kindPoison && r.job.Kind != kindFrail {
			return fmt.Sprintf("given up at attempt %d after %d deaths without a step", c.attempt, in)
		}
	}
	in := r.deathsInARow(r.job.Attempt, r.history.deaths)
	if r.job.Status == jobs.Completed {
		in = 0
	}
	if r.job.Crashes > in {
		return fmt.Sprintf("charged with %d deaths, of which %d were", r.job.Crashes, in)
	}
	return ""
}

// deathsInARow counts those since the last step that was recorded.
func (r *record) deathsInARow(until int64, deaths []int64) int {
	recorded := int64(0)
	for _, w := range r.written {
		if w.attempt <= until {
			recorded = max(recorded, w.attempt)
		}
	}
	n := 0
	for _, attempt := range deaths {
		if attempt >= recorded {
			n++
		}
	}
	return n
}

package documents

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

const otherHook = "https://other.test/hook"

// callback is where a job's ends are told; "": nowhere.
func (e *env) callback(job jobs.ID) string {
	e.Helper()
	var address string
	e.ok(e.db.row(e.Context(), `SELECT coalesce(max(callback_url), '') FROM job_requests WHERE job_id = ?`, job.String()).Scan(&address))
	return address
}

// The deletion of a document is told as any other end, and takes nothing away
// that is still to be sent.
func TestDeleteIsTold(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		done := e.submit(Submission{Callback: hook})
		e.complete(2)
		alive := e.submit(Submission{Source: source('b'), Callback: hook})
		e.record(e.claim(), 1)
		for _, s := range []Submitted{done, alive} {
			e.ok(e.docs.Delete(t.Context(), s.Document.ID, "test"))
		}
		due := e.due(10, time.Hour)
		if len(due) != 2 || due[0].JobID != done.Job.ID || due[0].Event != DeliveryCompleted || due[1].JobID != alive.Job.ID || due[1].Event != DeliveryInterrupted {
			t.Fatalf("due: %+v", due)
		}
		for _, d := range due {
			if !d.DocumentID.IsZero() {
				t.Errorf("it is of a document that is gone: %+v", d)
			}
			e.ok(e.docs.Delivered(t.Context(), d.ID, d.Attempts))
		}
	})
}

// Whoever was told of a job is told of the one that replaces it, and so on.
func TestReprocessIsTold(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		again := func(s Submitted) jobs.ID {
			t.Helper()
			out, err := e.docs.Reprocess(t.Context(), s.Document.ID, Reprocess{})
			e.ok(err)
			return out.Job.ID
		}
		s := e.submit(Submission{Callback: hook, TraceParent: "trace"})
		second := again(s) // in the place of one that is alive
		e.complete(2)
		third := again(s) // of one that is complete
		e.complete(2)
		for job, want := range map[jobs.ID]string{s.Job.ID: DeliveryInterrupted, second: DeliveryCompleted, third: DeliveryCompleted} {
			got := e.deliveries(job)
			if len(got) != 1 || got[0].Event != want || got[0].URL != hook {
				t.Errorf("told: %+v, want %s", got, want)
			}
		}
		if trace, err := e.docs.TraceParent(t.Context(), second); trace != "" || err != nil {
			t.Errorf("trace %q, %v", trace, err)
		}
		quiet := e.submit(Submission{Source: source('b'), TraceParent: "trace"})
		if got := again(quiet); e.callback(got) != "" || e.count(`SELECT count(*) FROM job_requests WHERE job_id = ?`, got.String()) != 0 {
			t.Error("nobody asked")
		}
	})
}

// A callback of an upload that another answers is that job's while it has none
// and is not over; the answer says which.
func TestCallbackOfDuplicate(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		stopped := func(e *env, _ Submitted) {
			e.finish(e.claim(), jobs.Outcome{Status: jobs.Interrupted, Cause: jobs.CauseShutdown, Error: "stop"})
		}
		completed := func(e *env, _ Submitted) { e.complete(2) }
		for name, c := range map[string]struct {
			first Submission
			then  func(*env, Submitted)
			again Submission
			want  any    // of CallbackRegistered
			told  string // whom the job tells
		}{
			"none given":             {first: Submission{Callback: hook}, want: nil, told: hook},
			"first of all":           {again: Submission{Callback: hook}, want: true, told: hook},
			"beside a trace":         {first: Submission{TraceParent: "trace"}, again: Submission{Callback: hook}, want: true, told: hook},
			"running":                {then: func(e *env, _ Submitted) { e.claim() }, again: Submission{Callback: hook}, want: true, told: hook},
			"to be resumed":          {then: stopped, again: Submission{Callback: hook}, want: true, told: hook},
			"the same":               {first: Submission{Callback: hook}, again: Submission{Callback: hook}, want: true, told: hook},
			"another":                {first: Submission{Callback: hook}, again: Submission{Callback: otherHook}, want: false, told: hook},
			"over":                   {then: completed, again: Submission{Callback: hook}, want: false},
			"over, the same":         {first: Submission{Callback: hook}, then: completed, again: Submission{Callback: hook}, want: false, told: hook},
			"key given again":        {first: Submission{IdempotencyKey: "k"}, again: Submission{IdempotencyKey: "k", Callback: hook}, want: true, told: hook},
			"key given again, other": {first: Submission{IdempotencyKey: "k", Callback: hook}, again: Submission{IdempotencyKey: "k", Callback: otherHook}, want: false, told: hook},
			"job gone": {then: func(e *env, s Submitted) {
				e.complete(2)
				e.exec(`DELETE FROM background_jobs`)
			}, again: Submission{Callback: hook}, want: false},
		} {
			e := newEnv(t)
			first := e.submit(c.first)
			if got := first.CallbackRegistered; (got != nil) != (c.first.Callback != "") || got != nil && !*got {
				t.Errorf("%s: registered at first: %v", name, got)
			}
			if c.then != nil {
				c.then(e, first)
			}
			again := e.submit(c.again)
			var got any
			if again.CallbackRegistered != nil {
				got = *again.CallbackRegistered
			}
			if !again.Deduplicated || got != c.want || e.callback(first.Job.ID) != c.told {
				t.Errorf("%s: deduplicated %t, registered %v, told %q", name, again.Deduplicated, got, e.callback(first.Job.ID))
			}
			if trace, err := e.docs.TraceParent(t.Context(), first.Job.ID); trace != c.first.TraceParent || err != nil {
				t.Errorf("%s: trace %q, %v", name, trace, err)
			}
			if orphans := e.count(`SELECT count(*) FROM job_requests WHERE NOT EXISTS (SELECT 1 FROM background_jobs WHERE id = job_id)`); orphans != 0 {
				t.Errorf("%s: %d requests without a job", name, orphans)
			}
		}
	})
}

// A job that ends while a callback is registered either tells it, or the answer
// says that it does not.
func TestRegisteredWhileItEnds(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		other := e.db.again(t)
		for round := range rounds {
			sub := numberedSource(round)
			e.submit(sub)
			j := e.claim()
			e.record(j, 1)
			e.ok(e.docs.Publish(t.Context(), j.Fence(), []byte(`{}`)))
			answers := make([]Submitted, 3)
			fns := []func(){func() {
				if _, err := e.jobs.Finish(t.Context(), jobs.Outcome{Fence: j.Fence(), Status: jobs.Completed}); err != nil {
					t.Error(err)
				}
			}}
			for i := range answers {
				fns = append(fns, func() {
					sub := sub
					sub.Callback = fmt.Sprintf("https://r.test/%d", i)
					var err error
					if answers[i], err = other.Submit(t.Context(), sub); err != nil {
						t.Error(err)
					}
				})
			}
			together(fns...)
			told := e.deliveries(j.ID)
			registered := 0
			for i, a := range answers {
				if a.CallbackRegistered == nil || !*a.CallbackRegistered {
					continue
				}
				if registered++; len(told) != 1 || told[0].URL != fmt.Sprintf("https://r.test/%d", i) {
					t.Errorf("round %d: registered %d, told %+v", round, i, told)
				}
			}
			if registered != len(told) {
				t.Errorf("round %d: %d registered, %d told", round, registered, len(told))
			}
		}
	})
}

// An attempt that was broken off gives back what it took, once.
func TestDeliveryStopped(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		ctx := t.Context()
		s := e.submit(Submission{Callback: hook})
		e.finish(e.claim(), jobs.Outcome{Status: jobs.Completed})
		for range 3 {
			d := e.due(10, time.Hour)[0]
			if d.Attempts != 1 {
				t.Fatalf("attempt %d, want 1", d.Attempts)
			}
			e.ok(e.docs.DeliveryStopped(ctx, d.ID, 1, "stopped"))
			if now := e.deliveries(s.Job.ID)[0]; now.Attempts != 0 || now.Status != DeliveryPending || now.LastError != "stopped" || now.NextAt.After(time.Now().Add(time.Minute)) {
				t.Errorf("broken off: %+v", now)
			}
			if err := e.docs.DeliveryStopped(ctx, d.ID, 1, "twice"); !errors.Is(err, jobs.ErrLeaseLost) {
				t.Errorf("given back twice: %v", err)
			}
		}
		d := e.due(10, 0)[0]
		e.due(10, time.Hour) // another's
		if err := e.docs.DeliveryStopped(ctx, d.ID, d.Attempts, "late"); !errors.Is(err, jobs.ErrLeaseLost) {
			t.Errorf("another's attempt: %v", err)
		}
		e.ok(e.docs.Delivered(ctx, d.ID, 2))
		if err := e.docs.DeliveryStopped(ctx, d.ID, 2, "late"); !errors.Is(err, jobs.ErrLeaseLost) {
			t.Errorf("delivered: %v", err)
		}
	})
}

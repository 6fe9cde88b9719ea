package documents

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/jobs"
)

const hook = "https://user:pw@receiver.test/hook?x=1"

func (e *env) deliveries(job jobs.ID) []Delivery {
	e.Helper()
	found, err := e.docs.Deliveries(e.Context(), job, 0)
	e.ok(err)
	return found
}

func (e *env) due(limit int, hold time.Duration) []Delivery {
	e.Helper()
	found, err := e.docs.DueDeliveries(e.Context(), limit, hold)
	e.ok(err)
	return found
}

func (e *env) job(id jobs.ID) jobs.Job {
	e.Helper()
	j, err := jobs.Get(e.Context(), e.jobs, id)
	e.ok(err)
	return j
}

func (e *env) move(id jobs.ID, m jobs.Move) {
	e.Helper()
	_, err := e.jobs.Move(e.Context(), id, m, "tester")
	e.ok(err)
}

func TestRequestsStandBesideTheirJob(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
		e := newEnv(t)
		requests := func() int { return e.count(`SELECT count(*) FROM job_requests`) }
		traced := func(job jobs.ID, want string) {
			t.Helper()
			if got, err := e.docs.TraceParent(t.Context(), job); got != want || err != nil {
				t.Errorf("trace %q, %v; want %q", got, err, want)
			}
		}
		plain := e.submit(Submission{})
		traced(plain.Job.ID, "")
		if requests() != 0 {
			t.Error("a submission that asks for nothing has a request")
		}
		e.submit(Submission{TraceParent: trace}) // there already
		if requests() != 0 {
			t.Error("a submission that was there already has a request")
		}
		s := e.submit(Submission{Source: source('b'), Callback: hook, TraceParent: trace})
		traced(s.Job.ID, trace)
		keyed := Submission{Source: source('c'), IdempotencyKey: "k", TraceParent: trace}
		first := e.submit(keyed)
		keyed.Callback = hook
		e.submit(keyed)
		traced(first.Job.ID, trace)
		fresh := e.submit(Submission{Source: source('b'), Callback: hook, TraceParent: "not a trace", Fresh: true})
		traced(fresh.Job.ID, "not a trace")
		again, err := e.docs.Reprocess(t.Context(), s.Document.ID, Reprocess{})
		e.ok(err)
		traced(again.Job.ID, "")
		traced(jobs.NewID(), "")
		if n := requests(); n != 4 {
			t.Errorf("%d requests, want 4", n)
		}
		odd := e.submit(Submission{Source: source('d'), TraceParent: strings.Repeat("x", 1000)})
		traced(odd.Job.ID, "")
		e.ok(e.jobs.(jobs.Console).Delete(t.Context(), first.Job.ID))
		traced(first.Job.ID, "")
		e.ok(e.docs.Delete(t.Context(), s.Document.ID, "test"))
		if requests() != 0 {
			t.Error("requests outlive their jobs")
		}
	})
}

func TestCallbackMustBeAnAddress(t *testing.T) {
	t.Parallel()
	e := newSQLiteEnv(t)
	for _, bad := range []string{"ftp://a/b", "a.test/hook", "http://", "http:///x", "https://:80/", "javascript:alert(1)", "http://a\x00b/", "https://a/" + strings.Repeat("x", maxCallback), "://", "http://a b/"} {
		if _, err := e.docs.Submit(t.Context(), Submission{Source: source('a'), Callback: bad}); !errors.Is(err, ErrInvalid) {
			t.Errorf("%.40q: %v, want ErrInvalid", bad, err)
		}
	}
	if n := e.count(`SELECT count(*) FROM documents`); n != 0 {
		t.Errorf("%d documents of what was refused", n)
	}
}

// Whoever ends a job, each end is told once, in the words of the row.
func TestEachEndIsToldOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		want := func(job jobs.ID, events ...string) {
			t.Helper()
			var got []string
			for _, d := range e.deliveries(job) {
				got = append([]string{d.Event}, got...)
			}
			if d := cmp.Diff(events, got); d != "" {
				t.Errorf("deliveries (-want +got):\n%s", d)
			}
		}
		s := e.submit(Submission{Callback: hook, Filename: `a "b".pdf`})
		want(s.Job.ID)
		j := e.claim()
		e.record(j, 3)
		e.finish(j, jobs.Outcome{Status: jobs.Interrupted, Cause: jobs.CauseShutdown})
		want(s.Job.ID, DeliveryInterrupted)
		e.move(s.Job.ID, jobs.Cancel)
		e.move(s.Job.ID, jobs.Cancel) // changes nothing
		want(s.Job.ID, DeliveryInterrupted, DeliveryInterrupted)
		e.move(s.Job.ID, jobs.Restart)
		j = e.claim()
		e.finish(j, jobs.Outcome{Status: jobs.Pending, Error: "again"})
		want(s.Job.ID, DeliveryInterrupted, DeliveryInterrupted)
		j = e.claim()
		e.record(j, 2)
		e.finish(j, jobs.Outcome{Status: jobs.Failed, Error: "it is damaged", Code: "damaged"})
		e.move(s.Job.ID, jobs.Resume)
		j = e.claimed(s.Job.ID)
		e.finish(j, jobs.Outcome{Status: jobs.Completed})
		want(s.Job.ID, DeliveryInterrupted, DeliveryInterrupted, DeliveryFailed, DeliveryCompleted)

		e.tells(s, `a "b".pdf`)

		byHand := e.submit(Submission{Source: source('b'), Callback: hook})
		e.exec(`UPDATE background_jobs SET status = 'failed' WHERE id = ?`, byHand.Job.ID.String())
		want(byHand.Job.ID, DeliveryFailed)
		quiet := e.submit(Submission{Source: source('c'), TraceParent: "x"})
		e.finish(e.claimed(quiet.Job.ID), jobs.Outcome{Status: jobs.Completed})
		want(quiet.Job.ID)
		all := e.deliveries(jobs.ID{})
		if len(all) != 5 || all[0].JobID != byHand.Job.ID {
			t.Errorf("all: %d", len(all))
		}
	})
}

// tells compares what is told of a job with what it was.
func (e *env) tells(s Submitted, filename string) {
	e.Helper()
	now := e.job(s.Job.ID)
	list := e.deliveries(s.Job.ID)
	for k, want := range []DeliveryPayload{
		{Status: jobs.Completed, Progress: 100, StepsDone: 2, StepsTotal: 2, OccurredAt: now.CompletedAt},
		{Status: jobs.Failed, Error: new("it is damaged"), ErrorCode: new("damaged"), Progress: 99, StepsDone: 2, StepsTotal: 2, OccurredAt: now.FailedAt},
		{Status: jobs.Interrupted, Error: new(jobs.CauseCancelled.Reason()), Cause: new(jobs.CauseCancelled), Progress: 99, StepsDone: 3, StepsTotal: 3, OccurredAt: now.InterruptedAt},
	} {
		want.JobID, want.DocumentID, want.Filename = s.Job.ID, &s.Document.ID, filename
		d := list[k]
		var got DeliveryPayload
		e.ok(json.Unmarshal(d.Payload, &got))
		if diff := cmp.Diff(want, got); diff != "" {
			e.Errorf("%s (-want +got):\n%s", d.Event, diff)
		}
		if d.URL != hook || d.Status != DeliveryPending || d.Attempts != 0 || d.DocumentID != s.Document.ID || d.CreatedAt.IsZero() || d.NextAt.After(d.CreatedAt) || !d.DeliveredAt.IsZero() {
			e.Errorf("delivery %+v", d)
		}
		var keys map[string]any
		e.ok(json.Unmarshal(d.Payload, &keys))
		if len(keys) != 11 {
			e.Errorf("keys of %s", d.Payload)
		}
	}
}

// An end and its delivery are one: where the one cannot be written, the other is
// not.
func TestNoEndWithoutItsDelivery(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		s := e.submit(Submission{Callback: hook})
		j := e.claim()
		e.exec(`DROP TABLE webhook_deliveries`)
		_, err := e.jobs.Finish(t.Context(), jobs.Outcome{Fence: j.Fence(), Status: jobs.Completed})
		if now := e.job(s.Job.ID); err == nil || now.Status != jobs.Processing {
			t.Errorf("finished: %v, %s", err, now.Status)
		}
	})
}

func TestDueDeliveriesGoToOne(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		const n = 40
		for k := range n {
			sub := numberedSource(k)
			sub.Callback = hook
			s := e.submit(sub)
			e.exec(`UPDATE background_jobs SET status = 'failed' WHERE id = ?`, s.Job.ID.String())
		}
		others := []Store{e.docs, e.db.again(t), e.db.again(t)}
		var mu sync.Mutex
		seen := map[int64]int{}
		var fns []func()
		for _, docs := range others {
			fns = append(fns, func() {
				for {
					got, err := docs.DueDeliveries(t.Context(), 7, time.Hour)
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					for _, d := range got {
						if seen[d.ID]++; d.Attempts != 1 || d.Status != DeliveryPending {
							t.Errorf("taken: %+v", d)
						}
					}
					mu.Unlock()
					if len(got) == 0 || err != nil {
						return
					}
				}
			})
		}
		together(fns...)
		for id, times := range seen {
			if times != 1 {
				t.Errorf("delivery %d was taken %d times", id, times)
			}
		}
		if len(seen) != n {
			t.Errorf("%d were taken, want %d", len(seen), n)
		}
	})
}

func TestDeliveryAttempts(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		ctx := t.Context()
		s := e.submit(Submission{Callback: hook})
		e.finish(e.claim(), jobs.Outcome{Status: jobs.Completed})
		lost := func(what string, err error) {
			t.Helper()
			if !errors.Is(err, jobs.ErrLeaseLost) {
				t.Errorf("%s: %v, want ErrLeaseLost", what, err)
			}
		}
		now := func() Delivery { t.Helper(); return e.deliveries(s.Job.ID)[0] }
		lost("before the first attempt", e.docs.Delivered(ctx, now().ID, 0))
		lost("of none", e.docs.Delivered(ctx, 999, 1))
		first := e.due(10, 0)[0] // held for no time: due again at once
		second := e.due(10, time.Hour)[0]
		if first.ID != second.ID || first.Attempts != 1 || second.Attempts != 2 || second.NextAt.Before(time.Now().Add(50*time.Minute)) {
			t.Fatalf("first %+v, second %+v", first, second)
		}
		if got := e.due(10, time.Hour); len(got) != 0 {
			t.Errorf("due while it is held: %+v", got)
		}
		lost("a stale failure", e.docs.DeliveryFailed(ctx, first.ID, 1, 500, "stale", 0, true))
		e.ok(e.docs.DeliveryFailed(ctx, first.ID, 2, 503, "busy\x00\xff"+strings.Repeat("é", 2000), 0, false))
		if d := now(); d.Status != DeliveryPending || d.LastStatus != 503 || !strings.HasPrefix(d.LastError, "busy") || len(d.LastError) > maxReason {
			t.Errorf("after a failure: %+v", d)
		}
		third := e.due(10, time.Hour)[0]
		e.ok(e.docs.DeliveryFailed(ctx, first.ID, third.Attempts, 0, "no answer", time.Hour, false))
		if d := now(); d.LastStatus != 0 || d.LastError != "no answer" || len(e.due(10, 0)) != 0 {
			t.Errorf("after a failure that is to wait: %+v", d)
		}
		lost("an attempt to come", e.docs.Delivered(ctx, first.ID, 4))
		for range 2 { // the first attempt arrived after all, and is told of twice
			e.ok(e.docs.Delivered(ctx, first.ID, 1))
			if d := now(); d.Status != DeliveryDelivered || d.DeliveredAt.IsZero() || d.LastError != "" || d.LastStatus != 0 {
				t.Errorf("delivered: %+v", d)
			}
		}
		lost("a failure of what is delivered", e.docs.DeliveryFailed(ctx, first.ID, 3, 500, "late", 0, false))

		other := e.submit(Submission{Source: source('b'), Callback: hook})
		e.finish(e.claim(), jobs.Outcome{Status: jobs.Completed})
		d := e.due(10, time.Hour)[0]
		e.ok(e.docs.DeliveryFailed(ctx, d.ID, 1, 410, "gone", 0, true))
		if d := e.deliveries(other.Job.ID)[0]; d.Status != DeliveryGivenUp || d.LastStatus != 410 || len(e.due(10, 0)) != 0 {
			t.Errorf("given up: %+v", d)
		}
	})
}

func TestOldDeliveriesGo(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		const old, young = "2020-01-01 10:00:00.000", "2999-01-01 10:00:00.000"
		for k, c := range []struct{ status, at string }{{"delivered", old}, {"given_up", old}, {"pending", old}, {"delivered", young}} {
			e.exec(fmt.Sprintf(`INSERT INTO webhook_deliveries (job_id, event, payload, url, status, next_at, created_at)
				VALUES (?, 'job.failed', '{}', 'u%d', '%s', '%s', '%s')`, k, c.status, c.at, c.at), jobs.NewID().String())
		}
		_, err := e.docs.Cleanup(t.Context(), time.Time{}, 10)
		e.ok(err)
		left := map[string]bool{}
		for _, d := range e.deliveries(jobs.ID{}) {
			left[d.URL] = true
		}
		if d := cmp.Diff(map[string]bool{"u2": true, "u3": true}, left); d != "" {
			t.Errorf("left (-want +got):\n%s", d)
		}
		s := e.submit(Submission{Callback: hook})
		e.finish(e.claim(), jobs.Outcome{Status: jobs.Completed})
		e.ok(e.jobs.(jobs.Console).Delete(t.Context(), s.Job.ID))
		if got := e.deliveries(s.Job.ID); len(got) != 1 {
			t.Errorf("%d deliveries of a job that is gone, want the one that is to be sent", len(got))
		}
		e.ok(e.docs.Delete(t.Context(), s.Document.ID, "test"))
		if got := e.deliveries(s.Job.ID); len(got) != 1 || !got[0].DocumentID.IsZero() || len(e.due(10, time.Hour)) != 2 {
			t.Errorf("deliveries of a document that is gone: %+v", got)
		}
	})
}

// What was asked for and is to be told is the same in the other store.
func TestCopyKeepsDeliveries(t *testing.T) {
	t.Parallel()
	from, to := newSQLiteEnv(t), newPostgresEnv(t)
	s := from.submit(Submission{Callback: hook, TraceParent: "trace"})
	j := from.claim()
	from.finish(j, jobs.Outcome{Status: jobs.Failed, Error: "x", Code: "x"})
	from.move(j.ID, jobs.Resume)
	from.finish(from.claimed(j.ID), jobs.Outcome{Status: jobs.Completed})
	d := from.due(1, time.Hour)[0]
	from.ok(from.docs.DeliveryFailed(t.Context(), d.ID, 1, 500, "no", time.Hour, false))
	d = from.due(1, time.Hour)[0]
	from.ok(from.docs.Delivered(t.Context(), d.ID, 1))
	docs := to.docs.(*Postgres)
	for range 2 {
		for f, err := range from.docs.(*SQLite).Dump(t.Context()) {
			from.ok(err)
			to.ok(docs.db.Update(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
				_, err := docs.Restore(ctx, tx, f)
				return err
			}))
		}
	}
	want, got := from.deliveries(s.Job.ID), to.deliveries(s.Job.ID)
	if len(want) != 2 || len(got) != 2 {
		t.Fatalf("%d there, %d here", len(got), len(want))
	}
	for k := range got {
		got[k].ID = want[k].ID
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if trace, err := to.docs.TraceParent(t.Context(), s.Job.ID); trace != "trace" || err != nil {
		t.Errorf("trace %q, %v", trace, err)
	}
	if n := to.count(`SELECT count(*) FROM job_requests WHERE callback_url = ?`, hook); n != 1 {
		t.Error("the callback is lost")
	}
}

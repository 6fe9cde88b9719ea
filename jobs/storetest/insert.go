package storetest

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

var insertTests = []test{
	{"a job is durable when Insert returns, and stands as it was given", func(e *env) {
		doc, id := jobs.NewID(), jobs.NewID()
		e.Document(e, doc, jobs.ID{})
		in := jobs.NewJob{
			ID: id, Kind: "mail", DocumentID: doc, Filename: "Ünïcode \"quoted\".pdf", Priority: -7,
			Payload:  json.RawMessage(`{"to":["a@b.c"],"n":12345678901234567890,"deep":{"x":null}}`),
			Metadata: json.RawMessage(`{"source":"<web> & more","nested":{"k":[1,2.5,true]}}`),
			Recovery: jobs.RecoveryManual, Owner: "alice", IdempotencyKey: "key 1",
			MaxFailures: 7, MaxCrashes: 8, RetryDelay: 90 * time.Second,
		}
		returned := e.insert(in)
		for where, j := range map[string]jobs.Job{"returned": returned, "listed": e.getFrom(e.Again(e), id)} {
			if j.ID != id || j.Kind != "mail" || j.DocumentID != doc || j.Filename != in.Filename || j.Priority != -7 ||
				j.Recovery != jobs.RecoveryManual || j.Owner != "alice" || j.IdempotencyKey != "key 1" ||
				budgets(j) != [3]int{7, 8, 90_000} {
				e.Errorf("%s: %+v, want the fields of %+v", where, j, in)
			}
			if string(j.Payload) != string(in.Payload) || !sameJSON(j.Metadata, in.Metadata) {
				e.Errorf("%s: payload %s, metadata %s", where, j.Payload, j.Metadata)
			}
			if j.Status != jobs.Pending || j.Attempt != 0 || j.Progress != 0 || j.StepsDone != 0 || j.Position == 0 || j.InstanceID != "" {
				e.Errorf("%s: %+v, want a pending job nobody has touched, with a position", where, j)
			}
			if j.CreatedAt.IsZero() || !j.UpdatedAt.Equal(j.CreatedAt) || j.RunAt.After(j.CreatedAt) || !j.StartedAt.IsZero() {
				e.Errorf("%s: times %v %v %v %v", where, j.CreatedAt, j.UpdatedAt, j.RunAt, j.StartedAt)
			}
		}
		if evs := e.events(id); len(evs) != 1 || evs[0].Event != jobs.EventAccepted || evs[0].To != jobs.Pending {
			e.Errorf("history %+v, want one event: accepted", evs)
		}
	}},
	{"zero values work: a new id that carries the time, {} and {}, auto, due now", func(e *env) {
		j := e.insert(jobs.NewJob{})
		if _, ok := j.ID.Time(); !ok {
			e.Errorf("id %v is not of version 7", j.ID)
		}
		if !sameJSON(j.Payload, json.RawMessage(`{}`)) || !sameJSON(j.Metadata, json.RawMessage(`{}`)) || j.Recovery != jobs.RecoveryAuto {
			e.Errorf("payload %s, metadata %s, recovery %q", j.Payload, j.Metadata, j.Recovery)
		}
		e.join("a").claimOne(j.ID)
	}},
	{"jobs are returned, and queued, in the order given", func(e *env) {
		var in []jobs.NewJob
		for k := range 50 {
			in = append(in, jobs.NewJob{Filename: fmt.Sprint(k)})
		}
		out := e.insertAll(in...)
		for k, j := range out {
			if j.Filename != fmt.Sprint(k) {
				e.Fatalf("job %d returned is %q", k, j.Filename)
			}
			if k > 0 && j.Position <= out[k-1].Position {
				e.Fatalf("position %d of job %d does not rise", j.Position, k)
			}
		}
		for k, j := range e.join("a").claim(50) {
			if j.ID != out[k].ID {
				e.Fatalf("claimed %q at place %d", j.Filename, k)
			}
		}
	}},
	{"none inserted is no error", func(e *env) {
		if got, err := e.Store.Insert(e.Context()); err != nil || len(got) != 0 {
			e.Errorf("got %v, %v", got, err)
		}
	}},
	{"an id given again with the same content returns the first job as it stands", func(e *env) {
		in := jobs.NewJob{ID: jobs.NewID(), Kind: work, Payload: json.RawMessage(`{"n":1}`)}
		e.insert(in)
		started := e.join("a").claimOne(in.ID)
		before := e.dump()
		if again := e.insert(in); again.Status != jobs.Processing || again.Attempt != started.Attempt || again.ID != in.ID {
			e.Errorf("returned %+v, want the job as it stands", again)
		}
		e.unchanged(before, "Insert of an id given again")
	}},
	{"an id given again with another payload or kind is ErrKeyReused", func(e *env) {
		in := jobs.NewJob{ID: jobs.NewID(), Kind: work, Payload: json.RawMessage(`{"n":1}`)}
		e.insert(in)
		before := e.dump()
		payload, kind := in, in
		payload.Payload, kind.Kind = json.RawMessage(`{"n":2}`), "other"
		for _, other := range []jobs.NewJob{payload, kind} {
			_, err := e.Store.Insert(e.Context(), other)
			e.is(err, jobs.ErrKeyReused)
		}
		e.unchanged(before, "a refused Insert")
	}},
	{"an idempotency key given again returns the first job with its own id", func(e *env) {
		in := jobs.NewJob{Kind: work, Payload: json.RawMessage(`{"n":1}`), Owner: "alice", IdempotencyKey: "k"}
		first := e.insert(in)
		before := e.dump()
		in.ID, in.Filename, in.Priority = jobs.NewID(), "other.pdf", 9
		if again := e.insert(in); again.ID != first.ID || again.Filename != first.Filename {
			e.Errorf("returned %v %q, want the first job %v", again.ID, again.Filename, first.ID)
		}
		e.unchanged(before, "Insert of a key given again")
	}},
	{"an idempotency key with another payload or kind is ErrKeyReused", func(e *env) {
		in := jobs.NewJob{Kind: work, Payload: json.RawMessage(`{"n":1}`), IdempotencyKey: "k"}
		e.insert(in)
		before := e.dump()
		payload, kind := in, in
		payload.Payload, kind.Kind = json.RawMessage(`{"n":2}`), "other"
		for _, other := range []jobs.NewJob{payload, kind} {
			_, err := e.Store.Insert(e.Context(), other)
			e.is(err, jobs.ErrKeyReused)
		}
		e.unchanged(before, "a refused Insert")
	}},
	{"an idempotency key is unique within its owner, and no key is no key", func(e *env) {
		out := e.insertAll(
			jobs.NewJob{Owner: "alice", IdempotencyKey: "k"}, jobs.NewJob{Owner: "bob", IdempotencyKey: "k"},
			jobs.NewJob{IdempotencyKey: "k"}, jobs.NewJob{}, jobs.NewJob{Owner: "alice"}, jobs.NewJob{Owner: "alice"},
		)
		seen := map[jobs.ID]bool{}
		for _, j := range out {
			seen[j.ID] = true
		}
		if len(seen) != len(out) {
			e.Errorf("%d jobs, want %d", len(seen), len(out))
		}
	}},
	{"an idempotency key outlives the end of its job", func(e *env) {
		in := jobs.NewJob{Kind: work, IdempotencyKey: "k"}
		first := e.insert(in)
		e.finish(outcome(e.join("a").claimOne(first.ID).Fence(), jobs.Completed))
		if again := e.insert(in); again.ID != first.ID || again.Status != jobs.Completed {
			e.Errorf("returned %v %s, want the first job, completed", again.ID, again.Status)
		}
	}},
	{"the same job twice in one call is one job", func(e *env) {
		id := jobs.NewID()
		byID := e.insertAll(jobs.NewJob{ID: id}, jobs.NewJob{ID: id})
		byKey := e.insertAll(jobs.NewJob{IdempotencyKey: "k"}, jobs.NewJob{}, jobs.NewJob{IdempotencyKey: "k"})
		if byID[0].ID != id || byID[1].ID != id || byKey[0].ID != byKey[2].ID || byKey[0].ID == byKey[1].ID {
			e.Errorf("got %v and %v", ids(byID), ids(byKey))
		}
		if st, err := e.Store.Statistics(e.Context()); err != nil || st.Total != 3 {
			e.Errorf("%d jobs (%v), want 3", st.Total, err)
		}
	}},
	{"all or none: one bad job and nothing is inserted", func(e *env) {
		e.insert(jobs.NewJob{IdempotencyKey: "k", Payload: json.RawMessage(`{"n":1}`)})
		before := e.dump()
		good := jobs.NewJob{Kind: work}
		for name, bad := range map[string]jobs.NewJob{
			"a reused key":               {Kind: work, IdempotencyKey: "k", Payload: json.RawMessage(`{"n":2}`)},
			"a document unknown":         {Kind: work, DocumentID: jobs.NewID()},
			"no kind":                    {},
			"a negative budget":          {Kind: work, MaxFailures: -1},
			"a negative delay":           {Kind: work, RetryDelay: -time.Second},
			"metadata not an object":     {Kind: work, Metadata: json.RawMessage(`[1]`)},
			"metadata that is null":      {Kind: work, Metadata: json.RawMessage(`null`)},
			"metadata that is not JSON":  {Kind: work, Metadata: json.RawMessage(`{"a":`)},
			"a payload that is not JSON": {Kind: work, Payload: json.RawMessage(`{"a":`)},
		} {
			for _, list := range [][]jobs.NewJob{{bad}, {good, bad}, {bad, good}} {
				if got, err := e.Store.Insert(e.Context(), list...); err == nil || len(got) > 0 {
					e.Errorf("%s, %d in the call: got %d jobs and error %v", name, len(list), len(got), err)
				}
			}
			e.unchanged(before, "Insert with "+name)
		}
	}},
	{"with Instance, a job is born processing at attempt 1", func(e *env) {
		a, b := e.join("a"), e.process("b")
		j := e.insert(jobs.NewJob{Instance: "a"})
		if j.Status != jobs.Processing || j.Attempt != 1 || j.InstanceID != "a" || j.StartedAt.IsZero() {
			e.Errorf("born as %+v", j)
		}
		if evs := e.events(j.ID); len(evs) != 2 || evs[0].Event != jobs.EventAccepted || evs[1].Event != jobs.EventStarted ||
			evs[1].Instance != "a" || evs[1].Attempt != 1 {
			e.Errorf("history %+v, want accepted and started", evs)
		}
		if got := b.claim(9); len(got) > 0 {
			e.Errorf("another instance claimed %v", ids(got))
		}
		if lost, err := a.s.Renew(e.Context(), jobs.Renewal{Instance: "a", Held: []jobs.Fence{j.Fence()}}); err != nil || len(lost) > 0 {
			e.Errorf("its own renewal lost it: %v, %v", lost, err)
		}
		e.checkpoint(j.Fence(), 1, page(1))
		e.finish(outcome(j.Fence(), jobs.Completed))
	}},
	{"no other worker ever sees a job pending that is born claimed", func(e *env) {
		e.join("a")
		b := e.process("b")
		var wg sync.WaitGroup
		stop := make(chan struct{})
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				got, err := b.s.Claim(e.Context(), b.params(10))
				if err != nil || len(got.Jobs) > 0 {
					e.Errorf("another instance claimed %v, %v", ids(got.Jobs), err)
					return
				}
			}
		})
		for range 50 {
			e.insert(jobs.NewJob{Instance: "a"})
		}
		close(stop)
		wg.Wait()
	}},
	{"a job whose RunAt lies ahead has no position and is not claimed before it is due", func(e *env) {
		a := e.join("a")
		now := e.insert(jobs.NewJob{}).CreatedAt
		a.claim(1)
		at := now.Add(time.Second).Truncate(time.Millisecond)
		j := e.insert(jobs.NewJob{RunAt: at})
		if j.Status != jobs.Pending || j.Position != 0 || !j.RunAt.Equal(at) {
			e.Errorf("inserted as %s with position %d, run_at %v, want pending, 0, %v", j.Status, j.Position, j.RunAt, at)
		}
		var got []jobs.Job
		eventually(e, "the job is claimed", func() bool { got = a.claim(1); return len(got) > 0 })
		if got[0].ID != j.ID || got[0].StartedAt.Before(at) {
			e.Errorf("claimed %v at %v, want %v not before %v", got[0].ID, got[0].StartedAt, j.ID, at)
		}
	}},
	{"a RunAt in the past is now", func(e *env) {
		j := e.insert(jobs.NewJob{RunAt: time.Now().Add(-time.Hour)})
		if j.Position == 0 {
			e.Error("no position")
		}
		e.join("a").claimOne(j.ID)
	}},
	{"concurrent Inserts with one key make one job", func(e *env) {
		handles := []jobs.Store{e.Store, e.Again(e), e.Again(e)}
		for round := range 10 {
			got := make([]jobs.ID, 12)
			var wg sync.WaitGroup
			for k := range got {
				wg.Go(func() {
					out, err := handles[k%len(handles)].Insert(e.Context(), jobs.NewJob{Kind: work, IdempotencyKey: fmt.Sprint(round)})
					if err != nil || len(out) != 1 {
						e.Errorf("got %v, %v", out, err)
						return
					}
					got[k] = out[0].ID
				})
			}
			wg.Wait()
			for _, id := range got {
				if id != got[0] {
					e.Fatalf("different jobs for one key: %v", got)
				}
			}
		}
		if st, err := e.Store.Statistics(e.Context()); err != nil || st.Total != 10 {
			e.Errorf("%d jobs (%v), want 10", st.Total, err)
		}
	}},
}

package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// wholeTests are about calls that end badly among calls that do not: a store
// may put calls of many callers into one transaction, and none may notice.
var wholeTests = []test{
	{"among many at once, a refused call leaves nothing behind and takes no other with it", func(e *env) {
		const rounds, callers = 15, 8
		e.insert(jobs.NewJob{IdempotencyKey: "taken", Payload: json.RawMessage(`{"n":1}`)})
		a := e.join("a")
		a.claim(1)
		good := make([]jobs.ID, callers)
		for k := range callers {
			good[k] = e.insertAll(jobs.NewJob{Recovery: jobs.RecoveryManual})[0].ID
		}
		fences := map[jobs.ID]jobs.Fence{}
		for _, j := range a.claim(callers) {
			fences[j.ID] = j.Fence()
		}
		together(callers, func(k int) {
			for n := range rounds {
				switch {
				case k%2 == 0:
					if _, err := e.Store.Insert(e.Context(), jobs.NewJob{Kind: "good"}, jobs.NewJob{Kind: "good"}); err != nil {
						e.Errorf("a good Insert: %v", err)
					}
				case n%3 == 0:
					_, err := e.Store.Insert(e.Context(), jobs.NewJob{Kind: "bad"}, jobs.NewJob{Kind: "bad"},
						jobs.NewJob{Kind: work, IdempotencyKey: "taken", Payload: json.RawMessage(`{"n":2}`)})
					e.is(err, jobs.ErrKeyReused)
				case n%3 == 1:
					_, err := e.Store.Insert(e.Context(), jobs.NewJob{Kind: "bad"}, jobs.NewJob{Kind: "bad", DocumentID: jobs.NewID()})
					if err == nil {
						e.Error("a job of an unknown document was inserted")
					}
				default:
					e.is(e.Store.Checkpoint(e.Context(), fences[good[k]], 50, page(n+5), page(n+7)), jobs.ErrStepGap)
				}
				if err := e.Store.Checkpoint(e.Context(), fences[good[k]], 0, page(n+1)); err != nil {
					e.Errorf("step %d of %d: %v", n+1, k, err)
				}
			}
		})
		for _, c := range []struct {
			kind string
			want int
		}{{"good", rounds * callers}, {"bad", 0}} {
			if got := e.list(jobs.Filter{Kind: c.kind, Limit: 1000}); len(got) != c.want {
				e.Errorf("%d jobs of kind %s, want %d", len(got), c.kind, c.want)
			}
		}
		for _, id := range good {
			if now := e.get(id); now.StepsDone != rounds || now.StepsTotal != 0 || len(e.steps(id)) != rounds {
				e.Errorf("%d of %d steps, %d there, want %d of 0", now.StepsDone, now.StepsTotal, len(e.steps(id)), rounds)
			}
		}
		if events, err := e.Store.Events(e.Context(), jobs.ID{}, 0, 10_000); err != nil || len(events) != 1+1+2*callers+rounds*callers {
			e.Errorf("%d events (%v), want %d", len(events), err, 1+1+2*callers+rounds*callers)
		}
	}},
	{"a call whose context ends under way takes effect whole or not at all, and harms no other", func(e *env) {
		const rounds = 40
		together(4, func(k int) {
			rnd := rand.New(rand.NewPCG(uint64(k), 1))
			for n := range rounds {
				if k == 0 {
					if _, err := e.Store.Insert(e.Context(), jobs.NewJob{Kind: "steady"}); err != nil {
						e.Errorf("a call beside it: %v", err)
					}
					continue
				}
				kind := fmt.Sprint("k", k, "-", n)
				ctx, cancel := context.WithTimeout(e.Context(), time.Duration(rnd.IntN(3000))*time.Microsecond)
				_, err := e.Store.Insert(ctx, make12(kind)...)
				cancel()
				if err != nil && !errors.Is(err, context.DeadlineExceeded) {
					e.Errorf("Insert: %v", err)
				}
				if got := len(e.list(jobs.Filter{Kind: kind})); got != 12 && (got != 0 || err == nil) {
					e.Errorf("%d of 12 jobs are there, and the error is %v", got, err)
				}
			}
		})
		if got := len(e.list(jobs.Filter{Kind: "steady"})); got != rounds {
			e.Errorf("%d, want %d", got, rounds)
		}
	}},
}

func make12(kind string) []jobs.NewJob {
	list := make([]jobs.NewJob, 12)
	for k := range list {
		list[k].Kind = kind
	}
	return list
}

package storetest

import (
	"errors"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

var errorTests = []test{
	{"after Close every method returns an error, and none an empty answer", func(e *env) {
		j := e.running()
		e.joinOn(e.Store, "a")
		s := e.Again(e)
		e.ok(s.Close())
		ctx := e.Context()
		out := outcome(j.Fence(), jobs.Completed)
		for name, err := range map[string]error{
			"Join":       second(s.Join(ctx, jobs.Instance{ID: "b", Lease: time.Hour})),
			"Renew":      second(s.Renew(ctx, jobs.Renewal{Instance: "a", Held: []jobs.Fence{j.Fence()}})),
			"Claim":      second(s.Claim(ctx, jobs.ClaimParams{Instance: "a", Kinds: []string{work}, Limit: 1})),
			"Checkpoint": s.Checkpoint(ctx, j.Fence(), 1, page(1)),
			"Finish":     second(s.Finish(ctx, out)),
			"Insert":     second(s.Insert(ctx, jobs.NewJob{Kind: work})),
			"Move":       second(s.Move(ctx, j.ID, jobs.Cancel, "x")),
			"List":       second(s.List(ctx, jobs.Filter{})),
			"Steps":      second(s.Steps(ctx, j.ID, 0, 1)),
			"Events":     second(s.Events(ctx, j.ID, 0, 1)),
			"Ahead":      second(s.Ahead(ctx, j.ID)),
			"Statistics": second(s.Statistics(ctx)),
			"Cleanup":    second(s.Cleanup(ctx, time.Now(), 1)),
		} {
			if err == nil {
				e.Errorf("%s of a closed store: no error", name)
			}
			for _, word := range []error{jobs.ErrNotFound, jobs.ErrLeaseLost, jobs.ErrInstanceGone, jobs.ErrKeyReused, jobs.ErrStepGap} {
				e.isNot(name, err, word)
			}
		}
		if now := e.get(j.ID); now.Status != jobs.Processing {
			e.Errorf("the job is %s: a closed handle changed it", now.Status)
		}
	}},
	{"closing one handle leaves another working", func(e *env) {
		j := e.insert(jobs.NewJob{})
		other := e.Again(e)
		e.ok(e.Store.Close())
		if got := e.getFrom(other, j.ID); got.ID != j.ID {
			e.Errorf("got %+v", got)
		}
		if _, err := other.Insert(e.Context(), jobs.NewJob{Kind: work}); err != nil {
			e.Error(err)
		}
	}},
	{"what one handle wrote is there for one opened after it was closed", func(e *env) {
		j := e.running()
		e.checkpoint(j.Fence(), 2, page(1))
		before := e.dump()
		for _, i := range e.instances {
			i.dead = true
			e.ok(i.joined.Close())
		}
		e.ok(e.Store.Close())
		e.Store = e.Again(e)
		e.unchanged(before, "closing and opening again")
	}},
	{"closing twice is harmless", func(e *env) {
		s := e.Again(e)
		e.ok(s.Close())
		e.ok(s.Close())
	}},
	{"an instance that is alive cannot be joined again under its id", func(e *env) {
		e.process("a")
		if c, err := e.Store.Join(e.Context(), jobs.Instance{ID: "a", Lease: time.Hour}); err == nil {
			e.ok(c.Close())
			e.Error("joined while it is alive")
		}
	}},
}

func second[T any](_ T, err error) error { return err }

func (e *env) isNot(what string, err, word error) {
	e.Helper()
	if err != nil && errors.Is(err, word) {
		e.Errorf("%s of a closed store: %v, which says something about the job", what, err)
	}
}

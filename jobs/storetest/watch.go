package storetest

import (
	"context"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// wakes checks that a watcher hears of a change: it is a hint that may be
// missed, so the change is made again until one is heard.
func (e *env) wakes(ch <-chan jobs.Hint, change func()) {
	e.Helper()
	e.settle(ch)
	retry := time.NewTicker(2 * time.Second)
	defer retry.Stop()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		change()
		select {
		case _, open := <-ch:
			if !open {
				e.Error("the channel was closed while its context lives")
			}
			return
		case <-retry.C:
		case <-deadline.C:
			e.Fatalf("nothing heard within %v", patience)
		}
	}
}

// hears returns all the hints of the next half second: a store may tell of a
// change some time after it was made.
func (e *env) hears(ch <-chan jobs.Hint) (all jobs.Hint) {
	e.Helper()
	over := time.NewTimer(500 * time.Millisecond)
	defer over.Stop()
	for {
		select {
		case h, open := <-ch:
			if !open {
				e.Fatal("the channel was closed while its context lives")
			}
			all |= h
		case <-over.C:
			return all
		}
	}
}

// settle receives what is still under way, so that what is heard afterwards
// is of what is done afterwards.
func (e *env) settle(ch <-chan jobs.Hint) {
	e.Helper()
	quiet := time.NewTimer(700 * time.Millisecond)
	defer quiet.Stop()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		select {
		case _, open := <-ch:
			if !open {
				e.Fatal("the channel was closed while its context lives")
			}
		case <-quiet.C:
			return
		case <-deadline.C:
			e.Fatal("it never rests, although nothing changes")
		}
	}
}

var watchTests = []test{
	{"wakes on a change through its own handle", func(e *env) {
		e.wakes(e.Store.Watch(e.Context()), func() { e.insert(jobs.NewJob{}) })
	}},
	{"wakes on a change through another handle", func(e *env) {
		e.wakes(e.Again(e).Watch(e.Context()), func() { e.insert(jobs.NewJob{}) })
	}},
	{"wakes on every kind of change", func(e *env) {
		a := e.join("a")
		ch := e.Again(e).Watch(e.Context())
		j := e.insert(jobs.NewJob{Recovery: jobs.RecoveryManual})
		var f jobs.Fence
		for _, change := range []func(){
			func() {
				if got := a.claim(1); len(got) > 0 {
					f = got[0].Fence()
				}
			},
			func() { e.checkpoint(f, 0, page(e.get(j.ID).StepsDone+1)) },
			func() { e.finish(outcome(f, jobs.Failed)) },
		} {
			e.wakes(ch, change)
		}
		e.wakes(ch, func() { e.move(j.ID, jobs.Restart) })
	}},
	{"a person's move of a running job is told as one through its own handle, also together with other changes", func(e *env) {
		a := e.join("a")
		ch := e.Store.Watch(e.Context())
		for _, m := range []jobs.Move{jobs.Cancel, jobs.Interrupt} {
			var heard jobs.Hint
			eventually(e, "HintMoved", func() bool { // one may be missed
				j := e.insert(jobs.NewJob{Recovery: jobs.RecoveryManual})
				a.claimOne(j.ID)
				e.move(j.ID, m)
				e.insert(jobs.NewJob{Kind: "other"})
				heard = e.hears(ch)
				return heard&jobs.HintMoved != 0
			})
			if heard&jobs.HintChanged == 0 {
				e.Errorf("%s: heard %b, want HintChanged too", m, heard)
			}
		}
	}},
	{"nothing else is told as a move of a running job", func(e *env) {
		a := e.join("a")
		ch := e.Store.Watch(e.Context())
		waiting := e.insert(jobs.NewJob{Kind: "other"})
		held := e.running()
		for _, change := range []func(){
			func() { a.claim(1) },
			func() { e.checkpoint(held.Fence(), 0, page(1)) },
			func() { e.move(waiting.ID, jobs.Cancel) },
			func() { e.move(waiting.ID, jobs.Resume) },
			func() { e.finish(outcome(held.Fence(), jobs.Failed)) },
			func() { e.move(held.ID, jobs.Restart) },
		} {
			change()
			if h := e.hears(ch); h&jobs.HintMoved != 0 {
				e.Errorf("heard %b", h)
			}
		}
	}},
	{"every watcher wakes, and one that does not listen holds nobody up", func(e *env) {
		deaf := e.Store.Watch(e.Context())
		one, two := e.Store.Watch(e.Context()), e.Store.Watch(e.Context())
		for range 50 {
			e.insert(jobs.NewJob{})
		}
		for _, ch := range []<-chan jobs.Hint{one, two, deaf} {
			select {
			case <-ch:
			case <-time.After(patience):
				e.Error("a watcher heard nothing")
			}
		}
	}},
	{"its channel is closed when the context ends", func(e *env) {
		ctx, cancel := context.WithCancel(e.Context())
		ch := e.Store.Watch(ctx)
		cancel()
		closes(e, ch)
	}},
	{"its channel is closed at once for a context that had ended", func(e *env) {
		ctx, cancel := context.WithCancel(e.Context())
		cancel()
		closes(e, e.Store.Watch(ctx))
	}},
}

func closes(e *env, ch <-chan jobs.Hint) {
	e.Helper()
	deadline := time.After(patience)
	for {
		select {
		case _, open := <-ch:
			if !open {
				return
			}
		case <-deadline:
			e.Fatal("not closed")
		}
	}
}

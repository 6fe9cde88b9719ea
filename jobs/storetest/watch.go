package storetest

import (
	"context"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// wakes checks that a watcher hears of a change: it is a hint that may be
// missed, so the change is made again until one is heard.
func (e *env) wakes(ch <-chan struct{}, change func()) {
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

// settle receives what is still under way, so that what is heard afterwards
// is of what is done afterwards.
func (e *env) settle(ch <-chan struct{}) {
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
	{"every watcher wakes, and one that does not listen holds nobody up", func(e *env) {
		deaf := e.Store.Watch(e.Context())
		one, two := e.Store.Watch(e.Context()), e.Store.Watch(e.Context())
		for range 50 {
			e.insert(jobs.NewJob{})
		}
		for _, ch := range []<-chan struct{}{one, two, deaf} {
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

func closes(e *env, ch <-chan struct{}) {
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

package watch

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/mivaa/mivaa/jobs"
)

// Hints that nobody took are added up.
func TestHintsAddUp(t *testing.T) {
	t.Parallel()
	var g Group
	ch := g.Add(t.Context(), func() context.CancelFunc { return func() {} })
	g.Tell(jobs.HintMoved)
	g.Tell(jobs.HintChanged)
	if h := <-ch; h != jobs.HintMoved|jobs.HintChanged {
		t.Errorf("got %b", h)
	}
}

// What brings hints runs while somebody watches, and once.
func TestSourceRunsWhileWatched(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var g Group
		began, ended := 0, 0
		begin := func() context.CancelFunc { began++; return func() { ended++ } }
		check := func(what string, wantBegan, wantEnded int) {
			t.Helper()
			synctest.Wait()
			g.mu.Lock()
			defer g.mu.Unlock()
			if began != wantBegan || ended != wantEnded {
				t.Errorf("%s: begun %d times, ended %d; want %d, %d", what, began, ended, wantBegan, wantEnded)
			}
		}
		first, stop := context.WithCancel(t.Context())
		second, stopSecond := context.WithCancel(t.Context())
		ch := g.Add(first, begin)
		g.Add(second, begin)
		check("two watch", 1, 0)
		stop()
		check("one watches", 1, 0)
		if _, open := <-ch; open {
			t.Error("the channel of who went is open")
		}
		stopSecond()
		check("nobody watches", 1, 1)
		ch = g.Add(t.Context(), begin)
		check("one watches again", 2, 1)
		g.Close()
		check("closed", 2, 2)
		if _, open := <-ch; open {
			t.Error("a channel outlives the group")
		}
		if _, open := <-g.Add(t.Context(), begin); open {
			t.Error("who comes late is not turned away")
		}
		check("late", 2, 2)
	})
}

package jobs

import (
	"errors"
	"slices"
	"testing"
	"time"
)

// Whoever is failed while it is being told that the store answers is told of
// behind that, or the last word would be that all is well.
func TestTroubleIsToldInOrder(t *testing.T) {
	t.Parallel()
	answers, failed := make(chan struct{}), make(chan struct{})
	var told []bool // by one hook at a time
	w := &Worker{}
	w.Hooks.Trouble = func(err error) {
		switch {
		case err == nil:
			close(answers)
			select {
			case <-failed:
				t.Error("another trouble is told meanwhile")
			case <-time.After(50 * time.Millisecond):
			}
		case len(told) > 0:
			close(failed)
		}
		told = append(told, err != nil)
	}
	err := errors.New("no answer")
	w.trouble(byClaim, err)
	over := make(chan struct{})
	go func() {
		defer close(over)
		<-answers
		w.trouble(byFinish, err)
	}()
	w.trouble(byClaim, nil)
	<-over
	if want := []bool{true, false, true}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}

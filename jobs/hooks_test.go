package jobs

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"
)

// Every hook of both is called, in order; what neither has stays nil, which
// means something for Trouble.
func TestHooksAnd(t *testing.T) {
	t.Parallel()
	var called []string
	hooks := func(name string) Hooks {
		note := func() { called = append(called, name) }
		return Hooks{
			Recovered: func([]Event) { note() }, Started: func(Job) { note() }, Recorded: func(Job) { note() },
			Finished: func(Job, Outcome, time.Duration) { note() }, Lost: func(Job, error, time.Duration) { note() },
			Trouble: func(error) { note() }, Unknown: func([]string) { note() }, Refused: func(Fence) { note() },
		}
	}
	call := func(h Hooks) {
		h.Recovered(nil)
		h.Started(Job{})
		h.Recorded(Job{})
		h.Finished(Job{}, Outcome{}, 0)
		h.Lost(Job{}, errors.New("lost"), 0)
		h.Trouble(nil)
		h.Unknown(nil)
		h.Refused(Fence{})
	}
	n := reflect.TypeFor[Hooks]().NumField()
	for _, c := range []struct {
		hooks Hooks
		want  []string
	}{
		{hooks("a").And(hooks("b")), slices.Repeat([]string{"a", "b"}, n)},
		{hooks("a").And(Hooks{}), slices.Repeat([]string{"a"}, n)},
		{Hooks{}.And(hooks("b")), slices.Repeat([]string{"b"}, n)},
	} {
		called = nil
		if call(c.hooks); !slices.Equal(called, c.want) {
			t.Errorf("called %q, want %q", called, c.want)
		}
	}
	if none := reflect.ValueOf(Hooks{}.And(Hooks{})); !none.IsZero() {
		t.Error("of no hooks became some")
	}
}

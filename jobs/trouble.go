package jobs

import "sync"

// troubles is who of a worker the store has failed, and not answered since. It
// may fail one and answer another: a full disk takes a renewal and refuses a
// page. What is told is the whole: that it fails, and that it answers all again.
type troubles struct {
	mu     sync.Mutex
	failed map[any]bool

	telling sync.Mutex // held from noting to telling, so that both have one order
}

// Those of a session that call the store; an attempt is one by itself.
const (
	byClaim  = "claim"
	byFinish = "finish"
	byRenew  = "renew"
	byRejoin = "rejoin"
	bySettle = "settle"
)

// note reports whether by this the store as a whole fails, or answers again.
func (t *troubles) note(who any, failed bool) (changed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := len(t.failed) > 0
	if failed {
		if t.failed == nil {
			t.failed = map[any]bool{}
		}
		t.failed[who] = true
	} else {
		delete(t.failed, who)
	}
	return was != (len(t.failed) > 0)
}

// has reports whether the store has failed this one and not answered since.
func (t *troubles) has(who any) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed[who]
}

// over forgets those of a session that has ended, and reports whether with them
// the store answers again.
func (t *troubles) over() (changed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := len(t.failed) > 0
	clear(t.failed)
	return was
}

// trouble tells that the store fails somebody, or (nil) answers again, once: by
// the hook, or by the log where there is none.
func (w *Worker) trouble(who any, err error) {
	if err == nil && !w.troubles.has(who) { // nearly always: it waits for no hook
		return
	}
	w.troubles.telling.Lock()
	defer w.troubles.telling.Unlock()
	if w.troubles.note(who, err != nil) {
		w.tellTrouble(err)
	}
}

// answered tells, where the store was said to fail, that it has answered since, by
// taking another instance in.
func (w *Worker) answered() {
	w.troubles.telling.Lock()
	defer w.troubles.telling.Unlock()
	if w.troubles.over() {
		w.tellTrouble(nil)
	}
}

func (w *Worker) tellTrouble(err error) {
	switch {
	case w.Hooks.Trouble != nil:
		w.Hooks.Trouble(err)
	case err != nil:
		w.logger().Error("store does not answer", KeyError, err)
	default:
		w.logger().Info("store answers again")
	}
}

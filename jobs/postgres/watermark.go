package postgres

import (
	"slices"
	"sync"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

const (
	// behindMark is how far behind the highest claimed position a claim begins
	// that does not begin at the front: what was inserted before and committed
	// later is still found.
	behindMark = 5000
	// marksHold is how long such claims are made after one from the front was
	// slow.
	marksHold = time.Second
	// slowClaim and slowJob bound what a claim from the front takes where nothing
	// is in its way.
	slowClaim = 4 * time.Millisecond
	slowJob   = 100 * time.Microsecond
)

// watermarks remember how far this process has claimed. While some transaction
// holds an old snapshot, the index entries of claimed jobs cannot be removed, and
// each claim from the front walks over all of them. Then claims begin a little
// behind the highest position claimed, and at the front once a second or where
// that finds nothing.
type watermarks struct {
	mu    sync.Mutex
	marks map[mark]int64 // the highest position claimed
	until time.Time      // claims begin behind the marks until then
}

type mark struct {
	kind     string
	priority int
}

// floors are where claims begin.
type floors struct {
	kinds      []string
	priorities []int32
	positions  []int64
}

// floors returns nil where the claim is to begin at the front: as a rule, and
// where too little was claimed for much to be in the way.
func (w *watermarks) floors(kinds []string, now time.Time) *floors {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !now.Before(w.until) {
		return nil
	}
	f, worth := &floors{}, false
	for m, position := range w.marks {
		if slices.Contains(kinds, m.kind) {
			f.kinds, f.priorities, f.positions = append(f.kinds, m.kind), append(f.priorities, int32(m.priority)), append(f.positions, position-behindMark) //nolint:gosec // the column's type
			worth = worth || position > behindMark
		}
	}
	if !worth {
		return nil
	}
	return f
}

// learn takes in what a claim brought, and how long it took.
func (w *watermarks) learn(got []jobs.Job, front bool, began, ended time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.marks == nil {
		w.marks = map[mark]int64{}
	}
	for _, j := range got {
		m := mark{j.Kind, j.Priority}
		w.marks[m] = max(w.marks[m], j.Position)
	}
	if front && ended.Sub(began) > slowClaim+time.Duration(len(got))*slowJob {
		w.until = ended.Add(marksHold)
	}
}

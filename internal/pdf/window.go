package pdf

import (
	"context"
	"slices"
	"sync"

	"github.com/mivaa/mivaa/internal/layout"
)

// What may be held ahead of the first page that is not yet yielded. Whoever
// records the pages may hold 16 more, or 16 MiB: together that is all that a
// kill of the service can cost.
const (
	windowPages = 48
	windowBytes = 48 << 20
)

// A run is what a reader reads in one go: short, so that the first pages come
// soon and the last ones are shared; not too short, since a reader that opens
// the document anew pays for it like for two pages.
const (
	longestRun  = 16
	shortestRun = 4
)

// window is the state of one reading of a document: which pages are given to
// workers, which are done, how far the consumer is. Pages are named by their
// index in numbers.
type window struct {
	numbers    []int
	readers    int
	recogniser Recogniser // nil: none

	mu       sync.Mutex
	changed  sync.Cond
	head     int            // the first page not yet yielded
	cursor   int            // the first page never taken
	back     []int          // taken and given back, ascending
	suspects []int          // to be read once more, alone, ascending
	done     map[int]entry  // read and not yet yielded
	out      int            // pages with a worker
	awaiting []unrecognised // read and not yet recognised, ascending
	held     int64          // bytes of the records in done and awaiting
	full     bool           // a record did not fit; wait for the consumer
	reopened bool           // the document lost a reader by being opened again
	err      error
}

type entry struct {
	page layout.Page
	size int64
}

// run is what a worker reads next.
type run struct {
	indexes []int
	alone   bool // one page, in a fresh reader, for the last time
}

func newWindow(numbers []int, readers int, recogniser Recogniser) *window {
	w := &window{numbers: numbers, readers: readers, recogniser: recogniser, done: map[int]entry{}}
	w.changed.L = &w.mu
	return w
}

func (w *window) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.changed.Broadcast()
}

// take waits for a run to read; there is none when all pages are done, after a
// failure, or when ctx has ended.
func (w *window) take(ctx context.Context) (run, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		i, ok := w.lowest()
		switch {
		case w.err != nil || ctx.Err() != nil:
			return run{}, false
		case !ok && w.out == 0:
			return run{}, false // a page with a worker might come back
		case ok && w.admits(i):
			r := w.cut(i)
			w.out += len(r.indexes)
			return r, true
		}
		w.changed.Wait()
	}
}

// lowest is the first page that waits for a worker.
func (w *window) lowest() (int, bool) {
	i := w.cursor
	if len(w.back) > 0 {
		i = min(i, w.back[0])
	}
	if len(w.suspects) > 0 {
		i = min(i, w.suspects[0])
	}
	return i, i < len(w.numbers)
}

// admits says whether the window has room for a page.
func (w *window) admits(i int) bool {
	return i == w.head || i < w.head+windowPages && !w.full && w.held < windowBytes
}

// cut takes the run that begins with the lowest page.
func (w *window) cut(first int) run {
	if len(w.suspects) > 0 && w.suspects[0] == first {
		w.suspects = w.suspects[1:]
		return run{indexes: []int{first}, alone: true}
	}
	left := len(w.back) + len(w.numbers) - w.cursor
	n := min(max((left+w.readers-1)/w.readers, shortestRun), longestRun)
	var r run
	for len(r.indexes) < n {
		i := w.cursor
		if len(w.back) > 0 {
			i = w.back[0]
		}
		if i == len(w.numbers) || !w.admits(i) {
			break
		}
		// Pages backwards are another run: jumping about is dear.
		if len(r.indexes) > 0 && w.numbers[i] < w.numbers[r.indexes[len(r.indexes)-1]] {
			break
		}
		if len(w.back) > 0 {
			w.back = w.back[1:]
		} else {
			w.cursor++
		}
		r.indexes = append(r.indexes, i)
	}
	return r
}

// open says whether a worker may go on with the rest of its run.
func (w *window) open(r run) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(r.indexes) > 0 && w.err == nil && w.admits(r.indexes[0])
}

// put records a page that was read. A record that does not fit the window is
// dropped and read again when it does.
func (w *window) put(i int, page layout.Page, size int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.out--
	if i != w.head && w.held+size > windowBytes {
		w.full = true
		w.back = insert(w.back, i)
	} else {
		w.done[i] = entry{page, size}
		w.held += size
	}
	w.changed.Broadcast()
}

// giveBack returns pages that were not read, for whoever comes next.
func (w *window) giveBack(r run) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, i := range r.indexes {
		w.out--
		if r.alone {
			w.suspects = insert(w.suspects, i)
		} else {
			w.back = insert(w.back, i)
		}
	}
	w.changed.Broadcast()
}

// suspect returns a page whose reader was lost.
func (w *window) suspect(i int) {
	w.giveBack(run{indexes: []int{i}, alone: true})
}

func insert(list []int, i int) []int {
	at, _ := slices.BinarySearch(list, i)
	return slices.Insert(list, at, i)
}

// mayOpenAgain allows for one reader lost by opening the document.
func (w *window) mayOpenAgain() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	first := !w.reopened
	w.reopened = true
	return first
}

// fail ends the reading; pages in front that are done are still yielded.
func (w *window) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
	w.changed.Broadcast()
}

// next waits for the page that comes next and moves the window past it.
func (w *window) next(ctx context.Context) (layout.Page, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		if ctx.Err() != nil {
			return layout.Page{}, context.Cause(ctx)
		}
		if e, ok := w.done[w.head]; ok {
			delete(w.done, w.head)
			w.head++
			w.held -= e.size
			w.full = false
			w.changed.Broadcast()
			return e.page, nil
		}
		if w.err != nil {
			return layout.Page{}, w.err
		}
		w.changed.Wait()
	}
}

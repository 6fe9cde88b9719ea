package pdf

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/mivaa/mivaa/internal/layout"
)

func numbers(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i + 1
	}
	return list
}

// Whatever the workers and the consumer do, the window's promises hold.
func TestWindowHolds(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		n := 1 + random.IntN(300)
		w := newWindow(numbers(n), 1+random.IntN(6), nil)
		var runs []run
		tries := map[int]int{}
		yielded := 0
		for yielded < n {
			// A worker comes for a run.
			if i, ok := w.lowest(); ok && w.admits(i) && random.IntN(3) > 0 {
				r, ok := w.take(t.Context())
				if !ok || len(r.indexes) == 0 || len(r.indexes) > longestRun || r.alone && len(r.indexes) > 1 {
					t.Fatalf("seed %d: run %+v, %v", seed, r, ok)
				}
				runs = append(runs, r)
			}
			// A worker is done with a page, in one way or another.
			if len(runs) > 0 {
				k := random.IntN(len(runs))
				r := &runs[k]
				i := r.indexes[0]
				if i >= w.head+windowPages {
					t.Fatalf("seed %d: page %d is read, %d is the first not yielded", seed, i, w.head)
				}
				switch outcome := random.IntN(10); {
				case outcome == 0 && !r.alone:
					w.suspect(i)
					r.indexes = r.indexes[1:]
					w.giveBack(*r)
					r.indexes = nil
				case outcome == 1:
					w.giveBack(*r)
					r.indexes = nil
				default:
					tries[i]++
					w.put(i, layout.Page{Number: i + 1}, int64(random.IntN(maxRecord)))
					r.indexes = r.indexes[1:]
					if !w.open(*r) {
						w.giveBack(*r)
						r.indexes = nil
					}
				}
				if len(r.indexes) == 0 {
					runs = append(runs[:k], runs[k+1:]...)
				}
			}
			// The head may be beyond the bytes, nothing else.
			if e := w.done[w.head]; w.held-e.size > windowBytes {
				t.Fatalf("seed %d: %d bytes held", seed, w.held)
			}
			for w.done[w.head].page.Number != 0 && random.IntN(4) == 0 {
				page, err := w.next(t.Context())
				if err != nil || page.Number != yielded+1 {
					t.Fatalf("seed %d: page %d, %v after %d", seed, page.Number, err, yielded)
				}
				yielded++
			}
		}
		if _, ok := w.take(t.Context()); ok || w.out != 0 || w.held != 0 || len(w.done) != 0 {
			t.Fatalf("seed %d: left over: %+v", seed, w)
		}
	}
}

func TestWindowFailure(t *testing.T) {
	t.Parallel()
	w := newWindow(numbers(3), 1, nil)
	if _, ok := w.take(t.Context()); !ok {
		t.Fatal("no run")
	}
	w.put(0, layout.Page{Number: 1}, 1)
	w.fail(errDisk)
	w.fail(errors.New("a later one"))
	if page, err := w.next(t.Context()); err != nil || page.Number != 1 {
		t.Errorf("what is done is yielded first: %v, %v", page, err)
	}
	if _, err := w.next(t.Context()); !errors.Is(err, errDisk) {
		t.Errorf("then the error: %v", err)
	}
	if _, ok := w.take(t.Context()); ok {
		t.Error("a run after the failure")
	}
}

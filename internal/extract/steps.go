package extract

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/ocr"
	"github.com/mivaa/mivaa/jobs"
)

// stepsAtOnce is how many pages are read from the store at once.
const stepsAtOnce = 16

// steps are recorded pages up to a moment: those recorded later are left out,
// so that each pass over a result sees the same.
type steps struct {
	jobs    jobs.Store
	job     jobs.ID
	last    int   // seq of the last one
	numbers []int // of all selected pages: numbers[seq-1]
	wanted  []int // seqs of the pages asked for, rising
}

func newSteps(store jobs.Store, job jobs.ID, last int, numbers []int, want Pages) steps {
	s := steps{jobs: store, job: job, last: last, numbers: numbers}
	for seq := 1; seq <= min(last, len(numbers)); seq++ {
		if want.Contains(numbers[seq-1]) {
			s.wanted = append(s.wanted, seq)
		}
	}
	return s
}

// has reports whether a page is among those asked for.
func (s *steps) has(number int) bool {
	i, ok := slices.BinarySearch(s.numbers, number)
	if !ok {
		return false
	}
	_, ok = slices.BinarySearch(s.wanted, i+1)
	return ok
}

// pages yields the pages asked for.
func (s *steps) pages(ctx context.Context) iter.Seq2[layout.Page, error] {
	return func(yield func(layout.Page, error) bool) {
		for i := 0; i < len(s.wanted); {
			// What stands together is read together.
			n := 1
			for i+n < len(s.wanted) && s.wanted[i+n] == s.wanted[i]+n {
				n++
			}
			for page, err := range pagesOf(ctx, s.jobs, s.job, s.wanted[i], s.wanted[i]+n-1) {
				if !yield(page, err) || err != nil {
					return
				}
			}
			i += n
		}
	}
}

// all yields every page up to the last one asked for: headings of earlier pages
// are what later ones stand under.
func (s *steps) all(ctx context.Context) iter.Seq2[layout.Page, error] {
	if len(s.wanted) == 0 {
		return func(func(layout.Page, error) bool) {}
	}
	return pagesOf(ctx, s.jobs, s.job, 1, s.wanted[len(s.wanted)-1])
}

// pagesOf yields the pages of steps first to last. ErrReplaced where one is not
// there. Nothing is held open between two pages.
func pagesOf(ctx context.Context, store jobs.Store, job jobs.ID, first, last int) iter.Seq2[layout.Page, error] {
	return func(yield func(layout.Page, error) bool) {
		for seq := first; seq <= last; {
			got, err := store.Steps(ctx, job, seq-1, min(stepsAtOnce, last-seq+1))
			if err != nil {
				yield(layout.Page{}, err)
				return
			}
			if len(got) == 0 {
				yield(layout.Page{}, fmt.Errorf("read page at step %d of job %s: %w", seq, job, ErrReplaced))
				return
			}
			for _, step := range got {
				if step.Seq != seq {
					yield(layout.Page{}, fmt.Errorf("read page at step %d of job %s: %w", seq, job, ErrReplaced))
					return
				}
				page, err := layout.Decode(step.Data)
				if err != nil {
					yield(page, fmt.Errorf("read page at step %d of job %s: %w", seq, job, err))
					return
				}
				if !yield(page, nil) {
					return
				}
				seq++
			}
		}
	}
}

// tallyOf looks at the first total pages of a job.
func tallyOf(ctx context.Context, store jobs.Store, job jobs.ID, total int, mode ocr.Mode) (*tally, error) {
	t := tally{mode: mode}
	for page, err := range pagesOf(ctx, store, job, 1, total) {
		if err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		t.add(page)
	}
	return &t, nil
}

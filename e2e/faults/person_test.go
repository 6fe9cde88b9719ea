//go:build unix

package faults

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// person is how the moves of this suite sign.
const person = "faults"

// How much is kept waiting, and how fast it is filled up.
const (
	backlog   = 40
	fillEvery = 100 * time.Millisecond
	fillBy    = 3
)

// submit keeps a backlog until ctx ends. An insert whose answer was lost is
// given again until it is answered, so that what is accepted is known.
func (r *run) submit(ctx context.Context) {
	for pause(ctx, fillEvery) {
		counts, err := r.store.Statistics(ctx)
		if err != nil || counts.Pending+counts.Processing >= backlog {
			continue
		}
		batch := make([]jobs.NewJob, fillBy)
		for i := range batch {
			batch[i] = jobNumber(r.options.seed, r.accepted()+i)
		}
		r.insert(batch)
	}
}

// insert does not give up before the jobs are accepted, or the patience of the
// run is over.
func (r *run) insert(batch []jobs.NewJob) {
	ctx, cancel := context.WithTimeout(context.Background(), r.patience())
	defer cancel()
	for again := 0; ; again++ {
		one, done := context.WithTimeout(ctx, 2*time.Second)
		got, err := r.store.Insert(one, batch...)
		done()
		switch {
		case err == nil:
			for i, j := range got {
				if j.ID != batch[i].ID || j.Kind != batch[i].Kind || j.Owner != batch[i].Owner {
					r.problem("inserted %s (%s), got %s (%s)", batch[i].ID, batch[i].Kind, j.ID, j.Kind)
				}
			}
			r.mu.Lock()
			r.jobs += len(batch)
			r.repeats += again
			r.mu.Unlock()
			return
		case !isAway(err):
			r.problem("insert: %v", err)
			return
		case !pause(ctx, 10*time.Millisecond):
			r.problem("insert: not accepted in time: %v", err)
			return
		}
	}
}

// isAway says that the store could not be asked, or did not answer in time.
func isAway(err error) bool {
	return errors.Is(err, jobs.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// recent is among how many of the newest jobs a person chooses.
const recent = 40

// move makes the moves of a person until ctx ends.
func (r *run) move(ctx context.Context) {
	dice := rand.New(rand.NewPCG(r.options.seed, 1<<63))
	moves := []jobs.Move{jobs.Cancel, jobs.Interrupt, jobs.Interrupt, jobs.Interrupt, jobs.Resume, jobs.Resume, jobs.Restart, jobs.Restart}
	for pause(ctx, time.Duration(dice.ExpFloat64()*float64(60*time.Millisecond))) {
		n := r.accepted()
		if n == 0 {
			continue
		}
		id, m := idNumber(r.options.seed, n-1-dice.IntN(min(n, recent))), moves[dice.IntN(len(moves))]
		r.mu.Lock()
		if m == jobs.Cancel {
			r.cancelled[id] = true // also if the answer is lost
		}
		r.mu.Unlock()
		one, done := context.WithTimeout(ctx, 2*time.Second)
		j, err := r.store.Move(one, id, m, person)
		done()
		_, refused := errors.AsType[*jobs.MoveError](err)
		switch {
		case err == nil:
			r.moved(m)
			if to, _ := m.Target(jobs.Processing); (m == jobs.Cancel || m == jobs.Interrupt) && j.Status != to {
				r.problem("%s of job %s answered %s", m, id, j.Status)
			}
		case !refused && !isAway(err):
			r.problem("%s of job %s: %v", m, id, err)
		}
	}
}

package storetest

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// modelStore is the model as a jobs.Store: the mutex, the errors of a store
// that is closed, and the methods that only read.
type modelStore struct {
	m      *model
	closed atomic.Bool
}

// begin locks the model for one call.
func (s *modelStore) begin(ctx context.Context) error {
	if s.closed.Load() {
		return &jobs.StoreError{Op: "use the model", Err: errModel}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.m.mu.Lock()
	return nil
}

func (s *modelStore) end() { s.m.mu.Unlock() }

// wrote ends a call that may have changed something.
func (s *modelStore) wrote() {
	hint := jobs.HintChanged
	if s.m.moved {
		hint |= jobs.HintMoved
	}
	s.m.moved = false
	for ch := range s.m.watchers {
		all := hint
		select {
		case before := <-ch:
			all |= before
		default:
		}
		ch <- all
	}
	s.end()
}

func (s *modelStore) Close() error { s.closed.Store(true); return nil }

func (s *modelStore) Join(ctx context.Context, in jobs.Instance) (io.Closer, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.wrote()
	return s.m.join(in)
}

func (s *modelStore) Renew(ctx context.Context, r jobs.Renewal) ([]jobs.Fence, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.wrote()
	return s.m.renew(r)
}

func (s *modelStore) Claim(ctx context.Context, p jobs.ClaimParams) (jobs.Claimed, error) {
	if err := s.begin(ctx); err != nil {
		return jobs.Claimed{}, err
	}
	defer s.wrote()
	return s.m.claim(p)
}

func (s *modelStore) Checkpoint(ctx context.Context, f jobs.Fence, total int, steps ...jobs.Step) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.wrote()
	return s.m.checkpoint(f, total, steps)
}

func (s *modelStore) Finish(ctx context.Context, outcomes ...jobs.Outcome) ([]jobs.Fence, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.wrote()
	return s.m.finish(outcomes), nil
}

func (s *modelStore) Insert(ctx context.Context, list ...jobs.NewJob) ([]jobs.Job, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.wrote()
	return s.m.insert(list)
}

func (s *modelStore) Move(ctx context.Context, id jobs.ID, move jobs.Move, by string) (jobs.Job, error) {
	if err := s.begin(ctx); err != nil {
		return jobs.Job{}, err
	}
	defer s.wrote()
	return s.m.move(id, move, by)
}

func (s *modelStore) List(ctx context.Context, f jobs.Filter) ([]jobs.Job, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.end()
	f.Order = cmp.Or(f.Order, jobs.NewestFirst)
	if !slices.Contains(jobs.Orders(), f.Order) {
		return nil, fmt.Errorf("list jobs: no order %q", f.Order)
	}
	behind := func(a, b jobs.Job) int {
		x, y := a.CreatedAt, b.CreatedAt
		if f.Order == jobs.UpdatedFirst || f.Order == jobs.UpdatedLast {
			x, y = a.UpdatedAt, b.UpdatedAt
		}
		c := cmp.Or(x.Compare(y), cmp.Compare(a.ID.String(), b.ID.String()))
		if f.Order == jobs.NewestFirst || f.Order == jobs.UpdatedFirst {
			return -c
		}
		return c
	}
	var list []jobs.Job
	for _, j := range s.m.jobs {
		if (f.IDs == nil || slices.Contains(f.IDs, j.ID)) && strings.HasPrefix(j.ID.String(), f.IDPrefix) &&
			(f.Status == "" || j.Status == f.Status) && (f.Kind == "" || j.Kind == f.Kind) &&
			(f.DocumentID.IsZero() || j.DocumentID == f.DocumentID) && (f.Owner == "" || j.Owner == f.Owner) &&
			(f.Key == "" || j.IdempotencyKey == f.Key) && narrows(f, *j) && (f.After == nil || behind(*j, *f.After) > 0) {
			list = append(list, *j)
		}
	}
	slices.SortFunc(list, behind)
	list = list[min(f.Offset, len(list)):]
	return list[:min(cmp.Or(f.Limit, 100), 1000, len(list))], nil
}

// narrows reports whether what an operator narrows a list by selects a job.
func narrows(f jobs.Filter, j jobs.Job) bool {
	return (f.Cause == "" || j.Status == jobs.Interrupted && j.Cause == f.Cause) && (f.ErrorCode == "" || j.Status == jobs.Failed && j.ErrorCode == f.ErrorCode) &&
		(f.Instance == "" || j.InstanceID == f.Instance) &&
		(f.Search == "" || strings.Contains(strings.ToLower(j.Filename), strings.ToLower(f.Search)) || strings.HasPrefix(j.ID.String(), strings.ToLower(f.Search)))
}

func (s *modelStore) Steps(ctx context.Context, id jobs.ID, after, limit int) ([]jobs.Step, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.end()
	all := s.m.steps[id]
	all = all[min(after, len(all)):]
	size := 0
	for k, step := range all {
		size += len(step.Data)
		if k == limit || k > 0 && size > 16<<20 {
			return all[:k], nil
		}
	}
	return all, nil
}

func (s *modelStore) Events(ctx context.Context, id jobs.ID, after int64, limit int) ([]jobs.Event, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.end()
	var list []jobs.Event
	for _, ev := range s.m.events {
		if ev.ID > after && (id.IsZero() || ev.JobID == id) && len(list) < limit {
			list = append(list, ev)
		}
	}
	return list, nil
}

func (s *modelStore) Ahead(ctx context.Context, id jobs.ID) (int, error) {
	if err := s.begin(ctx); err != nil {
		return 0, err
	}
	defer s.end()
	n := 0
	for _, j := range s.m.pending() {
		switch {
		case j.ID == id:
			return min(n, 10_000), nil
		case j.Position > 0:
			n++
		}
	}
	return 0, nil
}

func (s *modelStore) Statistics(ctx context.Context) (jobs.Statistics, error) {
	if err := s.begin(ctx); err != nil {
		return jobs.Statistics{}, err
	}
	defer s.end()
	count := map[jobs.Status]int{}
	for _, j := range s.m.jobs {
		count[j.Status]++
	}
	return jobs.Statistics{
		Total: len(s.m.jobs), Pending: count[jobs.Pending], Processing: count[jobs.Processing],
		Completed: count[jobs.Completed], Failed: count[jobs.Failed], Interrupted: count[jobs.Interrupted],
	}, nil
}

func (s *modelStore) Cleanup(ctx context.Context, before time.Time, limit int) (int, error) {
	if err := s.begin(ctx); err != nil {
		return 0, err
	}
	defer s.wrote()
	content := map[jobs.ID]bool{}
	for _, id := range s.m.documents {
		content[id] = true
	}
	n := 0
	for id, j := range s.m.jobs {
		over := j.Status == jobs.Completed && j.CompletedAt.Before(before) || j.Status == jobs.Failed && j.FailedAt.Before(before) ||
			j.Status == jobs.Interrupted && j.Cause == jobs.CauseCancelled && j.InterruptedAt.Before(before)
		if !over || n == limit {
			continue
		}
		n++
		delete(s.m.jobs, id)
		delete(s.m.keys, [2]string{j.Owner, j.IdempotencyKey})
		if !content[id] {
			delete(s.m.steps, id)
		}
		s.m.events = slices.DeleteFunc(s.m.events, func(ev jobs.Event) bool { return ev.JobID == id })
	}
	return n, nil
}

func (s *modelStore) Watch(ctx context.Context) <-chan jobs.Hint {
	ch := make(chan jobs.Hint, 1)
	s.m.mu.Lock()
	s.m.watchers[ch] = true
	s.m.mu.Unlock()
	context.AfterFunc(ctx, func() {
		s.m.mu.Lock()
		defer s.m.mu.Unlock()
		delete(s.m.watchers, ch)
		close(ch)
	})
	return ch
}

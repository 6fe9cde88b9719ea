package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// watchAll follows all jobs until ctx ends, or --wait ran out.
func (c *console) watchAll(ctx context.Context, d *desk, wait time.Duration) error {
	ctx, cancel := waiting(ctx, wait)
	defer cancel()
	v := newView(c)
	f := &feed{d: d, v: v}
	changes := d.jobs.Watch(ctx)
	err := f.begin(ctx)
	for err == nil {
		if err = v.all(ctx, d); err != nil {
			break
		}
		if err = pace(ctx, changes); err != nil {
			break
		}
		var found []jobs.Job
		found, err = f.next(ctx)
		for _, j := range found {
			if err == nil {
				err = v.any(ctx, d, j)
			}
		}
	}
	v.over()
	switch {
	case errors.Is(context.Cause(ctx), errWaited):
		return d.busy(context.WithoutCancel(ctx))
	case errors.Is(err, context.Canceled):
		return nil // that is how one stops watching
	}
	return err
}

// busy is the error that there are still jobs to be done when --wait ran out.
func (d *desk) busy(ctx context.Context) error {
	counts, err := d.jobs.Statistics(ctx)
	if err != nil || counts.Processing+counts.Pending == 0 {
		return err
	}
	return &exitError{exit: exitRunning, code: "running", err: fmt.Errorf("%d processing, %d pending", counts.Processing, counts.Pending)}
}

// feed finds the jobs that changed. The newest change tells where the next
// look may stop; a little before it, because what commits later may carry an
// earlier time.
type feed struct {
	d     *desk
	v     *view
	since time.Time
}

const (
	overlap  = time.Second
	mostRead = 5000 // rows of one look; what changed before is passed over
)

// begin shows the jobs that run now; whatever else is there has not changed.
func (f *feed) begin(ctx context.Context) error {
	newest, err := f.d.jobs.List(ctx, jobs.Filter{Order: jobs.UpdatedFirst, Limit: 1})
	if err != nil {
		return err
	}
	if len(newest) > 0 {
		f.since = newest[0].UpdatedAt
	}
	found, err := f.next(ctx)
	if err != nil {
		return err
	}
	for _, j := range found {
		if j.Status != jobs.Processing {
			f.v.changed(j)
		}
	}
	running, err := f.d.jobs.List(ctx, jobs.Filter{Status: jobs.Processing, Order: jobs.OldestFirst, Limit: 1000})
	for _, j := range running {
		if err == nil {
			err = f.v.any(ctx, f.d, j)
		}
	}
	return err
}

// next returns the jobs that changed, the earliest change first.
func (f *feed) next(ctx context.Context) ([]jobs.Job, error) {
	var found []jobs.Job
	from, newest, read := f.since.Add(-overlap), f.since, 0
	err := f.d.every(ctx, jobs.Filter{Order: jobs.UpdatedFirst, Limit: 100}, func(j jobs.Job) (bool, error) {
		if read++; read > mostRead || j.UpdatedAt.Before(from) {
			return false, nil
		}
		if j.UpdatedAt.After(newest) {
			newest = j.UpdatedAt
		}
		if f.v.last[j.ID] != sightOf(j) {
			found = append(found, j)
		}
		return true, nil
	})
	f.since = newest
	for id, seen := range f.v.last {
		if seen.updated.Before(newest.Add(-overlap)) && seen.status != jobs.Processing {
			delete(f.v.last, id)
			delete(f.v.percent, id)
		}
	}
	slices.Reverse(found)
	return found, err
}

// any shows one of many jobs.
func (v *view) any(ctx context.Context, d *desk, j jobs.Job) error {
	was, seen := v.last[j.ID]
	if !v.changed(j) {
		return nil
	}
	if v.json != nil {
		return v.json(rowOf(j))
	}
	step := j.Progress / 10
	if seen && was.status == j.Status && was.attempt == j.Attempt && (v.rewrite || step == v.percent[j.ID]) {
		return nil
	}
	v.percent[j.ID] = step
	ids, err := d.shortIDs(ctx, v.s, []jobs.Job{j})
	if err != nil {
		return err
	}
	return v.line(ids[0] + gap + v.state(j))
}

// all rewrites the last line: what runs now.
func (v *view) all(ctx context.Context, d *desk) error {
	if !v.rewrite {
		return nil
	}
	running, err := d.jobs.List(ctx, jobs.Filter{Status: jobs.Processing, Order: jobs.OldestFirst, Limit: 100})
	if err != nil {
		return err
	}
	if len(running) == 0 {
		return v.bottom(v.s.paint(dim, "nothing is running; Ctrl-C stops watching"))
	}
	words := make([]string, len(running))
	for i, j := range running {
		words[i] = fmt.Sprintf("%s %d%%", v.s.squeeze(clean(j.Filename), 24), j.Progress)
	}
	more := ""
	if len(running) == 100 {
		more = "+"
	}
	return v.bottom(v.s.paint(cyan, v.s.cut(fmt.Sprintf("● %d%s running: %s", len(running), more, strings.Join(words, ", ")), v.s.width-1)))
}

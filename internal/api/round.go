package api

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// audience is who listens, at the beginning of a part of a round.
type audience struct {
	all   bool             // somebody follows all jobs
	jobs  map[jobs.ID]bool // that somebody follows
	fresh []*subscription  // that were not told yet how their jobs are
}

func (f *feed) audience() audience {
	f.mu.Lock()
	defer f.mu.Unlock()
	to := audience{jobs: map[jobs.ID]bool{}}
	for s := range f.subs {
		if s.job.IsZero() {
			to.all = true
		} else {
			to.jobs[s.job] = true
		}
		if s.fresh {
			to.fresh = append(to.fresh, s)
		}
	}
	return to
}

// patienceWithRound is how long a part of a round may take: a store that hangs
// is one that fails.
const patienceWithRound = 5 * time.Second

// round hands on what is new, in as many parts as there are pages of it.
func (f *feed) round(ctx context.Context) error {
	for {
		f.began = time.Now()
		if more, err := f.part(ctx); err != nil || !more {
			return err
		}
	}
}

// part reports whether there is more to read.
func (f *feed) part(ctx context.Context) (more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, patienceWithRound)
	defer cancel()
	events, err := f.store.Events(ctx, jobs.ID{}, f.position, eventPage)
	if err != nil {
		return false, err
	}
	if len(events) > 0 {
		if err := f.tell(ctx, events); err != nil {
			return false, err
		}
	}
	if len(events) == eventPage {
		return true, nil
	}
	return false, f.look(ctx)
}

// parcel is what a part of a round has for whom.
type parcel struct {
	all []frame
	of  map[jobs.ID][]frame
}

func (p *parcel) add(to audience, job jobs.ID, fr frame) {
	if to.all {
		p.all = append(p.all, fr)
	}
	if to.jobs[job] {
		p.of[job] = append(p.of[job], fr)
	}
}

// part is what is for a subscription.
func (p *parcel) part(s *subscription) []frame {
	if s.job.IsZero() {
		return p.all
	}
	return p.of[s.job]
}

// tell hands events on, each with its job as it is now.
func (f *feed) tell(ctx context.Context, events []jobs.Event) error {
	for {
		to := f.audience()
		wanted := map[jobs.ID]bool{}
		for _, e := range events {
			if to.all || to.jobs[e.JobID] {
				wanted[e.JobID] = true
			}
		}
		rows, err := f.rows(ctx, slices.Collect(maps.Keys(wanted)))
		if err != nil {
			return err
		}
		p := parcel{of: map[jobs.ID][]frame{}}
		for _, e := range events {
			if wanted[e.JobID] {
				p.add(to, e.JobID, statusFrame(e, rows[e.JobID]))
			}
		}
		if f.hand(to, p, events[len(events)-1].ID) {
			for id, row := range rows {
				f.known[id] = glanceOf(row)
			}
			return nil
		}
	}
}

// hand gives each subscription its part, and moves on. It does nothing, and
// reports false, where somebody came meanwhile who follows all jobs, and
// nothing was made for him.
func (f *feed) hand(to audience, p parcel, position int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !to.all {
		for s := range f.subs {
			if s.job.IsZero() {
				return false
			}
		}
	}
	f.position = max(f.position, position)
	for s := range f.subs {
		f.send(s, p.part(s))
	}
	return true
}

// share gives what a look found to those who know how their jobs were before it.
// Who does not is greeted with how they are.
func (f *feed) share(p parcel) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s := range f.subs {
		if !s.fresh {
			f.send(s, p.part(s))
		}
	}
}

// rows reads jobs by their ids.
func (f *feed) rows(ctx context.Context, ids []jobs.ID) (map[jobs.ID]jobs.Job, error) {
	rows := make(map[jobs.ID]jobs.Job, len(ids))
	for part := range slices.Chunk(ids, mostAtOnce) {
		found, err := f.store.List(ctx, jobs.Filter{IDs: part, Limit: len(part)})
		if err != nil {
			return nil, err
		}
		for _, j := range found {
			rows[j.ID] = j
		}
	}
	return rows, nil
}

// look reads how the jobs are that run and that somebody follows, and tells
// what changed without an event: their progress, and their steps.
func (f *feed) look(ctx context.Context) error {
	to := f.audience()
	audit := time.Since(f.audited) >= auditEvery
	rows, asked, err := f.followed(ctx, to, audit)
	if err != nil {
		return err
	}
	p, err := f.changes(ctx, to, rows)
	f.share(p)
	f.greet(to, rows)
	f.forget(to, rows, asked)
	if audit {
		f.audited = time.Now()
	}
	return err
}

// changes makes the frames of what is different from the round before. With an
// error it returns those of the jobs that could be read.
func (f *feed) changes(ctx context.Context, to audience, rows map[jobs.ID]jobs.Job) (p parcel, failed error) {
	p.of = map[jobs.ID][]frame{}
	for id, row := range rows {
		if to.jobs[id] {
			frames, err := f.stepsOf(ctx, row)
			p.of[id] = append(p.of[id], frames...)
			if failed = cmp.Or(failed, err); err != nil {
				continue // its progress is told when its steps are
			}
		}
		before, known := f.known[id]
		now := glanceOf(row)
		f.known[id] = now
		if known && now != before {
			p.add(to, id, progressFrame(row))
		}
	}
	return p, failed
}

// followed reads the jobs to look at; asked are those that must be there.
func (f *feed) followed(ctx context.Context, to audience, audit bool) (rows map[jobs.ID]jobs.Job, asked []jobs.ID, err error) {
	fresh := map[jobs.ID]bool{}
	for _, s := range to.fresh {
		fresh[s.job] = true
	}
	running := map[jobs.ID]jobs.Job{}
	if to.all {
		found, err := f.store.List(ctx, jobs.Filter{Status: jobs.Processing, Order: jobs.OldestFirst, Limit: mostAtOnce})
		if err != nil {
			return nil, nil, err
		}
		for _, j := range found {
			running[j.ID] = j
		}
	}
	for id := range to.jobs {
		known, ok := f.known[id]
		if _, seen := running[id]; !seen && (audit || !ok || fresh[id] || known.Status == jobs.Processing) {
			asked = append(asked, id)
		}
	}
	rows, err = f.rows(ctx, asked)
	for id, j := range running {
		if rows != nil {
			rows[id] = j
		}
	}
	return rows, asked, err
}

// greet tells who has just come how its jobs are.
func (f *feed) greet(to audience, rows map[jobs.ID]jobs.Job) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var running []frame
	for _, s := range to.fresh {
		s.fresh = false
		close(s.greeted)
		if !f.subs[s] {
			continue
		}
		if row, ok := rows[s.job]; ok {
			f.send(s, []frame{progressFrame(row)})
			continue
		}
		if !s.job.IsZero() {
			continue
		}
		if running == nil {
			running = progressOfRunning(rows)
		}
		f.send(s, running)
	}
}

func progressOfRunning(rows map[jobs.ID]jobs.Job) []frame {
	frames := []frame{}
	for _, row := range rows {
		if row.Status == jobs.Processing {
			frames = append(frames, progressFrame(row))
		}
	}
	return frames
}

// forget drops what nobody follows any more, and those who follow a job that is
// gone.
func (f *feed) forget(to audience, rows map[jobs.ID]jobs.Job, asked []jobs.ID) {
	for id, g := range f.known {
		if _, seen := rows[id]; !to.jobs[id] && (!to.all || !seen || g.Status != jobs.Processing) {
			delete(f.known, id)
		}
	}
	for id := range f.steps {
		if !to.jobs[id] {
			delete(f.steps, id)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range asked {
		if _, there := rows[id]; there {
			continue
		}
		for s := range f.subs {
			if s.job == id {
				f.drop(s, byeDeleted)
			}
		}
	}
}

// stepPage is how many steps are read at once: their data comes along.
const stepPage = 100

// stepsOf tells the steps that a job has recorded since the last round. What was
// recorded before somebody came is not told.
func (f *feed) stepsOf(ctx context.Context, j jobs.Job) (frames []frame, err error) {
	after, known := f.steps[j.ID]
	if !known || j.StepsDone < after { // begun again
		after = j.StepsDone
	}
	for after < j.StepsDone {
		found, err := f.store.Steps(ctx, j.ID, after, min(stepPage, j.StepsDone-after))
		if err != nil {
			f.steps[j.ID] = after
			return frames, err
		}
		if len(found) == 0 {
			break // forgotten meanwhile
		}
		for _, s := range found {
			frames, after = append(frames, stepFrame(j.ID, s)), s.Seq
		}
	}
	f.steps[j.ID] = after
	return frames, nil
}

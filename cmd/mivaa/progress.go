package main

import (
	"context"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/mivaa/mivaa/jobs"
)

// plainEvery is how often progress is told where nobody watches.
const plainEvery = 10 * time.Second

// progress shows a job's pages on standard error until the returned function
// is called: a bar on a terminal, a line now and then elsewhere.
func (x *extraction) progress(ctx context.Context, id jobs.ID, name string) (stop func()) {
	if x.s.quiet {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var done sync.WaitGroup
	if isTerminal(x.err) && x.environ("TERM") != "dumb" {
		done.Go(func() { x.bar(ctx, id, name) })
	} else {
		done.Go(func() { x.lines(ctx, id, name) })
	}
	return func() { cancel(); done.Wait() }
}

func (x *extraction) bar(ctx context.Context, id jobs.ID, name string) {
	p := mpb.New(mpb.WithOutput(x.err), mpb.WithWidth(40))
	var bar *mpb.Bar
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for over := false; !over; {
		select {
		case <-ctx.Done():
			over = true
		case <-tick.C:
		}
		j, err := jobs.Get(context.WithoutCancel(ctx), x.data.jobs, id)
		if err != nil || j.StepsTotal == 0 {
			continue // not begun; an error is told by whoever waits for the job
		}
		if bar == nil {
			bar = p.AddBar(int64(j.StepsTotal), mpb.BarRemoveOnComplete(),
				mpb.PrependDecorators(decor.Name(clean(name)+" "), decor.CountersNoUnit("%d/%d pages")),
				mpb.AppendDecorators(decor.AverageSpeed(0, " %.0f pages/s"), decor.AverageETA(decor.ET_STYLE_GO, decor.WCSyncSpace)))
			bar.SetRefill(int64(j.StepsDone)) // what an earlier run did
		}
		bar.SetCurrent(int64(j.StepsDone))
	}
	if bar != nil {
		bar.Abort(true)
	}
	p.Wait()
}

func (x *extraction) lines(ctx context.Context, id jobs.ID, name string) {
	tick := time.NewTicker(plainEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if j, err := jobs.Get(ctx, x.data.jobs, id); err == nil && j.StepsTotal > 0 {
				x.note("%s: %d of %d pages", clean(name), j.StepsDone, j.StepsTotal)
			}
		}
	}
}

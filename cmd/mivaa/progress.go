package main

import (
	"context"
	"fmt"
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
				mpb.AppendDecorators(decor.Any(pacer(j.StepsDone))))
			bar.SetRefill(int64(j.StepsDone)) // what an earlier run did
		}
		bar.SetCurrent(int64(j.StepsDone))
	}
	if bar != nil {
		bar.Abort(true)
	}
	p.Wait()
}

// pacer tells speed and time left by what this run has seen done: the pages of
// an earlier one took no time of it.
func pacer(done int) decor.DecorFunc {
	began := time.Now()
	return func(s decor.Statistics) string {
		took := time.Since(began)
		rate := float64(s.Current-int64(done)) / took.Seconds()
		if rate <= 0 || took < time.Second {
			return ""
		}
		left := time.Duration(float64(s.Total-s.Current) / rate * float64(time.Second))
		return fmt.Sprintf(" %.0f pages/s, %s left", rate, left.Round(time.Second))
	}
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

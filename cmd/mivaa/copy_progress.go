package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/mivaa/mivaa/jobs/sqlite"
)

// copyProgress shows how far a copy is on standard error: a bar on a terminal, a
// line now and then elsewhere. What it counts to is every step twice, once to
// copy and once to compare it.
type copyProgress struct {
	c         *console
	total     int
	done      atomic.Int64 // steps, of both halves
	documents atomic.Int64
	comparing atomic.Bool // the second half has begun
	over      chan struct{}
	once      sync.Once
	shown     sync.WaitGroup
}

func (c *console) newCopyProgress(quiet bool, t sqlite.Totals) *copyProgress {
	p := &copyProgress{c: c, total: t.Steps, over: make(chan struct{})}
	switch {
	case quiet:
	case isTerminal(c.err) && c.environ("TERM") != "dumb":
		p.shown.Go(p.bar)
	default:
		p.shown.Go(p.lines)
	}
	return p
}

func (p *copyProgress) steps(n int) { p.done.Add(int64(n)) }
func (p *copyProgress) document()   { p.documents.Add(1) }

// verifying begins the second half. What was there already is not copied, but
// compared all the same.
func (p *copyProgress) verifying() {
	p.done.Store(int64(p.total))
	p.documents.Store(0)
	p.comparing.Store(true)
}

// at is which half it is in, and how many steps of it are done.
func (p *copyProgress) at() (half string, steps int) {
	if p.comparing.Load() {
		return "comparing", int(p.done.Load()) - p.total
	}
	return "copying", int(p.done.Load())
}

func (p *copyProgress) stop() {
	p.once.Do(func() { close(p.over) })
	p.shown.Wait()
}

func (p *copyProgress) bar() {
	out := mpb.New(mpb.WithOutput(p.c.err), mpb.WithWidth(40))
	bar := out.AddBar(int64(max(1, 2*p.total)), mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string {
			half, _ := p.at()
			return fmt.Sprintf("%s, %s ", half, counted(int(p.documents.Load()), "document"))
		})),
		mpb.AppendDecorators(decor.Percentage(), decor.Any(pacer(0))))
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for over := false; !over; {
		select {
		case <-p.over:
			over = true
		case <-tick.C:
			bar.SetCurrent(p.done.Load())
		}
	}
	bar.Abort(true)
	out.Wait()
}

func (p *copyProgress) lines() {
	tick := time.NewTicker(plainEvery)
	defer tick.Stop()
	for {
		select {
		case <-p.over:
			return
		case <-tick.C:
			half, steps := p.at()
			p.c.note("%s: %s, %d of %d steps", half, counted(int(p.documents.Load()), "document"), steps, p.total)
		}
	}
}

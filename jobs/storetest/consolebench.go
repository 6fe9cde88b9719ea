package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// manyJobs is how many jobs stand behind what BenchmarkConsole measures.
const manyJobs = 100_000

// BenchmarkConsole measures what an operator's pages ask of a store that holds
// 100,000 jobs: nine in ten completed, the others pending, completed, failed and
// interrupted. One operation is one question; p95-ms is what pages wait for, and
// least-ms what it costs where nothing else runs.
func BenchmarkConsole(b *testing.B, open func(tb testing.TB) Harness) {
	e := newEnv(b, open)
	c := e.console()
	crowd := manyJobs
	if testing.Short() {
		crowd = 1000
	}
	e.crowd(crowd)
	ctx := b.Context()
	list := func(f jobs.Filter) func() error {
		return func() error { _, err := e.Store.List(ctx, f); return err }
	}
	for _, o := range []jobs.Order{jobs.NewestFirst, jobs.UpdatedFirst} {
		for name, f := range map[string]jobs.Filter{
			"all": {}, "failed": {Status: jobs.Failed}, "cause": {Cause: jobs.CauseOperator}, "no such cause": {Cause: jobs.CauseLeaseLost},
			"error code": {ErrorCode: "code 3"}, "no such code": {ErrorCode: "none"}, "instance": {Instance: "crowd"}, "no such instance": {Instance: "none"},
			"search": {Search: "17.pdf"}, "search nothing": {Search: "no such file"}, "search nothing, ä": {Search: "nö such file"}, "search failed": {Search: "no such file", Status: jobs.Failed},
			"no such owner": {Owner: "nobody"}, "no such kind": {Kind: "none"}, "deep": {Offset: 20_000},
		} {
			f.Order, f.Limit = o, 50
			timed(b, fmt.Sprintf("List/%s/%s", o, name), list(f))
		}
	}
	for name, f := range map[string]jobs.Filter{"all": {}, "completed": {Status: jobs.Completed}, "search nothing": {Search: "no such file"}, "cause": {Cause: jobs.CauseOperator}} {
		timed(b, "Count/"+name, func() error { _, err := c.Count(ctx, f, 10_000); return err })
	}
	for name, f := range map[string]jobs.Filter{"all": {}, "search nothing": {Search: "no such file"}} {
		timed(b, "Groups/"+name, func() error { _, err := c.Groups(ctx, f); return err })
	}
	timed(b, "Statistics", func() error { _, err := e.Store.Statistics(ctx); return err })
	timed(b, "Instances", func() error { _, err := c.Instances(ctx, 100); return err })
	now := e.insert(jobs.NewJob{}).CreatedAt
	timed(b, "Figures/an hour by minutes", func() error { _, err := c.Figures(ctx, now.Add(-time.Hour), time.Minute, 61); return err })
	every := time.Minute
	timed(b, "Figures/a day, not remembered", func() error {
		every += time.Second
		_, err := c.Figures(ctx, now.Add(-24*time.Hour), every, 400)
		return err
	})
}

// timed measures one question, asked again and again.
func timed(b *testing.B, name string, ask func() error) {
	b.Run(name, func(b *testing.B) {
		var each []time.Duration
		for b.Loop() {
			start := time.Now()
			if err := ask(); err != nil {
				b.Fatal(err)
			}
			each = append(each, time.Since(start))
		}
		slices.Sort(each)
		b.ReportMetric(float64(each[0].Microseconds())/1000, "least-ms")
		b.ReportMetric(float64(each[len(each)*95/100].Microseconds())/1000, "p95-ms")
	})
}

// crowd fills a store.
func (e *env) crowd(n int) {
	e.Helper()
	e.Finished(e, n*9/10)
	i := e.join("crowd")
	for done := 0; done < n/10; done += batch {
		list := make([]jobs.NewJob, batch)
		for k := range list {
			list[k] = jobs.NewJob{Kind: work, Filename: fmt.Sprintf("Report %d.pdf", done+k), Recovery: jobs.RecoveryManual}
		}
		e.insertAll(list...)
		var out []jobs.Outcome
		for k, j := range i.claim(batch * 4 / 5) {
			switch o := (jobs.Outcome{Fence: j.Fence()}); k % 3 {
			case 0:
				o.Status = jobs.Completed
				out = append(out, o)
			case 1:
				o.Status, o.Code, o.Error = jobs.Failed, fmt.Sprintf("code %d", k%20), "it broke"
				out = append(out, o)
			default:
				o.Status, o.Cause, o.Error = jobs.Interrupted, jobs.CauseOperator, "it was stopped"
				out = append(out, o)
			}
		}
		e.finish(out...)
	}
	if e.Settle != nil {
		e.Settle(e)
	}
}

// console is the store as an operator's pages use it.
func (e *env) console() jobs.Console {
	e.Helper()
	c, ok := e.Store.(jobs.Console)
	if !ok {
		e.Skip("this store is no jobs.Console")
	}
	return c
}

package extract

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"unicode/utf8"

	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
)

// record reads the pages behind those recorded and records them. The tally is
// nil where earlier attempts have recorded some of them.
func (e *Extractor) record(ctx, reading context.Context, a attempt, doc Document, numbers []int, o Options) (*tally, error) {
	done := a.Job().StepsDone
	var all *tally
	if done == 0 {
		all = &tally{mode: e.OCR.mode(o)}
	}
	reading, stop := context.WithCancel(reading)
	w, f := newWindow(), feeder{doc: doc, numbers: numbers[done:], seq: done, recogniser: e.OCR.of(o), all: all}
	var feed sync.WaitGroup
	feed.Go(func() { w.end(f.feed(reading, w)) })
	n, err := e.checkpoint(ctx, reading, a, w)
	stop()
	feed.Wait()
	if e.Stats != nil {
		e.Stats.StepsRedone.Add(int64(f.read - n))
	}
	return all, err
}

// checkpoint records what is ready, all of it in one call, until nothing more
// comes, and returns how many pages it recorded. When the worker stops it
// records what is ready by then and returns what Checkpoint said.
func (e *Extractor) checkpoint(ctx, reading context.Context, a attempt, w *window) (n int, err error) {
	for {
		got, over, end := w.take(reading)
		if over && err == nil {
			err = end
		}
		if over {
			return n, err
		}
		steps := make([]jobs.Step, len(got))
		for i := range got {
			steps[i] = got[i].Step
		}
		err = a.Checkpoint(ctx, steps...)
		if err != nil && !errors.Is(err, jobs.ErrStopping) {
			return n, err
		}
		n += len(got)
		e.count(got)
		w.give(got)
	}
}

func (e *Extractor) count(got []recorded) {
	if e.Stats == nil {
		return
	}
	e.Stats.Checkpoints.Add(1)
	e.Stats.StepsRecorded.Add(int64(len(got)))
	for i := range got {
		if got[i].failed {
			e.Stats.PagesFailed.Add(1)
		} else {
			e.Stats.PagesOK.Add(1)
		}
		e.Stats.countOCR(got[i].ocr)
	}
}

// feeder reads pages into a window.
type feeder struct {
	doc        Document
	recogniser pdf.Recogniser // nil: none
	numbers    []int
	seq        int    // of the page before the first
	all        *tally // nil: of no use
	read       int    // pages
}

func (f *feeder) feed(ctx context.Context, w *window) error {
	for page, err := range f.doc.Pages(ctx, f.numbers, f.recogniser) {
		if err != nil {
			return err
		}
		if f.read == len(f.numbers) || page.Number != f.numbers[f.read] {
			return fmt.Errorf("the reader gave page %d out of order", page.Number)
		}
		f.read++
		page.Error = shorten(page.Error)
		if f.all != nil {
			f.all.add(page)
		}
		step := jobs.Step{Seq: f.seq + f.read, Data: page.Encode()}
		if !w.put(ctx, recorded{step, page.Status == layout.StatusFailed, page.OCR}) {
			return context.Cause(ctx)
		}
	}
	if f.read < len(f.numbers) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("the reader ended after %d of %d pages", f.read, len(f.numbers))
	}
	return nil
}

// shorten keeps a message within what the index of failed pages looks at.
func shorten(msg string) string {
	const most = 1000
	if len(msg) <= most {
		return msg
	}
	cut := most
	for !utf8.RuneStart(msg[cut]) {
		cut--
	}
	return msg[:cut]
}

//go:build unix

package faults

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// childEnv makes the test binary a worker process; its value is a childConfig.
const childEnv = "MIVAA_FAULTS_CHILD"

type childConfig struct {
	Store   string // sqlite, postgres
	Path    string // of the file, or the URL
	Schema  string
	Lease   time.Duration
	Journal string
}

// How a worker is set up. Its lease is short, so that a pause beyond it is.
const (
	grace = 1500 * time.Millisecond
	slots = 4
)

// child is a worker process.
type child struct {
	config  childConfig
	journal journal
	store   jobs.Store
	offset  atomic.Int64 // how wrong its clock is
	began   time.Time
	log     *slog.Logger
}

// childMain runs jobs until SIGTERM.
func childMain(text string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	c := &child{began: time.Now(), log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	if err := json.Unmarshal([]byte(text), &c.config); err != nil {
		return err
	}
	var err error
	if c.journal, err = openJournal(c.config.Journal); err != nil {
		return err
	}
	go c.obey()
	again := time.Duration(0)
	for pause(ctx, again) {
		if err := c.session(ctx); err != nil {
			c.log.Warn("session ended", jobs.KeyError, err)
		}
		again = 50 * time.Millisecond // as a supervisor would
	}
	return nil
}

// obey does what the harness says on standard input; its end is the harness's.
func (c *child) obey() {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if d, err := time.ParseDuration(strings.TrimPrefix(lines.Text(), "clock ")); err == nil {
			c.offset.Store(int64(d))
		}
	}
	os.Exit(0)
}

// now is a clock that can be set.
func (c *child) now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

// session opens the store and works until ctx ends, or the store is gone when
// the worker begins.
func (c *child) session(ctx context.Context) (err error) {
	opened, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	s := &witness{store: opened, journal: c.journal, said: map[string]bool{}}
	c.store = s
	w := &jobs.Worker{
		Store: s, Slots: slots, Lease: c.config.Lease, Grace: grace, Logger: c.log,
		Policies: policies(), Limits: limits(), Handlers: map[string]jobs.Handler{},
		Hooks: jobs.Hooks{
			Started:  func(j jobs.Job) { c.journal.write(wroteStart, j.Fence()) },
			Finished: func(j jobs.Job, o jobs.Outcome, _ time.Duration) { c.journal.write(wroteEnd, j.Fence(), o.Status) },
			Lost:     func(j jobs.Job, reason error, _ time.Duration) { c.journal.write(wroteLost, j.Fence(), reason) },
			Refused:  func(f jobs.Fence) { c.journal.write(wroteLate, f) },
		},
	}
	for kind := range w.Policies {
		w.Handlers[kind] = jobs.Handle(c.handle)
	}
	if err := w.Recover(ctx); err != nil {
		return err
	}
	c.journal.write(wroteUp, jobs.Fence{}, time.Since(c.began).Milliseconds())
	if _, err := fmt.Fprintln(os.Stdout, wroteUp); err != nil {
		return err
	}
	return w.Run(ctx)
}

// handle does a task.
func (c *child) handle(ctx context.Context, a *jobs.Attempt, t task) error {
	a.SetTotal(t.Steps)
	for a.Done() < t.Steps {
		if t.Deaf > 0 && rand.IntN(t.Deaf) == 0 {
			pause(context.WithoutCancel(ctx), time.Duration(rand.Int64N(int64(c.config.Lease))))
		}
		if !work(ctx, a, time.Duration(t.Pace)*time.Millisecond) {
			c.writeLate(ctx, a, t)
			return context.Cause(ctx)
		}
		done := a.Done()
		switch {
		case t.Kills == done+1:
			c.journal.write(wroteKill, a.Job().Fence())
			return errors.Join(errors.New("the poison does not work"), syscall.Kill(os.Getpid(), syscall.SIGKILL))
		case t.Breaks == done+1 && t.Final:
			return jobs.Permanent(jobs.WithCode(codeBroken, errors.New("broken for good")))
		case t.Breaks == done+1:
			return jobs.WithCode(codeBroken, errors.New("broken"))
		case t.Flaky > 0 && rand.IntN(t.Flaky) == 0:
			return errors.New("a passing error")
		}
		if err := c.checkpoint(ctx, a, t); err != nil {
			return err
		}
	}
	return nil
}

// work waits; false: the context ended. A stop cuts it short.
func work(ctx context.Context, a *jobs.Attempt, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-a.Stopping():
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// checkpoint records the next steps, and writes down that it did.
func (c *child) checkpoint(ctx context.Context, a *jobs.Attempt, t task) error {
	f, first, n := a.Job().Fence(), a.Done()+1, t.next(a.Done())
	err := a.Checkpoint(ctx, stepsOf(f.Job, first, n)...)
	switch {
	case err == nil, isNotice(err):
		c.journal.write(wroteRecord, f, first, first+n-1)
	case errors.Is(err, jobs.ErrLeaseLost), errors.Is(err, jobs.ErrCancelled):
		c.writeLate(ctx, a, t)
	case ctx.Err() == nil:
		c.journal.write(wroteOdd, f, "checkpoint:", err)
	}
	return err
}

// isNotice tells the answer "recorded, and the worker stops" from a checkpoint
// that was given up because it stops.
func isNotice(err error) bool {
	_, ok := errors.AsType[*jobs.StoppingError](err)
	return ok
}

// writeLate is a zombie that knows nothing of manners: it writes past the
// worker, with the fence of an attempt that was lost.
func (c *child) writeLate(ctx context.Context, a *jobs.Attempt, t task) {
	if at := a.Done() + 1; at == t.Kills || at == t.Breaks {
		return // the task ends here, whoever does it
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.config.Lease)
	defer cancel()
	f := a.Job().Fence()
	c.recordLate(ctx, f, a.Done()+1)
	if t.Breaks == 0 && rand.IntN(2) == 0 { // its errors are counted
		pause(ctx, time.Duration(rand.Int64N(int64(c.config.Lease/4)))) // until it has a successor
		c.finishLate(ctx, f)
	}
}

func (c *child) recordLate(ctx context.Context, f jobs.Fence, seq int) {
	err := c.store.Checkpoint(ctx, f, 0, stepsOf(f.Job, seq, 1)...)
	switch {
	case errors.Is(err, jobs.ErrLeaseLost):
		c.journal.write(wroteLate, f)
	case err == nil: // the worker gave up, and nobody has the job yet: then it is no late write
		c.journal.write(wroteRecord, f, seq, seq)
	case !errors.Is(err, jobs.ErrUnavailable) && ctx.Err() == nil:
		c.journal.write(wroteOdd, f, "late checkpoint:", err)
	}
}

func (c *child) finishLate(ctx context.Context, f jobs.Fence) {
	lost, err := c.store.Finish(ctx, jobs.Outcome{Fence: f, Status: jobs.Pending, Error: "late", Code: jobs.CodeInternal})
	switch {
	case err == nil && len(lost) > 0:
		c.journal.write(wroteLate, f)
	case err == nil:
		c.journal.write(wroteEnd, f, jobs.Pending)
	case !errors.Is(err, jobs.ErrUnavailable) && ctx.Err() == nil:
		c.journal.write(wroteOdd, f, "late end:", err)
	}
}

func stepsOf(id jobs.ID, first, n int) []jobs.Step {
	steps := make([]jobs.Step, n)
	for i := range steps {
		steps[i] = stepOf(id, first+i)
	}
	return steps
}

// pause waits, and reports false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

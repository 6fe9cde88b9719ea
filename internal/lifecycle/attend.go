package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// phase is where the service is in its life.
type phase int32

const (
	phaseStarting phase = iota
	phaseRunning
	phaseDraining
	phaseStopping
)

// attendant tells the service manager how the service is, from the start until
// everything has stopped.
type attendant struct {
	s     *Service
	phase atomic.Int32
	ends  time.Time // when draining ends; written before the phase
	quit  context.CancelFunc
	over  chan struct{}
}

// attend begins to tell.
func (s *Service) attend() *attendant {
	ctx, quit := context.WithCancel(context.Background())
	a := &attendant{s: s, quit: quit, over: make(chan struct{})}
	if s.Systemd == nil {
		close(a.over)
		return a
	}
	go a.run(ctx)
	return a
}

// end stops telling, and waits until nothing more is told.
func (a *attendant) end() {
	a.quit()
	<-a.over
}

// drain enters the phase of draining.
func (a *attendant) drain(most time.Duration) {
	a.ends = time.Now().Add(most)
	a.enter(phaseDraining)
}

func (a *attendant) enter(p phase) {
	a.phase.Store(int32(p))
	a.tell()
}

func (a *attendant) run(ctx context.Context) {
	defer close(a.over)
	m := a.s.Systemd
	tick := time.NewTicker(m.every())
	defer tick.Stop()
	hung := false
	for {
		a.tell()
		err := a.s.hung(ctx, m.patience())
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			m.Alive()
		} else if !hung {
			a.s.Log.Error("the service hangs; systemd is not told that it is alive", jobs.KeyError, err)
		}
		hung = err != nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// roomToStop is what the manager is asked for, each time it is told, while the
// service starts or stops: what it was given in its unit may be less than a
// recovery or a drain takes.
const roomToStop = 10 * time.Second

func (a *attendant) tell() {
	m := a.s.Systemd
	switch phase(a.phase.Load()) {
	case phaseStarting:
		m.Extend(roomToStop)
		m.Status("Starting: recovering jobs")
	case phaseRunning:
		m.Status(a.s.work())
	case phaseDraining:
		m.Extend(roomToStop)
		m.Status(fmt.Sprintf("Draining for %s at most: %s", time.Until(a.ends).Round(time.Second), a.s.work()))
	case phaseStopping:
		m.Extend(roomToStop)
		m.Status("Stopping: " + a.s.work())
	}
}

// work says what is in work, and what it waits for.
func (s *Service) work() string {
	text := work(s.active())
	if s.Starved != nil && s.Starved() {
		text += ", waiting for memory"
	}
	return text
}

// work says what is in work: "2 jobs, 431/1321 pages".
func work(running []jobs.Job) string {
	if len(running) == 0 {
		return "no job in work"
	}
	done, total := 0, 0
	for _, j := range running {
		done += j.StepsDone
		total += j.StepsTotal
	}
	text := fmt.Sprintf("%d jobs", len(running))
	if len(running) == 1 {
		text = "1 job"
	}
	if total > 0 {
		text += fmt.Sprintf(", %d/%d pages", done, total)
	}
	return text
}

// mostTurn is how long a turn of the worker's loop may take: one that fails waits
// for five seconds, and a claim is given up after thirty.
const mostTurn = 45 * time.Second

// hung returns what does not move: a store that does not answer, or a worker
// whose loop does not turn. That the store answers with an error is not that: a
// restart of the service mends no database.
func (s *Service) hung(ctx context.Context, patience time.Duration) error {
	asked, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answered := make(chan struct{})
	go func() { // ends with the call: a store that ignores its context is what is looked for
		defer close(answered)
		_, _ = s.Store.List(asked, jobs.Filter{Limit: 1})
	}()
	select {
	case <-answered:
	case <-asked.Done():
		if ctx.Err() != nil {
			return nil
		}
		return errors.New("the store does not answer")
	}
	if s.Worker == nil {
		return nil
	}
	if turned := s.Worker.Turned(); !turned.IsZero() && time.Since(turned) > mostTurn {
		return fmt.Errorf("the worker has not looked for jobs since %s", turned.UTC().Format(time.RFC3339))
	}
	return nil
}

package lifecycle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// Service is what starts and stops together. Store, Narrator and Log are
// required, and one of Worker and Server.
type Service struct {
	Store    jobs.Store
	Worker   *jobs.Worker // nil: this process runs no jobs
	Server   Server       // nil: this process answers no requests
	Narrator *Narrator
	Log      *slog.Logger
	Drain    time.Duration // how long running jobs may go on after a signal
	Grace    time.Duration // how long stopping may take after that
	// Cleanup removes what is older than its retention, and returns how many
	// jobs it removed. It is called at the start and once an hour.
	Cleanup func(context.Context) (int, error)
	// Beside runs from when the service is ready until it stops, each in a
	// goroutine of its own, and ends soon after its context.
	Beside []func(context.Context)
	// Systemd is told how the service is. Nil: nobody is.
	Systemd *Systemd
	// Starved says whether jobs wait for memory, for what Systemd is told. Nil: no.
	Starved func() bool
	// Ready is called once recovery is done and the address answers.
	Ready func()
	// Exit ends the process at a second signal. Nil: os.Exit.
	Exit func(code int)
	// Settle is how long after the first signal others belong to it. Zero: Settle.
	Settle time.Duration
}

// Settle is how long after a signal others belong to it: a terminal that is
// closed, a supervisor, a timeout send more than one.
const Settle = 500 * time.Millisecond

const keySignal = "signal"

// Server answers requests.
type Server interface {
	// Serve returns when the server failed, or nil after Close.
	Serve() error
	// Refuse makes it take no new work: uploads are refused, long requests end.
	Refuse()
	// Close stops listening and waits for requests until ctx ends.
	Close(ctx context.Context) error
}

// Signals are those that stop the service.
func Signals() []os.Signal { return []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} }

// Run starts the service and returns after it stopped: nil if a signal (or the
// end of ctx) stopped it, an error if it could not start or one of its parts
// failed.
func (s *Service) Run(ctx context.Context, signals <-chan os.Signal) error {
	telling := s.attend()
	defer telling.end()
	if sig, err := s.begin(ctx, signals); sig != nil || err != nil {
		return err
	}
	run := s.launch(ctx)
	s.Systemd.Ready()
	telling.enter(phaseRunning)
	if s.Ready != nil {
		s.Ready()
	}
	var failed error
	var sig os.Signal = syscall.SIGTERM
	select {
	case sig = <-signals:
	case <-ctx.Done():
	case failed = <-run.failed:
		s.Log.Error("a part of the service failed; stopping", jobs.KeyError, failed)
	}
	go s.exitAtOnce(signals, run.over)
	if err := s.stop(run, sig, telling); failed == nil {
		return err
	}
	return failed
}

// begin recovers, unless a signal ends it before it is done: then nothing was
// begun that would have to be stopped in order.
func (s *Service) begin(ctx context.Context, signals <-chan os.Signal) (os.Signal, error) {
	starting, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.recover(starting) }()
	select {
	case err := <-done:
		return nil, err
	case sig := <-signals:
		over := make(chan struct{})
		defer close(over)
		go s.exitAtOnce(signals, over)
		s.Narrator.Signal(sig, nil)
		cancel()
		err := <-done
		if errors.Is(err, context.Canceled) {
			err = nil // that was us
		}
		if s.Worker != nil {
			err = errors.Join(err, s.Worker.Leave())
		}
		s.Narrator.ShutdownComplete()
		return sig, err
	}
}

// recover is the pass before the service is ready: find the dead, mark their
// jobs, count, clean up.
func (s *Service) recover(ctx context.Context) error {
	n := s.Narrator
	n.RecoveryBegins()
	if s.Worker != nil {
		found := s.hook()
		if err := s.Worker.Recover(ctx); err != nil {
			return fmt.Errorf("initialize job recovery: %w", err)
		}
		if !*found {
			n.NothingInterrupted()
		}
	}
	stats, err := s.Store.Statistics(ctx)
	if err != nil {
		return fmt.Errorf("initialize job recovery: %w", err)
	}
	n.Statistics(stats)
	// What the first cleanup does not get done, the next does: a start is not to
	// take longer than the lease that it begins with.
	first, cancel := context.WithTimeout(ctx, firstCleanup)
	defer cancel()
	s.cleanup(first, func(count int) { n.CleanedUp(count) })
	n.RecoveryDone()
	return ctx.Err()
}

// firstCleanup bounds the cleanup of a start.
const firstCleanup = 3 * time.Second

// hook makes the worker's moments lines of the log. The result tells whether
// recovery found something.
func (s *Service) hook() *bool {
	found := new(bool)
	n := s.Narrator
	s.Worker.Hooks = s.Worker.Hooks.And(jobs.Hooks{
		Recovered: func(events []jobs.Event) { *found = true; n.Recovered(events) },
		Started:   n.JobStarted,
		Finished:  n.JobEnded,
		Lost:      n.JobLost,
		Trouble:   n.Trouble,
	})
	return found
}

func (s *Service) cleanup(ctx context.Context, done func(count int)) {
	if s.Cleanup == nil {
		done(0)
		return
	}
	count, err := s.Cleanup(ctx)
	if err != nil && ctx.Err() == nil {
		s.Log.Error("cleanup failed; it is tried again in an hour", jobs.KeyError, err)
	}
	done(count)
}

// running is a started service.
type running struct {
	failed     chan error    // what stopped by itself
	over       chan struct{} // closed when the service has stopped
	stopWorker context.CancelFunc
	workerDone chan struct{}
	workerErr  error
	parts      sync.WaitGroup
	quit       context.CancelFunc
}

func (s *Service) launch(ctx context.Context) *running {
	base := context.WithoutCancel(ctx)
	work, stopWorker := context.WithCancel(base)
	chores, quit := context.WithCancel(base)
	r := &running{failed: make(chan error, 2), over: make(chan struct{}), stopWorker: stopWorker, workerDone: make(chan struct{}), quit: quit}
	r.parts.Go(func() {
		defer close(r.workerDone)
		if s.Worker == nil {
			return
		}
		if r.workerErr = s.Worker.Run(work); r.workerErr != nil && work.Err() == nil {
			r.failed <- fmt.Errorf("worker: %w", r.workerErr)
		}
	})
	if s.Server != nil {
		r.parts.Go(func() {
			if err := s.Server.Serve(); err != nil {
				r.failed <- fmt.Errorf("http: %w", err)
			}
		})
	}
	r.parts.Go(func() { s.chores(chores) })
	for _, beside := range s.Beside {
		r.parts.Go(func() { beside(chores) })
	}
	return r
}

func (s *Service) chores(ctx context.Context) {
	hourly := time.NewTicker(time.Hour)
	defer hourly.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hourly.C:
			s.cleanup(ctx, func(count int) {
				if count > 0 {
					s.Narrator.CleanedUp(count)
				}
			})
		}
	}
}

// stop: refuse, drain, notice, close HTTP, wait for the last outcome.
func (s *Service) stop(r *running, sig os.Signal, telling *attendant) error {
	defer close(r.over)
	n := s.Narrator
	s.Systemd.Stopping()
	n.Signal(sig, s.active())
	if s.Server != nil {
		s.Server.Refuse()
	}
	if s.Worker != nil && s.Drain > 0 && len(s.active()) > 0 {
		n.Draining(len(s.active()), s.Drain)
		telling.drain(s.Drain)
		drain, cancel := context.WithTimeout(context.Background(), s.Drain)
		s.Worker.Drain(drain)
		cancel()
	}
	n.ShutdownInitiated(s.active())
	telling.enter(phaseStopping)
	r.quit()
	r.stopWorker() // gives notice; its attempts record what they have while HTTP closes
	err := s.closeServer()
	<-r.workerDone // Worker.Run returns within its grace, whatever its handlers do
	r.parts.Wait()
	n.ShutdownComplete()
	return errors.Join(err, r.workerErr)
}

func (s *Service) closeServer() error {
	if s.Server == nil {
		return nil
	}
	// Slow clients are cut off rather than hold up a restart.
	ctx, cancel := context.WithTimeout(context.Background(), min(s.Grace/4, 500*time.Millisecond))
	defer cancel()
	if err := s.Server.Close(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("close http: %w", err)
	}
	return nil
}

func (s *Service) active() []jobs.Job {
	if s.Worker == nil {
		return nil
	}
	return s.Worker.Running()
}

// exitAtOnce waits for the second signal while the service stops.
func (s *Service) exitAtOnce(signals <-chan os.Signal, over <-chan struct{}) {
	settled := time.After(cmp.Or(s.Settle, Settle))
	for waiting := true; waiting; {
		select {
		case <-over:
			return
		case <-signals: // one with the first
		case <-settled:
			waiting = false
		}
	}
	select {
	case <-over:
	case sig := <-signals:
		s.Log.Warn("second signal: exiting at once", keySignal, sig.String())
		exit := s.Exit
		if exit == nil {
			exit = os.Exit //nolint:forbidigo // this is what a second signal asks for
		}
		code := 1
		if number, ok := sig.(syscall.Signal); ok {
			code = 128 + int(number)
		}
		exit(code)
	}
}

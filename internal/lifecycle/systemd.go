package lifecycle

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/mivaa/mivaa/jobs"
)

// Systemd tells the service manager how the service is, by sd_notify(3). A nil
// one tells nobody: that is what NewSystemd returns where no manager listens.
type Systemd struct {
	watchdog time.Duration // after which it kills a service that is silent; 0: never
	notify   func(state string) error
	log      *slog.Logger

	mu     sync.Mutex
	failed bool   // it was said that it does not listen
	status string // the last that it was told
}

// NewSystemd looks into the environment for a manager that wants to be told.
func NewSystemd(log *slog.Logger) (*Systemd, error) {
	heard, err := daemon.SdNotify(false, "STATUS=Starting")
	if err != nil {
		return nil, fmt.Errorf("notify systemd: %w", err)
	}
	if !heard {
		return nil, nil //nolint:nilnil // nobody to tell is no error, and no manager
	}
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return nil, fmt.Errorf("read systemd's watchdog: %w", err)
	}
	return &Systemd{watchdog: watchdog, log: log, notify: func(state string) error {
		_, err := daemon.SdNotify(false, state)
		return err
	}}, nil
}

// Ready says that the service has started: recovery is done and the address
// answers.
func (s *Systemd) Ready() { s.tell(daemon.SdNotifyReady) }

// Stopping says that the service has begun to stop.
func (s *Systemd) Stopping() { s.tell(daemon.SdNotifyStopping) }

// Alive says that the service is not hung.
func (s *Systemd) Alive() { s.tell(daemon.SdNotifyWatchdog) }

// Extend asks for that long from now before stopping, or starting, is cut short.
func (s *Systemd) Extend(d time.Duration) {
	s.tell(fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", d.Microseconds()))
}

// Status says what the service is doing, in one line for people.
func (s *Systemd) Status(text string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	known := text == s.status
	s.status = text
	s.mu.Unlock()
	if !known {
		s.tell("STATUS=" + text)
	}
}

// tell sends one message. That the manager cannot be told is logged once: the
// service goes on, until the manager misses its sign of life.
func (s *Systemd) tell(state string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.notify(state)
	if err != nil && !s.failed {
		s.log.Error("systemd cannot be told how the service is", jobs.KeyError, err)
	}
	s.failed = err != nil
}

// every is how often it is told something.
func (s *Systemd) every() time.Duration {
	const often = time.Second
	if s.watchdog > 0 {
		return min(often, s.watchdog/4)
	}
	return often
}

// patience is how long a sign of life may be late: half of what the manager
// waits for one.
func (s *Systemd) patience() time.Duration {
	if s.watchdog > 0 {
		return s.watchdog / 2
	}
	return 30 * time.Second
}

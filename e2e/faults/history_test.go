//go:build unix

package faults

import (
	"fmt"

	"github.com/mivaa/mivaa/jobs"
)

// history replays the events of a job, and says where they do not make sense.
type history struct {
	faults []string

	begun     bool
	status    jobs.Status
	attempt   int64
	last      jobs.Event
	starts    map[int64]bool
	ends      map[int64]jobs.Status // of an attempt, by its worker or by recovery
	restarts  []int64               // the attempt after which each came
	deaths    []int64               // attempts whose end may have been charged, since a person's last move
	charged   int                   // all of them
	errors    int                   // since a person's last move
	crashed   []crashed             // where it was given up
	cancelled bool                  // by a person, and not put back
}

// crashed is a moment at which a job was failed because its processes died.
type crashed struct {
	attempt int64
	deaths  []int64
}

func (h *history) add(e jobs.Event) {
	if h.starts == nil {
		h.starts, h.ends = map[int64]bool{}, map[int64]jobs.Status{}
	}
	if h.begun && e.From != h.status {
		h.odd("event %d (%s) is from %q, the one before led to %q", e.ID, e.Event, e.From, h.status)
	}
	if h.begun && !legal(e) {
		h.odd("event %d: %s from %s to %s is no move of the table", e.ID, e.Event, e.From, e.To)
	}
	h.follow(e)
	h.begun, h.status, h.last = true, e.To, e
}

// legal asks the table of moves. An event that changes nothing is a person's
// second cancel, or a restart of what waits.
func legal(e jobs.Event) bool {
	by := map[string][]string{
		jobs.EventStarted:     {"claim"},
		jobs.EventCompleted:   {"finish"},
		jobs.EventRetrying:    {"finish"},
		jobs.EventFailed:      {"finish", "recover"},
		jobs.EventInterrupted: {"finish", "recover", string(jobs.Cancel), string(jobs.Interrupt)},
		jobs.EventResumed:     {"recover", string(jobs.Resume)},
		jobs.EventRestarted:   {string(jobs.Restart)},
	}[e.Event]
	for _, t := range jobs.Transitions() {
		for _, who := range by {
			if t.From == e.From && t.To == e.To && t.By == who {
				return true
			}
		}
	}
	return false
}

func (h *history) follow(e jobs.Event) {
	byPerson := e.Cause == jobs.CauseCancelled || e.Cause == jobs.CauseOperator
	switch e.Event {
	case jobs.EventAccepted:
		if h.begun {
			h.odd("accepted twice")
		}
	case jobs.EventStarted:
		h.attempt++
		h.starts[e.Attempt] = true
	case jobs.EventInterrupted:
		if e.From == jobs.Processing {
			h.ends[e.Attempt] = e.To
		}
		h.cancelled = e.Cause == jobs.CauseCancelled
		if ofDeath(e) {
			h.deaths = append(h.deaths, e.Attempt)
			h.charged++
		}
		if byPerson && e.From == jobs.Processing {
			h.same(e)
			h.attempt++ // so that the worker has lost it
			return
		}
	case jobs.EventRetrying, jobs.EventCompleted, jobs.EventFailed:
		if e.From == jobs.Processing {
			h.ends[e.Attempt] = e.To
			h.errors++
		} else {
			h.crashed = append(h.crashed, crashed{e.Attempt, append([]int64(nil), h.deaths...)})
		}
	case jobs.EventResumed, jobs.EventRestarted:
		h.cancelled = false
		if byPerson {
			h.deaths, h.errors = nil, 0
		}
		if e.Event == jobs.EventRestarted {
			h.restarts = append(h.restarts, e.Attempt)
		}
	}
	h.same(e)
}

// same holds an event's attempt against the count.
func (h *history) same(e jobs.Event) {
	if e.Attempt != h.attempt {
		h.odd("event %d (%s) is of attempt %d, and %d were begun or taken away", e.ID, e.Event, e.Attempt, h.attempt)
		h.attempt = e.Attempt
	}
}

func (h *history) odd(format string, args ...any) {
	h.faults = append(h.faults, fmt.Sprintf(format, args...))
}

// era counts the restarts before an attempt: steps of another era are others.
func (h *history) era(attempt int64) int {
	n := 0
	for _, r := range h.restarts {
		if r < attempt {
			n++
		}
	}
	return n
}

// ofDeath says that an event took a job from an instance that was taken for dead
// and that this may be charged. What an instance gives up by itself has no
// detail.
func ofDeath(e jobs.Event) bool {
	return e.Event == jobs.EventInterrupted && (e.Cause == jobs.CauseCrash || e.Cause == jobs.CauseLeaseLost) && e.Detail != ""
}

package webhook

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs"
)

// Keys of log records.
const (
	keyHost   = "host"
	keyEvent  = "event"
	keyStatus = "status"
)

// Store is where deliveries wait: what a documents.Store is.
type Store interface {
	// DueDeliveries takes those that are due.
	DueDeliveries(ctx context.Context, limit int, hold time.Duration, busy ...string) ([]documents.Delivery, error)
	// Delivered ends one that arrived.
	Delivered(ctx context.Context, id int64, attempt int) error
	// DeliveryFailed puts one off, or gives it up.
	DeliveryFailed(ctx context.Context, id int64, attempt, status int, why string, next time.Duration, giveUp bool) error
	// DeliveryStopped gives one back that was broken off: the attempt does not count.
	DeliveryStopped(ctx context.Context, id int64, attempt int, why string) error
}

// What came of an attempt, for Sender.Sent.
const (
	SentDelivered = "delivered"
	SentFailed    = "failed" // it is tried again
	SentGivenUp   = "given_up"
)

// Sender sends what is due. Any number of processes may send from one store.
// Store and Keys are required.
type Sender struct {
	Store   Store
	Keys    Keys
	Targets Targets
	Watch   func(context.Context) <-chan jobs.Hint // tells when something may be due: jobs.Store's. Nil: looked for every few seconds
	Version string                                 // of the program, for receivers
	Logger  *slog.Logger                           // nil: silent
	Sent    func(outcome string, took time.Duration)

	pace  pace           // zero: usual
	roots *x509.CertPool // nil: the system's
}

const (
	// mostAtOnce bounds what a process sends at once.
	mostAtOnce = 128
	// mostPerHost is how many are taken at once, and at how many under way a
	// host gets no more: one that hangs holds at most twice as many.
	mostPerHost = 4
)

// Run sends until ctx ends. What is on its way then may still arrive within a
// moment; what does not is due again at once, for whoever comes next, and the
// attempt does not count.
func (s *Sender) Run(ctx context.Context) {
	p := s.pace
	if p.delays == nil {
		p = usual()
	}
	log := s.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	poster := newPoster(s.Keys, s.Targets, s.Version, p.timeout, s.roots)
	defer poster.close()
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(p.last, stop) })()
	r := &round{Sender: s, pace: p, log: log, poster: poster, stopping: ctx, sending: sending, busy: map[string]int{}, freed: make(chan struct{}, 1)}
	r.loop(ctx)
	r.parts.Wait()
}

// round is one Run.
type round struct {
	*Sender
	pace     pace
	log      *slog.Logger
	poster   *poster
	stopping context.Context //nolint:containedctx // of Run: its end is looked at, as a channel's would be
	sending  context.Context //nolint:containedctx // of what is on its way: it outlives Run's by a moment

	parts sync.WaitGroup
	freed chan struct{} // has a token when something that was on its way has ended
	mu    sync.Mutex
	busy  map[string]int // on their way, by origin
	total int
	ill   bool // the store was said to fail; used by the loop alone
}

func (r *round) loop(ctx context.Context) {
	var hints <-chan jobs.Hint
	if r.Watch != nil {
		hints = r.Watch(ctx)
	}
	for ctx.Err() == nil {
		more, err := r.take(ctx)
		r.report(ctx, err)
		if !more || err != nil {
			r.rest(ctx, hints)
		}
	}
}

// take begins to send what is due, a few at a time, and reports whether there
// may be more.
func (r *round) take(ctx context.Context) (more bool, err error) {
	limit, busy := r.room()
	if limit == 0 {
		return false, nil
	}
	due, err := r.Store.DueDeliveries(ctx, limit, r.pace.hold, busy...)
	if err != nil {
		return false, fmt.Errorf("take deliveries: %w", err)
	}
	for _, d := range due {
		r.begin(d)
	}
	return len(due) == limit, nil
}

// room is how many may be taken now, and which hosts have enough.
func (r *round) room() (limit int, busy []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for host, n := range r.busy {
		if n >= mostPerHost {
			busy = append(busy, host)
		}
	}
	return min(mostPerHost, mostAtOnce-r.total), busy
}

func (r *round) begin(d documents.Delivery) {
	host := origin(d.URL)
	r.mu.Lock()
	r.busy[host]++
	r.total++
	r.mu.Unlock()
	r.parts.Go(func() {
		defer r.end(host)
		began := time.Now()
		a := r.poster.post(r.sending, d)
		r.record(d, a, time.Since(began))
	})
}

func (r *round) end(host string) {
	r.mu.Lock()
	if r.busy[host]--; r.busy[host] == 0 {
		delete(r.busy, host)
	}
	r.total--
	r.mu.Unlock()
	select {
	case r.freed <- struct{}{}:
	default:
	}
}

// record writes down what came of an attempt.
func (r *round) record(d documents.Delivery, a answer, took time.Duration) {
	outcome, write := r.decide(d, a)
	err := r.persist(write)
	log := r.log.With(jobs.KeyJob, d.JobID, keyEvent, d.Event, keyHost, hostOf(d.URL), jobs.KeyAttempt, d.Attempts, keyStatus, a.status)
	switch {
	case errors.Is(err, jobs.ErrLeaseLost):
		log.Debug("webhook was sent by another meanwhile")
	case err != nil:
		log.Warn("what came of a webhook was not recorded; it is sent again", jobs.KeyError, err)
	case outcome == SentGivenUp:
		log.Warn("webhook given up", jobs.KeyError, a.err)
	case outcome == SentFailed:
		log.Debug("webhook failed; it is tried again", jobs.KeyError, a.err)
	default:
		log.Debug("webhook delivered")
	}
	if r.Sent != nil {
		r.Sent(outcome, took)
	}
}

// decide says what an answer means, and how it is written down.
func (r *round) decide(d documents.Delivery, a answer) (outcome string, write func(context.Context) error) {
	if a.err == nil {
		return SentDelivered, func(ctx context.Context) error { return r.Store.Delivered(ctx, d.ID, d.Attempts) }
	}
	if r.sending.Err() != nil && a.status == 0 {
		return SentFailed, func(ctx context.Context) error {
			return r.Store.DeliveryStopped(ctx, d.ID, d.Attempts, "the service stopped while this was on its way")
		}
	}
	wait, again := r.pace.next(d.Attempts, a.asked)
	if a.status == http.StatusGone { // the receiver wants no more, says Standard Webhooks
		again = false
	}
	outcome = SentFailed
	if !again {
		outcome = SentGivenUp
	}
	return outcome, func(ctx context.Context) error {
		return r.Store.DeliveryFailed(ctx, d.ID, d.Attempts, a.status, a.err.Error(), wait, !again)
	}
}

// persist tries again while the store is out of reach and the delivery is still
// held. Once the service stops it tries once.
func (r *round) persist(write func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.sending), (r.pace.hold-r.pace.timeout)/2)
	defer cancel()
	defer context.AfterFunc(r.stopping, func() { time.AfterFunc(time.Second, cancel) })()
	for {
		err := write(ctx)
		if !errors.Is(err, jobs.ErrUnavailable) || r.stopping.Err() != nil || ctx.Err() != nil {
			return err
		}
		pause(r.stopping, time.Second)
	}
}

// rest waits for a reason to look again.
func (r *round) rest(ctx context.Context, hints <-chan jobs.Hint) {
	if !pause(ctx, r.pace.rest) {
		return
	}
	poll := time.NewTimer(r.pace.poll - r.pace.rest)
	defer poll.Stop()
	select {
	case <-ctx.Done():
	case <-hints:
	case <-r.freed:
	case <-poll.C:
	}
}

// report tells once that the store fails.
func (r *round) report(ctx context.Context, err error) {
	if err != nil && !r.ill && ctx.Err() == nil {
		r.log.Warn("webhooks wait: the store does not answer", jobs.KeyError, err)
	}
	r.ill = err != nil
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// pause waits, and reports false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

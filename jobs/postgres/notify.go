package postgres

import (
	"context"
	"crypto/rand"
	"fmt"
	"hash/fnv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/jobs"
)

const (
	// noticeEvery is how often at most a process tells the others that something
	// changed. The server commits notices one at a time: one in each transaction
	// costs half of all inserts.
	noticeEvery = 5 * time.Millisecond
	// progressEvery is how often of what brings nobody work: that a job was
	// claimed, or that it advanced. Each notice wakes the workers of every other
	// process, and costs the one that checkpoints a commit.
	progressEvery = 100 * time.Millisecond
	// noticeTimeout bounds one. A notice is never repeated: others look by
	// themselves each second.
	noticeTimeout = time.Second
)

// outgoing is what other processes are still to be told.
type outgoing struct {
	mu      sync.Mutex
	nonce   string        // of this Store, which need not hear itself
	waiting jobs.Hint     // not told yet
	urgent  bool          // some of it is more than progress
	hurry   chan struct{} // has a token when it became so; made by the first to add
	sending bool          // somebody is about to tell it
	last    time.Time     // when the last notice was sent
	ill     bool          // the last one failed
	closed  bool
}

// channel is the name under which the processes of one schema tell each other.
func (s *Store) channel() string {
	name := "jobs:" + strings.Trim(s.schema, `"`)
	if len(name) > 63 { // the server's limit
		h := fnv.New64a()
		h.Write([]byte(s.schema))
		name = fmt.Sprintf("jobs:%016x", h.Sum64())
	}
	return name
}

// changed tells watchers, here and (coalesced, by NOTIFY) in other processes.
// It is called after a commit and never waits.
func (s *Store) changed(h jobs.Hint) { s.tell(h, true) }

// progressed is changed for what brings nobody work: others may hear of it later.
func (s *Store) progressed() { s.tell(jobs.HintChanged, false) }

func (s *Store) tell(h jobs.Hint, urgent bool) {
	s.watchers.Tell(h)
	if s.out.add(h, urgent) {
		s.workers.Go(s.send)
	}
}

// notifyTx tells watchers, of this process too, when a caller's transaction
// commits.
func (s *Store) notifyTx(ctx context.Context, tx pgx.Tx, h jobs.Hint) error {
	_, err := tx.Exec(ctx, noticeTx, s.channel(), payload("", h))
	return err
}

// notice does not wait for the disk: one that a crash takes with it is missed by
// nobody who would have heard it. In a caller's transaction it does.
const (
	noticeTx = `SELECT pg_notify($1, $2)`
	notice   = noticeTx + `, set_config('synchronous_commit', 'off', TRUE)`
)

// add notes a hint, and reports whether the caller is to have it sent.
func (o *outgoing) add(h jobs.Hint, urgent bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return false
	}
	if o.hurry == nil {
		o.hurry = make(chan struct{}, 1)
	}
	o.waiting |= h
	if urgent && !o.urgent {
		o.urgent = true
		select {
		case o.hurry <- struct{}{}:
		default:
		}
	}
	first := !o.sending
	o.sending = true
	return first
}

// take returns what is to be told, or how long to wait before; done: nothing is
// left, and the next one to add has it sent.
func (o *outgoing) take() (h jobs.Hint, wait time.Duration, done bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	every := noticeEvery
	switch {
	case o.ill:
		every = noticeTimeout
	case !o.urgent:
		every = progressEvery
	}
	switch wait = every - time.Since(o.last); {
	case o.waiting == 0 || o.closed && o.ill:
		o.sending = false
		return 0, 0, true
	case wait > 0 && !o.closed:
		return 0, wait, false
	}
	h, o.waiting, o.urgent = o.waiting, 0, false
	o.last = time.Now()
	return h, 0, false
}

// send tells other processes until nothing is left to tell. It goes on for a
// moment when the store is closed: a process that inserts a job and ends is heard.
func (s *Store) send() {
	o := &s.out
	for {
		h, wait, done := o.take()
		switch {
		case done:
			return
		case wait > 0:
			s.sleepUnlessUrgent(wait)
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), noticeTimeout)
		_, err := s.pool.Exec(ctx, notice, s.channel(), payload(o.own(), h))
		cancel()
		if o.report(err) {
			s.log.Warn("cannot tell other processes of changes; they look each second", jobs.KeyError, err)
		}
	}
}

// sleepUnlessUrgent waits until what waits is to be told, or is more than
// progress, or the store is closed.
func (s *Store) sleepUnlessUrgent(wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.out.hurry: // made before the sender was started
	case <-s.life.Done():
	}
}

// report reports whether this error is the first.
func (o *outgoing) report(err error) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	first := err != nil && !o.ill
	o.ill = err != nil
	return first
}

// close has what is waiting sent at once, and nothing afterwards.
func (o *outgoing) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
}

// own is the mark by which a Store knows its own notices.
func (o *outgoing) own() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.nonce == "" {
		o.nonce = rand.Text()[:12]
	}
	return o.nonce
}

// payload is the sender's mark, and a letter for each hint.
func payload(from string, h jobs.Hint) string {
	text := from + ":"
	if h&jobs.HintChanged != 0 {
		text += "c"
	}
	if h&jobs.HintMoved != 0 {
		text += "m"
	}
	if h&jobs.HintDied != 0 {
		text += "d"
	}
	return text
}

// read returns the hint of a notice, 0 where it is our own. One that cannot be
// read, from another version, may mean anything.
func (o *outgoing) read(text string) (h jobs.Hint) {
	from, letters, ok := strings.Cut(text, ":")
	if !ok {
		return everything
	}
	if from != "" && from == o.own() {
		return 0
	}
	for _, letter := range letters {
		switch letter {
		case 'c':
			h |= jobs.HintChanged
		case 'm':
			h |= jobs.HintMoved
		case 'd':
			h |= jobs.HintDied
		default:
			return everything
		}
	}
	return h
}

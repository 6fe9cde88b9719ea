package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// patienceWithClient is how long a client may send, or take, nothing.
const patienceWithClient = 60 * time.Second

// body reads a request's body: as slowly as the client likes, but never
// nothing for a minute, never more than a bound, and not after the service
// began to stop.
type body struct {
	r    io.ReadCloser
	conn *http.ResponseController

	mu      sync.Mutex
	stopped bool
	ended   bool // read to its end: the deadline is the server's again
}

func newBody(w http.ResponseWriter, r *http.Request, most int64) *body {
	return &body{r: http.MaxBytesReader(w, r.Body, most), conn: http.NewResponseController(w)}
}

// Read gives errors that are answers.
func (b *body) Read(p []byte) (int, error) {
	if !b.arm() {
		return 0, errStopping
	}
	n, err := b.r.Read(p)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF):
		b.settle()
		return n, err
	case b.interrupted():
		return n, errStopping
	}
	if tooBig, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return n, problem(http.StatusRequestEntityTooLarge, "too_large", "The upload is larger than the %s that this service accepts.", size(tooBig.Limit))
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return n, problem(http.StatusRequestTimeout, codeTimeout, "Nothing came for %v. Send the upload again.", patienceWithClient)
	}
	return n, brokenOff()
}

// Close closes the body.
func (b *body) Close() error { return b.r.Close() }

// arm gives the client its minute, unless the service is stopping.
func (b *body) arm() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped || b.ended {
		return !b.stopped
	}
	_ = b.conn.SetReadDeadline(time.Now().Add(patienceWithClient)) // a recorder in a test has none
	return true
}

func (b *body) interrupted() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stopped
}

// interruptOnStop ends a Read that waits when the service stops.
func (a *API) interruptOnStop(b *body) (detach func() bool) {
	return context.AfterFunc(a.life, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.ended {
			return // what has come whole is accepted
		}
		b.stopped = true
		_ = b.conn.SetReadDeadline(time.Now()) // as in arm
	})
}

// settle takes the deadline back: from the end of the body on the server reads
// the connection itself, and takes an error there for a client that has gone.
func (b *body) settle() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.stopped {
		b.ended = true
		_ = b.conn.SetReadDeadline(time.Time{}) // as in arm
	}
}

func brokenOff() *Problem {
	return problem(http.StatusBadRequest, codeInvalid, "The upload broke off before its end.")
}

// isKnown tells errors that have an answer of their own from what a parser says.
func isKnown(err error) bool {
	return errors.Is(err, errStopping) || errors.Is(err, jobs.ErrUnavailable) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// size writes bytes as people say them.
func size(n int64) string {
	const unit = 1 << 10
	switch {
	case n < unit:
		return fmt.Sprintf("%d bytes", n)
	case n < unit*unit:
		return fmt.Sprintf("%.4g KiB", float64(n)/unit)
	case n < unit*unit*unit:
		return fmt.Sprintf("%.4g MiB", float64(n)/(unit*unit))
	}
	return fmt.Sprintf("%.4g GiB", float64(n)/(unit*unit*unit))
}

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

// The pace below which a client holds a place that others want: a body may be
// waited for as long as its bytes take at this rate, and so long beside. What a
// fast client is ahead counts only up to patienceWithClient: a gigabyte sent is
// no leave to trickle for days.
const (
	slowestClient = 1 << 10 // bytes a second
	graceOfClient = 30 * time.Second
)

// toFinish is how long a body that is on its way may still take when the service
// stops: most are whole by then. What is longer is told to come again, and has as
// long once more to hear it: a connection closed over bytes that nobody has read is
// a reset, and no answer.
const toFinish = 150 * time.Millisecond

// body reads a request's body: never nothing for a minute, not slower than a
// kilobyte a second on average, never more than a bound, and no longer than
// toFinish after the service began to stop.
type body struct {
	r      io.ReadCloser
	conn   *http.ResponseController
	credit time.Duration // that may still be waited; only the reader touches it

	mu      sync.Mutex
	stopped time.Time // when the service began to; zero: it did not
	ended   bool      // read to its end: the deadline is the server's again
}

func newBody(w http.ResponseWriter, r *http.Request, most int64) *body {
	return &body{r: http.MaxBytesReader(w, r.Body, most), conn: http.NewResponseController(w), credit: graceOfClient}
}

// Read gives errors that are answers.
func (b *body) Read(p []byte) (int, error) {
	if !b.arm() {
		return 0, errStopping
	}
	began := time.Now()
	n, err := b.r.Read(p)
	switch {
	case err == nil:
		return n, b.pace(n, time.Since(began))
	case errors.Is(err, io.EOF):
		b.settle()
		return n, err
	case b.interrupted():
		_ = b.conn.SetReadDeadline(time.Now().Add(toFinish)) // as in arm
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

// pace charges what was waited for n bytes. Only waiting counts: while they are
// stored the client cannot send.
func (b *body) pace(n int, waited time.Duration) error {
	b.credit += time.Duration(n)*time.Second/slowestClient - waited
	if b.credit < 0 {
		return problem(http.StatusRequestTimeout, codeTimeout, "The upload came slower than %s a second. Send it again over a faster connection.", size(slowestClient))
	}
	b.credit = min(b.credit, patienceWithClient)
	return nil
}

// Close closes the body.
func (b *body) Close() error { return b.r.Close() }

// arm gives the client its minute, unless the service is stopping.
func (b *body) arm() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.stopped.IsZero() {
		return time.Since(b.stopped) < toFinish // the deadline stands
	}
	if b.ended {
		return true
	}
	_ = b.conn.SetReadDeadline(time.Now().Add(patienceWithClient)) // a recorder in a test has none
	return true
}

func (b *body) interrupted() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.stopped.IsZero()
}

// interruptOnStop ends a Read that waits for long when the service stops.
func (a *API) interruptOnStop(b *body) (detach func() bool) {
	return context.AfterFunc(a.life, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.ended {
			return // what has come whole is accepted
		}
		b.stopped = time.Now()
		_ = b.conn.SetReadDeadline(b.stopped.Add(toFinish)) // as in arm
	})
}

// settle takes the deadline back: from the end of the body on the server reads
// the connection itself, and takes an error there for a client that has gone.
func (b *body) settle() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped.IsZero() {
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

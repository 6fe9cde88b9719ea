package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	defaultPatience = 30 * time.Second
	firstDelay      = 200 * time.Millisecond
	mostDelay       = 5 * time.Second
)

// retry calls attempt until it succeeds, fails for good, or patience ends.
func (c *Client) retry(ctx context.Context, k call, attempt func(context.Context) error) error {
	patience := c.Patience
	if patience == 0 {
		patience = defaultPatience
	}
	began := time.Now()
	for n := 0; ; n++ {
		err := attempt(ctx)
		if err == nil || !repeatable(err, k.once) {
			return err
		}
		delay := backoff(n, err)
		if time.Since(began)+delay > patience || ctx.Err() != nil {
			return err
		}
		if err := rest(ctx, delay); err != nil {
			return err
		}
	}
}

// backoff is how long to rest after the n-th failure: what the service says, or
// longer each time, and never the same for two who failed together.
func backoff(n int, err error) time.Duration {
	d := min(mostDelay, firstDelay<<min(n, 10))
	d = d/2 + rand.N(d/2+1)
	if known := (*Error)(nil); errors.As(err, &known) {
		d = max(d, known.RetryAfter)
	}
	return d
}

func rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// repeatable reports whether a call may be made again after an error.
func repeatable(err error, once bool) bool {
	if known := (*Error)(nil); errors.As(err, &known) {
		switch known.Status {
		case http.StatusServiceUnavailable, http.StatusTooManyRequests: // it was not taken
			return true
		case http.StatusBadGateway, http.StatusGatewayTimeout: // a proxy does not know
			return !once
		}
		return false
	}
	if unsent(err) {
		return true
	}
	transport := (*transportError)(nil)
	return !once && errors.As(err, &transport)
}

// unsent reports whether there was no connection to send a request over.
func unsent(err error) bool {
	op := (*net.OpError)(nil)
	return errors.As(err, &op) && op.Op == "dial"
}

// ErrUnreachable: there was no answer, or not all of one.
var ErrUnreachable = errors.New("service not reachable")

// transportError is an error between here and the service, where the answer may
// have been lost.
type transportError struct{ err error }

// Is makes it an ErrUnreachable.
func (e *transportError) Is(target error) bool { return target == ErrUnreachable }

func (e *transportError) Error() string { return e.err.Error() }
func (e *transportError) Unwrap() error { return e.err }

// reached tells what the caller ended from what the network did.
func reached(ctx context.Context, service string, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.DeadlineExceeded) {
		return fmt.Errorf("reach service: %w", cause)
	}
	if whole := (*url.Error)(nil); errors.As(err, &whole) {
		err = whole.Err // without the address, which is as long as a cursor
	}
	return &transportError{fmt.Errorf("reach service at %s: %w", service, err)}
}

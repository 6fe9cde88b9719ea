package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// callTimeout bounds a call of a caller who sets no nearer deadline, so that
	// a server that took the statement and went silent holds nobody for ever.
	callTimeout = 30 * time.Second
	// mostTries is how often a statement runs that the server asks to repeat.
	mostTries = 8
)

// call runs fn on a connection of the pool; each statement of it is a
// transaction of its own. fn runs again where the server asks for that, or where
// the connection was dead before anything was sent. Errors are as fail makes
// them.
func (s *Store) call(ctx context.Context, op string, fn func(ctx context.Context, q querier) error) error {
	return s.bounded(ctx, op, func(ctx context.Context) error { return fn(ctx, s.pool) })
}

// inTx is call with everything fn does in one transaction.
func (s *Store) inTx(ctx context.Context, op string, fn func(ctx context.Context, tx pgx.Tx) error) error {
	return s.bounded(ctx, op, func(ctx context.Context) error { return transact(ctx, s.pool, fn) })
}

// bounded runs fn until it need not run again, for no longer than callTimeout.
func (s *Store) bounded(ctx context.Context, op string, fn func(ctx context.Context) error) error {
	bound, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := repeat(bound, fn)
	if err == nil || isRefusal(err) {
		return s.fail(op, err)
	}
	if cause := ctx.Err(); cause != nil && !hasCode(err) {
		return s.fail(op, cause) // the caller gave up: whatever broke by that is not the store's fault
	}
	if bound.Err() != nil && errors.Is(err, context.DeadlineExceeded) {
		err = errSilent
	}
	return s.fail(op, err)
}

// repeat runs fn again where that may help, after a short random pause so that
// those who were in each other's way are not again.
func repeat(ctx context.Context, fn func(ctx context.Context) error) error {
	for try := 1; ; try++ {
		err := fn(ctx)
		if err == nil || try == mostTries || ctx.Err() != nil || !repeatable(err) {
			return err
		}
		pause := time.NewTimer(rand.N(time.Duration(try) * 4 * time.Millisecond))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return err
		}
	}
}

// repeatable reports whether nothing was written, and the next try may succeed.
func repeatable(err error) bool {
	if isRefusal(err) {
		return false
	}
	if errors.Is(err, errVanished) {
		return true
	}
	switch code(err) {
	case codeSerialization, codeDeadlock, codeUnprepared:
		return true
	case "":
		_, connecting := errors.AsType[*pgconn.ConnectError](err)
		return !connecting && pgconn.SafeToRetry(err)
	}
	return false
}

// beginTx begins a transaction, read committed also where the server's default is
// another. The server ends one whose client is not heard of, such as a process
// that was stopped: else it would hold its rows, which are jobs, and the events
// of all others for as long as that lasts. It is set with the transaction, so
// that it works through a pooler too.
const beginTx = `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = '10s'`

// transact runs fn in a transaction. What it wrote is durable when transact
// returns nil, and undone otherwise, except that the answer to a commit may be
// lost: then the error does not tell.
func transact(ctx context.Context, pool *pgxpool.Pool, fn func(ctx context.Context, tx pgx.Tx) error) (err error) {
	tx, err := pool.BeginTx(ctx, pgx.TxOptions{BeginQuery: beginTx})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = tx.Rollback(ctx) // where it fails the connection is closed, which rolls back too
		}
	}()
	if err := fn(ctx, tx); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

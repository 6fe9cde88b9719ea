package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// noCancel is the context of statements in the writer: what has begun is not
// cut short, so that a caller always learns what happened.
var noCancel = context.Background()

// An op is one caller's part of a transaction. It may be run a second time,
// after the transaction it shared was rolled back.
type op struct {
	run   func(*batch) error
	state atomic.Int32 // opWaiting, then opBegun or opAbandoned
	done  chan error
}

const (
	opWaiting = iota
	opBegun
	opAbandoned
)

// opQueue is what the writer has to do.
type opQueue struct {
	mu     sync.Mutex
	ops    []*op
	closed bool
	wake   chan struct{} // capacity 1
}

func (q *opQueue) init() { q.wake = make(chan struct{}, 1) }

func (q *opQueue) push(o *op) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.ops = append(q.ops, o)
	q.signal()
	return true
}

// take returns everything that waits; nil: the queue is closed and empty.
func (q *opQueue) take() []*op {
	for {
		q.mu.Lock()
		ops, closed := q.ops, q.closed
		q.ops = nil
		q.mu.Unlock()
		if len(ops) > 0 || closed {
			return ops
		}
		<-q.wake
	}
}

func (q *opQueue) close() (first bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	first = !q.closed
	q.closed = true
	q.signal()
	return first
}

func (q *opQueue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// do hands a function to the writer and waits for its transaction to be
// durable. A context that ends before the function began takes it back; after
// that, the answer is what happened. The function runs on the writer's
// goroutine: it must not call the store.
func (s *Store) do(ctx context.Context, name string, run func(*batch) error) error {
	if err := ctx.Err(); err != nil {
		return s.fail(name, err)
	}
	if s.alone {
		return s.fail(name, errAlone)
	}
	o := &op{run: run, done: make(chan error, 1)}
	if !s.queue.push(o) {
		return s.fail(name, errClosed)
	}
	var err error
	select {
	case err = <-o.done:
	case <-ctx.Done():
		if o.state.CompareAndSwap(opWaiting, opAbandoned) {
			return s.fail(name, ctx.Err())
		}
		err = <-o.done
	}
	if p, ok := errors.AsType[*panicError](err); ok {
		panic(fmt.Sprintf("%v\n\n%s", p.value, p.stack)) // the caller's, not the writer's
	}
	if r, ok := errors.AsType[refusal](err); ok {
		return r.error
	}
	return s.fail(name, err)
}

// write is the writer: it commits whatever waits, together.
func (s *Store) write() {
	for {
		ops := s.queue.take()
		if ops == nil {
			return
		}
		s.commit(ops)
	}
}

// commit runs ops in one transaction and answers them once it is durable.
// Where one fails in the database, all are rolled back and run again, each in
// a transaction of its own.
func (s *Store) commit(ops []*op) {
	begun := ops[:0]
	for _, o := range ops {
		if o.state.Load() == opBegun || o.state.CompareAndSwap(opWaiting, opBegun) {
			begun = append(begun, o)
		}
	}
	if len(begun) == 0 {
		return
	}
	answers, err := s.transact(begun)
	if err != nil && len(begun) > 1 && !errors.Is(err, errCommit) && !errors.Is(err, errBegin) {
		for _, o := range begun {
			s.commit([]*op{o})
		}
		return
	}
	for i, o := range begun {
		if err != nil {
			o.done <- err
		} else {
			o.done <- answers[i]
		}
	}
}

var (
	errBegin  = errors.New("begin transaction")
	errCommit = errors.New("commit transaction")
)

// transact runs ops in one transaction. The answers are refusals or nil.
func (s *Store) transact(ops []*op) (answers []error, err error) {
	tx, err := s.writer.BeginTx(noCancel, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBegin, err)
	}
	b := &batch{s: s, tx: tx, now: s.now()}
	b.at = FormatTime(b.now)
	s.batch = b
	defer func() { s.batch = nil }()
	answers = make([]error, len(ops))
	for i, o := range ops {
		err := b.run(o)
		if _, refused := errors.AsType[refusal](err); err != nil && !refused {
			return nil, errors.Join(err, ignoreDone(tx.Rollback()))
		}
		answers[i] = err
	}
	if err := b.flush(); err != nil {
		return nil, errors.Join(err, ignoreDone(tx.Rollback()))
	}
	if err := tx.Commit(); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", errCommit, err), s.abort())
	}
	s.keep(b.missing)
	if b.changed {
		s.watchers.Tell(b.hint())
	}
	return answers, nil
}

// abort ends a transaction whose COMMIT failed: SQLite may have left it open,
// and database/sql believes it ended.
func (s *Store) abort() error {
	_, err := s.writer.ExecContext(noCancel, `ROLLBACK`)
	if code, ok := sqliteCode(err); ok && code == 1 {
		return nil // no transaction is active: it was rolled back already
	}
	return err
}

// ignoreDone passes over the error of a rollback that was not needed: some
// errors (disk full, I/O) end the transaction by themselves.
func ignoreDone(err error) error {
	if code, ok := sqliteCode(err); ok && code == 1 || errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

type panicError struct {
	value any
	stack []byte
}

func (p *panicError) Error() string { return fmt.Sprint("panic: ", p.value) }

// A batch is the transaction of ops that waited together.
type batch struct {
	s       *Store
	tx      *sql.Tx
	now     time.Time
	at      string // now, as text
	changed bool   // watchers are told
	moved   bool   // a person moved a job that was running
	missing []string

	position      int64 // the last given out
	positionKnown bool
	positionUsed  bool
	shared        map[line]bool // owners may take turns there; false: no job of an owner waits
}

// hint is what watchers are told of the transaction.
func (b *batch) hint() jobs.Hint {
	if b.moved {
		return jobs.HintChanged | jobs.HintMoved
	}
	return jobs.HintChanged
}

func (b *batch) run(o *op) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{p, debug.Stack()}
		}
	}()
	return o.run(b)
}

// positions takes n consecutive numbers off the counter and returns the first.
func (b *batch) positions(n int) (int64, error) {
	if !b.positionKnown {
		if _, err := b.get(`SELECT last_position FROM job_queue`, nil, &b.position); err != nil {
			return 0, err
		}
		b.positionKnown = true
	}
	first := b.position + 1
	b.position += int64(n)
	b.positionUsed = b.positionUsed || n > 0
	return first, nil
}

// flush writes what was kept back for the end of the transaction.
func (b *batch) flush() error {
	if !b.positionUsed {
		return nil
	}
	_, err := b.exec(`UPDATE job_queue SET last_position = ?`, b.position)
	return err
}

// Update runs fn in the writer's transaction, which it shares with whatever
// else waits: this is how a package with tables of its own in the same file
// writes. What fn wrote is durable when Update returns nil; where fn returns
// an error, nothing of it remains and the error is returned.
//
// fn may be called a second time, after everything it wrote was undone. It
// must use the tx alone (a call of the store would wait for itself), must not
// end it, and should be short: nobody else writes meanwhile.
func (s *Store) Update(ctx context.Context, fn func(tx *sql.Tx) error) error {
	return s.do(ctx, "update", func(b *batch) error {
		if _, err := b.exec(`SAVEPOINT caller`); err != nil {
			return err
		}
		err := fn(b.tx)
		if _, ok := sqliteCode(err); ok {
			return err // it may have ended the transaction: roll all back
		}
		if err != nil {
			if _, e := b.exec(`ROLLBACK TO caller`); e != nil {
				return errors.Join(err, e)
			}
		} else {
			b.changed = true
		}
		if _, e := b.exec(`RELEASE caller`); e != nil {
			return errors.Join(err, e)
		}
		if err != nil {
			return refuse(err)
		}
		return nil
	})
}

// of returns the batch that a caller's tx belongs to.
func (s *Store) of(tx *sql.Tx) (*batch, error) {
	if b := s.batch; b != nil && b.tx == tx {
		return b, nil
	}
	return nil, errors.New("the transaction is not one of this store's Update")
}

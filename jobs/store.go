package jobs

import (
	"context"
	"io"
	"time"
)

// Store keeps jobs. It is the one thing that an engine on another database has
// to provide; package storetest is its specification as tests.
//
// Every method is safe for concurrent use and either takes effect whole or not
// at all. What a method wrote is durable when it returns. An answer that was
// lost may be asked for again: Insert, Checkpoint and Finish given again with
// the same arguments succeed and write nothing.
//
// Times are the store's own, so that processes need not agree on a clock. Each
// change of a status sets its timestamp and appends its Event in the same
// transaction.
//
// Errors: ErrUnavailable when the store cannot be reached or written, else
// those named at each method. An error is never an empty answer.
type Store interface {
	// Join makes the instance known and holds the proof that its process is
	// alive until the Closer is closed. Closing does not touch its jobs; those
	// it still has are recovered by others. An id that is alive cannot be
	// joined again.
	Join(ctx context.Context, in Instance) (io.Closer, error)

	// Renew extends the lease of a joined instance and returns which of the
	// held attempts are no longer its own. ErrInstanceGone: it was declared
	// dead, or is not known; all of them are lost.
	Renew(ctx context.Context, r Renewal) (lost []Fence, err error)

	// Claim first recovers, then claims.
	//
	// Recovery finds instances that are proved dead, or whose lease ran out,
	// and marks their jobs interrupted; a job whose process died too often in
	// a row is failed; jobs that are interrupted, not cancelled, and stamped
	// RecoveryAuto become pending. Jobs of living instances are never touched.
	// A death of an instance that was stopping, or by a restart of the machine,
	// is not charged. What the caller itself gave up because it stops is left
	// to others. A draining instance recovers, and claims nothing.
	//
	// Claiming takes pending jobs of the given kinds that are due, in the
	// order of priority, then position, and marks them processing with the
	// attempt raised by one; of a kind in Limits only as many as keep those
	// processing, of all instances together, within the limit.
	// ErrInstanceGone: the instance was declared dead.
	//
	// Positions are given so that owners take turns: the nth job that an owner
	// has waiting stands beside the nth of every other owner, however many one
	// of them has. Jobs without an owner are one owner's. Who is alone waits in
	// the order of arrival.
	Claim(ctx context.Context, p ClaimParams) (Claimed, error)

	// Checkpoint records steps and sets the total (0 leaves it). They must
	// continue the recorded ones without a gap; steps that are recorded
	// already with the same bytes are passed over. Recording one sets
	// Crashes to 0. Data must be JSON. ErrLeaseLost, also where the steps are
	// wrong; else ErrStepGap: a gap, a number below 1 or beyond the total, a
	// step recorded before with other bytes.
	Checkpoint(ctx context.Context, f Fence, total int, steps ...Step) error

	// Finish ends attempts, all of those whose fence holds, and returns the
	// others. Failed, and Pending that is not Free, count a failure, Interrupted
	// an interruption.
	// The error of one that is tried again stands in its event alone.
	Finish(ctx context.Context, outcomes ...Outcome) (lost []Fence, err error)

	// Insert adds jobs, all or none, and returns them in the order given. One
	// that is there already, by its ID or idempotency key with the same Kind
	// and Payload, is returned as it stands, with its own ID. ErrKeyReused.
	Insert(ctx context.Context, jobs ...NewJob) ([]Job, error)

	// Move makes a person's move; by says who, for the history. Cancel and
	// Interrupt raise the attempt of a job that is processing, so that its
	// worker loses it. Resume and Restart set failures and crashes to 0;
	// Restart deletes the steps and their total. Cancelling a cancelled job
	// changes nothing.
	// ErrNotFound, *MoveError.
	Move(ctx context.Context, id ID, m Move, by string) (Job, error)

	// List returns the jobs that match, in the filter's order; an order that is
	// not one of Orders is an error.
	List(ctx context.Context, f Filter) ([]Job, error)

	// Steps returns recorded steps with a Seq above after, in order, at most
	// limit of them and (beyond the first) 16 MiB.
	Steps(ctx context.Context, id ID, after, limit int) ([]Step, error)

	// Events returns the history above an event's id, oldest first. The zero
	// ID: of all jobs.
	Events(ctx context.Context, id ID, after int64, limit int) ([]Event, error)

	// Ahead counts the jobs that would be claimed before a pending one; it
	// stops counting at 10,000. 0 for a job that is not pending.
	Ahead(ctx context.Context, id ID) (int, error)

	// Statistics counts jobs by status.
	Statistics(ctx context.Context) (Statistics, error)

	// Cleanup deletes at most limit jobs that were completed, failed or
	// cancelled before a time, with their events and steps, except steps that
	// are a document's content. It returns how many jobs it deleted.
	Cleanup(ctx context.Context, before time.Time, limit int) (int, error)

	// Watch returns a channel that receives after something may have changed,
	// by this process or another. It is a hint to read again: changes are
	// coalesced, and one may be missed. It is closed when ctx ends.
	Watch(ctx context.Context) <-chan Hint
}

// Hint says what may have changed.
type Hint uint8

const (
	// HintChanged: something, of any kind.
	HintChanged Hint = 1 << iota
	// HintMoved: a person moved a job that was running, perhaps here. A store
	// that cannot tell such a change from others never says so.
	HintMoved
	// HintDied: an instance was declared dead; its jobs wait to be recovered.
	// As with HintMoved, not every store says so.
	HintDied
)

// Renewal is what an instance says when it renews its lease.
type Renewal struct {
	Instance string
	Stopping bool    // from now on its death charges no job with a crash
	Held     []Fence // the attempts it runs
	Memory   int64   // bytes its processes hold, for people; 0: not known
}

// ClaimParams is what a worker asks for.
type ClaimParams struct {
	Instance string
	Kinds    []string       // claimed; recovery looks at every kind
	Only     []ID           // if given: recover and claim these jobs and no other
	Limit    int            // how many jobs at most; 0: recover only
	Suspects int            // how many of them at most with Crashes > 0
	Limits   map[string]int // by kind: how many at most are processing at once, of all instances; a kind that is not here has no limit
	Policy   Policy
	Policies map[string]Policy // by kind, in place of Policy
	// Starting is set in an instance's first call. On an embedded store where
	// no other instance is alive it also interrupts pending jobs stamped
	// RecoveryManual, except those that a person put back or that are not due.
	Starting bool
}

// Claimed is what Claim did.
type Claimed struct {
	Jobs         []Job    // now the caller's
	Recovered    []Event  // of type interrupted and failed, oldest first
	Draining     bool     // the instance was told to claim nothing
	UnknownKinds []string // of pending jobs, not among ClaimParams.Kinds; may be empty when Limit was reached
	// NextDue is how long until a job whose RunAt lies ahead comes due; 0: none known.
	NextDue time.Duration
}

// Get returns one job, or ErrNotFound.
func Get(ctx context.Context, s Store, id ID) (Job, error) {
	found, err := s.List(ctx, Filter{IDs: []ID{id}, Limit: 1})
	if err != nil {
		return Job{}, err
	}
	if len(found) == 0 {
		return Job{}, ErrNotFound
	}
	return found[0], nil
}

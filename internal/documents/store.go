package documents

import (
	"context"
	"encoding/json"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// Store keeps documents beside the jobs of a store of the engine, whose
// transactions it shares. There are two, SQLite and Postgres. Methods are safe
// for concurrent use.
//
// Errors are those named at each method, and those of the store below:
// jobs.ErrUnavailable when it cannot be read or written.
type Store interface {
	// Submit makes a document and the job that reads it, durably and both or
	// none.
	//
	// A submission with an IdempotencyKey that was given before answers with
	// the first job (its source, options and password must be the same:
	// jobs.ErrKeyReused). One without a key, whose owner, source, record options
	// and password are those of a document that is there, answers with that
	// document and its job: who does not know the password gets nothing of what
	// it opened, but a document of their own. Fresh makes a new job for that
	// document instead, cancels those of it that are still alive, and gives it
	// the name, metadata and options of this submission. ErrInvalid,
	// jobs.ErrKeyReused.
	Submit(ctx context.Context, sub Submission) (Submitted, error)

	// Reprocess makes a new job for a document and cancels those of it that are
	// still alive. Its content stays readable until the new job publishes. Whoever
	// was to be told of the job that it replaces is told of the new one.
	// ErrNotFound, ErrNoSource.
	Reprocess(ctx context.Context, id jobs.ID, r Reprocess) (Submitted, error)

	// SetFacts writes what is known of the document that the attempt's job is
	// about, an object. jobs.ErrLeaseLost: the job is not this attempt's any
	// more; nothing was written.
	SetFacts(ctx context.Context, f jobs.Fence, facts json.RawMessage) error

	// Publish makes the job's steps the content of its document and deletes
	// those they replace. It is the handler's last act before it returns;
	// repeating it changes nothing. jobs.ErrLeaseLost as in SetFacts.
	Publish(ctx context.Context, f jobs.Fence, profile json.RawMessage) error

	// Delete cancels the document's live jobs and deletes it with its jobs,
	// their history and pages, and its secret, but not the deliveries of its
	// jobs: what is to be told is told. Its source goes with the next
	// sweep of the blob store if no other document has it. Where it could not
	// come to its end, the document is still there and no longer readable:
	// delete it again. ErrNotFound.
	Delete(ctx context.Context, id jobs.ID, by string) error

	// Cleanup deletes at most limit documents that were last submitted, read
	// again or published before a time and have no live job, and returns how
	// many. A zero time deletes none. Either way it finishes what a death left
	// undone, and deletes deliveries that are over and older than 30 days.
	Cleanup(ctx context.Context, before time.Time, limit int) (int, error)

	// Get returns one document. ErrNotFound.
	Get(ctx context.Context, id jobs.ID) (Document, error)

	// List returns the documents that match, newest first, without their facts
	// and profile: they may be long.
	List(ctx context.Context, f Filter) ([]Document, error)

	// ByPrefix returns the ids that begin with prefix, in order, at most limit.
	ByPrefix(ctx context.Context, prefix string, limit int) ([]jobs.ID, error)

	// Content says whose steps are the document's pages. ErrNotFound,
	// ErrNoContent.
	Content(ctx context.Context, id jobs.ID) (Content, error)

	// FailedPages returns the pages of a job that could not be read, in order.
	FailedPages(ctx context.Context, job jobs.ID) ([]FailedPage, error)

	// Recorded returns the number of the last step that a job has recorded; 0
	// if there is none.
	Recorded(ctx context.Context, job jobs.ID) (int, error)

	// Password returns the document's password, "" if it has none.
	Password(ctx context.Context, id jobs.ID) (string, error)

	// TraceParent returns the trace that the job's submission was part of, "" if
	// it was part of none, or the job is gone.
	TraceParent(ctx context.Context, job jobs.ID) (string, error)

	// DueDeliveries takes deliveries that are due, at most limit, the longest
	// due first: each is the caller's for as long as hold, and due again after
	// that. Its Attempts are raised by one; of several callers at once, one gets
	// it. Those whose URL begins with one of busy are passed over: a receiver that
	// hangs is not to hold up the others.
	DueDeliveries(ctx context.Context, limit int, hold time.Duration, busy ...string) ([]Delivery, error)

	// Delivered records that the receiver took a delivery at this attempt. It
	// holds also where another attempt has begun meanwhile: what arrived,
	// arrived. Given again it changes nothing. jobs.ErrLeaseLost: there is no
	// such attempt; nothing was written.
	Delivered(ctx context.Context, id int64, attempt int) error

	// DeliveryFailed records why an attempt failed, with HTTP's status (0: no
	// answer came), and that the next is due after a time, or that there is to
	// be none. jobs.ErrLeaseLost: the delivery is not this attempt's any more;
	// nothing was written.
	DeliveryFailed(ctx context.Context, id int64, attempt, status int, why string, next time.Duration, giveUp bool) error

	// DeliveryStopped records that whoever made an attempt broke it off, for no
	// fault of the receiver: it does not count, and the next is due at once.
	// jobs.ErrLeaseLost as in DeliveryFailed.
	DeliveryStopped(ctx context.Context, id int64, attempt int, why string) error

	// Deliveries returns the deliveries of a job, the newest first, at most
	// limit (0: 100; at most 1000). The zero ID: of all jobs.
	Deliveries(ctx context.Context, job jobs.ID, limit int) ([]Delivery, error)

	// SourcesInUse returns which of the sources a document refers to.
	SourcesInUse(ctx context.Context, sha256 []string) (map[string]bool, error)
}

var (
	_ Store = (*SQLite)(nil)
	_ Store = (*Postgres)(nil)
)

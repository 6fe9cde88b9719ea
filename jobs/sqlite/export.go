package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"path/filepath"
	"strconv"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// ErrInUse: another process has the file open.
var ErrInUse = errors.New("another process has the database open")

// errAlone: a method that writes was called on a store of OpenAlone.
var errAlone = errors.New("the database is open for reading alone")

// alonePatience is how long a command that only looks may be in the way.
const alonePatience = 2 * time.Second

// OpenAlone opens a file to be read as a whole, while nobody else has it open:
// no process can open it until the Store is closed or this process dies, because
// SQLite's own lock on the file is held. Nothing is created, migrated or
// recovered, and methods that write are refused. ErrInUse; other errors are
// *jobs.StoreError, with jobs.ErrNewerSchema inside, or what to do about an older
// schema.
//
// Closing it moves what stands in the -wal file into the database, as the end of
// every last process does; no row is changed.
func OpenAlone(ctx context.Context, path string) (*Store, error) {
	op := "open " + path
	known, err := SchemaVersion()
	if err != nil {
		return nil, err
	}
	found, err := Inspect(ctx, path)
	if isBusy(err) { // somebody else has it open alone
		return nil, fmt.Errorf("%s: %w", op, ErrInUse)
	}
	if err != nil {
		return nil, err
	}
	switch version := found[ownComponent]; {
	case version > known:
		return nil, newerSchema(op, "", version, known)
	case version < known:
		return nil, olderSchema(op, ownComponent, version, known)
	}
	if path, err = filepath.Abs(path); err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		return nil, storeError(op, path, err)
	}
	db, err := sql.Open("sqlite", dsn(path, []string{
		fmt.Sprintf("busy_timeout(%d)", alonePatience.Milliseconds()), "locking_mode(EXCLUSIVE)", "query_only(ON)", "temp_store(MEMORY)",
	}))
	if err != nil {
		return nil, storeError(op, path, err)
	}
	db.SetMaxOpenConns(1) // another one would stand before the lock of the first
	db.SetMaxIdleConns(1)
	var n int
	if err := db.QueryRowContext(ctx, `SELECT count(*) FROM job_queue`).Scan(&n); err != nil {
		err = errors.Join(err, db.Close())
		if isBusy(err) {
			return nil, fmt.Errorf("%s: %w", op, ErrInUse)
		}
		return nil, storeError(op, path, err)
	}
	return &Store{
		path: path, locks: filepath.Join(filepath.Dir(path), "instances"), log: slog.New(slog.DiscardHandler),
		reader: db, writer: db, now: time.Now, stmts: map[string]*sql.Stmt{}, alone: true,
	}, nil
}

// ownComponent is the engine's own name among the components of a file.
const ownComponent = "jobs"

func olderSchema(op, component string, found, known int) error {
	return &jobs.StoreError{
		Op: op, Err: fmt.Errorf("schema of %s %d is older than this program's, %d", component, found, known),
		Hint: "Migrate it first: mivaa migrate, with the folder as --data-dir.",
	}
}

// current reports whether a component is at the version that the program knows:
// what Migrate is where nothing may be written.
func (s *Store) current(ctx context.Context, component string, known int) error {
	op := "open " + component + " in " + s.path
	versions, err := s.SchemaVersions(ctx)
	if err != nil {
		return err
	}
	switch version := versions[component]; {
	case version > known:
		return newerSchema(op, component, version, known)
	case version < known:
		return olderSchema(op, component, version, known)
	}
	return nil
}

// Totals are how much a store holds.
type Totals struct {
	Jobs   int `json:"jobs"`
	Steps  int `json:"steps"`
	Events int `json:"events"`
}

// Totals counts all rows, which reads an index of each table.
func (s *Store) Totals(ctx context.Context) (t Totals, err error) {
	const query = `SELECT (SELECT count(*) FROM background_jobs), (SELECT count(*) FROM job_steps), (SELECT count(*) FROM job_events)`
	_, err = s.get(ctx, query, nil, &t.Jobs, &t.Steps, &t.Events)
	return t, s.fail("count rows", err)
}

// Exported is a job as it is to stand in another store, with its history but
// without its steps: Steps reads those.
type Exported struct {
	jobs.Job
	History []jobs.Event
}

// exportedAtOnce is how many jobs one statement reads.
const exportedAtOnce = 200

// Export yields the jobs of a document, in the order of their ids; for the zero
// ID those that are about none. One that is processing is yielded as a start
// would find it: interrupted, its attempt dead, because on a store of OpenAlone
// nobody can be running it. An error is the last thing it yields; a row that
// cannot be read is one.
func (s *Store) Export(ctx context.Context, document jobs.ID) iter.Seq2[Exported, error] {
	const ofDocument = `SELECT ` + jobColumns + ` FROM background_jobs WHERE document_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3`
	const ofNone = `SELECT ` + jobColumns + ` FROM background_jobs WHERE document_id IS NULL AND id > ?1 ORDER BY id LIMIT ?2`
	return func(yield func(Exported, error) bool) {
		for after := ""; ; {
			query, args := ofDocument, []any{document.String(), after, exportedAtOnce}
			if document.IsZero() {
				query, args = ofNone, args[1:]
			}
			found, err := s.export(ctx, query, args)
			if err != nil {
				yield(Exported{}, s.fail("read jobs", err))
				return
			}
			for _, j := range found {
				e, err := s.whole(ctx, j)
				if !yield(e, err) || err != nil {
					return
				}
			}
			if len(found) < exportedAtOnce {
				return
			}
			after = found[len(found)-1].ID.String()
		}
	}
}

func (s *Store) export(ctx context.Context, query string, args []any) (found []jobs.Job, err error) {
	r := newRow()
	err = s.each(ctx, query, args, func(rows *sql.Rows) error {
		j, err := r.scan(rows)
		found = append(found, j)
		return err
	})
	return found, err
}

// whole adds a job's history to it, and what a start would do.
func (s *Store) whole(ctx context.Context, j jobs.Job) (Exported, error) {
	e := Exported{Job: j}
	for after := int64(0); ; {
		page, err := s.Events(ctx, j.ID, after, mostRows)
		if err != nil {
			return e, err
		}
		e.History = append(e.History, page...)
		if len(page) < mostRows {
			break
		}
		after = page[len(page)-1].ID
	}
	if j.Status != jobs.Processing {
		return e, nil
	}
	d, err := s.deathOf(ctx, j.InstanceID)
	if err != nil {
		return e, err
	}
	e.interrupt(d, s.now().UTC().Truncate(timeUnit))
	return e, nil
}

// deathOf is the death of an instance that has something in work although nobody
// has the file open. Whom it is charged to is decided as at a start.
func (s *Store) deathOf(ctx context.Context, instance string) (death, error) {
	const row = `SELECT state, boot FROM job_instances WHERE id = ?`
	if instance == "" {
		return death{cause: jobs.CauseCrash, detail: "no instance runs it"}, nil
	}
	v := verdict{cause: jobs.CauseCrash, proof: "nobody has the database open: the process is gone"}
	known, err := s.get(ctx, row, []any{instance}, &v.state, &v.boot)
	if err != nil {
		return death{}, s.fail("read instance "+strconv.Quote(instance), err)
	}
	if !known {
		return death{cause: jobs.CauseCrash, detail: "its instance is not known"}, nil
	}
	return (&recovery{boot: jobs.BootID()}).death(v), nil
}

// interrupt makes of a job in work what recovery would.
func (e *Exported) interrupt(d death, at time.Time) {
	e.History = append(e.History, jobs.Event{
		JobID: e.ID, At: at, Event: jobs.EventInterrupted, From: e.Status, To: jobs.Interrupted,
		Cause: d.cause, Instance: e.InstanceID, Attempt: e.Attempt, Steps: e.StepsDone, Detail: d.detail,
	})
	if e.Recovery == "" {
		e.Recovery = jobs.RecoveryAuto
	}
	e.Status, e.Cause, e.Error, e.ErrorCode = jobs.Interrupted, d.cause, d.cause.Reason(), ""
	e.InterruptedAt, e.UpdatedAt = at, at
	e.Crashes += d.charge
	e.Interruptions++
	e.Progress = min(e.Progress, 99)
}

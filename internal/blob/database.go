package blob

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/mivaa/mivaa/jobs/postgres"
)

// Database is a Store in the PostgreSQL database of the jobs: one URL is all
// that several machines need.
//
// A blob is a row and its chunks of 1 MiB. It has no name until all of it is
// there: chunks are written under an id of their own, each in a statement of its
// own, and one guarded statement gives them their name. So nothing is open in
// the database while a slow client sends, and no statement holds a snapshot
// longer than a few chunks take. Nothing needs a session: a transaction pooler
// may stand in between.
type Database struct {
	db  tables
	tmp *spool
}

// tables is what is used of a *postgres.Store. Statements pass through SQL,
// which puts the schema's name in the place of "jobs_schema.".
type tables interface {
	Pool() *pgxpool.Pool
	SQL(text string) string
	Migrate(ctx context.Context, component string, steps []string) error
	Explain(op string, err error) error
}

const (
	chunkSize  = 1 << 20
	chunkSlice = 8 // chunks that one statement reads, compares or deletes

	// statementTimeout bounds a statement where the database does not answer:
	// long enough for a few chunks on a slow line.
	statementTimeout = time.Minute
	cleanupTimeout   = 10 * time.Second
)

// OpenDatabase makes the tables of the store, or brings them up to date, in a
// database that stays the caller's to close. Copies for readers are written in
// the folder tmp, which is made if it is not there. Errors are *jobs.StoreError.
func OpenDatabase(ctx context.Context, db *postgres.Store, tmp string) (*Database, error) {
	return openDatabase(ctx, db, tmp)
}

func openDatabase(ctx context.Context, db tables, tmp string) (*Database, error) {
	if err := db.Migrate(ctx, "blob", databaseSteps()); err != nil {
		return nil, err // it says what it was doing
	}
	s, err := openSpool(tmp)
	if err != nil {
		return nil, err
	}
	return &Database{db: db, tmp: s}, nil
}

// databaseSteps is a list of migrations. Those that were shipped are never
// changed; new ones are added at the end.
func databaseSteps() []string {
	return []string{`
CREATE TABLE jobs_schema.blobs (
	id        uuid PRIMARY KEY,
	sha256    text COLLATE "C" UNIQUE CHECK (sha256 ~ '^[0-9a-f]{64}$'), -- NULL: not whole yet, or no more
	size      bigint NOT NULL DEFAULT 0 CHECK (size >= 0),
	stored_at timestamptz NOT NULL DEFAULT now(),  -- or stored again; of one that is being sent: its last chunk
	dropped   boolean NOT NULL DEFAULT false,      -- its chunks are being deleted
	CHECK (NOT dropped OR sha256 IS NULL)
) WITH (fillfactor = 80);
CREATE INDEX blobs_nameless ON jobs_schema.blobs (id) WHERE sha256 IS NULL;

CREATE TABLE jobs_schema.blob_chunks (
	blob uuid NOT NULL REFERENCES jobs_schema.blobs (id),
	seq  integer NOT NULL CHECK (seq >= 0),
	data bytea NOT NULL,
	PRIMARY KEY (blob, seq)
);
-- PDFs are compressed already; and a length is known without reading the bytes.
ALTER TABLE jobs_schema.blob_chunks ALTER COLUMN data SET STORAGE EXTERNAL;
`}
}

// DatabaseSchemaVersion returns the version that OpenDatabase brings its tables,
// the component "blob", to.
func DatabaseSchemaVersion() int { return len(databaseSteps()) }

// Location is that of Store.
func (d *Database) Location() Location { return Location{Database: true} }

// Close releases the store; the database stays open.
func (d *Database) Close() error { return d.tmp.close() }

// Check is that of Store.
func (d *Database) Check(ctx context.Context) error {
	var there bool
	return d.row(ctx, "look at blob store", `SELECT EXISTS (SELECT 1 FROM jobs_schema.blobs)`, nil, &there)
}

// exec runs one statement and returns how many rows it changed.
func (d *Database) exec(ctx context.Context, op, statement string, args ...any) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	tag, err := d.db.Pool().Exec(ctx, d.db.SQL(statement), args...)
	if err != nil {
		return 0, d.explain(ctx, op, err)
	}
	return tag.RowsAffected(), nil
}

// row reads one row; pgx.ErrNoRows where there is none.
func (d *Database) row(ctx context.Context, op, query string, args []any, into ...any) error {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	err := d.db.Pool().QueryRow(ctx, d.db.SQL(query), args...).Scan(into...)
	if errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	return d.explain(ctx, op, err)
}

func (d *Database) explain(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return d.db.Explain(op, err)
}

func isNoRows(err error) bool { return errors.Is(err, pgx.ErrNoRows) }

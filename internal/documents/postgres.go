package documents

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/postgres"
)

// Postgres is the Store beside the jobs of a PostgreSQL store. Any number of
// processes may share the database.
type Postgres struct {
	db *postgres.Store
}

// NewPostgres makes the tables of this package, or brings them up to date, in a
// store that stays the caller's to close.
func NewPostgres(ctx context.Context, db *postgres.Store) (*Postgres, error) {
	if err := db.Migrate(ctx, "documents", postgresSchema()); err != nil {
		return nil, err // it says what it was doing
	}
	return &Postgres{db: db}, nil
}

// postgresColumns are those of a Document, in the order that postgresScan reads
// them.
const postgresColumns = `id, content_job_id, owner, filename, source_sha256, source_size, media_type, metadata, options, facts, profile, created_at, updated_at`

func postgresScan(row pgx.CollectableRow) (Document, error) {
	var d Document
	var content pgtype.UUID
	var source pgtype.Text
	var metadata []byte
	err := row.Scan((*[16]byte)(&d.ID), &content, &d.Owner, &d.Filename, &source, &d.SourceSize, &d.MediaType,
		&metadata, (*[]byte)(&d.Options), (*[]byte)(&d.Facts), (*[]byte)(&d.Profile), &d.CreatedAt, &d.UpdatedAt)
	if err != nil {
		return d, err
	}
	if content.Valid {
		d.ContentJobID = content.Bytes
	}
	d.SourceSHA256 = source.String
	d.CreatedAt, d.UpdatedAt = d.CreatedAt.UTC(), d.UpdatedAt.UTC()
	var compact bytes.Buffer // JSONB is written with spaces
	if err := json.Compact(&compact, metadata); err != nil {
		return d, fmt.Errorf("document %s: %w: %w", d.ID, errUnreadable, err)
	}
	d.Metadata = compact.Bytes()
	return d, nil
}

// pgUUID is NULL for the zero ID.
func pgUUID(id jobs.ID) pgtype.UUID { return pgtype.UUID{Bytes: id, Valid: !id.IsZero()} }

func pgScanID(row pgx.CollectableRow) (jobs.ID, error) {
	var id jobs.ID
	err := row.Scan((*[16]byte)(&id))
	return id, err
}

// pgQuerier is a transaction or the pool.
type pgQuerier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// pgQuery reads all rows.
func pgQuery[T any](ctx context.Context, s *Postgres, q pgQuerier, scan pgx.RowToFunc[T], stmt string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, s.db.SQL(stmt), args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scan)
}

// exec runs a statement and returns how many rows it changed.
func (s *Postgres) exec(ctx context.Context, tx pgx.Tx, stmt string, args ...any) (int64, error) {
	tag, err := tx.Exec(ctx, s.db.SQL(stmt), args...)
	return tag.RowsAffected(), err
}

const (
	// readTimeout bounds a read of a caller who sets no nearer deadline, so that
	// a server that went silent holds nobody for ever.
	readTimeout = 30 * time.Second
	// mostTries is how often a transaction runs that others were in the way of.
	// Each time one of them has come to its end.
	mostTries = 100
)

// pgRead reads all rows outside a transaction.
func pgRead[T any](ctx context.Context, s *Postgres, op string, scan pgx.RowToFunc[T], stmt string, args ...any) ([]T, error) {
	bound, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	found, err := pgQuery(bound, s, s.db.Pool(), scan, stmt, args...)
	if err != nil && ctx.Err() == nil && bound.Err() != nil {
		return nil, &jobs.StoreError{Op: op, Err: errors.New("the server does not answer"), Hint: "Check that the database server is up and not overloaded."}
	}
	return found, s.explain(op, err)
}

// pgReadOne is pgRead of one row; none is an error that is pgx.ErrNoRows.
func pgReadOne[T any](ctx context.Context, s *Postgres, op string, scan pgx.RowToFunc[T], stmt string, args ...any) (T, error) {
	found, err := pgRead(ctx, s, op, scan, stmt, args...)
	if err == nil && len(found) == 0 {
		err = pgx.ErrNoRows
	}
	if err != nil {
		var none T
		return none, err
	}
	return found[0], nil
}

// errTaken: another transaction made the document, or took its key, meanwhile.
// The whole transaction is to be run again: it finds what is there now.
var errTaken = errors.New("another transaction was faster")

// update runs fn in the store's transaction, again where another was in its way.
func (s *Postgres) update(ctx context.Context, fn func(ctx context.Context, tx pgx.Tx) error) error {
	for try := 1; ; try++ {
		var own error
		err := s.db.Update(ctx, func(ctx context.Context, tx pgx.Tx) error {
			own = fn(ctx, tx)
			return own
		})
		if err == nil || own == nil || try == mostTries || !taken(own) || ctx.Err() != nil {
			return err
		}
	}
}

func taken(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return errors.Is(err, errTaken) || ok && e.ConstraintName == "documents_dedup_key"
}

// explain says of an error of the database what was tried and what to do; those
// with a meaning of their own stay what they are.
func (s *Postgres) explain(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNotFound), errors.Is(err, jobs.ErrUnavailable), errors.Is(err, errUnreadable):
		return fmt.Errorf("%s: %w", op, err)
	}
	return s.db.Explain(op, err)
}

// refused turns what PostgreSQL does not keep (NUL in metadata, a number of a
// hundred thousand digits) into ErrInvalid.
func refused(err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && len(e.Code) == 5 && e.Code[:2] == "22" {
		return fmt.Errorf("%w: the database does not keep it: %w", ErrInvalid, err)
	}
	return err
}

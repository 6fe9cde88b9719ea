package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/internal/watch"
)

// Config says where the store is.
type Config struct {
	// URL of the database, as postgres://user@host:port/database?sslmode=verify-full
	// or any other form that pgx reads; a pooler may stand in between.
	URL string
	// DirectURL leads to the same database without a pooler: for the one
	// connection of an instance that proves its life, and the one that listens.
	// Zero: URL.
	DirectURL string
	// Schema holds all tables and is created if missing. Zero: the first one of
	// the role's search_path that is there, as a rule public.
	Schema string
	Logger *slog.Logger // nil: nothing is logged
}

// Store is a jobs.Store in a PostgreSQL database. Close it after everything that
// uses it.
type Store struct {
	config    Config
	pool      *pgxpool.Pool
	simple    bool   // a pooler may stand in between: nothing may be kept on a connection
	schema    string // as it is named in a statement, quoted
	log       *slog.Logger
	texts     sync.Map    // statement as written -> as sent
	proof     proof       // how instances prove their lives: proof.go
	watchers  watch.Group // who is told of changes: watch.go
	out       outgoing    // what other processes are still to be told: notify.go
	claimed   watermarks
	spans     jobs.Spans    // figures of what is over
	looks     looks         // when the last look beyond the queue was: look.go
	lookEvery time.Duration // how often at most; 0: at each claim
	workers   sync.WaitGroup
	life      context.Context //nolint:containedctx // ends with Close: it is that of the store's own goroutines
	die       context.CancelFunc
}

var _ jobs.Store = (*Store)(nil)

// Open opens the store, creating and migrating its tables where needed. Errors
// are *jobs.StoreError; one with ErrNewerSchema inside where a newer version of
// the program has migrated the schema.
func Open(ctx context.Context, c Config) (*Store, error) {
	if c.URL == "" {
		return nil, &jobs.StoreError{Op: "open store", Err: errors.New("no URL given")}
	}
	if c.DirectURL == "" {
		c.DirectURL = c.URL
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Store{config: c, log: c.Logger, lookEvery: lookEvery}
	s.life, s.die = context.WithCancel(context.Background())
	pooled, err := poolConfig(c.URL)
	if err != nil {
		return nil, storeError("open store", err)
	}
	op := "open " + describe(pooled.ConnConfig)
	if s.simple, err = behindPooler(ctx, pooled.ConnConfig); err != nil {
		s.die()
		return nil, storeError(op, err)
	}
	if s.simple {
		// Parsed anew with each use, on the connection that runs it.
		pooled.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	} else {
		// Whatever the role's default is; a pooler would refuse it here.
		pooled.ConnConfig.RuntimeParams["default_transaction_isolation"] = "read committed"
	}
	if s.pool, err = pgxpool.NewWithConfig(ctx, pooled); err != nil {
		return nil, storeError(op, err)
	}
	if err := s.prepare(ctx); err != nil {
		s.die()
		s.pool.Close()
		return nil, storeError(op, err)
	}
	return s, nil
}

// prepare finds the schema, migrates it, and learns how lives can be proved.
func (s *Store) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	var err error
	if s.schema, err = s.findSchema(ctx); err != nil {
		return err
	}
	if err := s.migrate(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return s.proof.open(ctx, s)
}

// openTimeout bounds Open where the database does not answer.
const openTimeout = 30 * time.Second

// Close waits for what is under way, gives up the locks of instances still
// joined, and closes all connections.
func (s *Store) Close() error {
	s.die()
	s.watchers.Close()
	s.out.close()
	err := s.proof.close()
	s.workers.Wait()
	s.pool.Close()
	return err
}

// Pool returns the connections of the store, for packages that keep tables of
// their own in the same schema.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

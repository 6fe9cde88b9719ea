package bench

import (
	"context"
	"io"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/mivaa/mivaa/internal/pgtest"
	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/postgres"
)

// slots is how many jobs run at once, for both: what River's own benchmark takes.
const slots = 2000

// engine is one of the two, on a schema of its own.
type engine interface {
	// bulk inserts n jobs in one call.
	bulk(ctx context.Context, n int) error
	// one inserts a job in a call of its own.
	one(ctx context.Context) error
	// start works until stop is called. started is called as each job begins.
	start(ctx context.Context, started func()) (stop func() error, err error)
	// left counts the jobs that are not finished, in the database.
	left(ctx context.Context) (int, error)
}

func engines(b *testing.B, server *pgtest.Server) map[string]engine {
	return map[string]engine{"mivaa": newOurs(b, server), "river": newRiver(b, server)}
}

func pool(b *testing.B, url string) *pgxpool.Pool {
	b.Helper()
	p, err := pgxpool.New(b.Context(), url)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(p.Close)
	return p
}

type ours struct {
	store *postgres.Store
	pool  *pgxpool.Pool
}

func newOurs(b *testing.B, server *pgtest.Server) *ours {
	b.Helper()
	pgtest.Exec(b, server.URL(), "CREATE SCHEMA IF NOT EXISTS ours")
	s, err := postgres.Open(b.Context(), postgres.Config{URL: pgtest.With(server.URL(), "pool_max_conns", "20"), Schema: "ours"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	return &ours{s, pool(b, server.URL())}
}

func (e *ours) bulk(ctx context.Context, n int) error {
	list := make([]jobs.NewJob, n)
	for i := range list {
		list[i].Kind = "noop"
	}
	_, err := e.store.Insert(ctx, list...)
	return err
}

func (e *ours) one(ctx context.Context) error {
	_, err := e.store.Insert(ctx, jobs.NewJob{Kind: "noop"})
	return err
}

func (e *ours) start(ctx context.Context, started func()) (func() error, error) {
	w := &jobs.Worker{Store: e.store, Slots: slots, Handlers: map[string]jobs.Handler{
		"noop": func(context.Context, *jobs.Attempt) error { started(); return nil },
	}}
	if err := w.Recover(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	return func() error { cancel(); return <-ended }, nil
}

func (e *ours) left(ctx context.Context) (n int, err error) {
	err = e.pool.QueryRow(ctx, `SELECT count(*) FROM ours.background_jobs WHERE status <> 'completed'`).Scan(&n)
	return n, err
}

type noop struct{}

func (noop) Kind() string { return "noop" }

type noopWorker struct {
	river.WorkerDefaults[noop]
	started *atomic.Pointer[func()]
}

func (w *noopWorker) Work(context.Context, *river.Job[noop]) error {
	(*w.started.Load())()
	return nil
}

type theirs struct {
	client  *river.Client[pgx.Tx]
	pool    *pgxpool.Pool
	started atomic.Pointer[func()]
}

// newRiver takes the settings that River's own benchmark command has.
func newRiver(b *testing.B, server *pgtest.Server) *theirs {
	b.Helper()
	pgtest.Exec(b, server.URL(), "CREATE SCHEMA IF NOT EXISTS river")
	url := pgtest.With(server.URL(), "search_path", "river", "pool_max_conns", "20")
	e := &theirs{pool: pool(b, url)}
	driver := riverpgxv5.New(e.pool)
	quiet := slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError}))
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: quiet})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := migrator.Migrate(b.Context(), rivermigrate.DirectionUp, nil); err != nil {
		b.Fatal(err)
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &noopWorker{started: &e.started})
	e.client, err = river.NewClient(driver, &river.Config{
		Logger: quiet, Workers: workers, Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: slots}},
		FetchCooldown: fetchCooldown, FetchPollInterval: fetchPoll,
	})
	if err != nil {
		b.Fatal(err)
	}
	return e
}

func (e *theirs) bulk(ctx context.Context, n int) error {
	list := make([]river.InsertManyParams, n)
	for i := range list {
		list[i].Args = noop{}
	}
	_, err := e.client.InsertManyFast(ctx, list)
	return err
}

func (e *theirs) one(ctx context.Context) error {
	_, err := e.client.Insert(ctx, noop{}, nil)
	return err
}

func (e *theirs) start(ctx context.Context, started func()) (func() error, error) {
	e.started.Store(&started)
	if err := e.client.Start(ctx); err != nil {
		return nil, err
	}
	return func() error { return e.client.Stop(context.WithoutCancel(ctx)) }, nil
}

func (e *theirs) left(ctx context.Context) (n int, err error) {
	err = e.pool.QueryRow(ctx, `SELECT count(*) FROM river_job WHERE state <> 'completed'`).Scan(&n)
	return n, err
}

package postgres

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/mivaa/mivaa/internal/pgtest"
	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/storetest"
)

func TestMain(m *testing.M) {
	runChild()
	os.Exit(pgtest.Main(m))
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(tb testing.TB) storetest.Harness { return harness(tb, pgtest.URL(tb)) })
}

func BenchmarkStore(b *testing.B) {
	storetest.Benchmark(b, func(tb testing.TB) storetest.Harness { return harness(tb, pgtest.URL(tb)) })
}

// TestStoreBehindPooler is the whole suite where no connection is one's own but
// those that prove the lives of instances.
func TestStoreBehindPooler(t *testing.T) {
	t.Parallel()
	pooler := pgtest.Pooler(t, pgtest.URL(t), pgtest.TransactionMode)
	storetest.Run(t, func(tb testing.TB) storetest.Harness { return harness(tb, pooler) })
}

// harness wires a fresh schema to the conformance suite. The store reaches it by
// a URL, people directly.
func harness(tb testing.TB, url string) storetest.Harness {
	direct, schema := pgtest.Schema(tb)
	c := Config{URL: few(url), DirectURL: direct, Schema: schema}
	s := open(tb, c)
	if _, measured := tb.(*testing.B); !measured { // it costs more than what it guards
		guard(tb, schema)
	}
	by := person(tb, schema)
	exec := func(query string, args ...any) error {
		_, err := by.Exec(context.Background(), query, args...) //nolint:usetesting // also in cleanups
		return err
	}
	must := func(tb testing.TB, err error) {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
	}
	return storetest.Harness{
		Store: s,
		Again: func(tb testing.TB) storetest.Handle { return open(tb, c) },
		Kill:  func(tb testing.TB, joined io.Closer) { joined.(*membership).end() },
		Row: func(tb testing.TB, r storetest.Row) {
			must(tb, exec(`INSERT INTO background_jobs (id, document_id, filename, status, progress, error) VALUES ($1, $2, $3, $4, $5, $6)`,
				uuidOf(r.ID), uuidOf(r.DocumentID), r.Filename, string(r.Status), r.Progress, null(r.Error)))
		},
		Set: func(id jobs.ID, to jobs.Status) error {
			return exec(`UPDATE background_jobs SET status = $1 WHERE id = $2`, string(to), uuidOf(id))
		},
		Document: func(tb testing.TB, id, content jobs.ID) {
			must(tb, exec(`INSERT INTO documents (id, content_job_id) VALUES ($1, $2)
				ON CONFLICT (id) DO UPDATE SET content_job_id = excluded.content_job_id`, uuidOf(id), uuidOf(content)))
		},
		Drain: func(tb testing.TB, instance string) {
			must(tb, exec(`UPDATE job_instances SET draining_since = now(), draining_reason = 'test' WHERE id = $1`, instance))
		},
		Settle:   func(tb testing.TB) { must(tb, exec(`VACUUM ANALYZE background_jobs, job_events, job_instances`)) },
		Finished: func(tb testing.TB, n int) { must(tb, exec(finished, n)) },
	}
}

// finished inserts completed jobs.
const finished = `
	INSERT INTO background_jobs (id, filename, status, progress, kind, attempt, recovery, instance_id, created_at, updated_at, status_at, started_at, completed_at)
	SELECT gen_random_uuid(), 'old.pdf', 'completed', 100, 'work', 1, 'auto', 'old',
		'2026-01-01'::timestamptz + i / 100 * interval '1 second', at, at, at, at
	FROM generate_series(1, $1) AS i, LATERAL (SELECT '2026-01-02'::timestamptz + i / 100 * interval '1 second' AS at) AS ended`

// few leaves connections for the many tests that run at once.
func few(url string) string { return pgtest.With(url, "pool_max_conns", "3") }

// open opens a store that is closed with the test.
func open(tb testing.TB, c Config) *Store {
	tb.Helper()
	s, err := Open(tb.Context(), c)
	if err != nil {
		tb.Fatal(err)
	}
	s.lookEvery = 0 // a test does not wait for a look
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// fresh opens a store on a schema of its own.
func fresh(tb testing.TB) (s *Store, schema string) {
	tb.Helper()
	url, schema := pgtest.Schema(tb)
	return open(tb, Config{URL: few(url), DirectURL: url, Schema: schema}), schema
}

// person is somebody who writes SQL by hand.
func person(tb testing.TB, schema string) *pgxpool.Pool {
	tb.Helper()
	pool, err := pgxpool.New(tb.Context(), pgtest.With(pgtest.URL(tb), "search_path", schema, "pool_max_conns", "2"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(pool.Close)
	return pool
}

// guard installs the trigger that raises on any change of a status that is not
// in the table of moves, or that does not set its timestamp.
func guard(tb testing.TB, schema string) {
	tb.Helper()
	var legal []string
	for _, m := range jobs.Transitions() {
		legal = append(legal, fmt.Sprintf("('%s', '%s')", m.From, m.To))
	}
	pgtest.Exec(tb, pgtest.With(pgtest.URL(tb), "search_path", schema), `
		CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			IF (OLD.status, NEW.status) NOT IN (VALUES `+strings.Join(legal, ", ")+`) THEN
				RAISE 'illegal move from % to %', OLD.status, NEW.status;
			END IF;
			IF NEW.updated_at < OLD.updated_at OR NEW.status_at < OLD.status_at OR NEW.updated_at IS DISTINCT FROM (CASE NEW.status
				WHEN 'processing' THEN NEW.started_at WHEN 'completed' THEN NEW.completed_at WHEN 'failed' THEN NEW.failed_at
				WHEN 'interrupted' THEN NEW.interrupted_at ELSE NEW.updated_at END) THEN
				RAISE 'status % without its timestamp', NEW.status;
			END IF;
			RETURN NEW;
		END $$`,
		`CREATE TRIGGER guard BEFORE UPDATE OF status ON background_jobs FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION guard()`)
}

func insertOne(tb testing.TB, s *Store, n jobs.NewJob) jobs.Job {
	tb.Helper()
	list, err := s.Insert(tb.Context(), n)
	if err != nil {
		tb.Fatal(err)
	}
	return list[0]
}

func get(tb testing.TB, s *Store, id jobs.ID) jobs.Job {
	tb.Helper()
	j, err := jobs.Get(tb.Context(), s, id)
	if err != nil {
		tb.Fatal(err)
	}
	return j
}

// join makes an instance known until the test ends.
func join(tb testing.TB, s *Store, id string) {
	tb.Helper()
	c, err := s.Join(tb.Context(), jobs.Instance{ID: id, Lease: time.Minute})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := c.Close(); err != nil {
			tb.Error(err)
		}
	})
}

// begin opens a transaction that is rolled back with the test, if not before.
func begin(tb testing.TB, pool *pgxpool.Pool) pgx.Tx {
	tb.Helper()
	tx, err := pool.Begin(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = tx.Rollback(context.Background()) }) //nolint:usetesting // its context has ended by then
	return tx
}

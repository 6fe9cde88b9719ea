package sqlite

import (
	"database/sql"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/storetest"
)

func TestStore(t *testing.T)      { storetest.Run(t, harness) }
func BenchmarkStore(b *testing.B) { storetest.Benchmark(b, harness) }

// harness wires a fresh file to the conformance suite.
func harness(tb testing.TB) storetest.Harness {
	path := filepath.Join(tb.TempDir(), "jobs.db")
	s := open(tb, path)
	if _, measured := tb.(*testing.B); !measured { // it costs more than what it guards
		guard(tb, path)
	}
	db := person(tb, path)
	exec := func(query string, args ...any) error {
		_, err := db.ExecContext(tb.Context(), query, args...)
		return err
	}
	must := func(tb testing.TB, err error) {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
	}
	return storetest.Harness{
		Store:    s,
		Embedded: true,
		Again:    func(tb testing.TB) storetest.Handle { return open(tb, path) },
		Kill: func(tb testing.TB, joined io.Closer) {
			m := joined.(*membership)
			must(tb, m.s.held.drop(m.id))
		},
		Row: func(tb testing.TB, r storetest.Row) {
			must(tb, exec(`INSERT INTO background_jobs (id, document_id, filename, status, progress, error) VALUES (?, ?, ?, ?, ?, ?)`,
				r.ID.String(), nullID(r.DocumentID), r.Filename, string(r.Status), r.Progress, null(r.Error)))
		},
		Set: func(id jobs.ID, to jobs.Status) error {
			return exec(`UPDATE background_jobs SET status = ? WHERE id = ?`, string(to), id.String())
		},
		Document: func(tb testing.TB, id, content jobs.ID) {
			must(tb, exec(`INSERT INTO documents (id, content_job_id) VALUES (?, ?)
				ON CONFLICT (id) DO UPDATE SET content_job_id = excluded.content_job_id`, id.String(), nullID(content)))
		},
		Drain: func(tb testing.TB, instance string) {
			must(tb, exec(`UPDATE job_instances SET draining_since = ?, draining_reason = 'test' WHERE id = ?`, FormatTime(time.Now()), instance))
		},
		Finished: func(tb testing.TB, n int) { must(tb, finished(db, n)) },
	}
}

// open opens a store that is closed with the test.
func open(tb testing.TB, path string) *Store {
	tb.Helper()
	s, err := Open(tb.Context(), Config{Path: path})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// person is a connection of somebody who writes SQL by hand.
func person(tb testing.TB, path string) *sql.DB {
	tb.Helper()
	db, err := sql.Open("sqlite", dsn(path, []string{"busy_timeout(10000)", "foreign_keys(ON)"}))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	return db
}

// guard installs the trigger that raises on any change of a status that is not
// in the table of moves, or that does not set its timestamp.
func guard(tb testing.TB, path string) {
	tb.Helper()
	var legal []string
	for _, m := range jobs.Transitions() {
		legal = append(legal, fmt.Sprintf("('%s', '%s')", m.From, m.To))
	}
	_, err := person(tb, path).ExecContext(tb.Context(), `
		CREATE TRIGGER guard_moves BEFORE UPDATE OF status ON background_jobs
		WHEN OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN (VALUES `+strings.Join(legal, ", ")+`)
		BEGIN SELECT RAISE(ABORT, 'illegal move'); END;

		CREATE TRIGGER guard_times BEFORE UPDATE OF status ON background_jobs
		WHEN OLD.status <> NEW.status AND (NEW.updated_at < OLD.updated_at OR NEW.updated_at IS NOT CASE NEW.status
			WHEN 'processing' THEN NEW.started_at WHEN 'completed' THEN NEW.completed_at WHEN 'failed' THEN NEW.failed_at
			WHEN 'interrupted' THEN NEW.interrupted_at ELSE NEW.updated_at END)
		BEGIN SELECT RAISE(ABORT, 'a status without its timestamp'); END`)
	if err != nil {
		tb.Fatal(err)
	}
}

// finished inserts completed jobs.
func finished(db *sql.DB, n int) error {
	_, err := db.Exec(`
		WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO background_jobs (id, filename, status, progress, kind, attempt, recovery, instance_id, created_at, updated_at, started_at, completed_at)
		SELECT format('%08x-0000-7000-8000-%012x', i, i), 'old.pdf', 'completed', 100, 'work', 1, 'auto', 'old',
			strftime('%Y-%m-%d %H:%M:%f', '2026-01-01', (i / 100) || ' seconds'), strftime('%Y-%m-%d %H:%M:%f', '2026-01-02', (i / 100) || ' seconds'),
			'2026-01-02 00:00:00.000', strftime('%Y-%m-%d %H:%M:%f', '2026-01-02', (i / 100) || ' seconds')
		FROM n`, n)
	return err
}

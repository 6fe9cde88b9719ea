package documents

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/mivaa/mivaa/internal/pgtest"
	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/sqlite"
)

// previous is a database with the schema before this program's, and a process of
// that version that works on it. It does so in that version's own statements, of
// which only those columns are named that it knew.
type previous struct {
	*testing.T
	write func(stmt string) (rows int64, err error)
	now   string                // the time, in SQL
	open  func(*testing.T) *env // by this program, which migrates it
	n     int                   // jobs so far
}

// shipped returns the steps of the engine's schema, as they lie beside the code.
func shipped(t *testing.T, store string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("../../jobs", store, "migrations/*.sql"))
	if err != nil || len(names) < 2 {
		t.Fatalf("%d steps: %v", len(names), err)
	}
	slices.Sort(names)
	var steps []string
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		steps = append(steps, string(text))
	}
	return steps
}

// before leaves out the newest step, and returns how many are left.
func before(steps []string) (script string, version int) {
	version = len(steps) - 1
	return strings.Join(steps[:version], "\n;\n"), version
}

func previousSQLite(t *testing.T) *previous {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mivaa.db")
	other := newSQLiteEnv(t)
	var application int
	other.ok(other.db.row(t.Context(), `SELECT application_id FROM pragma_application_id`).Scan(&application))
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(20000)&_pragma=journal_mode(wal)&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	engine, version := before(shipped(t, "sqlite"))
	own, ownVersion := before(sqliteSchema())
	for _, script := range []string{
		engine, fmt.Sprintf(`PRAGMA application_id = %d; PRAGMA user_version = %d`, application, version),
		own, fmt.Sprintf(`INSERT INTO schema_versions (component, version) VALUES ('documents', %d)`, ownVersion),
	} {
		if _, err := db.ExecContext(t.Context(), script); err != nil {
			t.Fatal(err)
		}
	}
	return &previous{T: t, now: `strftime('%Y-%m-%d %H:%M:%f', 'now')`, write: func(stmt string) (int64, error) {
		result, err := db.Exec(stmt)
		if err != nil {
			return 0, err
		}
		return result.RowsAffected()
	}, open: func(t *testing.T) *env {
		s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		docs, err := NewSQLite(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		return &env{T: t, jobs: s, docs: docs}
	}}
}

func previousPostgres(t *testing.T) *previous {
	t.Helper()
	db := &postgresDatabase{}
	db.url, db.schema = pgtest.Schema(t)
	pool, err := pgxpool.New(t.Context(), pgtest.With(db.url, "search_path", db.schema, "pool_max_conns", "2"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	scripts := pgtest.With(db.url, "search_path", db.schema, "default_query_exec_mode", "simple_protocol")
	engine, version := before(shipped(t, "postgres"))
	own, ownVersion := before(postgresSchema())
	for _, script := range []string{
		engine, fmt.Sprintf(`INSERT INTO schema_versions (component, version) VALUES ('jobs', %d)`, version),
		own, fmt.Sprintf(`INSERT INTO schema_versions (component, version) VALUES ('documents', %d)`, ownVersion),
	} {
		pgtest.Exec(t, scripts, strings.ReplaceAll(script, "jobs_schema.", db.schema+"."))
	}
	return &previous{T: t, now: `now()`, write: func(stmt string) (int64, error) {
		tag, err := pool.Exec(t.Context(), stmt)
		return tag.RowsAffected(), err
	}, open: func(t *testing.T) *env {
		docs := db.again(t).(*Postgres)
		return &env{T: t, jobs: docs.db, docs: docs}
	}}
}

// do carries out statements, each of which is to change one row.
func (p *previous) do(stmts ...string) error {
	for _, stmt := range stmts {
		stmt = strings.ReplaceAll(stmt, "NOW", p.now)
		if rows, err := p.write(stmt); err != nil || rows != 1 {
			return fmt.Errorf("%d rows, %w: %s", rows, err, stmt)
		}
	}
	return nil
}

const previousInstance = "previous"

// join makes the process known, renew is its sign of life.
func (p *previous) join() error {
	return p.do(`INSERT INTO job_instances (id, host, pid, version, boot, started_at, seen_at, lease_until, lease_ms, state)
		VALUES ('` + previousInstance + `', 'h', 1, 'previous', 'b', NOW, NOW, NOW, 3600000, 'live')`)
}

func (p *previous) renew() error {
	return p.do(`UPDATE job_instances SET seen_at = NOW, lease_until = NOW WHERE id = '` + previousInstance + `' AND state IN ('live', 'stopping')`)
}

// submit takes in a document, as one that was uploaded is.
func (p *previous) submit() (job, document jobs.ID, err error) {
	p.n++
	job, document = jobs.NewID(), jobs.NewID()
	return job, document, p.do(
		fmt.Sprintf(`INSERT INTO documents (id, owner, filename, source_sha256, source_size, metadata, options, record_key, dedup_key)
			VALUES ('%s', '', 'old.pdf', '%064d', 5, '{}', '{}', 'old %[2]d', 'old %[2]d')`, document, p.n),
		fmt.Sprintf(`INSERT INTO background_jobs (id, document_id, filename, status, metadata, kind, payload, priority, attempt, recovery, position)
			VALUES ('%s', '%s', 'old.pdf', 'pending', '{}', 'extract', '{}', 0, 0, 'auto', %d)`, job, document, p.n),
		fmt.Sprintf(`INSERT INTO job_events (job_id, at, event, to_status, attempt) VALUES ('%s', NOW, 'accepted', 'pending', 0)`, job))
}

// run claims a job, records pages, publishes and completes it.
func (p *previous) run(job, document jobs.ID) error {
	stmts := []string{
		fmt.Sprintf(`UPDATE background_jobs SET status = 'processing', attempt = attempt + 1, instance_id = '%s', started_at = NOW, updated_at = NOW
			WHERE id = '%s' AND status = 'pending'`, previousInstance, job),
		fmt.Sprintf(`INSERT INTO job_events (job_id, at, event, from_status, to_status, instance_id, attempt)
			VALUES ('%s', NOW, 'started', 'pending', 'processing', '%s', 1)`, job, previousInstance),
	}
	for page := 1; page <= 3; page++ {
		stmts = append(stmts,
			fmt.Sprintf(`UPDATE background_jobs SET steps_done = %d, steps_total = 3, progress = %d, crashes = 0, updated_at = NOW
				WHERE id = '%s' AND attempt = 1 AND status = 'processing'`, page, 33*page, job),
			fmt.Sprintf(`INSERT INTO job_steps (job_id, seq, data) VALUES ('%s', %d, '{"page_number":%[2]d,"status":"ok","text":"old"}')`, job, page))
	}
	stmts = append(stmts,
		fmt.Sprintf(`UPDATE documents SET content_job_id = '%s', profile = '{}', updated_at = NOW WHERE id = '%s'`, job, document),
		fmt.Sprintf(`UPDATE background_jobs SET status = 'completed', progress = 100, crashes = 0, completed_at = NOW, updated_at = NOW
			WHERE id = '%s' AND attempt = 1 AND status = 'processing'`, job),
		fmt.Sprintf(`INSERT INTO job_events (job_id, at, event, from_status, to_status, instance_id, attempt)
			VALUES ('%s', NOW, 'completed', 'processing', 'completed', '%s', 1)`, job, previousInstance))
	return p.do(stmts...)
}

// worked is what the process of the version before has done.
type worked struct {
	jobs, documents []jobs.ID
	err             error
}

// work is that process at work: begun is closed when it has run some jobs, and it
// ends when it has run some more since migrated was.
func (p *previous) work(begun chan<- struct{}, migrated <-chan struct{}) (w worked) {
	const some = 5
	for since := 0; since < some; {
		job, document, err := p.submit()
		if err := errors.Join(err, p.run(job, document), p.renew()); err != nil {
			w.err = err
			if len(w.jobs) < some {
				close(begun)
			}
			return w
		}
		w.jobs, w.documents = append(w.jobs, job), append(w.documents, document)
		if len(w.jobs) == some {
			close(begun)
		}
		select {
		case <-migrated:
			since++
		default:
		}
	}
	return w
}

// A process of the version before goes on working while this one migrates its
// database, and after: nothing that it writes is refused or lost, this one reads
// what it wrote, and runs what it left.
func TestUpgradeUnderARunningProcess(t *testing.T) {
	t.Parallel()
	for name, build := range map[string]func(*testing.T) *previous{"sqlite": previousSQLite, "postgres": previousPostgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := build(t)
			p.must(p.join())
			begun, migrated, over := make(chan struct{}), make(chan struct{}), make(chan worked, 1)
			go func() { over <- p.work(begun, migrated) }()
			<-begun
			e := p.open(t)
			close(migrated)
			w := <-over
			p.must(w.err)
			left, _, err := p.submit()
			p.must(err)

			for i, id := range w.jobs {
				if j := e.job(id); j.Status != jobs.Completed || j.StepsDone != 3 || j.Attempt != 1 || j.DocumentID != w.documents[i] {
					t.Errorf("completed by the version before: %+v", j)
				}
				if d := e.get(w.documents[i]); d.ContentJobID != id || d.Filename != "old.pdf" {
					t.Errorf("a document of the version before: %+v", d)
				}
				events, err := e.jobs.Events(t.Context(), id, 0, 10)
				if e.ok(err); len(events) != 3 {
					t.Errorf("history: %+v", events)
				}
			}
			e.join()
			if j := e.claim(); j.ID != left || j.Attempt != 1 {
				t.Errorf("claimed %+v, not what the version before left", j)
			}
			t.Logf("%d jobs over the migration", len(w.jobs))
		})
	}
}

func (p *previous) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

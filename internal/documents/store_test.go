package documents

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/sqlite"
)

// env is a store of either kind, and an instance that runs its jobs.
type env struct {
	*testing.T
	jobs     jobs.Store
	docs     Store
	instance string
	db       database
}

// database is what tests do by hand, in statements that both kinds understand.
type database interface {
	exec(ctx context.Context, stmt string, args ...any) error
	row(ctx context.Context, stmt string, args ...any) scanner
	again(t *testing.T) Store      // a store of another process
	refuseJobs(e *env)             // makes every insert of a job fail
	dump(e *env) map[string]string // all tables and views as text, by name
}

// makeEnv opens an empty store of one kind.
type makeEnv func(t *testing.T) *env

// onBoth runs a test on a store of either kind.
func onBoth(t *testing.T, test func(t *testing.T, newEnv makeEnv)) {
	t.Helper()
	for _, kind := range []struct {
		name string
		make makeEnv
	}{{"sqlite", newSQLiteEnv}, {"postgres", newPostgresEnv}} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			test(t, kind.make)
		})
	}
}

func newSQLiteEnv(t *testing.T) *env {
	t.Helper()
	db := &sqliteDatabase{path: filepath.Join(t.TempDir(), "mivaa.db")}
	docs := db.again(t).(*SQLite)
	db.store = docs.db
	return (&env{T: t, jobs: docs.db, docs: docs, db: db}).join()
}

func (e *env) join() *env {
	e.Helper()
	e.instance = jobs.NewID().String()
	proof, err := e.jobs.Join(e.Context(), jobs.Instance{ID: e.instance, Host: "test", PID: 1, Lease: time.Hour})
	e.ok(err)
	e.Cleanup(func() { _ = proof.Close() }) // the store is closed before or after, either is fine
	return e
}

type sqliteDatabase struct {
	path  string
	store *sqlite.Store
}

func (d *sqliteDatabase) again(t *testing.T) Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), sqlite.Config{Path: d.path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	docs, err := NewSQLite(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	return docs
}

func (d *sqliteDatabase) exec(ctx context.Context, stmt string, args ...any) error {
	return d.store.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(stmt, args...)
		return err
	})
}

func (d *sqliteDatabase) refuseJobs(e *env) {
	e.exec(`CREATE TRIGGER refuse BEFORE INSERT ON background_jobs BEGIN SELECT raise(ABORT, 'no more jobs'); END`)
}

func (d *sqliteDatabase) dump(e *env) map[string]string {
	e.Helper()
	names, err := query(e.Context(), d.store.Reader(), func(row scanner) (string, error) {
		var s string
		err := row.Scan(&s)
		return s, err
	}, `SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')`)
	e.ok(err)
	out := map[string]string{}
	for _, name := range names {
		rows, err := d.store.Reader().QueryContext(e.Context(), `SELECT * FROM "`+name+`"`)
		e.ok(err)
		columns, err := rows.Columns()
		e.ok(err)
		var text strings.Builder
		for rows.Next() {
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(any)
			}
			e.ok(rows.Scan(values...))
			for i := range values {
				fmt.Fprintf(&text, "%s=%s ", columns[i], *values[i].(*any))
			}
		}
		e.ok(errors.Join(rows.Err(), rows.Close())) //nolint:sqlclosecheck // in a loop
		out[name] = text.String()
	}
	return out
}

func (d *sqliteDatabase) row(ctx context.Context, stmt string, args ...any) scanner {
	return d.store.Reader().QueryRowContext(ctx, stmt, args...)
}

func (e *env) ok(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

// source is a made-up hash; nothing here looks at bytes.
func source(c byte) blob.Ref {
	return blob.Ref{SHA256: strings.Repeat(string(c), 64), Size: 1000}
}

func (e *env) submit(s Submission) Submitted {
	e.Helper()
	if s.Source.SHA256 == "" {
		s.Source = source('a')
	}
	out, err := e.docs.Submit(e.Context(), s)
	e.ok(err)
	return out
}

func (e *env) claim() jobs.Job {
	e.Helper()
	got, err := e.jobs.Claim(e.Context(), jobs.ClaimParams{Instance: e.instance, Kinds: []string{Kind}, Limit: 1, Suspects: 1})
	e.ok(err)
	if len(got.Jobs) != 1 {
		e.Fatalf("claimed %d jobs, want 1", len(got.Jobs))
	}
	return got.Jobs[0]
}

// record records pages; the numbers given are of failed ones.
func (e *env) record(j jobs.Job, total int, failed ...int) {
	e.Helper()
	bad := map[int]bool{}
	for _, n := range failed {
		bad[n] = true
	}
	for n := 1; n <= total; n++ {
		data := fmt.Sprintf(`{"v":1,"page_number":%d,"status":"ok","text":"text of page %d"}`, n, n)
		if bad[n] {
			data = fmt.Sprintf(`{"v":1,"page_number":%d,"status":"failed","error_code":"page_timeout","error":"page %d: too slow","text":""}`, n, n)
		}
		e.ok(e.jobs.Checkpoint(e.Context(), j.Fence(), total, jobs.Step{Seq: n, Data: json.RawMessage(data)}))
	}
}

func (e *env) finish(j jobs.Job, o jobs.Outcome) {
	e.Helper()
	o.Fence = j.Fence()
	lost, err := e.jobs.Finish(e.Context(), o)
	e.ok(err)
	if len(lost) > 0 {
		e.Fatalf("lost %v", lost)
	}
}

// complete claims the next job and runs it to its end.
func (e *env) complete(total int) jobs.Job {
	e.Helper()
	j := e.claim()
	e.record(j, total)
	e.ok(e.docs.Publish(e.Context(), j.Fence(), json.RawMessage(`{"v":1}`)))
	e.finish(j, jobs.Outcome{Status: jobs.Completed})
	return j
}

func (e *env) fail() jobs.Job {
	e.Helper()
	j := e.claim()
	e.finish(j, jobs.Outcome{Status: jobs.Failed, Error: "damaged", Code: "damaged"})
	return j
}

func (e *env) count(query string, args ...any) int {
	e.Helper()
	var n int
	e.ok(e.db.row(e.Context(), query, args...).Scan(&n))
	return n
}

func (e *env) exec(query string, args ...any) {
	e.Helper()
	if err := e.db.exec(context.Background(), query, args...); err != nil {
		e.Fatalf("%s: %v", query, err)
	}
}

func (e *env) get(id jobs.ID) Document {
	e.Helper()
	d, err := e.docs.Get(e.Context(), id)
	e.ok(err)
	return d
}

package postgres

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mivaa/mivaa/internal/pgtest"
	"github.com/mivaa/mivaa/jobs"
)

// TestManyOpenOneEmptySchema starts as a fleet does that is deployed at once:
// the schema is not even there.
func TestManyOpenOneEmptySchema(t *testing.T) {
	t.Parallel()
	url, schema := pgtest.Schema(t)
	pgtest.Exec(t, url, "DROP SCHEMA "+schema)
	const stores = 8
	errs := make([]error, stores)
	var all sync.WaitGroup
	for i := range stores {
		all.Go(func() {
			s, err := Open(t.Context(), Config{URL: few(url), DirectURL: url, Schema: schema})
			if err == nil {
				_, err = s.Insert(t.Context(), jobs.NewJob{Kind: "work"})
				err = errors.Join(err, s.Close())
			}
			errs[i] = err
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	s := open(t, Config{URL: few(url), DirectURL: url, Schema: schema})
	if st, err := s.Statistics(t.Context()); err != nil || st.Pending != stores {
		t.Errorf("%+v, %v", st, err)
	}
}

func TestOpenRefusesANewerSchema(t *testing.T) {
	t.Parallel()
	s, schema := fresh(t)
	if _, err := person(t, schema).Exec(t.Context(), `UPDATE schema_versions SET version = 1000 WHERE component = 'jobs'`); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), s.config)
	unavailable(t, err, "newer version")
	if !errors.Is(err, jobs.ErrNewerSchema) {
		t.Errorf("got %v, want ErrNewerSchema", err)
	}
}

func TestSchemaMayHaveAnyName(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	const name = `Jobs "of" 1 $1 ümlaut`
	pgtest.Exec(t, url, `DROP SCHEMA IF EXISTS "Jobs ""of"" 1 $1 ümlaut" CASCADE`)
	t.Cleanup(func() { pgtest.Exec(t, url, `DROP SCHEMA "Jobs ""of"" 1 $1 ümlaut" CASCADE`) })
	s := open(t, Config{URL: few(url), DirectURL: url, Schema: name})
	j := insertOne(t, s, jobs.NewJob{Kind: "work"})
	if events, err := s.Events(t.Context(), jobs.ID{}, 0, 10); err != nil || len(events) != 1 || events[0].JobID != j.ID {
		t.Errorf("events %v, %v", events, err)
	}
}

// TestSchemaNamesThatAreRefused: those would end a quotation in the scripts that
// make the tables, and of two long names the server may make one.
func TestSchemaNamesThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"o'brien", "a$$b", strings.Repeat("x", 64), strings.Repeat("ü", 32)} {
		_, err := Open(t.Context(), Config{URL: few(pgtest.URL(t)), Schema: name})
		unavailable(t, err, "Name a schema")
	}
}

func TestSchemaIsTheFirstOfTheSearchPath(t *testing.T) {
	t.Parallel()
	url, schema := pgtest.Schema(t)
	u := pgtest.With(url, "search_path", "not_there,"+schema+",public")
	s := open(t, Config{URL: few(u), DirectURL: u})
	insertOne(t, s, jobs.NewJob{Kind: "work"})
	pgtest.Exec(t, url, "SELECT filename FROM "+schema+".background_jobs")
	_, err := Open(t.Context(), Config{URL: few(pgtest.With(url, "search_path", "not_there"))})
	unavailable(t, err, "Name a schema")
}

func TestInspect(t *testing.T) {
	t.Parallel()
	known, err := SchemaVersion()
	if err != nil {
		t.Fatal(err)
	}
	url, schema := pgtest.Schema(t)
	c := Config{URL: url, Schema: schema}
	inspect := func(want map[string]int) {
		t.Helper()
		got, err := Inspect(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("versions (-want +got):\n%s", d)
		}
	}
	inspect(map[string]int{"jobs": 0})
	inspect(map[string]int{"jobs": 0}) // looking made nothing
	s := open(t, Config{URL: few(url), DirectURL: url, Schema: schema})
	inspect(map[string]int{"jobs": known})
	steps := []string{
		`CREATE TABLE jobs_schema.mails (id INTEGER); CREATE TABLE jobs_schema.boxes (id INTEGER)`,
		`ALTER TABLE jobs_schema.mails ADD COLUMN read BOOLEAN`,
	}
	for range 2 {
		if err := s.Migrate(t.Context(), "mail", steps); err != nil {
			t.Fatal(err)
		}
	}
	inspect(map[string]int{"jobs": known, "mail": 2})
	if got, err := s.SchemaVersions(t.Context()); err != nil || got["mail"] != 2 {
		t.Errorf("SchemaVersions: %v, %v", got, err)
	}

	// A step that fails takes those before it along.
	bad := append(slices.Clone(steps), `CREATE TABLE jobs_schema.left_behind (id INTEGER)`, `CREATE TABLE`)
	if err := s.Migrate(t.Context(), "mail", bad); err == nil || !strings.Contains(err.Error(), "step 4") {
		t.Errorf("got %v, want that step 4 failed", err)
	}
	inspect(map[string]int{"jobs": known, "mail": 2})
	if _, err := person(t, schema).Exec(t.Context(), `SELECT FROM left_behind`); code(err) != codeUndefined {
		t.Errorf("a step of a migration that failed is there: %v", err)
	}
	err = s.Migrate(t.Context(), "mail", steps[:1])
	unavailable(t, err, "newer version")
	if !errors.Is(err, jobs.ErrNewerSchema) {
		t.Errorf("got %v, want ErrNewerSchema", err)
	}
}

// TestMigrateAtOnce has many processes bring one component forward.
func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	errs := make([]error, 8)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			errs[i] = s.Migrate(t.Context(), "mail", []string{`CREATE TABLE jobs_schema.mails (id INTEGER)`})
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
}

// A schema of the first version keeps its rows, while a worker of the version
// before goes on with it.
func TestMigrateFromVersion1(t *testing.T) {
	t.Parallel()
	url, schema := pgtest.Schema(t)
	steps, err := migrations()
	if err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, pgtest.With(url, "search_path", schema, "default_query_exec_mode", "simple_protocol"), strings.ReplaceAll(steps[0], schemaName, schema+"."))
	by := person(t, schema)
	id := jobs.NewID()
	const event = `INSERT INTO job_events (job_id, event, to_status, attempt) VALUES ($1, 'accepted', 'pending', 0)`
	for query, args := range map[string][]any{
		`INSERT INTO schema_versions (component, version) VALUES ('jobs', 1)`:                          nil,
		`INSERT INTO background_jobs (id, filename, status, kind) VALUES ($1, 'a', 'pending', 'work')`: {uuidOf(id)},
		event: {uuidOf(id)},
		`INSERT INTO job_instances (id, host, pid, version, boot, lease_until, lease_ms, state) VALUES ('old', 'h', 1, 'v', 'b', now() + interval '1 hour', 3600000, 'live')`: nil,
	} {
		if _, err := by.Exec(t.Context(), query, args...); err != nil {
			t.Fatalf("%v: %s", err, query)
		}
	}
	s := open(t, Config{URL: few(url), DirectURL: url, Schema: schema})
	if v, err := s.SchemaVersions(t.Context()); err != nil || v["jobs"] != 2 {
		t.Fatalf("schema %v, %v, want 2", v, err)
	}
	if _, err := by.Exec(t.Context(), event, uuidOf(id)); err != nil { // as the version before writes it
		t.Error(err)
	}
	events, err := s.Events(t.Context(), id, 0, 10)
	if err != nil || len(events) != 2 || events[1].Steps != 0 {
		t.Errorf("events %+v, %v", events, err)
	}
	old, err := s.InstancesByID(t.Context(), "old")
	if err != nil || len(old) != 1 || old[0].Slots != 0 || old[0].MemoryBytes != 0 {
		t.Errorf("instance %+v, %v", old, err)
	}
}

package documents

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/mivaa/mivaa/internal/pgtest"
	"github.com/mivaa/mivaa/jobs/postgres"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func newPostgresEnv(t *testing.T) *env {
	t.Helper()
	db := &postgresDatabase{}
	db.url, db.schema = pgtest.Schema(t)
	pool, err := pgxpool.New(t.Context(), pgtest.With(db.url, "search_path", db.schema, "pool_max_conns", "2"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	db.pool = pool
	docs := db.again(t).(*Postgres)
	return (&env{T: t, jobs: docs.db, docs: docs, db: db}).join()
}

type postgresDatabase struct {
	url, schema string
	pool        *pgxpool.Pool
}

func (d *postgresDatabase) again(t *testing.T) Store {
	t.Helper()
	docs := d.open(t)
	t.Cleanup(func() {
		if err := docs.db.Close(); err != nil {
			t.Error(err)
		}
	})
	return docs
}

func (d *postgresDatabase) open(t *testing.T) *Postgres {
	t.Helper()
	store, err := postgres.Open(t.Context(), postgres.Config{URL: d.url, Schema: d.schema})
	if err != nil {
		t.Fatal(err)
	}
	docs, err := NewPostgres(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	return docs
}

// numbered writes placeholders as PostgreSQL does.
func numbered(stmt string) string {
	var b strings.Builder
	n := 0
	for part := range strings.SplitSeq(stmt, "?") {
		if n > 0 {
			fmt.Fprintf(&b, "$%d", n)
		}
		b.WriteString(part)
		n++
	}
	return b.String()
}

func (d *postgresDatabase) exec(ctx context.Context, stmt string, args ...any) error {
	_, err := d.pool.Exec(ctx, numbered(stmt), args...)
	return err
}

func (d *postgresDatabase) row(ctx context.Context, stmt string, args ...any) scanner {
	return d.pool.QueryRow(ctx, numbered(stmt), args...)
}

func (d *postgresDatabase) refuseJobs(e *env) {
	e.exec(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no more jobs'; END $$`)
	e.exec(`CREATE TRIGGER refuse BEFORE INSERT ON background_jobs FOR EACH ROW EXECUTE FUNCTION refuse()`)
}

func (d *postgresDatabase) dump(e *env) map[string]string {
	e.Helper()
	rows, err := d.pool.Query(e.Context(), `SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema()`)
	e.ok(err)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	e.ok(err)
	out := map[string]string{}
	for _, name := range names {
		var text string
		e.ok(d.row(e.Context(), `SELECT coalesce(string_agg(t::text, ' '), '') FROM "`+name+`" t`).Scan(&text))
		out[name] = text
	}
	return out
}

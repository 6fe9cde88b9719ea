package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/jobs"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// ownComponent is the engine's own name among the components of a schema.
const ownComponent = "jobs"

// migrationKey is the advisory lock under which schemas are made and migrated.
// It is one for the whole database: who waits for it waits for moments.
const migrationKey = 0x6d697661615f6d67 // "mivaa_mg"

// migrations returns the steps from an empty schema to this program's.
func migrations() ([]string, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql") // sorted
	if err != nil {
		return nil, err
	}
	steps := make([]string, len(names))
	for i, name := range names {
		text, err := migrationFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		steps[i] = string(text)
	}
	return steps, nil
}

// SchemaVersion returns the version of the engine's own schema that this
// program brings a database to.
func SchemaVersion() (int, error) {
	steps, err := migrations()
	return len(steps), err
}

// findSchema returns the name of the schema, quoted.
func (s *Store) findSchema(ctx context.Context) (string, error) {
	return findSchema(ctx, s.pool, s.config.Schema)
}

func findSchema(ctx context.Context, q querier, name string) (string, error) {
	if name == "" {
		var first *string
		if err := q.QueryRow(ctx, `SELECT current_schema()`).Scan(&first); err != nil {
			return "", err
		}
		if first == nil {
			return "", &jobs.StoreError{
				Op: "find schema", Err: errors.New("no schema of the role's search_path is there"),
				Hint: "Name a schema in the configuration; it is created if missing.",
			}
		}
		name = *first
	}
	// It stands between quotes in the scripts, and a longer one is cut off by the
	// server: two might be one.
	if strings.ContainsAny(name, "'\x00") || strings.Contains(name, "$$") || len(name) > mostNameBytes {
		return "", &jobs.StoreError{
			Op: "find schema", Err: fmt.Errorf("%.80q cannot be the name of one", name),
			Hint: fmt.Sprintf("Name a schema of at most %d bytes, without ' and $$ in it.", mostNameBytes),
		}
	}
	return pgx.Identifier{name}.Sanitize(), nil
}

// mostNameBytes is the server's limit for a name.
const mostNameBytes = 63

// migrate brings the schema to this program's version: forward only, all steps
// in one transaction and one after another, so that of several processes one
// migrates and the others find it done.
func (s *Store) migrate(ctx context.Context) error {
	steps, err := migrations()
	if err != nil {
		return err
	}
	// As a rule there is nothing to do, and nobody need wait.
	if versions, err := readVersions(ctx, s.pool, s.schema); err != nil {
		return err
	} else if done, err := upToDate(versions, ownComponent, len(steps)); done || err != nil {
		return err
	}
	return repeat(ctx, func(ctx context.Context) error {
		return transact(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
			if err := s.lockMigration(ctx, tx); err != nil {
				return err
			}
			if err := s.createSchema(ctx, tx); err != nil {
				return err
			}
			return s.forward(ctx, tx, ownComponent, steps)
		})
	})
}

// lockMigration waits until nobody else migrates. The lock ends with the
// transaction, so that it works through a transaction pooler too.
func (s *Store) lockMigration(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1::bigint)`, int64(migrationKey))
	return err
}

// createSchema creates the schema where it is missing: a role that may not
// create one can still use one that is there.
func (s *Store) createSchema(ctx context.Context, tx pgx.Tx) error {
	var there bool
	if err := tx.QueryRow(ctx, `SELECT to_regnamespace($1::text) IS NOT NULL`, s.schema).Scan(&there); err != nil || there {
		return err
	}
	_, err := tx.Exec(ctx, `CREATE SCHEMA `+s.schema)
	return err
}

// forward runs the steps that a component has not seen yet, under the lock.
func (s *Store) forward(ctx context.Context, tx pgx.Tx, component string, steps []string) error {
	const write = `INSERT INTO jobs_schema.schema_versions (component, version) VALUES ($1::text, $2::integer)
		ON CONFLICT (component) DO UPDATE SET version = excluded.version`
	versions, err := readVersions(ctx, tx, s.schema)
	if err != nil {
		return err
	}
	if done, err := upToDate(versions, component, len(steps)); done || err != nil {
		return err
	}
	for i := versions[component]; i < len(steps); i++ {
		// A script has several statements: the simple protocol takes them.
		if _, err := tx.Conn().PgConn().Exec(ctx, strings.ReplaceAll(steps[i], schemaName, s.schema+".")).ReadAll(); err != nil {
			return fmt.Errorf("step %d of %s: %w", i+1, component, err)
		}
	}
	_, err = tx.Exec(ctx, s.SQL(write), component, len(steps))
	return err
}

// upToDate reports whether a component has seen all steps. One that has seen
// more is of a newer program.
func upToDate(versions map[string]int, component string, known int) (bool, error) {
	switch version := versions[component]; {
	case version > known:
		return false, newerSchema(component, version, known)
	case version == known:
		return true, nil
	}
	return false, nil
}

func newerSchema(component string, found, known int) error {
	return &jobs.StoreError{
		Op:   "migrate " + component,
		Err:  fmt.Errorf("%w: schema of %s %d, this program knows %d", jobs.ErrNewerSchema, component, found, known),
		Hint: "Run the newer version of the program, or restore the backup that was made before it migrated.",
	}
}

// Migrate brings the tables of another package in the same schema forward: it
// runs the steps that its component has not seen yet, all in one transaction,
// with "jobs_schema." replaced as in SQL. Steps are appended, never changed. A
// schema whose component is newer than the steps given is refused with
// jobs.ErrNewerSchema.
func (s *Store) Migrate(ctx context.Context, component string, steps []string) error {
	return s.inTx(ctx, "migrate "+component, func(ctx context.Context, tx pgx.Tx) error {
		if err := s.lockMigration(ctx, tx); err != nil {
			return err
		}
		return s.forward(ctx, tx, component, steps)
	})
}

// SchemaVersions returns the version of the engine's own schema under "jobs",
// and that of each component given to Migrate.
func (s *Store) SchemaVersions(ctx context.Context) (map[string]int, error) {
	var versions map[string]int
	err := s.call(ctx, "read schema versions", func(ctx context.Context, q querier) (err error) {
		versions, err = readVersions(ctx, q, s.schema)
		return err
	})
	return versions, err
}

// readVersions returns version 0 of the engine where there are no tables.
func readVersions(ctx context.Context, q querier, schema string) (map[string]int, error) {
	versions := map[string]int{ownComponent: 0}
	table := schema + ".schema_versions"
	var there bool
	if err := q.QueryRow(ctx, `SELECT to_regclass($1::text) IS NOT NULL`, table).Scan(&there); err != nil || !there {
		return versions, err
	}
	rows, err := q.Query(ctx, `SELECT component, version FROM `+table)
	if err != nil {
		return nil, err
	}
	type one struct {
		Component string
		Version   int
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[one])
	if err != nil {
		return nil, err
	}
	for _, v := range found {
		versions[v.Component] = v.Version
	}
	return versions, nil
}

// Inspect returns what SchemaVersions does, of a database that is not opened as
// a store: nothing is created, migrated or recovered. A schema without tables
// has version 0. Errors are *jobs.StoreError.
func Inspect(ctx context.Context, c Config) (map[string]int, error) {
	config, err := connConfig(c.URL)
	if err != nil {
		return nil, err
	}
	op := "inspect " + describe(config)
	config.DefaultQueryExecMode = pgx.QueryExecModeExec // a pooler may stand in between
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, storeError(op, err)
	}
	defer closeConn(conn)
	schema, err := findSchema(ctx, conn, c.Schema)
	if err != nil {
		return nil, storeError(op, err)
	}
	versions, err := readVersions(ctx, conn, schema)
	if err != nil {
		return nil, storeError(op, err)
	}
	return versions, nil
}

package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/mivaa/mivaa/jobs"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrations returns the steps from an empty file to this program's schema.
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

// migrate brings the file to this program's schema: forward only, all steps in
// one transaction, so that of several processes one migrates and the others
// find it done.
func migrate(ctx context.Context, db *sql.DB, path string) (err error) {
	steps, err := migrations()
	if err != nil {
		return err
	}
	version, err := userVersion(ctx, db, path, len(steps))
	if err != nil || version == len(steps) {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreDone(tx.Rollback()))
		}
	}()
	if version, err = userVersion(ctx, tx, path, len(steps)); err != nil {
		return err
	}
	for i := version; i < len(steps); i++ {
		if _, err := tx.ExecContext(ctx, steps[i]); err != nil {
			return fmt.Errorf("migrate to schema %d: %w", i+1, err)
		}
	}
	pragmas := fmt.Sprintf(`PRAGMA application_id = %d; PRAGMA user_version = %d`, applicationID, len(steps))
	if _, err := tx.ExecContext(ctx, pragmas); err != nil {
		return err
	}
	return tx.Commit()
}

type rowQuerier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func userVersion(ctx context.Context, q rowQuerier, path string, known int) (int, error) {
	var version int
	if err := q.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
		return 0, err
	}
	if version > known {
		return 0, newerSchema("open "+path, "", version, known)
	}
	return version, nil
}

func newerSchema(op, component string, found, known int) error {
	what := "schema"
	if component != "" {
		what = "schema of " + component
	}
	return &jobs.StoreError{
		Op:   op,
		Err:  fmt.Errorf("%w: %s %d, this program knows %d", jobs.ErrNewerSchema, what, found, known),
		Hint: "Run the newer version of the program, or restore the backup that was made before it migrated.",
	}
}

// Migrate brings the tables of another package in the same file forward: it
// runs the steps that its component has not seen yet, all in one transaction.
// Steps are appended, never changed. A file whose component is newer than the
// steps given is refused with jobs.ErrNewerSchema.
func (s *Store) Migrate(ctx context.Context, component string, steps []string) error {
	const read = `SELECT version FROM schema_versions WHERE component = ?`
	const write = `INSERT INTO schema_versions (component, version) VALUES (?, ?)
		ON CONFLICT (component) DO UPDATE SET version = excluded.version`
	op := "migrate " + component
	if s.alone {
		return s.current(ctx, component, len(steps))
	}
	return s.do(ctx, op, func(b *batch) error {
		var version int
		err := b.tx.QueryRowContext(noCancel, read, component).Scan(&version)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		switch {
		case version > len(steps):
			return refuse(newerSchema(op, component, version, len(steps)))
		case version == len(steps):
			return nil
		}
		for i := version; i < len(steps); i++ {
			if _, err := b.tx.ExecContext(noCancel, steps[i]); err != nil {
				return fmt.Errorf("step %d: %w", i+1, err)
			}
		}
		b.changed = true
		_, err = b.tx.ExecContext(noCancel, write, component, len(steps))
		return err
	})
}

// SchemaVersions returns the version of the engine's own schema under "jobs",
// and that of each component given to Migrate.
func (s *Store) SchemaVersions(ctx context.Context) (map[string]int, error) {
	const query = `
		SELECT 'jobs', user_version FROM pragma_user_version
		UNION ALL SELECT component, version FROM schema_versions`
	const op = "read schema versions"
	versions := map[string]int{}
	err := s.each(ctx, query, nil, func(rows *sql.Rows) error {
		var component string
		var version int
		if err := rows.Scan(&component, &version); err != nil {
			return err
		}
		versions[component] = version
		return nil
	})
	if err != nil {
		return nil, s.fail(op, err)
	}
	return versions, nil
}

package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mivaa/mivaa/jobs"
)

// SchemaVersion returns the version of the engine's own schema that this
// program brings a file to.
func SchemaVersion() (int, error) {
	steps, err := migrations()
	return len(steps), err
}

// Inspect returns what SchemaVersions does, of a file that is not opened as a
// store: nothing is created, migrated or recovered. A file without a schema has
// version 0. Errors are *jobs.StoreError; os.ErrNotExist inside where there is
// no file.
func Inspect(ctx context.Context, path string) (versions map[string]int, err error) {
	op := "inspect " + path
	if path, err = filepath.Abs(path); err != nil {
		return nil, storeError(op, path, err)
	}
	if _, err := os.Stat(path); err != nil {
		return nil, storeError(op, path, err)
	}
	db, err := sql.Open("sqlite", dsn(path, []string{"busy_timeout(5000)", "query_only(ON)"}))
	if err != nil {
		return nil, storeError(op, path, err)
	}
	defer func() {
		if e := db.Close(); err == nil && e != nil {
			err = storeError(op, path, e)
		}
	}()
	s := &Store{path: path, reader: db}
	if err := s.check(ctx, db); err != nil {
		return nil, storeError(op, path, err)
	}
	var components int
	const known = `SELECT count(*) FROM sqlite_schema WHERE name = 'schema_versions'`
	if err := db.QueryRowContext(ctx, known).Scan(&components); err != nil {
		return nil, storeError(op, path, err)
	}
	if components == 0 {
		return map[string]int{"jobs": 0}, nil
	}
	return s.SchemaVersions(ctx)
}

// errDamaged: SQLite's own check found the file damaged.
var errDamaged = errors.New("the database is damaged")

// Check reads the whole file and reports damage, as a *jobs.StoreError.
func (s *Store) Check(ctx context.Context) error {
	const op = "check database"
	var found []string
	err := s.each(ctx, `PRAGMA quick_check(5)`, nil, func(rows *sql.Rows) error {
		var line string
		err := rows.Scan(&line)
		found = append(found, line)
		return err
	})
	if err != nil {
		return s.fail(op, err)
	}
	if len(found) == 1 && found[0] == "ok" {
		return nil
	}
	return &jobs.StoreError{
		Op: op, Err: fmt.Errorf("%w: %s", errDamaged, strings.Join(found, "; ")),
		Hint: fmt.Sprintf("Stop every process that uses %s, keep a copy with its -wal file, and put a backup in its place (or try sqlite3's .recover).", s.path),
	}
}

package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// Backup writes a consistent copy of the database to path, while everything
// goes on. The copy appears whole or not at all: it is made under another name
// in the same folder, synced, and renamed; a file of that name is replaced.
// What was committed when Backup was called is in it.
func (s *Store) Backup(ctx context.Context, path string) (err error) {
	op := "back up to " + path
	folder := filepath.Dir(path)
	f, err := os.CreateTemp(folder, filepath.Base(path)+".*.tmp")
	if err != nil {
		return storeError(op, path, err)
	}
	temp := f.Name()
	defer func() {
		if err != nil {
			err = errors.Join(err, removeIfThere(temp))
		}
	}()
	if err := f.Close(); err != nil {
		return storeError(op, path, err)
	}
	if err := s.vacuumInto(ctx, temp); err != nil {
		return s.fail(op, err)
	}
	if err := syncFile(temp); err != nil {
		return storeError(op, path, err)
	}
	if err := os.Rename(temp, path); err != nil {
		return storeError(op, path, err)
	}
	if err := syncFolder(folder); err != nil {
		return storeError(op, path, err)
	}
	return nil
}

// vacuumInto copies on a connection of its own: it takes long, and it writes.
func (s *Store) vacuumInto(ctx context.Context, temp string) error {
	db, err := sql.Open("sqlite", dsn(s.path, []string{"busy_timeout(5000)"}))
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `VACUUM INTO ?`, temp)
	return errors.Join(err, db.Close())
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// syncFolder makes a rename durable. Windows has no such thing.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/sqlite"
)

// data is an open data dir: what every command works on.
type data struct {
	dir       string
	jobs      *sqlite.Store
	documents *documents.Store
	blobs     *blob.Folder
}

func (s *storeSettings) database() string { return filepath.Join(s.dataDir, "mivaa.db") }

// open opens the data dir and migrates it, creating it if it is not there.
func (s *storeSettings) open(ctx context.Context, log *slog.Logger) (*data, error) {
	if err := s.isFolder(); err != nil {
		return nil, err
	}
	store, err := sqlite.Open(ctx, sqlite.Config{Path: s.database(), Logger: log})
	if err != nil {
		return nil, err
	}
	d := &data{dir: s.dataDir, jobs: store}
	if d.documents, err = documents.New(ctx, store); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", s.database(), err), store.Close())
	}
	if d.blobs, err = blob.OpenFolder(ctx, filepath.Join(s.dataDir, "blobs")); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return d, nil
}

// isFolder reports a data dir that is a file. One that is not there is none.
func (s *storeSettings) isFolder() error {
	if info, err := os.Stat(s.dataDir); err == nil && !info.IsDir() {
		return &jobs.StoreError{
			Op: "open data dir " + s.dataDir, Err: errors.New("it is a file"),
			Hint: "give the folder that holds the database, or is to hold it, with --data-dir or MIVAA_DATA_DIR",
		}
	}
	return nil
}

// openExisting is open for commands that only look or operate: they do not
// create a data dir, so that a mistyped path is not an empty list.
func (s *storeSettings) openExisting(ctx context.Context, log *slog.Logger) (*data, error) {
	if _, err := os.Stat(s.database()); errors.Is(err, os.ErrNotExist) {
		return nil, &jobs.StoreError{
			Op: "open " + s.database(), Err: errors.New("there is no such database"),
			Hint: "give the folder of the service with --data-dir or MIVAA_DATA_DIR",
		}
	}
	return s.open(ctx, log)
}

func (d *data) close() error {
	if err := errors.Join(d.blobs.Close(), d.jobs.Close()); err != nil {
		return fmt.Errorf("close %s: %w", d.dir, err)
	}
	return nil
}

// with opens an existing data dir for the time of one command.
func (c *console) with(ctx context.Context, s *storeSettings, do func(*data) error) error {
	d, err := s.openExisting(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return errors.Join(do(d), d.close())
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/postgres"
	"github.com/mivaa/mivaa/jobs/sqlite"
)

// store is the store of jobs, whichever it is.
type store interface {
	jobs.Store
	jobs.Console
	io.Closer
}

// data is what every command works on: jobs and documents, and the sources once
// they are asked for.
type data struct {
	dir       string // of caches and temporary copies; of an embedded store, of everything
	where     string // the store, for people
	jobs      store
	documents documents.Store
	blobs     blob.Store // nil: not asked for yet
	openBlobs func(ctx context.Context) (blob.Store, error)
}

// path is the embedded store's file.
func (s *storeSettings) path() string { return filepath.Join(s.dataDir, "mivaa.db") }

// open opens everything and migrates it, creating what is not there.
func (s *storeSettings) open(ctx context.Context, log *slog.Logger) (*data, error) {
	d, err := s.openStore(ctx, log)
	if err != nil {
		return nil, err
	}
	if _, err := d.sources(ctx); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

// openStore opens jobs and documents.
func (s *storeSettings) openStore(ctx context.Context, log *slog.Logger) (*data, error) {
	if err := s.isFolder(); err != nil {
		return nil, err
	}
	if s.shared() {
		return s.openPostgres(ctx, log)
	}
	db, err := sqlite.Open(ctx, sqlite.Config{Path: s.path(), Logger: log})
	if err != nil {
		return nil, err
	}
	docs, err := documents.NewSQLite(ctx, db)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", s.path(), err), db.Close())
	}
	return &data{dir: s.dataDir, where: s.where(), jobs: db, documents: docs, openBlobs: s.blobOpener(nil)}, nil
}

func (s *storeSettings) openPostgres(ctx context.Context, log *slog.Logger) (*data, error) {
	db, err := postgres.Open(ctx, s.postgres(log))
	if err != nil {
		return nil, err
	}
	docs, err := documents.NewPostgres(ctx, db)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", s.where(), err), db.Close())
	}
	return &data{dir: s.dataDir, where: s.where(), jobs: db, documents: docs, openBlobs: s.blobOpener(db)}, nil
}

func (s *storeSettings) postgres(log *slog.Logger) postgres.Config {
	return postgres.Config{URL: s.url, DirectURL: s.directURL, Schema: s.schema.text, Logger: log}
}

// location is where the sources are.
func (s *storeSettings) location() blob.Location {
	switch {
	case s.blobs != blob.Location{}:
		return s.blobs
	case s.shared():
		return blob.Location{Database: true}
	}
	return blob.Location{Folder: filepath.Join(s.dataDir, "blobs")}
}

// blobOpener returns what opens the sources. Their temporary copies are made in
// the data dir, which is the caller's own on each machine.
func (s *storeSettings) blobOpener(db *postgres.Store) func(context.Context) (blob.Store, error) {
	at, dir := s.location(), s.dataDir
	return func(ctx context.Context) (blob.Store, error) {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, &jobs.StoreError{Op: "make data dir", Err: err, Hint: "Name a folder that this user may make or write, with --data-dir or MIVAA_DATA_DIR."}
		}
		return blob.Open(ctx, at, db, filepath.Join(dir, "tmp"))
	}
}

// sources opens the blob store where it is not open. Commands that only look at
// jobs and documents do without it.
func (d *data) sources(ctx context.Context) (blob.Store, error) {
	if d.blobs == nil {
		opened, err := d.openBlobs(ctx)
		if err != nil {
			return nil, err
		}
		if err := d.sameSources(ctx, opened.Location()); err != nil {
			return nil, errors.Join(err, opened.Close())
		}
		d.blobs = opened
	}
	return d.blobs, nil
}

// sameSources refuses to keep sources where other processes on the database do
// not. Where a shared folder is mounted is each machine's own business.
func (d *data) sameSources(ctx context.Context, at blob.Location) error {
	docs, ok := d.documents.(*documents.Postgres)
	if !ok {
		return nil
	}
	where := at.String()
	if at.Folder != "" {
		where = "a shared folder"
	}
	return docs.SourcesAt(ctx, where)
}

// embedded is the store where it is a file, else nil.
func (d *data) embedded() *sqlite.Store {
	file, _ := d.jobs.(*sqlite.Store)
	return file
}

// borrow returns settings with a data dir for the time of one command, where the
// store is a shared one and this machine has no data dir: temporary copies are
// made in it. The function gives it back.
func (s *storeSettings) borrow() (*storeSettings, func(), error) {
	if _, err := os.Stat(s.dataDir); err == nil || !s.shared() {
		return s, func() {}, nil
	}
	dir, err := os.MkdirTemp("", "mivaa-")
	if err != nil {
		return nil, nil, err
	}
	here := *s
	here.dataDir = dir
	return &here, func() { _ = os.RemoveAll(dir) }, nil // what stays is empty, and temporary
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

// openExisting opens jobs and documents for commands that only look or operate:
// they do not create a store, so that a mistyped path or schema is not an empty
// list.
func (s *storeSettings) openExisting(ctx context.Context, log *slog.Logger) (*data, error) {
	if err := s.exists(ctx); err != nil {
		return nil, err
	}
	return s.openStore(ctx, log)
}

func (s *storeSettings) exists(ctx context.Context) error {
	if s.shared() {
		found, err := postgres.Inspect(ctx, s.postgres(nil))
		if err == nil && found[componentJobs] == 0 {
			err = &jobs.StoreError{
				Op: "open " + s.where(), Err: errors.New("there are no tables of mivaa in its schema"),
				Hint: "name the schema with --schema or MIVAA_SCHEMA; mivaa serve or mivaa migrate makes the tables",
			}
		}
		return err
	}
	if _, err := os.Stat(s.path()); errors.Is(err, os.ErrNotExist) {
		return &jobs.StoreError{
			Op: "open " + s.path(), Err: errors.New("there is no such database"),
			Hint: "give the folder of the service with --data-dir or MIVAA_DATA_DIR",
		}
	}
	return nil
}

func (d *data) close() error {
	var err error
	if d.blobs != nil {
		err = d.blobs.Close()
	}
	if err := errors.Join(err, d.jobs.Close()); err != nil {
		return fmt.Errorf("close %s: %w", d.where, err)
	}
	return nil
}

// with opens an existing store for the time of one command.
func (c *console) with(ctx context.Context, s *storeSettings, do func(*data) error) error {
	d, err := s.openExisting(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return errors.Join(do(d), d.close())
}

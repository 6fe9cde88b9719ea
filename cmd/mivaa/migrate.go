package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/postgres"
	"github.com/mivaa/mivaa/jobs/sqlite"
)

func (c *console) migrateCommand() *cobra.Command {
	var s storeSettings
	var dryRun bool
	cmd := &cobra.Command{
		Use: "migrate", GroupID: groupOperate, Args: takes(cobra.NoArgs),
		Short: "Bring the database to this version's schema",
		Long: `Bring the database to this version's schema, creating it if it is not there. Every
command does so when it opens the database; migrate does it at a time of your
choice, and says what it did. There is no way back but a backup. Of many machines on
one PostgreSQL, the first that opens it migrates and the others wait.`,
		Example: `  mivaa backup before.db && mivaa migrate
  mivaa migrate --dry-run
  mivaa migrate status --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			before, err := s.schemas(cmd.Context())
			if err != nil {
				return err
			}
			if dryRun {
				return c.tellSchemas(before, "would be migrated")
			}
			if err := s.migrate(cmd.Context()); err != nil {
				return err
			}
			return c.tellSchemas(before, "migrated")
		},
	}
	s.register(cmd.Flags())
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be done, and do nothing")
	cmd.AddCommand(c.migrateStatusCommand())
	return cmd
}

func (c *console) migrateStatusCommand() *cobra.Command {
	var s storeSettings
	cmd := &cobra.Command{
		Use: "status", Args: takes(cobra.NoArgs),
		Short:   "Say which schema the database has, and change nothing",
		Example: `  mivaa migrate status`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found, err := s.schemas(cmd.Context())
			if err != nil {
				return err
			}
			return c.tellSchemas(found, "behind: mivaa migrate")
		},
	}
	s.register(cmd.Flags())
	return cmd
}

// schema is the version of one component's tables.
type schema struct {
	Component string `json:"component"`
	Version   int    `json:"version"` // in the database; 0: not there
	Known     int    `json:"known"`   // to this program
	Pending   int    `json:"pending"` // steps between them
}

// schemas looks at the database without opening it as a store, which would
// migrate it. One that is not there has version 0.
func (s *storeSettings) schemas(ctx context.Context) ([]schema, error) {
	found, list, err := s.components(ctx)
	if err != nil {
		return nil, err
	}
	for i := range list {
		l := &list[i]
		l.Version = found[l.Component]
		l.Pending = l.Known - l.Version
		if l.Pending < 0 {
			return nil, &jobs.StoreError{
				Op:   "open " + s.where(),
				Err:  fmt.Errorf("%w: schema of %s %d, this program knows %d", jobs.ErrNewerSchema, l.Component, l.Version, l.Known),
				Hint: "use the version of mivaa that wrote it, or a newer one",
			}
		}
	}
	return list, nil
}

// Components of a schema.
const (
	componentJobs      = "jobs"
	componentDocuments = "documents"
	componentBlob      = "blob"
)

// components returns the versions found, and those that this program knows.
func (s *storeSettings) components(ctx context.Context) (found map[string]int, known []schema, err error) {
	if err := s.isFolder(); err != nil {
		return nil, nil, err
	}
	if !s.shared() {
		version, err := sqlite.SchemaVersion()
		if err != nil {
			return nil, nil, err
		}
		found, err := sqlite.Inspect(ctx, s.path())
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return found, []schema{{Component: componentJobs, Known: version}, {Component: componentDocuments, Known: documents.SchemaVersion()}}, err
	}
	version, err := postgres.SchemaVersion()
	if err != nil {
		return nil, nil, err
	}
	known = []schema{{Component: componentJobs, Known: version}, {Component: componentDocuments, Known: documents.PostgresSchemaVersion()}}
	if s.location().Database {
		known = append(known, schema{Component: componentBlob, Known: blob.DatabaseSchemaVersion()})
	}
	found, err = postgres.Inspect(ctx, s.postgres(nil))
	return found, known, err
}

func (s *storeSettings) migrate(ctx context.Context) error {
	here, giveBack, err := s.borrow()
	if err != nil {
		return err
	}
	defer giveBack()
	d, err := here.openStore(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	if here.location().Database || !here.shared() {
		_, err = d.sources(ctx)
	}
	return errors.Join(err, d.close())
}

func (c *console) tellSchemas(list []schema, word string) error {
	if c.json {
		for _, l := range list {
			if err := c.printJSON(l); err != nil {
				return err
			}
		}
		return nil
	}
	out := c.screen(c.out)
	t := &table{columns: []column{{head: "SCHEMA"}, {head: "FROM", right: true}, {head: "TO", right: true}, {head: "STATE"}}}
	for _, l := range list {
		state := cell{"up to date", green}
		if l.Pending > 0 {
			state = cell{word, yellow}
		}
		t.add(text(l.Component), text(strconv.Itoa(l.Version)), text(strconv.Itoa(l.Known)), state)
	}
	return t.write(out)
}

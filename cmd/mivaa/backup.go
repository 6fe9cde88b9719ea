package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
)

func (c *console) backupCommand() *cobra.Command {
	var s storeSettings
	var a consent
	cmd := &cobra.Command{
		Use: "backup FILE", GroupID: groupOperate, Args: takes(cobra.ExactArgs(1)),
		Short: "Copy the embedded database while it is in use",
		Long: `Copy the embedded database while it is in use. The copy is consistent and complete up to the
moment the command was given; FILE appears whole or not at all.

The source files stand beside the database, in blobs/, and never change once they
are written: copy that folder after this command, with any tool. PostgreSQL is backed up with
its own tools: the command then names the one that does it.`,
		Example: `  mivaa backup /backup/mivaa.db
  mivaa backup --yes /backup/mivaa.db && rsync -a data/blobs/ /backup/blobs/`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if s.shared() {
				return s.useDump(args[0])
			}
			ctx, stop := stoppable(cmd.Context())
			defer stop()
			return c.with(ctx, &s, func(d *data) error { return c.backup(ctx, cmd, d, a, args[0]) })
		},
	}
	s.register(cmd.Flags())
	a.register(cmd.Flags())
	return cmd
}

// useDump names the command that backs PostgreSQL up.
func (s *storeSettings) useDump(path string) error {
	command := "pg_dump --format=custom"
	if s.schema.text != "" {
		command += " --schema=" + quote(s.schema.text)
	}
	command += " --file=" + quote(path) + " " + quote(s.forTools())
	hint := command + " (the password in PGPASSWORD or ~/.pgpass)"
	if at := s.location(); !at.Database {
		hint += "; then copy the sources in " + at.String()
	}
	return &exitError{exit: exitUsage, code: "postgres", err: errors.New("PostgreSQL is backed up with its own tools"), hint: hint}
}

// backupResult is what --json prints.
type backupResult struct {
	Output string `json:"output"`
	Bytes  int64  `json:"bytes"`
	DryRun bool   `json:"dry_run"`
}

func (c *console) backup(ctx context.Context, cmd *cobra.Command, d *data, a consent, path string) error {
	replaces, err := d.backupTarget(path)
	if err != nil {
		return err
	}
	if a.dryRun {
		return c.tellBackup("would copy", backupResult{Output: path, DryRun: true}, "")
	}
	if replaces {
		if err := c.ask(cmd, a, "Replace "+clean(path)+"?"); err != nil {
			return err
		}
	}
	began := time.Now()
	if err := d.embedded().Backup(ctx, path); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("look at the copy: %w", err)
	}
	took := time.Since(began).Round(time.Millisecond)
	return c.tellBackup("copied", backupResult{Output: path, Bytes: info.Size()}, fmt.Sprintf(" (%s, %s)", sizeOf(info.Size()), took))
}

// backupTarget refuses what a copy must not replace, and reports whether there
// is a file of that name.
func (d *data) backupTarget(path string) (replaces bool, err error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if dir, err := os.Stat(filepath.Dir(path)); err != nil || !dir.IsDir() {
			return false, usagef("%s: there is no such folder", filepath.Dir(path))
		}
		return false, nil
	}
	if err != nil {
		return false, usage(err)
	}
	if !info.Mode().IsRegular() {
		return false, usagef("%s is not a file: give the name of the copy", path)
	}
	for _, end := range []string{"", "-wal", "-shm"} {
		own, err := os.Stat(d.embedded().Path() + end)
		if err == nil && os.SameFile(own, info) {
			return false, usagef("%s is the database itself", path)
		}
	}
	return true, nil
}

func (c *console) tellBackup(word string, r backupResult, aside string) error {
	if c.json {
		return c.printJSON(r)
	}
	_, err := fmt.Fprintf(c.out, "%s the database to %s%s\n", word, clean(r.Output), aside)
	return err
}

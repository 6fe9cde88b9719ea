package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/postgres"
	"github.com/mivaa/mivaa/jobs/sqlite"
)

// copySettings say what is copied. Where to, the settings of the store say.
type copySettings struct {
	store  storeSettings
	from   string
	blobs  setting // of the source
	dryRun bool
	quiet  bool
}

func (c *console) copyCommand() *cobra.Command {
	var s copySettings
	cmd := &cobra.Command{
		Use: "copy --from DATA_DIR", GroupID: groupOperate, Args: takes(cobra.NoArgs),
		Short: "Copy an embedded store into PostgreSQL",
		Long: `Copy everything of an embedded store into the PostgreSQL and the blob store that
the settings name: documents, passwords, source files, jobs, pages and history.
Ids, times and attempts are kept; events get new ids. Then everything is read
again and compared.

The source must not be in use, and cannot be while it is copied: stop the service
first. No row of it is changed. Jobs that a dead process left in work arrive
interrupted, as the next start would find them, and go on there.

Killed at any moment and given again, the same command goes on. What the target
has already stays as it is there; what differs is named.

Exit codes: 0 all is there and the same, 5 the source is in use, 6 a store is out
of reach, 1 something differs or could not be copied, 75 interrupted: run the same
command again to continue.`,
		Example: `  mivaa copy --from /var/lib/mivaa --database-url postgres://mivaa@db/mivaa --dry-run
  mivaa copy --from /var/lib/mivaa --database-url-file /etc/mivaa/database-url`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.check(); err != nil {
				return usage(err)
			}
			ctx, stop := stoppable(cmd.Context())
			defer stop()
			return c.copy(ctx, &s)
		},
	}
	f := cmd.Flags()
	s.store.register(f)
	f.Var((*folder)(&s.from), "from", "data dir of the embedded store")
	f.Var(&s.blobs, "from-blob-url", "where its source files are. Default: blobs/ in it")
	f.BoolVar(&s.dryRun, "dry-run", false, "count what would be copied, and copy nothing")
	f.BoolVarP(&s.quiet, "quiet", "q", false, "no progress")
	return cmd
}

func (s *copySettings) check() error {
	var errs []error
	if s.from == "" {
		errs = append(errs, errors.New("--from is missing: the data dir to copy"))
	}
	if !s.store.shared() {
		errs = append(errs, errors.New("--database-url is missing: the PostgreSQL to copy to (or MIVAA_DATABASE_URL, or a file by --database-url-file)"))
	}
	if _, err := s.source(); err != nil {
		errs = append(errs, fmt.Errorf("--from-blob-url: %w", err))
	}
	return errors.Join(errs...)
}

// source is where the source files are.
func (s *copySettings) source() (blob.Location, error) {
	if s.blobs.text == "" {
		return blob.Location{Folder: filepath.Join(s.from, "blobs")}, nil
	}
	at, err := blob.ParseURL(s.blobs.text)
	if err == nil && at.Database {
		err = errors.New("db: is no place of an embedded store")
	}
	return at, err
}

// copyResult is what --json prints. What was there already is not counted among
// what was copied.
type copyResult struct {
	From      string    `json:"from"`
	To        string    `json:"to"`
	Documents int       `json:"documents"` // copied, or with dry_run: that would be
	Jobs      int       `json:"jobs"`
	Steps     int       `json:"steps"`
	Events    int       `json:"events"`
	Sources   int       `json:"sources"`
	Bytes     int64     `json:"bytes"`   // of these sources
	Already   int       `json:"already"` // documents that were there
	Verified  bool      `json:"verified"`
	DryRun    bool      `json:"dry_run"`
	Remarks   []jobNote `json:"remarks"`  // what is otherwise there than here, for a reason
	Problems  []jobNote `json:"problems"` // what is not there as it should be
}

// jobNote says something of a document or job.
type jobNote struct {
	DocumentID *jobs.ID `json:"document_id"`
	JobID      *jobs.ID `json:"job_id"`
	Text       string   `json:"text"`
}

func (n jobNote) String() string {
	switch {
	case n.JobID != nil:
		return "job " + n.JobID.String() + ": " + n.Text
	case n.DocumentID != nil:
		return "document " + n.DocumentID.String() + ": " + n.Text
	}
	return n.Text
}

// copier copies one store into another.
type copier struct {
	from      *sqlite.Store
	documents *documents.SQLite
	sources   blob.Store

	to          *postgres.Store
	toDocuments *documents.Postgres
	toSources   blob.Store

	result copyResult
	show   *copyProgress
}

func (c *console) copy(ctx context.Context, s *copySettings) (err error) {
	k := &copier{result: copyResult{From: s.from, To: s.store.where(), DryRun: s.dryRun, Remarks: []jobNote{}, Problems: []jobNote{}}}
	defer func() { err = errors.Join(err, k.close()) }()
	if err := k.openSource(ctx, s); err != nil {
		return err
	}
	totals, err := k.from.Totals(ctx)
	if err != nil {
		return err
	}
	if s.dryRun {
		if err := k.count(ctx, s, totals); err != nil {
			return err
		}
		return c.tellCopy(k.result)
	}
	d, err := s.store.open(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	k.to, _ = d.jobs.(*postgres.Store)
	k.toDocuments, _ = d.documents.(*documents.Postgres)
	k.toSources = d.blobs
	k.show = c.newCopyProgress(s.quiet, totals)
	err = k.all(ctx)
	if err == nil {
		err = k.verify(ctx)
	}
	k.show.stop()
	if ctx.Err() != nil { // whatever broke by that
		return context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	k.result.Verified = len(k.result.Problems) == 0
	return c.tellCopy(k.result)
}

// openSource opens what is copied, and keeps everybody else out of it.
func (k *copier) openSource(ctx context.Context, s *copySettings) error {
	at := storeSettings{dataDir: s.from}
	if err := cmp.Or(at.isFolder(), at.exists(ctx)); err != nil {
		return &exitError{exit: exitUnavailable, code: "unavailable", err: err, hint: "name the data dir of the embedded store with --from"}
	}
	var err error
	if k.from, err = sqlite.OpenAlone(ctx, at.path()); errors.Is(err, sqlite.ErrInUse) {
		return &exitError{
			exit: exitState, code: "in_use", err: err,
			hint: "stop the service and every other mivaa on " + at.dataDir + " first (fuser " + quote(at.path()) + " names them)",
		}
	} else if err != nil {
		return err
	}
	if k.documents, err = documents.NewSQLite(ctx, k.from); err != nil {
		return err
	}
	where, err := s.source()
	if err != nil {
		return usage(err)
	}
	k.sources, err = blob.Open(ctx, where, nil, filepath.Join(s.store.dataDir, "tmp"))
	return err
}

func (k *copier) close() error {
	var errs []error
	if k.toSources != nil {
		errs = append(errs, k.toSources.Close())
	}
	if k.to != nil {
		errs = append(errs, k.to.Close())
	}
	if k.sources != nil {
		errs = append(errs, k.sources.Close())
	}
	if k.from != nil {
		errs = append(errs, k.from.Close())
	}
	return errors.Join(errs...)
}

// count is a dry run: what the source has, and how much of it is there already.
func (k *copier) count(ctx context.Context, s *copySettings, totals sqlite.Totals) error {
	schemas, err := s.store.schemas(ctx)
	if err != nil {
		return err
	}
	var there *data // nil: opening it would migrate it
	if !slices.ContainsFunc(schemas, func(c schema) bool { return c.Pending > 0 }) {
		if there, err = s.store.openStore(ctx, slog.New(slog.DiscardHandler)); err != nil {
			return err
		}
		defer func() { _ = there.close() }() // it was only looked at
	}
	seen := map[string]bool{}
	k.result.Jobs, k.result.Steps, k.result.Events = totals.Jobs, totals.Steps, totals.Events
	for doc, err := range k.documents.Dump(ctx) {
		if err != nil {
			return err
		}
		if there != nil {
			_, err := there.documents.Get(ctx, doc.ID)
			if err == nil {
				k.result.Already++
				continue
			}
			if !errors.Is(err, documents.ErrNotFound) {
				return err
			}
		}
		k.result.Documents++
		if hash := doc.SourceSHA256; hash != "" && !seen[hash] {
			seen[hash] = true
			k.result.Sources++
			k.result.Bytes += doc.SourceSize
		}
	}
	return nil
}

func (c *console) tellCopy(r copyResult) error {
	if c.json {
		if err := c.printJSON(r); err != nil {
			return err
		}
		return copyError(r)
	}
	word := "copied"
	if r.DryRun {
		word = "would copy"
	}
	line := fmt.Sprintf("%s %s, %s, %s, %s and %s (%s) from %s to %s", word, counted(r.Documents, "document"), counted(r.Jobs, "job"),
		counted(r.Steps, "step"), counted(r.Events, "event"), counted(r.Sources, "source"), sizeOf(r.Bytes), clean(r.From), r.To)
	if r.Already > 0 {
		line += "; " + counted(r.Already, "document") + " there already"
	}
	if r.Verified {
		line += "; all of it is there, and the same"
	}
	if _, err := fmt.Fprintln(c.out, line); err != nil {
		return err
	}
	for _, n := range r.Remarks {
		c.note("note: %s", clean(n.String()))
	}
	for _, n := range r.Problems {
		c.note("problem: %s", clean(n.String()))
	}
	return copyError(r)
}

func copyError(r copyResult) error {
	if len(r.Problems) == 0 {
		return nil
	}
	return &exitError{exit: exitFailure, code: "differs", err: fmt.Errorf("%s: not everything is there as it should be", counted(len(r.Problems), "problem")), hint: "mend what is named, then give the same command again"}
}

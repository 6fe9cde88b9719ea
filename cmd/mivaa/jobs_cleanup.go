package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mivaa/mivaa/jobs"
)

type cleanupSettings struct {
	store     storeSettings
	consent   consent
	olderThan time.Duration
}

func (c *console) jobsCleanupCommand() *cobra.Command {
	var s cleanupSettings
	cmd := &cobra.Command{
		Use: "cleanup", Args: takes(cobra.NoArgs),
		Short: "Remove jobs that ended long ago",
		Long: `Remove jobs that were completed, failed or cancelled long ago, with their history.
Other interrupted jobs stay. Documents and their pages stay. Sources that no
document refers to any more go too, a day after they were stored at the earliest.

A running service does the same at its start (--retention).`,
		Example: `  mivaa jobs cleanup --older-than 168h --dry-run
  mivaa jobs cleanup --older-than 720h --yes`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if s.olderThan < 0 {
				return usagef("--older-than must not be negative")
			}
			if c.environ("MIVAA_SERVER") != "" && c.namedStore() == "" {
				return usagef("this works on a store, and MIVAA_SERVER names a service: give --data-dir or --database-url, or unset it")
			}
			ctx, stop := stoppable(cmd.Context())
			defer stop()
			return c.with(ctx, &s.store, func(d *data) error { return c.jobsCleanup(ctx, cmd, &s, d) })
		},
	}
	s.store.register(cmd.Flags())
	s.consent.register(cmd.Flags())
	cmd.Flags().DurationVar(&s.olderThan, "older-than", 7*24*time.Hour, "how long ago the jobs ended at least")
	return cmd
}

// cleanupResult is what --json prints.
type cleanupResult struct {
	Jobs    int       `json:"jobs"`    // removed, or with dry_run: that would be
	Sources int       `json:"sources"` // removed
	Bytes   int64     `json:"bytes"`   // of these sources
	Before  time.Time `json:"before"`
	DryRun  bool      `json:"dry_run"`
}

func (c *console) jobsCleanup(ctx context.Context, cmd *cobra.Command, s *cleanupSettings, d *data) error {
	r := cleanupResult{Before: time.Now().Add(-s.olderThan).UTC(), DryRun: s.consent.dryRun}
	if r.DryRun || !s.consent.yes {
		due, err := d.countEnded(ctx, r.Before)
		if err != nil {
			return err
		}
		if r.DryRun {
			r.Jobs = due
			return c.tellCleanup(s, r)
		}
		question := fmt.Sprintf("Remove %s that ended more than %s ago, with their history?", counted(due, "job"), span(s.olderThan))
		if due > 0 {
			if err := c.ask(cmd, s.consent, question); err != nil {
				return err
			}
		}
	}
	if err := d.removeEnded(ctx, &r); err != nil {
		if r.Jobs > 0 {
			c.note("removed before it stopped: %s", counted(r.Jobs, "job"))
		}
		return err
	}
	return c.tellCleanup(s, r)
}

func (c *console) tellCleanup(s *cleanupSettings, r cleanupResult) error {
	if c.json {
		return c.printJSON(r)
	}
	word := "removed"
	if r.DryRun {
		word = "would remove"
	}
	line := fmt.Sprintf("%s %s that ended more than %s ago", word, counted(r.Jobs, "job"), span(s.olderThan))
	if r.Sources > 0 {
		line += " and " + counted(r.Sources, "source") + " (" + sizeOf(r.Bytes) + ")"
	}
	_, err := fmt.Fprintln(c.out, line)
	return err
}

// removeEnded removes in slices, so that nobody waits long behind one.
func (d *data) removeEnded(ctx context.Context, r *cleanupResult) error {
	const slice = 500
	for {
		n, err := d.jobs.Cleanup(ctx, r.Before, slice)
		r.Jobs += n
		if err != nil {
			return err
		}
		if n < slice {
			break
		}
	}
	blobs, err := d.sources(ctx)
	if err != nil {
		return err
	}
	swept, err := blobs.Sweep(ctx, d.documents.SourcesInUse)
	r.Sources, r.Bytes = swept.Blobs, swept.Bytes
	return err
}

// countEnded counts the jobs that a cleanup would remove. A job ends after it
// was created, so that only those created before are looked at.
func (d *data) countEnded(ctx context.Context, before time.Time) (int, error) {
	n := 0
	for _, status := range []jobs.Status{jobs.Completed, jobs.Failed, jobs.Interrupted} {
		err := d.desk().every(ctx, jobs.Filter{Status: status, Order: jobs.OldestFirst}, func(j jobs.Job) (bool, error) {
			if !j.CreatedAt.Before(before) {
				return false, nil
			}
			if ended := endedAt(j); !ended.IsZero() && ended.Before(before) {
				n++
			}
			return true, nil
		})
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// endedAt is when a job came to an end that a cleanup looks at; zero: it did not.
func endedAt(j jobs.Job) time.Time {
	at := time.Time{}
	switch {
	case j.Status == jobs.Completed:
		at = j.CompletedAt
	case j.Status == jobs.Failed:
		at = j.FailedAt
	case j.Status == jobs.Interrupted && j.Cause == jobs.CauseCancelled:
		at = j.InterruptedAt
	default:
		return at
	}
	if at.IsZero() {
		at = j.UpdatedAt
	}
	return at
}

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mivaa/mivaa/jobs"
)

func (c *console) jobsEventsCommand() *cobra.Command {
	var s deskSettings
	var follow bool
	cmd := &cobra.Command{
		Use: "events ID", Args: takes(cobra.ExactArgs(1)),
		Short: "Print the history of a job",
		Long: `Print the history of a job, oldest first: each attempt, interruption, resume,
failure and cancellation, with its time and its cause.`,
		Example: `  mivaa jobs events 019a
  mivaa jobs events 019a --follow --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := stoppable(cmd.Context())
			defer stop()
			return c.at(ctx, &s, func(d *desk) error { return c.jobsEvents(ctx, d, args[0], follow) })
		},
	}
	s.register(cmd.Flags())
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the job ends")
	cmd.ValidArgsFunction = c.completeJobs(&s)
	return cmd
}

func (c *console) jobsEvents(ctx context.Context, d *desk, arg string, follow bool) error {
	j, err := d.job(ctx, arg)
	if err != nil {
		return err
	}
	out := c.screen(c.out)
	last := int64(0)
	show := func(e jobs.Event) error {
		last = e.ID
		if c.json {
			return c.printJSON(eventRowOf(e))
		}
		e.At = e.At.Local()
		_, err := fmt.Fprintln(c.out, eventLine(out, e, zoneTime, out.width))
		return err
	}
	if !follow {
		return d.history(ctx, j.ID, 0, show)
	}
	changes := d.jobs.Watch(ctx)
	for {
		// The job first: what ended it is then among the events read next.
		if j, err = d.get(ctx, j.ID); err == nil {
			err = d.history(ctx, j.ID, last, show)
		}
		if err == nil && j.Ended() {
			return nil
		}
		if err == nil {
			err = pace(ctx, changes)
		}
		if errors.Is(err, context.Canceled) {
			return letGo(j.ID.String(), j.Status)
		}
		if err != nil {
			return err
		}
	}
}

// eventRow is a row of job_events with every column as a key, null where the
// column is.
type eventRow struct {
	jobs.Event
	From     *jobs.Status `json:"from_status"`
	Cause    *jobs.Cause  `json:"cause"`
	Instance *string      `json:"instance_id"`
	Detail   *string      `json:"detail"`
}

func eventRowOf(e jobs.Event) eventRow {
	return eventRow{Event: e, From: null(e.From), Cause: null(e.Cause), Instance: null(e.Instance), Detail: null(e.Detail)}
}

// letGo is how following a job ends by Ctrl-C.
func letGo(id string, status jobs.Status) error {
	return &exitError{
		exit: exitInterrupted, code: "interrupted",
		err:  fmt.Errorf("no longer following; the job goes on (%s)", status),
		hint: "to stop the job: mivaa jobs cancel " + id,
	}
}

// How often a job is looked at again: not more often than fastest, although
// much changes, and not less often than slowest, because a hint may be missed.
const (
	fastest = 100 * time.Millisecond
	slowest = time.Second
)

// pace waits for the next look. The error is that of ctx.
func pace(ctx context.Context, changes <-chan jobs.Hint) error {
	rest := time.NewTimer(fastest)
	defer rest.Stop()
	select {
	case <-rest.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	late := time.NewTimer(slowest)
	defer late.Stop()
	select {
	case _, open := <-changes:
		if !open {
			<-ctx.Done()
			return context.Cause(ctx)
		}
	case <-late.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

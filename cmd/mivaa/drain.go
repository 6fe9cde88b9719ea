package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mivaa/mivaa/jobs"
)

func (c *console) drainCommand() *cobra.Command {
	var s deskSettings
	var wait time.Duration
	var reason string
	cmd := &cobra.Command{
		Use: "drain", GroupID: groupOperate, Args: takes(cobra.NoArgs),
		Short: "Let running jobs end and start no others, before a deploy",
		Long: `Tell every instance that is alive to claim no more jobs. What runs goes on, uploads
are accepted and wait, and an instance that starts later claims. It lasts until
mivaa undrain, or until the instances are gone.

--wait takes a time: the command waits so long at most until none of them has a
job, which is when a restart interrupts nothing; exit code 8 says that it took
longer. Without it the command ends at once. A restart then loses nothing either:
what runs is interrupted and goes on at its last page.`,
		Example: `  mivaa drain --wait 5m --reason "deploy of 1.4.0" && systemctl restart mivaa
  mivaa drain --server http://127.0.0.1:8000`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if wait < 0 {
				return usagef("--wait must not be negative")
			}
			ctx, stop := stoppable(cmd.Context())
			defer stop()
			return c.at(ctx, &s, func(d *desk) error { return c.drain(ctx, d, reason, wait) })
		},
	}
	f := cmd.Flags()
	s.register(f)
	f.DurationVar(&wait, "wait", 0, "wait until no draining instance has a job, so long at most; exit code 8 when it ran out. 0: do not wait")
	f.StringVar(&reason, "reason", "deploy", "what for: shown beside the instances")
	return cmd
}

func (c *console) undrainCommand() *cobra.Command {
	var s deskSettings
	cmd := &cobra.Command{
		Use: "undrain", GroupID: groupOperate, Args: takes(cobra.NoArgs),
		Short: "Let every instance claim jobs again", Long: "Let every instance claim jobs again after mivaa drain.",
		Example: `  mivaa undrain
  mivaa undrain --server http://127.0.0.1:8000`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.at(cmd.Context(), &s, func(d *desk) error {
				if err := d.jobs.Undrain(cmd.Context()); err != nil {
					return err
				}
				state, err := d.drained(cmd.Context())
				if err != nil {
					return err
				}
				return c.tellDrain(state)
			})
		},
	}
	s.register(cmd.Flags())
	return cmd
}

// drainResult is how far a drain has come.
type drainResult struct {
	Draining   int  `json:"draining"`    // instances that claim nothing more
	Claiming   int  `json:"claiming"`    // instances that do
	ActiveJobs int  `json:"active_jobs"` // of the draining ones
	Ready      bool `json:"ready"`       // a restart of the draining ones interrupts nothing
}

func (d *desk) drained(ctx context.Context) (drainResult, error) {
	found, err := d.jobs.Instances(ctx, mostInstances)
	if err != nil {
		return drainResult{}, err
	}
	var r drainResult
	for _, in := range found {
		switch {
		case ended(in):
		case in.DrainingSince.IsZero() && in.State == jobs.InstanceLive:
			r.Claiming++
		default:
			r.Draining++
			r.ActiveJobs += len(in.Running)
		}
	}
	r.Ready = r.ActiveJobs == 0 && (r.Draining > 0 || r.Claiming == 0)
	return r, nil
}

func (c *console) drain(ctx context.Context, d *desk, reason string, wait time.Duration) error {
	if err := d.jobs.Drain(ctx, reason); err != nil {
		return err
	}
	state, err := d.drained(ctx)
	if err == nil && wait > 0 && !state.Ready {
		state, err = c.awaitDrain(ctx, d, state, wait)
	}
	if err != nil {
		return err
	}
	if err := c.tellDrain(state); err != nil {
		return err
	}
	if wait > 0 && !state.Ready {
		return &exitError{
			exit: exitRunning, code: "running", err: fmt.Errorf("%s still running after %s", isAre(state.ActiveJobs, "job"), wait),
			hint: "the drain goes on: give the command again to wait longer, or mivaa undrain to end it",
		}
	}
	return nil
}

// awaitDrain waits until the draining instances have no job, and tells what it
// waits for whenever that changes.
func (c *console) awaitDrain(ctx context.Context, d *desk, state drainResult, wait time.Duration) (drainResult, error) {
	within, cancel := waiting(ctx, wait)
	defer cancel()
	changes := d.jobs.Watch(within)
	told := -1
	for !state.Ready {
		if told != state.ActiveJobs && !c.json {
			c.note("waiting for %s", counted(state.ActiveJobs, "job"))
			told = state.ActiveJobs
		}
		err := pace(within, changes)
		if err == nil {
			state, err = d.drained(within)
		}
		switch {
		case err == nil:
		case errors.Is(context.Cause(within), errWaited):
			return state, nil
		case errors.Is(err, context.Canceled):
			return state, &exitError{
				exit: exitInterrupted, code: "interrupted", err: errors.New("no longer waiting; the drain goes on"), hint: "to end it: mivaa undrain",
			}
		default:
			return state, err
		}
	}
	return state, nil
}

func (c *console) tellDrain(r drainResult) error {
	if c.json {
		return c.printJSON(r)
	}
	line := "no instance is alive"
	switch {
	case r.Draining > 0 && r.Claiming > 0:
		line = fmt.Sprintf("%s draining with %s, %d claiming", counted(r.Draining, "instance"), counted(r.ActiveJobs, "job"), r.Claiming)
	case r.Draining > 0:
		line = fmt.Sprintf("%s draining with %s", counted(r.Draining, "instance"), counted(r.ActiveJobs, "job"))
	case r.Claiming > 0:
		line = counted(r.Claiming, "instance") + " claiming jobs"
	}
	_, err := fmt.Fprintln(c.out, line)
	return err
}

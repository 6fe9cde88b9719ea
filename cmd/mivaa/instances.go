package main

import (
	"cmp"
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/mivaa/mivaa/jobs"
)

func (c *console) instancesCommand() *cobra.Command {
	var s deskSettings
	cmd := &cobra.Command{
		Use: "instances", GroupID: groupOperate, Args: takes(cobra.NoArgs),
		Short: "List the processes that run jobs",
		Long: `List the processes that run jobs, and those that did and are still remembered: who
is alive, since when, when it was last seen, and how many jobs it has in hand.`,
		Example: `  mivaa instances
  mivaa instances --json | jq -r 'select(.state == "live") | .host'`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.at(cmd.Context(), &s, func(d *desk) error { return c.instances(cmd.Context(), d) })
		},
	}
	s.register(cmd.Flags())
	return cmd
}

// mostInstances is how many are shown.
const mostInstances = 1000

// instanceRow is an instance with every key, null where it has none.
type instanceRow struct {
	jobs.InstanceState
	DrainingSince  *time.Time `json:"draining_since"`
	DrainingReason *string    `json:"draining_reason"`
}

func (c *console) instances(ctx context.Context, d *desk) error {
	found, err := d.jobs.Instances(ctx, mostInstances)
	if err != nil {
		return err
	}
	if c.json {
		for _, in := range found {
			if err := c.printJSON(instanceRow{in, null(in.DrainingSince), null(in.DrainingReason)}); err != nil {
				return err
			}
		}
		return nil
	}
	if len(found) == 0 {
		c.note("no instances: nothing runs jobs, and nothing has for a while; mivaa serve does")
		return nil
	}
	out := c.screen(c.out)
	return instanceTable(out, found, time.Now()).write(out)
}

func instanceTable(s screen, found []jobs.InstanceState, now time.Time) *table {
	t := &table{columns: []column{
		{head: "ID"}, {head: "STATE"}, {head: "JOBS", right: true}, {head: "UP", right: true}, {head: "SEEN", right: true, spare: 3},
		{head: "MEMORY", right: true, spare: 2}, {head: "HOST", shrink: screen.squeeze}, {head: "PID", right: true, spare: 1}, {head: "VERSION", spare: 4},
		{head: "REMARK", shrink: screen.cut},
	}}
	for _, in := range found {
		id := in.ID
		if s.tty && len(id) == 36 {
			id = id[:18]
		}
		up := age(in.StartedAt, now)
		if ended(in) {
			up = span(in.SeenAt.Sub(in.StartedAt))
		}
		memory := "-"
		if in.MemoryBytes > 0 {
			memory = sizeOf(in.MemoryBytes)
		}
		t.add(
			text(id), instanceState(s, in), text(slotsOf(in)), text(up), text(age(in.SeenAt, now)), text(memory),
			text(cmp.Or(clean(in.Host), "-")), text(strconv.Itoa(in.PID)), text(clean(in.Version)), text(drainingOf(in, now)),
		)
	}
	t.fold(s)
	return t
}

// ended reports whether an instance is no more.
func ended(in jobs.InstanceState) bool {
	return in.State == jobs.InstanceDead || in.State == jobs.InstanceStopped
}

// slotsOf is how many jobs an instance has, of how many.
func slotsOf(in jobs.InstanceState) string {
	n := strconv.Itoa(len(in.Running))
	if in.Slots > 0 {
		n += "/" + strconv.Itoa(in.Slots)
	}
	return n
}

func instanceState(s screen, in jobs.InstanceState) cell {
	icon, st := "●", green
	switch {
	case in.State == jobs.InstanceDead:
		icon, st = "✗", red
	case in.State == jobs.InstanceStopped:
		icon, st = "○", dim
	case in.State == jobs.InstanceStopping, !in.DrainingSince.IsZero():
		icon, st = "◐", yellow
	}
	if !s.icons {
		return cell{text: in.State, style: st}
	}
	return cell{text: icon + " " + in.State, style: st}
}

func drainingOf(in jobs.InstanceState, now time.Time) string {
	if in.DrainingSince.IsZero() || ended(in) {
		return ""
	}
	line := "draining for " + age(in.DrainingSince, now)
	if in.DrainingReason != "" {
		line += ": " + clean(in.DrainingReason)
	}
	return line
}

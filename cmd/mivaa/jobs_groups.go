package main

import (
	"cmp"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/mivaa/mivaa/jobs"
)

func (c *console) jobsGroupsCommand() *cobra.Command {
	var s deskSettings
	var filter filterSettings
	cmd := &cobra.Command{
		Use: "groups", Args: takes(cobra.NoArgs),
		Short: "Count interrupted and failed jobs by why they are",
		Long: `Count interrupted and failed jobs by why they are, the largest group first, with
the error of the latest of each. What can be done stands below: a group is put
back whole, or looked at first.`,
		Example: `  mivaa jobs groups
  mivaa jobs groups --status failed --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.at(cmd.Context(), &s, func(d *desk) error {
				groups, err := d.jobs.Groups(cmd.Context(), filter.filter())
				if err != nil {
					return err
				}
				return c.tellGroups(groups)
			})
		},
	}
	s.register(cmd.Flags())
	filter.register(cmd)
	return cmd
}

// groupRow is a group with every key, null where it has none.
type groupRow struct {
	jobs.Group
	Cause     *jobs.Cause `json:"cause"`
	ErrorCode *string     `json:"error_code"`
}

func (c *console) tellGroups(groups []jobs.Group) error {
	if c.json {
		for _, g := range groups {
			if err := c.printJSON(groupRow{g, null(g.Cause), null(g.ErrorCode)}); err != nil {
				return err
			}
		}
		return nil
	}
	if len(groups) == 0 {
		c.note("no interrupted and no failed jobs")
		return nil
	}
	out := c.screen(c.out)
	if err := groupTable(out, groups, time.Now()).write(out); err != nil {
		return err
	}
	c.note("to look at one: mivaa jobs list --status failed --code CODE, or --status interrupted --cause CAUSE")
	c.note("to put one back: mivaa jobs resume --all --status interrupted --cause CAUSE, or mivaa jobs retry --all")
	return nil
}

func groupTable(s screen, groups []jobs.Group, now time.Time) *table {
	t := &table{columns: []column{
		{head: "STATUS"}, {head: "WHY"}, {head: "JOBS", right: true}, {head: "FIRST", right: true, spare: 1}, {head: "LAST", right: true},
		{head: "LATEST ERROR", shrink: screen.cut},
	}}
	for _, g := range groups {
		t.add(
			s.status(g.Status), text(clean(cmp.Or(g.ErrorCode, string(g.Cause), "-"))), text(humanize.Comma(int64(g.Count))),
			text(age(g.First, now)), text(age(g.Last, now)), text(strings.TrimSpace(clean(g.Error))),
		)
	}
	t.fold(s)
	return t
}

package main

import (
	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/mivaa/mivaa/jobs"
)

func (c *console) jobsStatsCommand() *cobra.Command {
	var s deskSettings
	cmd := &cobra.Command{
		Use: "stats", Args: takes(cobra.NoArgs),
		Short: "Count jobs by status",
		Example: `  mivaa jobs stats
  mivaa jobs stats --json | jq .interrupted`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.at(cmd.Context(), &s, func(d *desk) error {
				counts, err := d.jobs.Statistics(cmd.Context())
				if err != nil {
					return err
				}
				if c.json {
					return c.printJSON(counts)
				}
				out := c.screen(c.out)
				return statsTable(out, counts).write(out)
			})
		},
	}
	s.register(cmd.Flags())
	return cmd
}

func statsTable(s screen, counts jobs.Statistics) *table {
	t := &table{columns: []column{{head: "STATUS"}, {head: "JOBS", right: true}}}
	for _, line := range []struct {
		status jobs.Status
		n      int
	}{
		{jobs.Pending, counts.Pending}, {jobs.Processing, counts.Processing}, {jobs.Completed, counts.Completed},
		{jobs.Failed, counts.Failed}, {jobs.Interrupted, counts.Interrupted},
	} {
		t.add(s.status(line.status), text(humanize.Comma(int64(line.n))))
	}
	total := "total"
	if s.icons {
		total = "  total"
	}
	t.add(cell{total, bold}, cell{humanize.Comma(int64(counts.Total)), bold})
	return t
}

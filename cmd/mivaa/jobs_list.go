package main

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mivaa/mivaa/jobs"
)

// listSettings say which jobs are listed.
type listSettings struct {
	store  deskSettings
	filter filterSettings
	sort   choice
	limit  int
	after  string
}

func (c *console) jobsListCommand() *cobra.Command {
	var s listSettings
	cmd := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Args: takes(cobra.NoArgs),
		Short: "List jobs",
		Long: `List jobs, the newest first. On a terminal ids are cut to what names them, and long
names and errors to the width; elsewhere nothing is cut. Scripts read --json: one
job a line, every column of its row a key.`,
		Example: `  mivaa jobs list --status failed
  mivaa jobs list --status interrupted --cause crash --sort updated_at:asc --limit 20
  mivaa jobs list --search invoice --server http://127.0.0.1:8000
  mivaa jobs list --json --limit 0 | jq -r 'select(.crashes > 0) | .id'`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if s.limit < 0 {
				return usagef("--limit must not be negative")
			}
			return c.at(cmd.Context(), &s.store, func(d *desk) error { return c.jobsList(cmd, &s, d) })
		},
	}
	f := cmd.Flags()
	s.store.register(f)
	s.filter.register(cmd)
	s.sort = choice{value: string(jobs.NewestFirst)}
	for _, o := range jobs.Orders() {
		s.sort.of = append(s.sort.of, string(o))
	}
	f.Var(&s.sort, "sort", "order")
	offer(cmd, "sort", &s.sort)
	f.IntVar(&s.limit, "limit", 50, "how many at most; 0: all")
	f.StringVar(&s.after, "after", "", "only what stands behind this job in the order: the next page")
	return cmd
}

// filterSettings select jobs.
type filterSettings struct {
	status, cause       choice
	code, owner, search string
}

func (s *filterSettings) register(cmd *cobra.Command) {
	for _, status := range jobs.Statuses() {
		s.status.of = append(s.status.of, string(status))
	}
	for _, cause := range jobs.Causes() {
		s.cause.of = append(s.cause.of, string(cause))
	}
	f := cmd.Flags()
	f.Var(&s.status, "status", "only jobs with this status")
	f.Var(&s.cause, "cause", "only jobs that were interrupted by this")
	f.StringVar(&s.code, "code", "", "only jobs that failed with this error code: damaged, page_timeout, ...")
	f.StringVar(&s.owner, "owner", "", "only jobs of this owner")
	f.StringVar(&s.search, "search", "", "only jobs whose filename has this in it, or whose id begins so")
	offer(cmd, "status", &s.status)
	offer(cmd, "cause", &s.cause)
}

func (s *filterSettings) filter() jobs.Filter {
	return jobs.Filter{
		Status: jobs.Status(s.status.value), Cause: jobs.Cause(s.cause.value), ErrorCode: s.code, Owner: s.owner, Search: s.search,
	}
}

func (c *console) jobsList(cmd *cobra.Command, s *listSettings, d *desk) error {
	ctx := cmd.Context()
	f := s.filter.filter()
	f.Order = jobs.Order(s.sort.value)
	if s.after != "" {
		after, err := d.job(ctx, s.after)
		if err != nil {
			return err
		}
		f.After = &after
	}
	if s.limit > 0 {
		f.Limit = min(s.limit+1, 1000)
	}
	var found []jobs.Job
	more := false
	err := d.every(ctx, f, func(j jobs.Job) (bool, error) {
		if s.limit > 0 && len(found) == s.limit {
			more = true
			return false, nil
		}
		if c.json && s.limit == 0 { // any number of them: one at a time
			return true, c.printJSON(rowOf(j))
		}
		found = append(found, j)
		return true, nil
	})
	if err != nil {
		return err
	}
	if c.json {
		for _, j := range found {
			if err := c.printJSON(rowOf(j)); err != nil {
				return err
			}
		}
		return nil
	}
	if len(found) == 0 {
		c.note("no jobs")
		return nil
	}
	out := c.screen(c.out)
	ids, err := d.shortIDs(ctx, out, found)
	if err != nil {
		return err
	}
	if err := jobTable(out, found, ids, time.Now()).write(out); err != nil {
		return err
	}
	if more {
		c.note("more: %s", c.again(cmd, "--after "+ids[len(ids)-1]))
	}
	return nil
}

// shortIDs returns, on a terminal, as much of each id as names the job, the
// same length for all; elsewhere the whole ids.
func (d *desk) shortIDs(ctx context.Context, s screen, list []jobs.Job) ([]string, error) {
	ids := make([]string, len(list))
	for i, j := range list {
		ids[i] = j.ID.String()
	}
	if !s.tty {
		return ids, nil
	}
	n, err := uniqueLength(ids, func(prefix string) (int, error) {
		found, err := d.jobs.List(ctx, jobs.Filter{IDPrefix: prefix, Limit: 2})
		return len(found), err
	})
	for i := range ids {
		ids[i] = ids[i][:n]
	}
	return ids, err
}

// uniqueLength returns how much of the ids is needed to tell each from all
// others in the store. The lengths end where an id has a hyphen.
func uniqueLength(ids []string, count func(prefix string) (int, error)) (int, error) {
	const whole = 36
	lengths := []int{8, 13, 18, 23}
	step := 0
	for _, id := range ids {
		for step < len(lengths) {
			n, err := count(id[:lengths[step]])
			if err != nil {
				return whole, err
			}
			if n < 2 {
				break
			}
			step++
		}
	}
	if step == len(lengths) {
		return whole, nil
	}
	return lengths[step], nil
}

// jobTable is a list of jobs for people. What there is to say of a job stands
// in a column, or under its line where the screen is too narrow for that.
func jobTable(s screen, list []jobs.Job, ids []string, now time.Time) *table {
	t := &table{columns: []column{
		{head: "ID"}, {head: "STATUS"}, {head: "DONE", right: true, spare: 2}, {head: "PAGES", right: true},
		{head: "ATTEMPT", right: true, spare: 3}, {head: "AGE", right: true, spare: 1}, {head: "FILE", shrink: screen.squeeze}, {head: "REMARK", shrink: screen.cut},
	}}
	for i, j := range list {
		t.add(
			text(ids[i]), s.status(j.Status), text(strconv.Itoa(j.Progress)+"%"), text(pagesOf(j)),
			text(strconv.FormatInt(j.Attempt, 10)), text(age(j.CreatedAt, now)), text(cmp.Or(clean(j.Filename), "-")), text(remark(j, now)),
		)
	}
	t.fold(s)
	return t
}

// pagesOf is how far a job is: "12/100", "12" where the total is not known,
// and "-" where nothing is.
func pagesOf(j jobs.Job) string {
	switch {
	case j.StepsTotal == 0 && j.StepsDone == 0:
		return "-"
	case j.StepsTotal == 0:
		return strconv.Itoa(j.StepsDone)
	case j.StepsDone == j.StepsTotal:
		return strconv.Itoa(j.StepsTotal)
	}
	return fmt.Sprintf("%d/%d", j.StepsDone, j.StepsTotal)
}

// remark is what there is to say of a job in a few words: why it failed or was
// interrupted, or what it waits for.
func remark(j jobs.Job, now time.Time) string {
	switch {
	case j.Status == jobs.Failed || j.Status == jobs.Interrupted:
		word := cmp.Or(j.ErrorCode, string(j.Cause))
		why := strings.TrimSpace(clean(j.Error))
		if word == "" || strings.HasPrefix(why, word) {
			return why
		}
		if why == "" {
			return word
		}
		return word + ": " + why
	case j.Status == jobs.Pending && j.RunAt.After(now):
		again := "not before " + j.RunAt.In(now.Location()).Format("15:04:05") + " (in " + span(j.RunAt.Sub(now)) + ")"
		if j.Failures > 0 {
			again += ", after " + counted(j.Failures, "failure")
		}
		return again
	}
	return ""
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mivaa/mivaa/jobs"
)

func (c *console) jobsCommand() *cobra.Command {
	cmd := parent(&cobra.Command{
		Use: "jobs", GroupID: groupOperate,
		Short: "List, watch and move jobs",
		Long: `List, watch and move jobs, straight on the store, with or without a running
service, from any machine that reaches it; or on a running service, with its URL
as --server or MIVAA_SERVER. These commands run no job, and recover and mark none
by themselves.

A job is named by its id or by the beginning of it, of four characters or more,
as long as no other job's id begins the same way.`,
		Example: `  mivaa jobs list --status failed
  mivaa jobs show 019a
  mivaa jobs retry --all`,
	})
	cmd.AddCommand(
		c.jobsListCommand(), c.jobsShowCommand(), c.jobsWatchCommand(), c.jobsEventsCommand(),
		c.jobsResumeCommand(), c.jobsRetryCommand(), c.jobsRestartCommand(), c.jobsCancelCommand(), c.jobsInterruptCommand(),
		c.jobsStatsCommand(), c.jobsGroupsCommand(), c.jobsCleanupCommand(),
	)
	return cmd
}

// parent makes a command that only holds others: alone it prints its help, and
// a word that is none of them is an error of usage.
func parent(cmd *cobra.Command) *cobra.Command {
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		err := fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
		hint := "see " + cmd.CommandPath() + " --help"
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			hint = "did you mean " + cmd.CommandPath() + " " + near[0] + "?"
		}
		return &exitError{exit: exitUsage, code: "usage", err: err, hint: hint}
	}
	cmd.SuggestionsMinimumDistance = 2
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return cmd
}

// takes makes an error of usage of what cobra says about the arguments.
func takes(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return &exitError{exit: exitUsage, code: "usage", err: err, hint: "usage: " + cmd.UseLine()}
		}
		return nil
	}
}

// anID is an id as a person gave it: whole, or its beginning.
type anID struct {
	whole  jobs.ID
	prefix string // of the id's text form
}

// leastPrefix is how many characters of an id are asked for: fewer are a slip
// of the finger rather than a name.
const leastPrefix = 4

// parseID reads an id or the beginning of one, with or without its hyphens.
func parseID(arg string) (anID, error) {
	digits := strings.ToLower(strings.ReplaceAll(arg, "-", ""))
	if strings.Trim(digits, "0123456789abcdef") != "" || len(digits) > 32 {
		return anID{}, usagef("%s is not an id: an id has 32 hexadecimal digits", strconv.Quote(arg))
	}
	if len(digits) < leastPrefix {
		return anID{}, usagef("%s is too short: give at least %d characters of the id", strconv.Quote(arg), leastPrefix)
	}
	var b strings.Builder
	for i := range len(digits) {
		if i == 8 || i == 12 || i == 16 || i == 20 {
			b.WriteByte('-')
		}
		b.WriteByte(digits[i])
	}
	id := anID{prefix: b.String()}
	if len(digits) == 32 {
		var err error
		if id.whole, err = jobs.ParseID(id.prefix); err != nil {
			return anID{}, usage(err)
		}
	}
	return id, nil
}

// mostCandidates is how many ids an ambiguous prefix is answered with.
const mostCandidates = 5

func ambiguous(what, arg string, candidates []string) error {
	more := ""
	if len(candidates) > mostCandidates {
		candidates, more = candidates[:mostCandidates], " and more"
	}
	return &exitError{
		exit: exitUsage, code: "ambiguous_id",
		err:  fmt.Errorf("%s is the beginning of more than one %s: %s%s", arg, what, strings.Join(candidates, ", "), more),
		hint: "give more characters of the id",
	}
}

// job finds the job that an argument names.
func (d *desk) job(ctx context.Context, arg string) (jobs.Job, error) {
	id, err := parseID(arg)
	if err != nil {
		return jobs.Job{}, err
	}
	f := jobs.Filter{IDPrefix: id.prefix, Limit: mostCandidates + 1}
	if !id.whole.IsZero() {
		f = jobs.Filter{IDs: []jobs.ID{id.whole}, Limit: 1}
	}
	found, err := d.jobs.List(ctx, f)
	switch {
	case err != nil:
		return jobs.Job{}, err
	case len(found) == 0:
		return jobs.Job{}, fmt.Errorf("%s: %w", clean(arg), jobs.ErrNotFound)
	case len(found) > 1:
		candidates := make([]string, len(found))
		for i, j := range found {
			candidates[i] = j.ID.String()
		}
		return jobs.Job{}, ambiguous("job", arg, candidates)
	}
	return found[0], nil
}

// jobList finds all the jobs that the arguments name, each once, or none.
func (d *desk) jobList(ctx context.Context, args []string) ([]jobs.Job, error) {
	var found []jobs.Job
	var errs []error
	seen := map[jobs.ID]bool{}
	for _, arg := range args {
		j, err := d.job(ctx, arg)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if !seen[j.ID] {
			found = append(found, j)
		}
		seen[j.ID] = true
	}
	return found, together(errs)
}

// together makes one error of several: the exit code and the hint are the
// first one's.
func together(errs []error) error {
	if len(errs) == 0 {
		return nil
	}
	if len(errs) == 1 {
		return errs[0]
	}
	e := *classify(errs[0])
	words := make([]string, len(errs))
	for i, err := range errs {
		words[i] = err.Error()
	}
	e.err = errors.New(strings.Join(words, "; "))
	return &e
}

// every calls visit with all jobs that match, a page (of f.Limit
// jobs) at a time, until it returns false.
func (d *desk) every(ctx context.Context, f jobs.Filter, visit func(jobs.Job) (bool, error)) error {
	if f.Limit == 0 {
		f.Limit = 1000
	}
	for {
		page, err := d.jobs.List(ctx, f)
		if err != nil {
			return err
		}
		for _, j := range page {
			if more, err := visit(j); err != nil || !more {
				return err
			}
		}
		if len(page) < f.Limit {
			return nil
		}
		f.After = &page[len(page)-1]
	}
}

// jobRow is a row of background_jobs with every column as a key, null where
// the column is.
type jobRow struct {
	jobs.Job
	DocumentID     *jobs.ID       `json:"document_id"`
	Error          *string        `json:"error"`
	StartedAt      *time.Time     `json:"started_at"`
	CompletedAt    *time.Time     `json:"completed_at"`
	FailedAt       *time.Time     `json:"failed_at"`
	InterruptedAt  *time.Time     `json:"interrupted_at"`
	Cause          *jobs.Cause    `json:"cause"`
	InstanceID     *string        `json:"instance_id"`
	IdempotencyKey *string        `json:"idempotency_key"`
	Recovery       *jobs.Recovery `json:"recovery"`
	ErrorCode      *string        `json:"error_code"`
	Owner          *string        `json:"owner"`
	Position       *int64         `json:"position"`
	MaxFailures    *int           `json:"max_failures"`
	MaxCrashes     *int           `json:"max_crashes"`
	RetryDelayMS   *int           `json:"retry_delay_ms"`
}

func rowOf(j jobs.Job) jobRow {
	return jobRow{
		Job: j, DocumentID: null(j.DocumentID), Error: null(j.Error),
		StartedAt: null(j.StartedAt), CompletedAt: null(j.CompletedAt), FailedAt: null(j.FailedAt), InterruptedAt: null(j.InterruptedAt),
		Cause: null(j.Cause), InstanceID: null(j.InstanceID), IdempotencyKey: null(j.IdempotencyKey),
		Recovery: null(j.Recovery), ErrorCode: null(j.ErrorCode), Owner: null(j.Owner), Position: null(j.Position),
		MaxFailures: null(j.MaxFailures), MaxCrashes: null(j.MaxCrashes), RetryDelayMS: null(j.RetryDelayMS),
	}
}

// null is a pointer to a value, nil for the zero value.
func null[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// operator is who makes a move, for the history.
func operator() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return "cli:" + u.Username
	}
	return "cli:uid " + strconv.Itoa(os.Getuid())
}

// stoppable returns a context that the first stop signal cancels.
func stoppable(ctx context.Context) (context.Context, func()) {
	return interruptible(ctx, os.Exit) //nolint:forbidigo // the second signal ends the process at once, as elsewhere
}

// offer completes a flag that takes one of a few words.
func offer(cmd *cobra.Command, flag string, c *choice) {
	// It fails only for a flag that is not there, which the tests would find.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(c.of, cobra.ShellCompDirectiveNoFileComp))
}

// completeJobs offers the ids of jobs that a command can act on.
func (c *console) completeJobs(s *deskSettings, statuses ...jobs.Status) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		var offers []string
		if err := c.bind(cmd); err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		if len(statuses) == 0 {
			statuses = []jobs.Status{""}
		}
		err := c.at(cmd.Context(), s, func(d *desk) error {
			for _, status := range statuses {
				found, err := d.jobs.List(cmd.Context(), jobs.Filter{IDPrefix: strings.ToLower(begun), Status: status})
				if err != nil {
					return err
				}
				for _, j := range found {
					offers = append(offers, j.ID.String()+"\t"+string(j.Status)+" "+clean(j.Filename))
				}
			}
			return nil
		})
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return offers, cobra.ShellCompDirectiveNoFileComp
	}
}

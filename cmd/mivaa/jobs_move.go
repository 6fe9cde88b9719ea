package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/mivaa/mivaa/jobs"
)

// mover is a command that makes a move, of jobs named one by one or of all
// that match.
type mover struct {
	*console
	name     string // of the command
	done     string // its past participle
	move     jobs.Move
	only     jobs.Status   // if given: jobs with this status and no other
	all      []jobs.Status // that --all takes; the first, unless --status has to say
	question string        // what is lost, where something is; it is asked before

	store  deskSettings
	flags  bulkFlags
	cmd    *cobra.Command
	by     string
	result moveResult
}

type bulkFlags struct {
	consent
	all    bool
	status choice
	cause  choice
	owner  string
}

func (c *console) jobsResumeCommand() *cobra.Command {
	m := &mover{console: c, name: "resume", done: "resumed", move: jobs.Resume, all: []jobs.Status{jobs.Interrupted, jobs.Failed}}
	return m.command(&cobra.Command{
		Short: "Put interrupted or failed jobs back, with their pages kept",
		Long: `Put interrupted or failed jobs back into the queue. They go on at the first page
that is not recorded, when a service has room for them.

--all takes the interrupted ones, but not those that a person cancelled: name
these, or give --cause cancelled.`,
		Example: `  mivaa jobs resume 019a
  mivaa jobs resume --all
  mivaa jobs resume --all --cause cancelled --owner alice --dry-run`,
	})
}

func (c *console) jobsRetryCommand() *cobra.Command {
	m := &mover{console: c, name: "retry", done: "put back", move: jobs.Resume, only: jobs.Failed, all: []jobs.Status{jobs.Failed}}
	return m.command(&cobra.Command{
		Short: "Put failed jobs back, with their pages kept",
		Long: `Put failed jobs back into the queue, with a new budget. They go on at the first
page that is not recorded.`,
		Example: `  mivaa jobs retry 019a 019b
  mivaa jobs retry --all --dry-run`,
	})
}

func (c *console) jobsRestartCommand() *cobra.Command {
	m := &mover{
		console: c, name: "restart", done: "restarted", move: jobs.Restart,
		all: []jobs.Status{jobs.Interrupted, jobs.Failed, jobs.Pending}, question: "Their pages are forgotten and read again.",
	}
	return m.command(&cobra.Command{
		Short: "Put jobs back to their first page",
		Long: `Put pending, interrupted or failed jobs back to their first page: the pages that
are recorded are forgotten and read again. A running job has to be cancelled
before, a completed one stays (extract --fresh reads its document anew).`,
		Example: `  mivaa jobs restart 019a
  mivaa jobs restart --all --status failed --dry-run`,
	})
}

func (c *console) jobsCancelCommand() *cobra.Command {
	m := &mover{
		console: c, name: "cancel", done: "cancelled", move: jobs.Cancel,
		all: []jobs.Status{jobs.Pending, jobs.Processing, jobs.Interrupted}, question: "Their pages are kept; only a person resumes them.",
	}
	return m.command(&cobra.Command{
		Short: "Stop jobs for good",
		Long: `Stop pending, running or interrupted jobs. The pages that are recorded are kept,
and nothing but a person resumes the job.`,
		Example: `  mivaa jobs cancel 019a
  mivaa jobs cancel --all --status pending --owner alice`,
	})
}

func (c *console) jobsInterruptCommand() *cobra.Command {
	m := &mover{
		console: c, name: "interrupt", done: "interrupted", move: jobs.Interrupt,
		all: []jobs.Status{jobs.Processing}, question: "Their processes lose them, and they go on elsewhere behind the last page that is recorded.",
	}
	return m.command(&cobra.Command{
		Short: "Take running jobs from a process that hangs",
		Long: `Take running jobs from the process that has them, which finds out with its next
write and can record nothing any more. They go on by themselves at the first page
that is not recorded, in any process that has room; one that is stamped manual
waits for a person (mivaa jobs resume).

A process that died needs no such help: its jobs are taken over by themselves.`,
		Example: `  mivaa jobs interrupt 019a
  mivaa jobs interrupt --all --owner alice --dry-run`,
	})
}

func (m *mover) command(cmd *cobra.Command) *cobra.Command {
	cmd.Use = m.name + " ID...|--all"
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		m.cmd, m.by = cmd, operator()
		if err := m.check(args); err != nil {
			return err
		}
		ctx, stop := stoppable(cmd.Context())
		defer stop()
		return m.at(ctx, &m.store, func(d *desk) error {
			if m.flags.all {
				return m.bulk(ctx, d)
			}
			return m.named(ctx, d, args)
		})
	}
	f := cmd.Flags()
	if m.move == jobs.Interrupt { // a service does not offer it
		m.store.storeSettings.register(f)
	} else {
		m.store.register(f)
	}
	if m.question != "" {
		m.flags.register(f)
	} else {
		m.flags.yes = true
		f.BoolVar(&m.flags.dryRun, "dry-run", false, "say what would be done, and do nothing")
	}
	f.BoolVar(&m.flags.all, "all", false, "all jobs that match")
	if len(m.all) > 1 {
		for _, s := range m.all {
			m.flags.status.of = append(m.flags.status.of, string(s))
		}
		if m.question == "" {
			m.flags.status.value = string(m.all[0])
		}
		f.Var(&m.flags.status, "status", "with --all: only jobs with this status")
		offer(cmd, "status", &m.flags.status)
	} else {
		m.flags.status.value = string(m.all[0])
	}
	if slices.Contains(m.all, jobs.Interrupted) && m.move != jobs.Cancel {
		for _, c := range jobs.Causes() {
			m.flags.cause.of = append(m.flags.cause.of, string(c))
		}
		f.Var(&m.flags.cause, "cause", "with --all: only interrupted jobs with this cause; default: all but cancelled")
		offer(cmd, "cause", &m.flags.cause)
	}
	f.StringVar(&m.flags.owner, "owner", "", "with --all: only jobs of this owner")
	cmd.ValidArgsFunction = m.completeJobs(&m.store, m.from()...)
	return cmd
}

// from are the statuses that the move is legal in, for this command.
func (m *mover) from() []jobs.Status {
	if m.only != "" {
		return []jobs.Status{m.only}
	}
	var from []jobs.Status
	for _, s := range jobs.Statuses() {
		if _, ok := m.move.Target(s); ok {
			from = append(from, s)
		}
	}
	return from
}

func (m *mover) check(args []string) error {
	f := &m.flags
	switch {
	case f.all && len(args) > 0:
		return usagef("give ids or --all, not both")
	case !f.all && len(args) == 0:
		return usagef("which jobs? Give their ids, or --all")
	case f.all && f.status.value == "":
		return usagef("--all needs --status: one of %s", strings.Join(f.status.of, ", "))
	case f.cause.value != "" && f.status.value != string(jobs.Interrupted):
		return usagef("--cause is of interrupted jobs: it needs --status interrupted")
	case !f.all && (m.given("status") || m.given("cause") || m.given("owner")):
		return usagef("--status, --cause and --owner choose among --all")
	}
	return nil
}

func (m *mover) given(flag string) bool {
	f := m.cmd.Flags().Lookup(flag)
	return f != nil && f.Changed
}

// refusal is why a job may not be moved, or nil.
func (m *mover) refusal(j jobs.Job) error {
	if slices.Contains(m.from(), j.Status) {
		return nil
	}
	return &jobs.MoveError{ID: j.ID, Move: jobs.Move(m.name), Status: j.Status, Allowed: jobs.Allowed(j.Status)}
}

// named moves the jobs that were named. All ids have to be right before the
// first job is moved; one that refuses does not keep the others back.
func (m *mover) named(ctx context.Context, d *desk, args []string) error {
	list, err := d.jobList(ctx, args)
	if err != nil {
		return err
	}
	var refused []error
	legal := slices.DeleteFunc(slices.Clone(list), func(j jobs.Job) bool {
		err := m.refusal(j)
		if err != nil {
			refused = append(refused, err)
		}
		return err != nil
	})
	if len(legal) == 0 {
		return together(refused)
	}
	if m.flags.dryRun {
		for _, j := range legal {
			if err := m.tell("would "+m.name, j); err != nil {
				return err
			}
		}
		return together(refused)
	}
	if err := m.confirm(len(legal), ""); err != nil {
		return err
	}
	for _, before := range legal {
		after, err := d.jobs.Move(ctx, before.ID, m.move, m.by)
		if move, ok := errors.AsType[*jobs.MoveError](err); ok {
			refused = append(refused, move)
			continue
		}
		if err != nil {
			return err
		}
		word := m.done
		if m.move == jobs.Cancel && before.Cause == jobs.CauseCancelled {
			word = "already " + m.done
		}
		if err := m.tell(word, after); err != nil {
			return err
		}
	}
	return together(refused)
}

func (m *mover) confirm(n int, status jobs.Status) error {
	if m.question == "" {
		return nil
	}
	noun := "job"
	if status != "" {
		noun = string(status) + " job"
	}
	question := m.question
	if n == 1 {
		question = strings.NewReplacer("Their processes lose them, and they go", "Its process loses it, and it goes", "Their", "Its", "resumes them", "resumes it").Replace(question)
	}
	return m.ask(m.cmd, m.flags.consent, strings.ToUpper(m.name[:1])+m.name[1:]+" "+counted(n, noun)+"? "+question)
}

func (m *mover) tell(word string, j jobs.Job) error {
	if m.json {
		return m.printJSON(rowOf(j))
	}
	where := ""
	if m.move == jobs.Resume && j.StepsDone > 0 {
		where = fmt.Sprintf(" (at page %d)", j.StepsDone+1)
	}
	_, err := fmt.Fprintf(m.out, "%s %s %s%s\n", word, j.ID, clean(j.Filename), where)
	return err
}

// moveResult is what --all did.
type moveResult struct {
	Move    string `json:"move"`
	Status  string `json:"status"`
	Matched int    `json:"matched"`
	Moved   int    `json:"moved"`
	Changed int    `json:"changed"` // had another status by the time
	DryRun  bool   `json:"dry_run"`
}

// bulk moves all jobs that match.
func (m *mover) bulk(ctx context.Context, d *desk) error {
	status := jobs.Status(m.flags.status.value)
	var ids []jobs.ID
	cancelled := 0
	err := d.every(ctx, jobs.Filter{Status: status, Owner: m.flags.owner, Order: jobs.OldestFirst}, func(j jobs.Job) (bool, error) {
		switch {
		case m.flags.cause.value != "" && string(j.Cause) != m.flags.cause.value:
		case j.Cause == jobs.CauseCancelled && m.flags.cause.value == "":
			cancelled++ // by a person, who meant it
		default:
			ids = append(ids, j.ID)
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	m.result = moveResult{Move: m.name, Status: string(status), Matched: len(ids), DryRun: m.flags.dryRun}
	if len(ids) > 0 && !m.flags.dryRun {
		if err := m.confirm(len(ids), status); err != nil {
			return err
		}
		if err := m.moveAll(ctx, d, ids); err != nil {
			if m.result.Moved > 0 {
				m.note("%s before it stopped: %d of %d", m.done, m.result.Moved, len(ids))
			}
			return err
		}
	}
	return m.summary(status, cancelled)
}

func (m *mover) summary(status jobs.Status, cancelled int) error {
	if m.json {
		return m.printJSON(m.result)
	}
	noun := string(status) + " job"
	line := m.done + " " + counted(m.result.Moved, noun)
	if m.result.DryRun {
		line = "would " + m.name + " " + counted(m.result.Matched, noun)
	}
	if _, err := fmt.Fprintln(m.out, line); err != nil {
		return err
	}
	if m.result.Changed > 0 {
		m.note("%s changed meanwhile and stayed", counted(m.result.Changed, "job"))
	}
	if cancelled > 0 && m.move != jobs.Cancel {
		m.note("left alone: %s that a person cancelled (--cause cancelled takes them)", counted(cancelled, "job"))
	}
	return nil
}

// movedAtOnce is how many jobs are moved at the same time.
const movedAtOnce = 64

// moveAll moves many jobs at once: the store commits together what waits
// together.
func (m *mover) moveAll(ctx context.Context, d *desk, ids []jobs.ID) error {
	for slice := range slices.Chunk(ids, movedAtOnce) {
		errs := make([]error, len(slice))
		var moves sync.WaitGroup
		for i, id := range slice {
			moves.Go(func() { _, errs[i] = d.jobs.Move(ctx, id, m.move, m.by) })
		}
		moves.Wait()
		var failed error
		for _, err := range errs {
			_, refused := errors.AsType[*jobs.MoveError](err)
			switch {
			case err == nil:
				m.result.Moved++
			case refused, errors.Is(err, jobs.ErrNotFound):
				m.result.Changed++
			case failed == nil:
				failed = err
			}
		}
		if failed != nil {
			return failed
		}
	}
	return nil
}

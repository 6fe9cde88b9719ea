package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mivaa/mivaa/client"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs"
)

func (c *console) jobsShowCommand() *cobra.Command {
	var s deskSettings
	cmd := &cobra.Command{
		Use: "show ID", Args: takes(cobra.ExactArgs(1)),
		Short: "Show all there is to know of a job",
		Long: `Show all there is to know of a job: how far it is, what it failed at, its whole
history, the pages that could not be read, and what can be done with it now.`,
		Example: `  mivaa jobs show 019a
  mivaa jobs show --json 019a | jq '.events[] | select(.event == "interrupted")'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.at(cmd.Context(), &s, func(d *desk) error { return c.jobsShow(cmd.Context(), d, args[0]) })
		},
	}
	s.register(cmd.Flags())
	cmd.ValidArgsFunction = c.completeJobs(&s)
	return cmd
}

// jobDetail is a job with what stands in other tables.
type jobDetail struct {
	jobRow
	QueuePosition int                    `json:"queue_position"` // 1: next; 0: not pending
	PagesFailed   []documents.FailedPage `json:"pages_failed"`
	Moves         []string               `json:"moves"` // that its status allows
	Story         storyRow               `json:"story"`
	Events        []eventRow             `json:"events"`
}

// storyRow is a job's history as people ask about it: the sentences, and what
// they are made of.
type storyRow struct {
	Summary       string                `json:"summary"`
	Attempts      []client.Attempt      `json:"attempts"`
	Interruptions []client.Interruption `json:"interruptions"`
}

func (c *console) jobsShow(ctx context.Context, d *desk, arg string) error {
	j, err := d.job(ctx, arg)
	if err != nil {
		return err
	}
	detail, err := d.detail(ctx, j)
	if err != nil {
		return err
	}
	if c.json {
		return c.printJSON(detail)
	}
	out := c.screen(c.out)
	return detail.write(out, time.Now())
}

func (d *desk) detail(ctx context.Context, j jobs.Job) (jobDetail, error) {
	detail := jobDetail{jobRow: rowOf(j), PagesFailed: []documents.FailedPage{}, Moves: []string{}, Events: []eventRow{}}
	for _, m := range jobs.Allowed(j.Status) {
		detail.Moves = append(detail.Moves, string(m))
	}
	failed, err := d.documents.FailedPages(ctx, j.DocumentID, j.ID)
	if err != nil {
		return detail, err
	}
	detail.PagesFailed = append(detail.PagesFailed, failed...)
	if j.Status == jobs.Pending {
		ahead, err := d.jobs.Ahead(ctx, j.ID)
		if err != nil {
			return detail, err
		}
		detail.QueuePosition = ahead + 1
	}
	told, err := d.story(ctx, j)
	if err != nil {
		return detail, err
	}
	detail.Story = storyRow{told.Summary, append([]client.Attempt{}, told.Attempts...), append([]client.Interruption{}, told.Interruptions...)}
	err = d.history(ctx, j.ID, 0, func(e jobs.Event) error {
		detail.Events = append(detail.Events, eventRowOf(e))
		return nil
	})
	return detail, err
}

// history calls visit with the events of a job above an event's id.
func (d *desk) history(ctx context.Context, id jobs.ID, after int64, visit func(jobs.Event) error) error {
	const page = 1000
	for {
		events, err := d.jobs.Events(ctx, id, after, page)
		if err != nil {
			return err
		}
		for _, e := range events {
			if err := visit(e); err != nil {
				return err
			}
			after = e.ID
		}
		if len(events) < page {
			return nil
		}
	}
}

// write shows the job to a person.
func (j *jobDetail) write(s screen, now time.Time) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n", s.paint(bold, j.ID.String()), s.paintStatus(j.Status))
	if note := remark(j.Job, now); note != "" {
		for _, line := range wrap(note, s.width) {
			fmt.Fprintln(&b, line)
		}
	}
	b.WriteByte('\n')
	j.writeStrip(&b, s)
	j.facts(now).write(&b, s)
	j.writeStory(&b, s)
	j.writeHistory(&b, s, now.Location())
	j.writeMoves(&b, s)
	_, err := io.WriteString(s.w, b.String())
	return err
}

// writeStrip draws the job's pages.
func (j *jobDetail) writeStrip(b *strings.Builder, s screen) {
	row := s.pageStrip(strip(j.StepsDone, j.StepsTotal, failedSteps(j.Job, j.PagesFailed), s.width-4))
	if row != "" {
		fmt.Fprintf(b, "  %s\n  %s\n\n", row, s.paint(dim, stripLegend(j.Job, len(j.PagesFailed))))
	}
}

// writeStory tells what happened, in sentences.
func (j *jobDetail) writeStory(b *strings.Builder, s screen) {
	told := []string{j.Story.Summary}
	for _, i := range j.Story.Interruptions {
		told = append(told, i.Summary)
	}
	told = slices.DeleteFunc(told, func(line string) bool { return line == "" })
	if len(told) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", s.paint(bold, "what happened"))
	room := 0
	if s.width > 0 {
		room = max(20, s.width-4)
	}
	for _, line := range told {
		for i, part := range wrap(clean(line), room) {
			lead := "- "
			if i > 0 {
				lead = "  "
			}
			fmt.Fprintln(b, "  "+s.paint(dim, lead)+part)
		}
	}
}

// facts are the columns that say something.
func (j *jobDetail) facts(now time.Time) facts {
	var f facts
	f.add("file", clean(j.Filename))
	f.add("document", j.Job.DocumentID.String())
	f.add("owner", clean(j.Job.Owner))
	f.add("pages", j.pages())
	f.add("pages failed", failedPages(j.PagesFailed))
	if j.Status == jobs.Pending {
		f.add("in the queue", j.place())
	}
	f.add("attempt", j.attempts())
	f.add("recovery", recoveryOf(j.Job))
	if j.Priority != 0 {
		f.add("priority", strconv.Itoa(j.Priority))
	}
	if j.Kind != documents.Kind {
		f.add("kind", clean(j.Kind))
	}
	f.add("instance", j.Job.InstanceID)
	f.add("key", clean(j.Job.IdempotencyKey))
	if m := string(j.Metadata); m != "{}" {
		f.add("metadata", clean(m))
	}
	for _, at := range []struct {
		name string
		t    time.Time
	}{
		{"created", j.CreatedAt}, {"started", j.Job.StartedAt}, {"completed", j.Job.CompletedAt},
		{"failed", j.Job.FailedAt}, {"interrupted", j.Job.InterruptedAt}, {"updated", j.UpdatedAt},
	} {
		if !at.t.IsZero() {
			f.add(at.name, exact(at.t, now))
		}
	}
	return f
}

func (j *jobDetail) pages() string {
	switch {
	case j.StepsTotal > 0:
		return fmt.Sprintf("%d of %d recorded (%d%%)", j.StepsDone, j.StepsTotal, j.Progress)
	case j.StepsDone > 0:
		return fmt.Sprintf("%d recorded", j.StepsDone)
	}
	return ""
}

func (j *jobDetail) place() string {
	if j.QueuePosition <= 1 {
		return "next"
	}
	return counted(j.QueuePosition-1, "job") + " ahead"
}

func (j *jobDetail) attempts() string {
	parts := []string{strconv.FormatInt(j.Attempt, 10)}
	for _, n := range []struct {
		count int
		noun  string
	}{{j.Failures, "failure"}, {j.Crashes, "crash"}, {j.Interruptions, "interruption"}} {
		switch {
		case n.count == 0:
		case n.noun == "crash" && n.count > 1:
			parts = append(parts, strconv.Itoa(n.count)+" crashes")
		default:
			parts = append(parts, counted(n.count, n.noun))
		}
	}
	return strings.Join(parts, ", ")
}

func recoveryOf(j jobs.Job) string {
	switch j.Recovery {
	case jobs.RecoveryAuto:
		return "auto: an interruption is followed by a resume"
	case jobs.RecoveryManual:
		return "manual: an interruption waits for a person"
	}
	return ""
}

func (j *jobDetail) writeHistory(b *strings.Builder, s screen, zone *time.Location) {
	if len(j.Events) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", s.paint(bold, "history"))
	day := ""
	for _, row := range j.Events {
		e := row.Event
		e.At = e.At.In(zone)
		if today := e.At.Format(zoneDay); today != day {
			day = today
			fmt.Fprintln(b, "  "+s.paint(dim, day))
		}
		fmt.Fprintln(b, "  "+eventLine(s, e, clockTime, s.width-2))
	}
}

func (j *jobDetail) writeMoves(b *strings.Builder, s screen) {
	lines := moveHints(j.Job)
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", s.paint(bold, "what can be done"))
	longest := 0
	for _, l := range lines {
		longest = max(longest, len(l[0]))
	}
	beside := s.width == 0 || longest+40 <= s.width
	for _, l := range lines {
		if beside {
			fmt.Fprintf(b, "  %-*s  %s\n", longest, l[0], s.paint(dim, l[1]))
			continue
		}
		fmt.Fprintf(b, "  %s\n    %s\n", l[0], s.paint(dim, l[1]))
	}
}

// moveHints are the commands that a job's status allows, and what each does.
func moveHints(j jobs.Job) [][2]string {
	var lines [][2]string
	add := func(name, what string) {
		lines = append(lines, [2]string{"mivaa jobs " + name + " " + j.ID.String(), what})
	}
	for _, m := range jobs.Allowed(j.Status) {
		switch m {
		case jobs.Resume:
			name := "resume"
			if j.Status == jobs.Failed {
				name = "retry"
			}
			add(name, fmt.Sprintf("go on at page %d", j.StepsDone+1))
		case jobs.Restart:
			if j.StepsDone > 0 {
				add("restart", "forget "+counted(j.StepsDone, "page")+" and begin again")
			} else {
				add("restart", "begin again")
			}
		case jobs.Cancel:
			if j.Cause != jobs.CauseCancelled {
				add("cancel", "stop it; its pages are kept")
			}
		case jobs.Interrupt:
		}
	}
	if j.Status == jobs.Processing || j.Status == jobs.Pending {
		add("watch", "follow it to its end")
	}
	if !j.DocumentID.IsZero() && j.StepsDone > 0 {
		lines = append(lines, [2]string{"mivaa documents export " + j.DocumentID.String(), "read what there is"})
	}
	return lines
}

// How the times of a history are written.
// eventLine is a line of history: when, what, and why, in most columns (below
// 1: any number).
func eventLine(s screen, e jobs.Event, layout string, most int) string {
	st := plain
	switch e.To {
	case jobs.Completed:
		st = green
	case jobs.Failed:
		st = red
	case jobs.Interrupted:
		st = yellow
	case jobs.Processing:
		st = cyan
	case jobs.Pending:
	}
	room := 0
	if most > 0 {
		room = max(20, most-len(layout)-len(gap)-11-len(gap))
	}
	line := s.paint(dim, e.At.Format(layout)) + gap + s.paint(st, fmt.Sprintf("%-11s", e.Event)) + gap + s.cut(why(e), room)
	return strings.TrimRight(line, " ")
}

// why says what there is to say of an event beside its name.
func why(e jobs.Event) string {
	var parts []string
	switch e.Event {
	case jobs.EventAccepted:
	case jobs.EventStarted:
		parts = append(parts, fmt.Sprintf("attempt %d", e.Attempt))
		if e.Instance != "" {
			parts = append(parts, "instance "+e.Instance)
		}
	case jobs.EventInterrupted:
		parts = append(parts, string(e.Cause))
	case jobs.EventResumed, jobs.EventRestarted:
		if e.Cause != jobs.CauseOperator {
			parts = append(parts, "by itself")
		}
	}
	if d := strings.TrimSpace(clean(e.Detail)); d != "" {
		if e.Cause == jobs.CauseOperator || e.Cause == jobs.CauseCancelled {
			d = "by " + d
		}
		parts = append(parts, d)
	}
	return cmp.Or(strings.Join(parts, ", "), "")
}

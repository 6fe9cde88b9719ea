package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/jobs"
)

func (c *console) jobsWatchCommand() *cobra.Command {
	var s deskSettings
	var wait time.Duration
	cmd := &cobra.Command{
		Use: "watch [ID]", Args: takes(cobra.MaximumNArgs(1)),
		Short: "Follow a job to its end, or all jobs",
		Long: `Follow a job to its end, or all jobs until Ctrl-C, which stops the watching and no
job. --json prints a job's row at each change.

--wait takes a time: the watching stops when it is over. Without it the watching
of one job ends with the job, and that of all jobs does not end.

Exit codes for one job: 0 completed, 7 completed but for some pages, 3 its file was
refused, 1 failed otherwise, 5 interrupted and waiting for a person, 8 still
running when --wait ran out, 75 no longer followed. For all jobs: 8 when --wait ran
out and some wait or run, 0 otherwise.`,
		Example: `  mivaa jobs watch 019a
  mivaa jobs watch 019a --wait 10m && mivaa documents list
  mivaa jobs watch --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if wait < 0 {
				return usagef("--wait must not be negative")
			}
			ctx, stop := stoppable(cmd.Context())
			defer stop()
			return c.at(ctx, &s, func(d *desk) error {
				if len(args) == 0 {
					return c.watchAll(ctx, d, wait)
				}
				return c.watchOne(ctx, d, args[0], wait)
			})
		},
	}
	s.register(cmd.Flags())
	cmd.Flags().DurationVar(&wait, "wait", 0, "watch for so long at most; exit code 8 when it ran out. 0: as long as it takes")
	cmd.ValidArgsFunction = c.completeJobs(&s, jobs.Processing, jobs.Pending)
	return cmd
}

// errWaited: --wait ran out.
var errWaited = errors.New("waited long enough")

// sight is what makes two looks at a job differ.
type sight struct {
	status      jobs.Status
	done, total int
	attempt     int64
	updated     time.Time
}

func sightOf(j jobs.Job) sight {
	return sight{j.Status, j.StepsDone, j.StepsTotal, j.Attempt, j.UpdatedAt}
}

// waiting is ctx for as long as --wait says; 0: for as long as ctx.
func waiting(ctx context.Context, wait time.Duration) (context.Context, context.CancelFunc) {
	if wait == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, wait, errWaited)
}

func (c *console) watchOne(ctx context.Context, d *desk, arg string, wait time.Duration) error {
	j, err := d.job(ctx, arg)
	if err != nil {
		return err
	}
	ctx, cancel := waiting(ctx, wait)
	defer cancel()
	return d.follow(ctx, newView(c), j)
}

// follow shows a job to its end, and returns the error that this is, or why it
// is no longer followed. A service that is restarted is waited for.
func (d *desk) follow(ctx context.Context, v *view, j jobs.Job) error {
	var err error
	lost := false
	changes := d.jobs.Watch(ctx)
	for err == nil {
		d.lookAtPages(ctx, v, j)
		if err = v.job(j); err != nil {
			break
		}
		if j.Ended() {
			v.over()
			return d.end(context.WithoutCancel(ctx), j)
		}
		if err = pace(ctx, changes); err != nil {
			break
		}
		now, gone := d.get(ctx, j.ID)
		switch {
		case gone == nil:
			j, lost = now, false
		case ctx.Err() == nil && outOfReach(gone):
			if !lost {
				err = v.remark("the service is out of reach; trying again until Ctrl-C")
			}
			lost = true
		default:
			err = gone
		}
	}
	v.over()
	switch {
	case errors.Is(context.Cause(ctx), errWaited):
		return stillRunning(j)
	case errors.Is(err, context.Canceled):
		return letGo(j.ID.String(), j.Status)
	}
	return err
}

// lookAtPages finds out for a view that draws them which pages failed. It is a
// picture: what is wrong with the store, the look at the job itself tells.
func (d *desk) lookAtPages(ctx context.Context, v *view, j jobs.Job) {
	if !v.rewrite || j.StepsDone == v.last[j.ID].done {
		return
	}
	if failed, err := d.documents.FailedPages(ctx, j.DocumentID, j.ID); err == nil {
		v.failed = failedSteps(j, failed)
	}
}

func stillRunning(j jobs.Job) error {
	where := string(j.Status)
	if j.StepsTotal > 0 {
		where += fmt.Sprintf(", %d of %d pages", j.StepsDone, j.StepsTotal)
	}
	return &exitError{exit: exitRunning, code: "running", err: fmt.Errorf("job %s has not ended yet: %s", j.ID, where)}
}

// end is the error that the end of a job is for who waited for it.
func (d *desk) end(ctx context.Context, j jobs.Job) error {
	show := "its history: mivaa jobs show " + j.ID.String()
	switch j.Status {
	case jobs.Completed:
		failed, err := d.documents.FailedPages(ctx, j.DocumentID, j.ID)
		if err != nil || len(failed) == 0 {
			return err
		}
		return &exitError{
			exit: exitPartly, code: "partial", hint: show,
			err: fmt.Errorf("%d of %d pages could not be read: %s", len(failed), j.StepsTotal, failedPages(failed)),
		}
	case jobs.Failed:
		e := &exitError{exit: exitFailure, code: j.ErrorCode, err: errors.New(remark(j, time.Now())), hint: show}
		if extract.Refused(j.ErrorCode) {
			e.exit = exitRefused
		}
		return e
	}
	return &exitError{
		exit: exitState, code: string(j.Cause), err: fmt.Errorf("job %s is interrupted: %s", j.ID, clean(j.Error)),
		hint: "to go on: mivaa jobs resume " + j.ID.String(),
	}
}

// view shows changes of jobs: objects, lines, or on a terminal lines over one
// that is rewritten.
type view struct {
	s       screen
	json    func(any) error // writes a change as an object; nil: for people
	last    map[jobs.ID]sight
	percent map[jobs.ID]int
	rewrite bool
	rows    int // at the bottom, that are to be rewritten
	speed   speed
	failed  []int // pages of the one job that is watched
}

// newView shows changes as the result of a command.
func newView(c *console) *view {
	v := viewOn(c.screen(c.out))
	if c.json {
		v.json, v.rewrite = c.printJSON, false
	}
	return v
}

// viewOn shows changes to people.
func viewOn(s screen) *view {
	return &view{s: s, rewrite: s.tty && s.icons, last: map[jobs.ID]sight{}, percent: map[jobs.ID]int{}}
}

// changed remembers a job as it is and reports whether it was otherwise.
func (v *view) changed(j jobs.Job) bool {
	now := sightOf(j)
	was, seen := v.last[j.ID]
	v.last[j.ID] = now
	return !seen || was != now
}

// job shows the one job that is watched.
func (v *view) job(j jobs.Job) error {
	was, seen := v.last[j.ID]
	if !v.changed(j) {
		if v.rewrite && j.Status == jobs.Processing {
			return v.bottom(v.progress(j)...)
		}
		return nil
	}
	if v.json != nil {
		return v.json(rowOf(j))
	}
	if !seen || was.status != j.Status || was.attempt != j.Attempt {
		v.speed = speed{}
		if err := v.line(v.state(j)); err != nil {
			return err
		}
	} else if !v.rewrite && j.Progress != v.percent[j.ID] {
		if err := v.line(v.state(j)); err != nil {
			return err
		}
	}
	v.percent[j.ID] = j.Progress
	if v.rewrite && j.Status == jobs.Processing {
		return v.bottom(v.progress(j)...)
	}
	return nil
}

// state is a line that stays: the time, and how a job stands.
func (v *view) state(j jobs.Job) string {
	st := v.s.status(j.Status)
	word := v.s.paint(st.style, st.text) + strings.Repeat(" ", max(0, 13-cells(st.text)))
	parts := []string{v.s.paint(dim, j.UpdatedAt.Local().Format(zoneClock)), word, clean(j.Filename)}
	if p := pagesOf(j); p != "-" {
		parts = append(parts, p+" pages")
	}
	if j.StepsTotal > 0 && j.Status != jobs.Completed {
		parts = append(parts, fmt.Sprintf("%d%%", j.Progress))
	}
	if why := remark(j, time.Now()); why != "" {
		parts = append(parts, why)
	}
	return strings.Join(parts, gap)
}

// progress is what is rewritten: the pages, and how fast they come.
func (v *view) progress(j jobs.Job) []string {
	if j.StepsTotal == 0 {
		return []string{v.s.paint(dim, "opening the document")}
	}
	v.speed.add(time.Now(), j.StepsDone)
	line := fmt.Sprintf("%d/%d pages  %d%%%s", j.StepsDone, j.StepsTotal, j.Progress, v.speed.rest(j.StepsTotal-j.StepsDone))
	if len(v.failed) > 0 {
		line += fmt.Sprintf("  %d failed", len(v.failed))
	}
	return []string{v.s.pageStrip(strip(j.StepsDone, j.StepsTotal, v.failed, v.s.width-1)), v.s.cut(line, v.s.width-1)}
}

// line writes a line that stays.
func (v *view) line(text string) error {
	v.wipe()
	_, err := fmt.Fprintln(v.s.w, text)
	return err
}

// remark is a line that stays, for people.
func (v *view) remark(text string) error {
	if v.json != nil {
		return nil
	}
	return v.line(v.s.paint(yellow, text))
}

// bottom rewrites the last lines.
func (v *view) bottom(lines ...string) error {
	_, err := io.WriteString(v.s.w, v.up()+strings.Join(lines, "\n"))
	v.rows = len(lines)
	return err
}

// up goes back to the first of the lines that are rewritten, and clears them.
func (v *view) up() string {
	if v.rows == 0 {
		return ""
	}
	return "\r" + strings.Repeat("\x1b[1A", v.rows-1) + "\x1b[J"
}

func (v *view) wipe() {
	fmt.Fprint(v.s.w, v.up())
	v.rows = 0
}

// over takes the line that was rewritten off the screen.
func (v *view) over() { v.wipe() }

// speed is how fast pages come, over the last seconds.
type speed struct {
	at   []time.Time
	done []int
}

const speedOver = 10 * time.Second

func (s *speed) add(now time.Time, done int) {
	s.at, s.done = append(s.at, now), append(s.done, done)
	for len(s.at) > 2 && now.Sub(s.at[0]) > speedOver {
		s.at, s.done = s.at[1:], s.done[1:]
	}
}

// rest says the speed and how long the rest takes; nothing before it is known.
func (s *speed) rest(left int) string {
	n := len(s.at) - 1
	if n < 1 || s.done[n] <= s.done[0] {
		return ""
	}
	rate := float64(s.done[n]-s.done[0]) / s.at[n].Sub(s.at[0]).Seconds()
	if left == 0 {
		return fmt.Sprintf("  %.0f pages/s", rate)
	}
	return fmt.Sprintf("  %.0f pages/s  %s left", rate, span(time.Duration(float64(left)/rate*float64(time.Second))))
}

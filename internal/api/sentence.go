package api

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs"
)

// unit is what a step of a job is called.
type unit struct {
	one, many string
	// selected: step k is the kth of the pages that were asked for, and has
	// another number in the document.
	selected bool
}

func unitOf(j jobs.Job) unit {
	if j.Kind != documents.Kind {
		return unit{one: "step", many: "steps"}
	}
	var payload struct {
		Options struct {
			Pages string `json:"pages"`
		} `json:"options"`
	}
	// A payload by hand may be anything: then no pages were asked for.
	selected := json.Unmarshal(j.Payload, &payload) == nil && payload.Options.Pages != ""
	return unit{one: "page", many: "pages", selected: selected}
}

func (u unit) count(n int) string {
	if n == 1 {
		return "1 " + u.one
	}
	return strconv.Itoa(n) + " " + u.many
}

// kept says what was recorded before.
func (u unit) kept(n int) string {
	switch {
	case n == 0:
		return fmt.Sprintf("No %s had been recorded", u.one)
	case u.selected && n == 1:
		return fmt.Sprintf("The first of the %s asked for was kept", u.many)
	case u.selected:
		return fmt.Sprintf("The first %d of the %s asked for were kept", n, u.many)
	case n == 1:
		return title(u.one) + " 1 was kept"
	}
	return fmt.Sprintf("%s 1 to %d were kept", title(u.many), n)
}

// goes says what was kept, and where the next attempt went or goes on: verb is
// "it went on" or the like.
func (u unit) goes(n int, verb string) string {
	switch {
	case n == 0:
		return fmt.Sprintf("%s; %s at the first.", u.kept(n), verb)
	case u.selected && n == 1:
		return fmt.Sprintf("%s; %s behind it.", u.kept(n), verb)
	case u.selected:
		return fmt.Sprintf("%s; %s behind them.", u.kept(n), verb)
	}
	return fmt.Sprintf("%s; %s at %s %d.", u.kept(n), verb, u.one, n+1)
}

func title(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// interruption tells one of them.
func (t *teller) interruption(i int) string {
	in, d := t.interruptions[i], t.details[i]
	var b strings.Builder
	b.WriteString(t.happened(in, d))
	if in.LastSeenAt != nil {
		fmt.Fprintf(&b, " Last sign of life %s, noticed %s later.", clock(*in.LastSeenAt), took(*in.DetectSeconds))
	}
	b.WriteString(" " + t.wentOn(i))
	return b.String()
}

// happened says who stopped it, and how that is known.
func (t *teller) happened(in Interruption, d detail) string {
	evidence := value(in.Evidence)
	if d.from != jobs.Processing {
		return waitedWhen(jobs.Cause(in.Cause), d.from, evidence)
	}
	who := fmt.Sprintf("Attempt %d", in.Attempt)
	if in.InstanceID != nil {
		who += " on instance " + *in.InstanceID
		if in.Host != nil {
			who += fmt.Sprintf(" (host %s, pid %d)", *in.Host, *in.PID)
		}
	}
	switch jobs.Cause(in.Cause) {
	case jobs.CauseCrash:
		return who + " died with its process" + known(evidence)
	case jobs.CauseLeaseLost:
		return who + " was given up, because its instance was silent for longer than its lease" + known(evidence)
	case jobs.CauseShutdown:
		return who + " was stopped, because its process was shut down" + known(evidence)
	case jobs.CauseCancelled:
		return who + " was cancelled" + by(evidence) + "."
	case jobs.CauseOperator:
		return who + " was taken from its instance" + by(evidence) + "."
	}
	return who + " was interrupted" + known(evidence)
}

// waitedWhen is of a job that no instance ran.
func waitedWhen(c jobs.Cause, from jobs.Status, evidence string) string {
	while := "while it waited"
	if from == jobs.Interrupted {
		while = "while it was interrupted"
	}
	switch c {
	case jobs.CauseCancelled:
		return "It was cancelled" + by(evidence) + " " + while + "."
	case jobs.CauseOperator:
		return "It was interrupted" + by(evidence) + " " + while + "."
	}
	return "It was interrupted " + while + known(evidence)
}

// wentOn says how it was taken up again, or what it waits for.
func (t *teller) wentOn(i int) string {
	in, d := t.interruptions[i], t.details[i]
	latest := i == len(t.interruptions)-1
	switch {
	case d.failed != "":
		return "It was given up: " + sentence(d.failed)
	case in.RunningAt != nil && d.restarted:
		return fmt.Sprintf("Restarted by %s, it ran from the first %s%s after %s.", d.by, t.unit.one, t.on(in), took(*in.ResumeSeconds))
	case in.RunningAt != nil && d.by != "":
		return fmt.Sprintf("Put back by %s, it ran again%s after %s. %s", d.by, t.on(in), took(*in.ResumeSeconds), t.unit.goes(in.StepsKept, "it went on"))
	case in.RunningAt != nil:
		return fmt.Sprintf("It ran again%s after %s. %s", t.on(in), took(*in.ResumeSeconds), t.unit.goes(in.StepsKept, "it went on"))
	case d.stale || !latest:
		return t.unit.kept(in.StepsKept) + "."
	case in.ResumedAt != nil && d.restarted:
		return fmt.Sprintf("Restarted by %s, it waits to begin at the first %s.", d.by, t.unit.one)
	case in.ResumedAt != nil:
		return "It is back in the queue. " + t.unit.goes(in.StepsKept, "it goes on")
	case t.job.Status != jobs.Interrupted:
		return t.unit.kept(in.StepsKept) + "."
	case jobs.Cause(in.Cause) == jobs.CauseCancelled, t.job.Recovery == jobs.RecoveryManual:
		return "It waits for a person. " + t.unit.goes(in.StepsKept, "resumed, it goes on")
	}
	return "It goes on by itself as soon as an instance has room. " + t.unit.goes(in.StepsKept, "it goes on")
}

// on names the instance of the next attempt.
func (t *teller) on(in Interruption) string {
	next := value(in.RunningOn)
	switch {
	case next == "":
		return ""
	case next == value(in.InstanceID):
		return " on the same instance"
	}
	return " on " + next
}

// summary tells the whole story in a sentence or two.
func (t *teller) summary() string {
	j := t.job
	var b strings.Builder
	switch j.Status {
	case jobs.Pending:
		b.WriteString(t.pending())
	case jobs.Processing:
		b.WriteString(t.processing())
	case jobs.Completed:
		fmt.Fprintf(&b, "Completed in attempt %d, %s after it was accepted: %s.", j.Attempt, took(seconds(j.CompletedAt.Sub(j.CreatedAt))), t.unit.count(j.StepsDone))
	case jobs.Failed:
		fmt.Fprintf(&b, "Failed in attempt %d%s", j.Attempt, because(j.Error))
	case jobs.Interrupted:
		b.WriteString("Interrupted. ")
		if n := len(t.interruptions); n > 0 {
			b.WriteString(t.interruption(n - 1))
		} else {
			b.WriteString(sentence(j.Error))
		}
		return b.String()
	}
	if tail := t.count(); tail != "" {
		b.WriteString(" " + tail)
	}
	return b.String()
}

func (t *teller) pending() string {
	j := t.job
	switch {
	case j.RunAt.After(t.now):
		return fmt.Sprintf("Waits until %s: it is not due before.", clock(j.RunAt))
	case j.StepsDone > 0:
		return "Waits for an instance with room. " + t.unit.goes(j.StepsDone, "it goes on")
	}
	return "Waits for an instance with room."
}

func (t *teller) processing() string {
	j := t.job
	done := t.unit.count(j.StepsDone) + " recorded"
	if j.StepsTotal > 0 {
		done = fmt.Sprintf("%d of %s recorded", j.StepsDone, t.unit.count(j.StepsTotal))
	}
	where := ""
	if j.InstanceID != "" {
		where = " on instance " + j.InstanceID
	}
	return fmt.Sprintf("Attempt %d runs%s since %s: %s.", j.Attempt, where, clock(j.StartedAt), done)
}

// count says how often it was interrupted, and of what.
func (t *teller) count() string {
	n := max(len(t.interruptions), t.job.Interruptions)
	deaths := 0
	for _, in := range t.interruptions {
		if c := jobs.Cause(in.Cause); c == jobs.CauseCrash || c == jobs.CauseLeaseLost {
			deaths++
		}
	}
	switch {
	case n == 0:
		return ""
	case n == 1 && deaths == 1:
		return "It was interrupted once, by the death of an instance."
	case n == 1:
		return "It was interrupted once."
	case deaths == 0:
		return fmt.Sprintf("It was interrupted %d times.", n)
	case deaths == n:
		return fmt.Sprintf("It was interrupted %d times, each by the death of an instance.", n)
	}
	return fmt.Sprintf("It was interrupted %d times, %d of them by the death of an instance.", n, deaths)
}

// because adds what is known of why, and the full stop.
func because(why string) string {
	if why == "" {
		return "."
	}
	return ": " + sentence(why)
}

// known adds how it is known, and the full stop.
func known(evidence string) string {
	if evidence == "" {
		return "."
	}
	return " (" + strings.TrimSuffix(evidence, ".") + ")."
}

func by(who string) string {
	if who == "" {
		return ""
	}
	return " by " + who
}

// sentence ends a text that may have its full stop already.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}

// clock is a time of day; the fields beside the sentence have the date.
func clock(t time.Time) string { return t.UTC().Format("15:04:05") }

// took writes a time that passed as people say it.
func took(s float64) string {
	d := time.Duration(s * float64(time.Second))
	switch {
	case d < 50*time.Millisecond:
		return "less than 0.1 s"
	case d < 10*time.Second:
		return strconv.FormatFloat(s, 'f', 1, 64) + " s"
	case d < 2*time.Minute:
		return strconv.Itoa(int(s+0.5)) + " s"
	case d < 2*time.Hour:
		return strconv.Itoa(int(d.Round(time.Minute)/time.Minute)) + " min"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Round(time.Hour)/time.Hour)) + " h"
	}
	return strconv.Itoa(int(d/(24*time.Hour))) + " days"
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

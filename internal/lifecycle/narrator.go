package lifecycle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// KeyDocument is the attribute of a job's document.
const KeyDocument = "document"

// Narrator writes the service's log lines, word for word as operators know
// them. Lines that belong together are never torn apart by another job's.
type Narrator struct {
	log *slog.Logger
	now func() time.Time
	mu  sync.Mutex
}

// NewNarrator returns one that writes to log.
func NewNarrator(log *slog.Logger) *Narrator { return &Narrator{log: log, now: time.Now} }

// line is one record: a message, and attributes for logs that have them.
type line struct {
	level slog.Level
	text  string
	attrs []slog.Attr
}

func (n *Narrator) say(lines ...line) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, l := range lines {
		n.log.LogAttrs(context.Background(), l.level, l.text, l.attrs...)
	}
}

func info(format string, args ...any) line {
	return line{level: slog.LevelInfo, text: fmt.Sprintf(format, args...)}
}

func warn(format string, args ...any) line {
	return line{level: slog.LevelWarn, text: fmt.Sprintf(format, args...)}
}

func (l line) with(attrs ...slog.Attr) line {
	l.attrs = attrs
	return l
}

// RecoveryBegins opens the start's recovery pass.
func (n *Narrator) RecoveryBegins() { n.say(info("🔄 Initializing job recovery service...")) }

// NothingInterrupted is the good news of a start.
func (n *Narrator) NothingInterrupted() { n.say(info("✅ No interrupted jobs found")) }

// Recovered tells which jobs were marked, by reason, and which of them had
// died too often.
func (n *Narrator) Recovered(events []jobs.Event) {
	marked := map[jobs.Cause][]jobs.Event{}
	var failed []jobs.Event
	for _, e := range events {
		switch e.Event {
		case jobs.EventInterrupted:
			marked[e.Cause] = append(marked[e.Cause], e)
		case jobs.EventFailed:
			failed = append(failed, e)
		}
	}
	var lines []line
	for _, cause := range jobs.Causes() {
		if found := marked[cause]; len(found) > 0 {
			lines = append(lines, warn("🛑 Marked %d jobs as interrupted due to: %s", len(found), cause.Reason()))
			lines = append(lines, listed(found)...)
		}
	}
	if len(failed) > 0 {
		lines = append(lines, warn("❌ Gave up %d jobs whose process died too often in a row:", len(failed)))
		lines = append(lines, listed(failed)...)
	}
	n.say(lines...)
}

func listed(events []jobs.Event) []line {
	lines := make([]line, len(events))
	for i, e := range events {
		lines[i] = warn("   - Job %s", e.JobID).with(slog.Any(jobs.KeyJob, e.JobID),
			slog.String(jobs.KeyInstance, e.Instance), slog.Int64(jobs.KeyAttempt, e.Attempt), slog.String(jobs.KeyCause, string(e.Cause)))
	}
	return lines
}

// Statistics prints the counts in the form that existing scripts read.
func (n *Narrator) Statistics(s jobs.Statistics) {
	n.say(info("📊 Job statistics: {'total': %d, 'pending': %d, 'processing': %d, 'completed': %d, 'failed': %d, 'interrupted': %d}",
		s.Total, s.Pending, s.Processing, s.Completed, s.Failed, s.Interrupted))
}

// CleanedUp tells how many old jobs were removed.
func (n *Narrator) CleanedUp(count int) { n.say(info("🧹 Cleaned up %d old jobs", count)) }

// RecoveryDone closes the start's recovery pass.
func (n *Narrator) RecoveryDone() { n.say(info("✅ Job recovery service initialized successfully")) }

// Signal tells which signal was received, and what it will interrupt.
func (n *Narrator) Signal(sig os.Signal, active []jobs.Job) {
	number := 0
	if s, ok := sig.(syscall.Signal); ok {
		number = int(s)
	}
	lines := []line{
		warn("🛑 SERVICE INTERRUPTION DETECTED: %s", describe(sig)),
		warn("🛑 Received signal %d at %s", number, n.stamp()),
		warn("🛑 Initiating graceful shutdown..."),
		warn("🛑 Any ongoing PDF processing jobs will be interrupted!"),
	}
	if len(active) == 0 {
		lines = append(lines, info("✅ No active jobs to interrupt"))
	} else {
		lines = append(lines, warn("🛑 Interrupting %d active jobs:", len(active)))
		for _, j := range active {
			lines = append(lines, warn("   - Job %s", j.ID).with(about(j)...))
		}
	}
	n.say(lines...)
}

func describe(sig os.Signal) string {
	switch sig {
	case syscall.SIGTERM:
		return "SIGTERM (graceful shutdown)"
	case syscall.SIGINT:
		return "SIGINT (Ctrl+C / keyboard interrupt)"
	case syscall.SIGHUP:
		return "SIGHUP (terminal closed)"
	}
	return sig.String()
}

var banner = strings.Repeat("=", 80)

// ShutdownInitiated opens the shutdown.
func (n *Narrator) ShutdownInitiated(active []jobs.Job) {
	lines := []line{info("%s", banner), info("🛑 SHUTDOWN INITIATED"), info("🛑 Shutdown time: %s", n.stamp()), info("%s", banner)}
	if len(active) == 0 {
		lines = append(lines, info("✅ No active jobs during shutdown"))
	} else {
		lines = append(lines, warn("🛑 SHUTDOWN WARNING: %d jobs still processing:", len(active)))
	}
	for _, j := range active {
		lines = append(lines, warn("   - Job %s: Document %s, Started: %s", j.ID, orNone(j.DocumentID), stamp(j.StartedAt)).with(about(j)...))
	}
	n.say(lines...)
}

// Draining tells how long running jobs may go on.
func (n *Narrator) Draining(active int, most time.Duration) {
	n.say(info("⏳ Draining: waiting up to %s for %d active jobs", most, active))
}

// ShutdownComplete closes the shutdown.
func (n *Narrator) ShutdownComplete() {
	n.say(info("%s", banner), info("🛑 SHUTDOWN COMPLETE"), info("%s", banner))
}

// JobStarted tells that an attempt begins.
func (n *Narrator) JobStarted(j jobs.Job) {
	attrs := about(j)
	n.say(
		info("📋 BACKGROUND JOB STARTED: %s", j.ID).with(attrs...),
		info("   Document ID: %s", orNone(j.DocumentID)).with(attrs...),
		info("   Filename: %s", printable(j.Filename)).with(attrs...),
		info("   Started at: %s", stamp(j.StartedAt)).with(attrs...),
	)
}

// JobEnded tells how an attempt ended: finished, to be tried again, or interrupted.
func (n *Narrator) JobEnded(j jobs.Job, o jobs.Outcome, took time.Duration) {
	attrs := about(j)
	if o.Status == jobs.Interrupted {
		n.interrupted(j, o.Cause.Reason(), took)
		return
	}
	lines := []line{
		info("📋 BACKGROUND JOB FINISHED: %s", j.ID).with(attrs...),
		info("   Final status: %s", o.Status).with(attrs...),
		info("   Total duration: %.2fs", took.Seconds()).with(attrs...),
		info("   Ended at: %s", n.stamp()).with(attrs...),
	}
	if o.Status == jobs.Pending {
		lines[0] = warn("🔁 BACKGROUND JOB WILL BE RETRIED: %s", j.ID).with(attrs...)
		lines[1] = warn("   Next attempt in: %s", o.Delay.Round(100*time.Millisecond)).with(attrs...)
	}
	if o.Error != "" {
		lines = append(lines, warn("   Error: %s", printable(o.Error)).with(append(attrs, slog.String(jobs.KeyCode, o.Code))...))
	}
	n.say(lines...)
}

// JobLost tells that an attempt was not this process's any more.
func (n *Narrator) JobLost(j jobs.Job, reason error, took time.Duration) {
	cause := jobs.CauseLeaseLost
	if errors.Is(reason, jobs.ErrCancelled) {
		cause = jobs.CauseCancelled
	}
	n.interrupted(j, cause.Reason(), took)
}

func (n *Narrator) interrupted(j jobs.Job, reason string, took time.Duration) {
	attrs := about(j)
	n.say(
		warn("🛑 JOB INTERRUPTED: %s", j.ID).with(attrs...),
		warn("   Document ID: %s", orNone(j.DocumentID)).with(attrs...),
		warn("   Filename: %s", printable(j.Filename)).with(attrs...),
		warn("   Reason: %s", reason).with(attrs...),
		warn("   Duration before interruption: %.2fs", took.Seconds()).with(attrs...),
	)
}

// Trouble tells once that the store fails, and (nil) that it answers again.
func (n *Narrator) Trouble(err error) {
	if err == nil {
		n.say(info("✅ The store answers again"))
		return
	}
	n.say(line{level: slog.LevelError, text: fmt.Sprintf("❌ The store does not answer: %v", err)})
}

func about(j jobs.Job) []slog.Attr {
	return []slog.Attr{
		slog.Any(jobs.KeyJob, j.ID), slog.Any(KeyDocument, j.DocumentID),
		slog.String(jobs.KeyInstance, j.InstanceID), slog.Int64(jobs.KeyAttempt, j.Attempt),
	}
}

func (n *Narrator) stamp() string { return stamp(n.now()) }

// stamp is ISO 8601 in UTC without a zone.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") }

func orNone(id jobs.ID) string { return cmp.Or(id.String(), "none") }

// printable keeps a name from outside from writing lines of its own.
func printable(s string) string {
	const most = 500
	runes := []rune(s)
	if len(runes) > most {
		runes = append(runes[:most], '…')
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || slices.Contains([]rune{'\u2028', '\u2029', '\u0085'}, r) {
			return '\uFFFD'
		}
		return r
	}, string(runes))
}

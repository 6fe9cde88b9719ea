//go:build linux

package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

// operates gives the commands of the operator's pages in the situations that
// they are about, and compares what they print.
func (h host) operates() {
	h.settings()
	for _, part := range []struct {
		name string
		test func(host)
	}{
		{"Signal", host.docsSignal}, {"Restarts", host.docsRestarts}, {"Deployment", host.docsDeployment}, {"Queries", host.docsQueries},
		{"DoesNotStop", host.docsDoesNotStop}, {"NotRecovered", host.docsNotRecovered}, {"NoSignalLines", host.docsNoSignalLines},
		{"DoesNotStart", host.docsDoesNotStart}, {"Backup", host.docsBackup}, {"DiskFull", host.docsDiskFull},
	} {
		h.t.Run(part.name, func(t *testing.T) { part.test(h.of(t)) })
	}
}

const operations, troubleshooting = "docs/operations.md", "docs/troubleshooting.md"

// cancel ends a job by a person's hand.
func (h host) cancel(id string) {
	h.t.Helper()
	h.in("/usr/local/bin/mivaa", "jobs", "cancel", "--yes", "--server", labURL, id)
}

// drop is cancel, and leaves nothing of it that later parts would see.
func (h host) drop(id string) {
	h.t.Helper()
	h.cancel(id)
	h.in("/usr/local/bin/mivaa", "documents", "delete", "--yes", "--server", labURL, h.job(id).DocumentID)
}

// atWork uploads a document that takes a while, and waits until it is read.
func (h host) atWork(name string, pages int) (id string) {
	h.t.Helper()
	id = h.upload(name+".pdf", slowPDF(pages, name)).JobID
	h.reading(id)
	return id
}

func (h host) docsSignal() {
	id := h.atWork("docs-signal", long)
	h.sees(operations, "What each signal does", 0)
	h.drop(id)
}

func (h host) docsRestarts() {
	id := h.atWork("docs-restart", long)
	h.sees(operations, "Service restarts", 0)
	h.sees(operations, "Service restarts", 1)
	h.drop(id)
}

func (h host) docsDeployment() {
	h.sees(operations, "Deployment", 0)
	h.sees(operations, "Deployment", 1)
	h.claims("docs deployment")
}

// docsQueries gives each query of the page on the database that is in use.
func (h host) docsQueries() {
	h.sees("docs/monitoring.md", "Monitoring with SQL", 0)
	h.sees("docs/monitoring.md", "Health", 0)
	queries := docBlock(h.t, "docs/monitoring.md", "Monitoring with SQL", "sql", 0)
	h.t.Log(h.in("/usr/local/bin/sudo", "-u", "mivaa", "sqlite3", "-bail", "/var/lib/mivaa/mivaa.db", queries))
}

func (h host) docsDoesNotStop() {
	h.settings("Environment=MIVAA_DRAIN=50s")
	h.in("systemctl", "restart", unit)
	id := h.atWork("docs-stop", long)
	h.in("systemctl", "stop", "--no-block", unit)
	h.sees(troubleshooting, "The service does not stop", 0)
	h.until("the signals are two", func() bool { // and no pair, of which the second belongs to the first
		status := h.show("StatusText")
		return strings.HasPrefix(status, "Draining for 4")
	})
	h.sees(troubleshooting, "The service does not stop", 1)
	h.drop(id)
	h.settings()
	h.in("systemctl", "restart", unit)
}

func (h host) docsNotRecovered() {
	id := h.atWork("docs-recovered", 600)
	h.cancel(id)
	for block := range 3 {
		h.sees(troubleshooting, "Jobs are not recovered", block)
	}
	h.done(id, 600)
}

func (h host) docsNoSignalLines() {
	id := h.atWork("docs-killed", long)
	h.sees(troubleshooting, "No signal lines in the log", 0)
	h.drop(id)
}

func (h host) docsDoesNotStart() {
	h.sees(troubleshooting, "The service does not start", 0)
	h.claims("docs start")
}

// docsBackup takes the backup while a document is read, and has it read to its
// end where it was restored. Nobody else is there, so that nothing comes after.
func (h host) docsBackup() {
	h.in("systemctl", "restart", unit)
	id := h.atWork("docs-backup", 1000)
	h.sees("docs/backup.md", "A data dir", 0)
	h.in("systemctl", "kill", "-s", "KILL", unit) // it is lost, and the folder with it
	h.sees("docs/backup.md", "Restore", 0)
	if j := h.done(id, 1000); j.Crashes != 0 {
		h.t.Errorf("the restored job is charged: %+v", j)
	}
	h.claims("docs backup after")
}

func (h host) docsDiskFull() {
	id := h.atWork("docs-full", 1500)
	full := `dd if=/dev/zero of=/filler bs=64k; dd if=/dev/zero of=/filler.rest bs=512; true`
	h.in("sh", "-c", full+" > /dev/null 2>&1")
	defer h.in("sh", "-c", "rm -f /filler*")
	h.sees(troubleshooting, "Disk full", 0)
	h.in("sh", "-c", "rm /filler*")
	h.sees(troubleshooting, "Disk full", 1)
	if j := h.done(id, 1500); j.Attempt != 1 || j.Failures != 0 {
		h.t.Errorf("the job that met the full disk: %+v", j)
	}
}

// sees gives the commands of a console block, and fails where one does not
// print its lines, in their order. What only looks is given again for a while:
// what it is to see may be on its way.
func (h host) sees(page, heading string, block int) {
	h.t.Helper()
	for step := range strings.SplitSeq("\n"+docBlock(h.t, page, heading, "console", block), "\n$ ") {
		command, want, _ := strings.Cut(strings.TrimSuffix(step, "\n"), "\n")
		if command == "" {
			continue
		}
		began := time.Now()
		for {
			out, _ := h.script("in", "bash", h.share("commands", []byte(operator+"cd mivaa\n"+command+"\n")))
			missing := missingLine(want, out)
			if missing == "" {
				break
			}
			if !onlyLooks.MatchString(command) || time.Since(began) > 20*time.Second {
				h.t.Fatalf("%s, %q: $ %s\ndoes not print %q after what stands before it, but\n%s", page, heading, command, missing, out)
			}
		}
	}
}

var onlyLooks = regexp.MustCompile(`^(systemctl (status|is-active)|journalctl|mivaa (health|jobs list|jobs groups|instances)|curl -s http)`)

// missingLine returns the first of the wanted lines that is not among the
// others, in order. Names, times and numbers are as they may be.
func missingLine(want, out string) string {
	lines := strings.Split(likeness(out), "\n")
	for line := range strings.SplitSeq(want, "\n") {
		if line == "…" || line == "" {
			continue
		}
		like, found := likeness(line), false
		for len(lines) > 0 && !found {
			found, lines = lines[0] == like, lines[1:]
		}
		if !found {
			return line
		}
	}
	return ""
}

var (
	identity = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?m:(^|instance )[a-z2-7]{13}\b)`)
	moment   = regexp.MustCompile(`[A-Z][a-z]{2} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d`)
	amount   = regexp.MustCompile(`\d+([.,]\d+)*( ?([KMG]i?B|B|[mµ]?s|min|h|m|d))?( \d+(ms|s|min))?\b`)
	named    = regexp.MustCompile(`[^ /"]+\.pdf|"id":"[^"]*"`)
	release  = regexp.MustCompile(`mivaa \S+ \(go\S+, \S+\)|mivaa (second|third)\b|(version|go)=?\S+`)
	spaces   = regexp.MustCompile(`[ \t]+`)
)

// likeness is a text without what differs from run to run.
func likeness(text string) string {
	for _, r := range []struct {
		of *regexp.Regexp
		as string
	}{{identity, "ID"}, {moment, "TIME"}, {named, "FILE"}, {release, "VERSION"}, {amount, "N"}, {spaces, " "}} {
		text = r.of.ReplaceAllString(text, r.as)
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n")
}

func TestMissingLine(t *testing.T) {
	t.Parallel()
	const out = "a\nJob 01a2168c-bdc4-7022-978a-d1805f1b1acd took 3.2 s\nb\nc 12 MiB\n"
	for want, missing := range map[string]string{
		"a\n…\nc 9 KiB": "", "b\na": "a", "d": "d", "…": "",
		"Job 00000000-bdc4-7022-978a-d1805f1b1acd took 250ms": "",
		"2026-11-25T14:00:00":     "2026-11-25T14:00:00",
		"Job somebody took 3.2 s": "Job somebody took 3.2 s",
	} {
		if got := missingLine(want, out); got != missing {
			t.Errorf("of %q %q is missing, want %q", want, got, missing)
		}
	}
	if fmt.Sprint(onlyLooks.MatchString("sudo systemctl restart x"), onlyLooks.MatchString("journalctl -u x")) != "false true" {
		t.Error("what changes something is given again, or what looks is not")
	}
}

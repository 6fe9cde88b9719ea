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
func (l *lab) operates() {
	l.settings()
	for _, part := range []struct {
		name string
		test func(*lab)
	}{
		{"Restarts", (*lab).docsRestarts}, {"Deployment", (*lab).docsDeployment}, {"Queries", (*lab).docsQueries},
		{"DoesNotStop", (*lab).docsDoesNotStop}, {"NotRecovered", (*lab).docsNotRecovered}, {"NoSignalLines", (*lab).docsNoSignalLines},
		{"DoesNotStart", (*lab).docsDoesNotStart}, {"Backup", (*lab).docsBackup}, {"DiskFull", (*lab).docsDiskFull},
	} {
		l.t.(*testing.T).Run(part.name, func(t *testing.T) { part.test(l.of(t)) })
	}
}

const operations, troubleshooting = "docs/operations.md", "docs/troubleshooting.md"

// long is how many pages take longer than what is done meanwhile.
const long = 4000

// cancel ends a job by a person's hand.
func (l *lab) cancel(id string) {
	l.t.Helper()
	l.in("/usr/local/bin/mivaa", "jobs", "cancel", "--yes", "--server", labURL, id)
}

// drop is cancel, and leaves nothing of it that later parts would see.
func (l *lab) drop(id string) {
	l.t.Helper()
	l.cancel(id)
	l.in("/usr/local/bin/mivaa", "documents", "delete", "--yes", "--server", labURL, l.job(id).DocumentID)
}

// atWork uploads a document that takes a while, and waits until it is read.
func (l *lab) atWork(name string, pages int) (id string) {
	l.t.Helper()
	id = l.upload(name+".pdf", slowPDF(pages, name)).JobID
	l.reading(id)
	return id
}

func (l *lab) docsRestarts() {
	id := l.atWork("docs-restart", long)
	l.sees(operations, "Service restarts", 0)
	l.sees(operations, "Service restarts", 1)
	l.drop(id)
}

func (l *lab) docsDeployment() {
	l.sees(operations, "Deployment", 0)
	l.sees(operations, "Deployment", 1)
	l.claims("docs deployment")
}

// docsQueries gives each query of the page on the database that is in use.
func (l *lab) docsQueries() {
	queries := docBlock(l.t, "docs/monitoring.md", "Monitoring with SQL", "sql", 0)
	l.t.Log(l.in("/usr/local/bin/sudo", "-u", "mivaa", "sqlite3", "-bail", "/var/lib/mivaa/mivaa.db", queries))
}

func (l *lab) docsDoesNotStop() {
	l.settings("Environment=MIVAA_DRAIN=50s")
	l.in("systemctl", "restart", unit)
	id := l.atWork("docs-stop", long)
	l.in("systemctl", "stop", "--no-block", unit)
	l.sees(troubleshooting, "The service does not stop", 0)
	l.sees(troubleshooting, "The service does not stop", 1)
	l.drop(id)
	l.settings()
	l.in("systemctl", "restart", unit)
}

func (l *lab) docsNotRecovered() {
	id := l.atWork("docs-recovered", 600)
	l.cancel(id)
	for block := range 3 {
		l.sees(troubleshooting, "Jobs are not recovered", block)
	}
	l.done(id, 600)
}

func (l *lab) docsNoSignalLines() {
	id := l.atWork("docs-killed", long)
	l.sees(troubleshooting, "No signal lines in the log", 0)
	l.drop(id)
}

func (l *lab) docsDoesNotStart() {
	l.sees(troubleshooting, "The service does not start", 0)
	l.claims("docs start")
}

// docsBackup takes the backup while a document is read, and has it read to its
// end where it was restored. Nobody else is there, so that nothing comes after.
func (l *lab) docsBackup() {
	l.in("systemctl", "restart", unit)
	id := l.atWork("docs-backup", 1000)
	l.sees("docs/backup.md", "A data dir", 0)
	l.in("systemctl", "kill", "-s", "KILL", unit) // it is lost, and the folder with it
	l.sees("docs/backup.md", "Restore", 0)
	if j := l.done(id, 1000); j.Crashes != 0 {
		l.t.Errorf("the restored job is charged: %+v", j)
	}
	l.claims("docs backup after")
}

func (l *lab) docsDiskFull() {
	id := l.atWork("docs-full", 1500)
	full := `dd if=/dev/zero of=/filler bs=64k; dd if=/dev/zero of=/filler.rest bs=512; true`
	l.in("sh", "-c", full+" > /dev/null 2>&1")
	defer l.in("sh", "-c", "rm -f /filler*")
	l.sees(troubleshooting, "Disk full", 0)
	l.in("sh", "-c", "rm /filler*")
	l.sees(troubleshooting, "Disk full", 1)
	if j := l.done(id, 1500); j.Attempt != 1 || j.Failures != 0 {
		l.t.Errorf("the job that met the full disk: %+v", j)
	}
}

// sees gives the commands of a console block, and fails where one does not
// print its lines, in their order. What only looks is given again for a while:
// what it is to see may be on its way.
func (l *lab) sees(page, heading string, block int) {
	l.t.Helper()
	for step := range strings.SplitSeq("\n"+docBlock(l.t, page, heading, "console", block), "\n$ ") {
		command, want, _ := strings.Cut(strings.TrimSuffix(step, "\n"), "\n")
		if command == "" {
			continue
		}
		began := time.Now()
		for {
			out, _ := l.script("in", "bash", l.share("commands", []byte(operator+"cd mivaa\n"+command+"\n")))
			missing := missingLine(want, out)
			if missing == "" {
				break
			}
			if !onlyLooks.MatchString(command) || time.Since(began) > 20*time.Second {
				l.t.Fatalf("%s, %q: $ %s\ndoes not print %q after what stands before it, but\n%s", page, heading, command, missing, out)
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
	identity = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|instance [a-z2-7]{13}`)
	moment   = regexp.MustCompile(`[A-Z][a-z]{2} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`)
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
		"Job somebody took 3.2 s":                             "Job somebody took 3.2 s",
	} {
		if got := missingLine(want, out); got != missing {
			t.Errorf("of %q %q is missing, want %q", want, got, missing)
		}
	}
	if fmt.Sprint(onlyLooks.MatchString("sudo systemctl restart x"), onlyLooks.MatchString("journalctl -u x")) != "false true" {
		t.Error("what changes something is given again, or what looks is not")
	}
}

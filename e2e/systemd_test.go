package e2e

import (
	"strconv"
	"strings"
	"testing"
)

// TestSystemd is the service as `mivaa service install` sets it up, on a real
// systemd. Tests look at what came of it and in which order; how long it took is
// in their log.
func TestSystemd(t *testing.T) {
	if testing.Short() {
		t.Skip("short")
	}
	l := newLab(t)
	if !t.Run("Install", func(t *testing.T) { l.of(t).install() }) {
		return
	}
	for name, test := range map[string]func(*lab){
		"Restart": (*lab).restart, "Drain": (*lab).drain, "Hang": (*lab).hang, "Kill": (*lab).kill,
		"Memory": (*lab).memory, "RestartsUnderLoad": (*lab).restarts,
	} {
		t.Run(name, func(t *testing.T) { test(l.of(t)) })
	}
	t.Run("Uninstall", func(t *testing.T) { l.of(t).uninstall() })
}

// of is the lab for a part of the test.
func (l *lab) of(t *testing.T) *lab { return &lab{t: t, state: l.state} }

// inOrder fails unless the lines hold what is wanted, in this order.
func (l *lab) inOrder(text string, want ...string) {
	l.t.Helper()
	rest := text
	for _, w := range want {
		_, after, ok := strings.Cut(rest, w)
		if !ok {
			l.t.Fatalf("no %q in its place in:\n%s", w, text)
		}
		rest = after
	}
}

// install: from nothing to a document that was extracted, and the guide's lines
// where the guide looks for them.
func (l *lab) install() {
	at := l.cursor()
	l.t.Log(l.in("/lab/mivaa", "service", "install"))
	if got := l.show("ActiveState") + " " + l.show("User"); got != "active mivaa" {
		l.t.Fatalf("the service is %s", got)
	}
	j := l.done(l.upload("first.pdf", textPDF(3, "first")).JobID, 3)
	var text strings.Builder
	text.WriteString(l.in("curl", "-sS", labURL+"/api/rag/documents/"+j.DocumentID+"/content?format=text"))
	if !strings.Contains(text.String(), "Page 3 of first") {
		l.t.Errorf("content: %.300s", text.String())
	}
	// The log is written beside the service: systemd's own lines may come before
	// what they follow.
	l.inOrder(l.journal(at), "🔄 Initializing job recovery service...", "📊 Job statistics: {'total': 0,",
		"✅ Job recovery service initialized successfully", "📋 BACKGROUND JOB STARTED: "+j.JobID, "   Final status: completed")
	l.inOrder(l.journal(at), "Started "+unit)
	if out := l.in("journalctl", "-o", "cat", "MIVAA_JOB="+j.JobID); !strings.Contains(out, "BACKGROUND JOB STARTED") {
		l.t.Errorf("by its field the job's lines are %q", out)
	}
	if out := l.in("sh", "-c", "journalctl -u "+unit+" --since '5 minutes ago' | grep 'job recovery'"); !strings.Contains(out, "Initializing job recovery service") {
		l.t.Errorf("grep 'job recovery' finds %s", out)
	}
	if out := l.in("/usr/local/bin/mivaa", "service", "status"); !strings.Contains(out, "active (running)") {
		l.t.Errorf("status: %s", out)
	}
	l.in("/usr/local/bin/mivaa", "health")
}

// restart in the middle of a long document: it goes on where it was.
func (l *lab) restart() {
	at := l.cursor()
	pid := l.show("MainPID")
	id := l.upload("restart.pdf", slowPDF(1000, "restart")).JobID
	l.reading(id)
	l.took("systemctl", "restart", unit)
	if l.show("MainPID") == pid {
		l.t.Error("the same process after a restart")
	}
	j := l.done(id, 1000)
	if j.Attempt < 2 || j.Crashes != 0 || j.Interruptions != 1 {
		l.t.Errorf("after the restart: %+v", j)
	}
	journal := l.journal(at)
	l.inOrder(journal, "🛑 SERVICE INTERRUPTION DETECTED: SIGTERM (graceful shutdown)", "🛑 SHUTDOWN INITIATED", "🛑 JOB INTERRUPTED: "+id,
		"🛑 SHUTDOWN COMPLETE", "Stopped "+unit, "Started "+unit)
	l.inOrder(journal, "🛑 SHUTDOWN COMPLETE", "✅ Job recovery service initialized successfully", "📋 BACKGROUND JOB STARTED: "+id)
}

// drain: stopping waits for the job, and has the manager wait longer than its
// unit says.
func (l *lab) drain() {
	l.settings("Environment=MIVAA_DRAIN=60s", "TimeoutStopSec=1s")
	l.in("systemctl", "restart", unit)
	id := l.upload("drain.pdf", slowPDF(1000, "drain")).JobID
	l.reading(id)
	took := l.took("systemctl", "stop", unit)
	if got := l.show("ActiveState") + " " + l.show("Result"); got != "inactive success" {
		l.t.Errorf("the service is %s after %s", got, took)
	}
	l.settings()
	l.in("systemctl", "start", unit)
	if j := l.done(id, 1000); j.Interruptions != 0 {
		l.t.Errorf("interrupted %d times in spite of the drain", j.Interruptions)
	}
}

// hang: a process that does nothing any more is killed by the watchdog, and its
// job goes on.
func (l *lab) hang() {
	l.settings("WatchdogSec=2s", "TimeoutAbortSec=1s")
	l.in("systemctl", "restart", unit)
	at := l.cursor()
	restarts, pid := l.number("NRestarts"), l.show("MainPID")
	id := l.upload("hang.pdf", slowPDF(1000, "hang")).JobID
	l.reading(id)
	l.in("kill", "-STOP", pid)
	l.until("it was started anew", func() bool { return l.number("NRestarts") > restarts && l.show("ActiveState") == "active" })
	if j := l.done(id, 1000); j.Attempt < 2 {
		l.t.Errorf("the job after the hang: %+v", j)
	}
	l.inOrder(l.journal(at), "Watchdog timeout", "Started "+unit)
	l.settings()
}

// kill: nothing of ours is asked, and the job goes on all the same.
func (l *lab) kill() {
	l.settings()
	l.in("systemctl", "restart", unit)
	restarts := l.number("NRestarts")
	id := l.upload("kill.pdf", slowPDF(1000, "kill")).JobID
	l.reading(id)
	l.in("systemctl", "kill", "-s", "KILL", "--kill-whom=main", unit)
	l.until("it was started anew", func() bool { return l.number("NRestarts") > restarts && l.show("ActiveState") == "active" })
	if j := l.done(id, 1000); j.Attempt < 2 || j.Interruptions != 1 {
		l.t.Errorf("the job after kill -9: %+v", j)
	}
}

// memory: where the unit's memory runs out, the kernel takes the reader, not the
// service. It costs the page.
func (l *lab) memory() {
	l.settings("MemoryMax=400M", "MemorySwapMax=0", "Environment=MIVAA_PAGE_MEMORY=4GiB", "Environment=MIVAA_WORKERS=1")
	l.in("systemctl", "restart", unit)
	pid := l.show("MainPID")
	id := l.upload("swell.pdf", swellPDF(6, 3)).JobID
	j := l.done(id, 6)
	if now := l.show("MainPID"); now != pid || l.show("ActiveState") != "active" {
		l.t.Errorf("the service itself was taken: process %s became %s", pid, now)
	}
	if j.PagesFailed != 1 {
		l.t.Errorf("%d pages failed, want that one alone: %+v", j.PagesFailed, j.Result)
	}
	l.settings()
	l.in("systemctl", "restart", unit)
}

// restarts under load, ten: no job is lost, and through the socket no
// connection is refused.
func (l *lab) restarts() {
	l.settings()
	l.in("systemctl", "restart", unit)
	file := l.share("load.pdf", textPDF(40, "load"))
	// Each upload is a document of its own: the name is part of what it is told.
	l.in("sh", "-c", `: > /share/answers; rm -f /share/enough; (n=0; while [ ! -e /share/enough ]; do n=$((n + 1))
		curl -sS --max-time 30 -o /dev/null -w '%{http_code} %{exitcode}\n' -H 'Content-Type: application/pdf' -H "Idempotency-Key: load-$n" --data-binary @`+file+` `+labURL+uploadPath+`
	done >> /share/answers 2>&1; : > /share/over) > /dev/null 2>&1 &`)
	for range 10 {
		l.in("systemctl", "restart", unit)
		l.in("systemctl", "reset-failed", unit)
	}
	l.in("touch", "/share/enough")
	l.until("the load is over", func() bool { _, err := l.script("in", "test", "-e", "/share/over"); return err == nil })
	answers := strings.Fields(strings.ReplaceAll(l.in("cat", "/share/answers"), " ", "-"))
	accepted := 0
	for _, a := range answers {
		switch a {
		case "202-0", "200-0":
			accepted++
		case "503-0": // told to come again: it was stopping
		default:
			l.t.Errorf("an upload was answered with %s", a)
		}
	}
	if accepted < 10 {
		l.t.Errorf("%d of %d uploads were accepted", accepted, len(answers))
	}
	l.t.Logf("%d uploads over 10 restarts, %d accepted", len(answers), accepted)
	var s struct {
		Statistics map[string]int `json:"statistics"`
	}
	l.until("all is done", func() bool {
		l.answer(&s, labURL+"/api/rag/admin/jobs")
		return s.Statistics["pending"]+s.Statistics["processing"]+s.Statistics["interrupted"] == 0
	})
	if s.Statistics["failed"] != 0 {
		l.t.Errorf("statistics: %v", s.Statistics)
	}
}

func (l *lab) uninstall() {
	l.in("/usr/local/bin/mivaa", "service", "uninstall", "--yes")
	if got := l.show("LoadState"); got != "not-found" {
		l.t.Errorf("the unit is %s", got)
	}
	l.in("test", "-e", "/var/lib/mivaa/mivaa.db") // its data stays
}

func (l *lab) number(property string) int {
	l.t.Helper()
	n, err := strconv.Atoi(l.show(property))
	if err != nil {
		l.t.Fatalf("%s: %v", property, err)
	}
	return n
}

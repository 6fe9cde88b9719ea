package e2e

import (
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
	for _, c := range managedCases {
		t.Run(c.name, func(t *testing.T) { c.test(l.of(t).managed) })
	}
	t.Run("Memory", func(t *testing.T) { l.of(t).readerOutOfMemory() })
	t.Run("WaitForMemory", func(t *testing.T) { l.of(t).waitsForMemory() })
	t.Run("ServiceOutOfMemory", func(t *testing.T) { l.of(t).serviceOutOfMemory() })
	t.Run("Uninstall", func(t *testing.T) { l.of(t).uninstall() })
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
	if text := l.in("curl", "-sS", labURL+"/api/rag/documents/"+j.DocumentID+"/content?format=text"); !strings.Contains(text, "Line 1 of page 3 ") {
		l.t.Errorf("content: %.300s", text)
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

// readerOutOfMemory: where the unit's memory runs out, the kernel takes the
// reader, not the service. It costs the page.
func (l *lab) readerOutOfMemory() {
	l.settings("MemoryMax=400M", "MemorySwapMax=0", "Environment=MIVAA_PAGE_MEMORY=4GiB", "Environment=MIVAA_WORKERS=1")
	at := l.cursor()
	l.must("restart")
	pid := l.show("MainPID")
	j := l.done(l.upload("swell.pdf", swellPDF(6, 3)).JobID, 6)
	if now := l.show("MainPID"); now != pid || l.show("ActiveState") != "active" {
		l.t.Errorf("the service itself was taken: process %s became %s", pid, now)
	}
	if j.PagesFailed != 1 {
		l.t.Errorf("%d pages failed, want that one alone: %+v", j.PagesFailed, j.Result)
	}
	l.inOrder(l.journal(at), "Memory is limited")
	l.settings()
	l.must("restart")
}

// waitsForMemory: while there is hardly any, a document is not read; then it is,
// and nothing was killed.
func (l *lab) waitsForMemory() {
	l.settings("MemoryMax=1000M", "MemorySwapMax=0", "Environment=MIVAA_PAGE_MEMORY=256MiB")
	at := l.cursor()
	l.must("restart")
	pid := l.show("MainPID")
	give := l.hoard(pid, 32)
	l.until("the memory is taken", func() bool { return l.metric("mivaa_memory_available_bytes") < 64<<20 })
	id := l.upload("waits.pdf", textPDF(60, "waits")).JobID
	l.until("the service says that it waits", func() bool { return strings.Contains(l.journal(at), "Waiting for memory") })
	give()
	if j := l.done(id, 60); j.PagesFailed != 0 || j.Attempt != 1 {
		l.t.Errorf("after the wait: %+v", j)
	}
	if l.metric("mivaa_memory_wait_seconds_total") == 0 || l.show("MainPID") != pid {
		l.t.Errorf("waited %v s; process %s is %s", l.metric("mivaa_memory_wait_seconds_total"), pid, l.show("MainPID"))
	}
	l.settings()
	l.must("restart")
}

// serviceOutOfMemory: the kernel takes the service itself. It comes back, and the
// document that was read at that death is read alone; at the third in a row it is
// given up, and those beside it are not.
func (l *lab) serviceOutOfMemory() {
	l.settings("MemoryMax=1200M", "MemorySwapMax=0", "RestartSec=100ms", "Environment=MIVAA_WORKERS=2", "Environment=MIVAA_PAGE_TIMEOUT=10m")
	l.must("restart")
	guilty := l.upload("guilty.pdf", loopPDF(3, 1)).JobID
	beside := []string{l.upload("one.pdf", textPDF(150, "one")).JobID, l.upload("two.pdf", textPDF(150, "two")).JobID}
	for death := 1; death <= 3; death++ {
		l.until("the document is read", func() bool {
			j := l.job(guilty)
			if j.Crashes != death-1 || j.StepsDone != 0 {
				l.t.Fatalf("before death %d: %+v", death, j)
			}
			return j.Status == "processing" && j.Attempt == death
		})
		restarts := l.number("NRestarts")
		l.exhaust(l.show("MainPID"))
		l.startedAnew(restarts)
	}
	if j := l.job(guilty); j.Status != "failed" || j.ErrorCode != "crashed" || j.Crashes != 3 {
		l.t.Errorf("the document that was there at every death: %+v", j)
	}
	for _, id := range beside {
		if j := l.done(id, 150); j.Crashes != 0 || j.PagesFailed != 0 {
			l.t.Errorf("beside it: %+v", j)
		}
	}
	l.settings()
	l.must("restart")
}

func (l *lab) uninstall() {
	l.in("/usr/local/bin/mivaa", "service", "uninstall", "--yes")
	if got := l.show("LoadState"); got != "not-found" {
		l.t.Errorf("the unit is %s", got)
	}
	l.in("test", "-e", "/var/lib/mivaa/mivaa.db") // its data stays
}

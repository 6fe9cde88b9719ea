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
	on := func(t *testing.T) installed {
		return installed{managed{manager: l.of(t), t: t, pages: 1000}, &lab{t: t, state: l.state}}
	}
	if !t.Run("Install", func(t *testing.T) { on(t).install() }) {
		return
	}
	for _, c := range managedCases {
		t.Run(c.name, func(t *testing.T) { c.test(on(t).managed) })
	}
	t.Run("Memory", func(t *testing.T) { on(t).readerOutOfMemory() })
	t.Run("ServiceOutOfMemory", func(t *testing.T) { on(t).serviceOutOfMemory() })
	t.Run("Uninstall", func(t *testing.T) { on(t).uninstall() })
}

// installed is the service on a real systemd.
type installed struct {
	managed
	l *lab
}

// install: from nothing to a document that was extracted, and the guide's lines
// where the guide looks for them.
func (s installed) install() {
	at := s.cursor()
	s.t.Log(s.l.in("/lab/mivaa", "service", "install"))
	if got := s.show("ActiveState") + " " + s.show("User"); got != "active mivaa" {
		s.t.Fatalf("the service is %s", got)
	}
	j := s.done(s.upload("first.pdf", textPDF(3, "first")).JobID, 3)
	if text := s.l.in("curl", "-sS", labURL+"/api/rag/documents/"+j.DocumentID+"/content?format=text"); !strings.Contains(text, "Page 3 of first") {
		s.t.Errorf("content: %.300s", text)
	}
	// The log is written beside the service: systemd's own lines may come before
	// what they follow.
	s.inOrder(s.journal(at), "🔄 Initializing job recovery service...", "📊 Job statistics: {'total': 0,",
		"✅ Job recovery service initialized successfully", "📋 BACKGROUND JOB STARTED: "+j.JobID, "   Final status: completed")
	s.inOrder(s.journal(at), "Started "+unit)
	if out := s.l.in("journalctl", "-o", "cat", "MIVAA_JOB="+j.JobID); !strings.Contains(out, "BACKGROUND JOB STARTED") {
		s.t.Errorf("by its field the job's lines are %q", out)
	}
	if out := s.l.in("sh", "-c", "journalctl -u "+unit+" --since '5 minutes ago' | grep 'job recovery'"); !strings.Contains(out, "Initializing job recovery service") {
		s.t.Errorf("grep 'job recovery' finds %s", out)
	}
	if out := s.l.in("/usr/local/bin/mivaa", "service", "status"); !strings.Contains(out, "active (running)") {
		s.t.Errorf("status: %s", out)
	}
	s.l.in("/usr/local/bin/mivaa", "health")
}

// readerOutOfMemory: where the unit's memory runs out, the kernel takes the
// reader, not the service. It costs the page.
func (s installed) readerOutOfMemory() {
	s.settings("MemoryMax=400M", "MemorySwapMax=0", "Environment=MIVAA_PAGE_MEMORY=4GiB", "Environment=MIVAA_WORKERS=1")
	at := s.cursor()
	s.must("restart")
	pid := s.show("MainPID")
	j := s.done(s.upload("swell.pdf", swellPDF(6, 3)).JobID, 6)
	if now := s.show("MainPID"); now != pid || s.show("ActiveState") != "active" {
		s.t.Errorf("the service itself was taken: process %s became %s", pid, now)
	}
	if j.PagesFailed != 1 {
		s.t.Errorf("%d pages failed, want that one alone: %+v", j.PagesFailed, j.Result)
	}
	s.inOrder(s.journal(at), "Memory is limited")
	s.settings()
	s.must("restart")
}

// serviceOutOfMemory: the kernel takes the service itself. It comes back, and the
// document that was read at that death is read alone; at the third in a row it is
// given up, and those beside it are not.
func (s installed) serviceOutOfMemory() {
	s.settings("MemoryMax=1200M", "MemorySwapMax=0", "RestartSec=100ms", "Environment=MIVAA_WORKERS=2", "Environment=MIVAA_PAGE_TIMEOUT=10m")
	s.must("restart")
	guilty := s.upload("guilty.pdf", loopPDF(3, 1)).JobID
	beside := []string{s.upload("one.pdf", textPDF(150, "one")).JobID, s.upload("two.pdf", textPDF(150, "two")).JobID}
	for death := 1; death <= 3; death++ {
		s.until("the document is read", func() bool {
			j := s.job(guilty)
			if j.Crashes != death-1 || j.StepsDone != 0 {
				s.t.Fatalf("before death %d: %+v", death, j)
			}
			return j.Status == "processing" && j.Attempt == death
		})
		restarts := s.number("NRestarts")
		s.l.exhaust(s.show("MainPID"))
		s.startedAnew(restarts)
	}
	if j := s.job(guilty); j.Status != "failed" || j.ErrorCode != "crashed" || j.Crashes != 3 {
		s.t.Errorf("the document that was there at every death: %+v", j)
	}
	for _, id := range beside {
		if j := s.done(id, 150); j.Crashes != 0 || j.PagesFailed != 0 {
			s.t.Errorf("beside it: %+v", j)
		}
	}
	s.settings()
	s.must("restart")
}

func (s installed) uninstall() {
	s.l.in("/usr/local/bin/mivaa", "service", "uninstall", "--yes")
	if got := s.show("LoadState"); got != "not-found" {
		s.t.Errorf("the unit is %s", got)
	}
	s.l.in("test", "-e", "/var/lib/mivaa/mivaa.db") // its data stays
}

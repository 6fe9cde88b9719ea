//go:build linux

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func stopSignals() map[string]syscall.Signal {
	return map[string]syscall.Signal{
		"SIGTERM (graceful shutdown)":          syscall.SIGTERM,
		"SIGINT (Ctrl+C / keyboard interrupt)": syscall.SIGINT,
		"SIGHUP (terminal closed)":             syscall.SIGHUP,
	}
}

// inOrder checks that the lines are there, in this order. One that ends in …
// is compared up to there.
func inOrder(t *testing.T, log []string, want ...string) {
	t.Helper()
	at := 0
	for _, w := range want {
		prefix, cut := strings.CutSuffix(w, "…")
		i := slices.IndexFunc(log[at:], func(l string) bool { return l == w || cut && strings.HasPrefix(l, prefix) })
		if i < 0 {
			t.Fatalf("no line %q after line %d of:\n%s", w, at, strings.Join(log, "\n"))
		}
		at += i + 1
	}
}

// Each stop signal ends the service at once in the middle of a document, says
// so in the guide's words, and leaves the job interrupted with its pages. The
// next start goes on with it, or, where people decide, leaves it alone.
func TestSignalInterruptsService(t *testing.T) {
	banner := strings.Repeat("=", 80)
	for name, sig := range stopSignals() {
		for _, recovery := range []string{"auto", "manual"} {
			t.Run(sig.String()+"/"+recovery, func(t *testing.T) {
				dir := dataDir(t)
				s := serve(t, dir, "--recovery", recovery)
				inOrder(t, s.log(), "🔄 Initializing job recovery service...", "✅ No interrupted jobs found",
					"📊 Job statistics: {'total': 0, 'pending': 0, 'processing': 0, 'completed': 0, 'failed': 0, 'interrupted': 0}",
					"✅ Job recovery service initialized successfully")
				j := s.upload(textPDF(killPages, "signal"))
				s.until(j.JobID, "some pages", func(now job) bool { return now.StepsDone > 5 })
				readers := s.readers()
				code, took := s.signal(sig)
				if code != 0 || took > time.Second {
					t.Errorf("exit %d after %v", code, took)
				}
				noneOutlives(t, readers)
				inOrder(t, s.log(),
					"📋 BACKGROUND JOB STARTED: "+j.JobID, "   Document ID: "+j.DocumentID, "   Filename: …", "   Started at: …",
					"🛑 SERVICE INTERRUPTION DETECTED: "+name, "🛑 Received signal …", "🛑 Initiating graceful shutdown...",
					"🛑 Any ongoing PDF processing jobs will be interrupted!",
					banner, "🛑 SHUTDOWN INITIATED", "🛑 Shutdown time: …", banner,
					"🛑 SHUTDOWN WARNING: 1 jobs still processing:", "   - Job "+j.JobID+": Document "+j.DocumentID+", Started: …",
					"🛑 JOB INTERRUPTED: "+j.JobID, "   Document ID: "+j.DocumentID, "   Filename: …",
					"   Reason: Service shutdown or task cancellation", "   Duration before interruption: …",
					banner, "🛑 SHUTDOWN COMPLETE", banner)

				look := serve(t, dir, "--workers", "0") // looks, and touches nothing
				now := look.job(j.JobID)
				if now.Status != "interrupted" || now.Cause != "shutdown" || now.Error != "Service shutdown or task cancellation" ||
					now.InterruptedAt == "" || now.StepsDone == 0 || now.Interruptions != 1 || now.Crashes != 0 {
					t.Errorf("interrupted job: %+v", now)
				}
				look.kill()
				kept := now.StepsDone

				s = serve(t, dir, "--recovery", recovery)
				if recovery == "manual" {
					if now := s.job(j.JobID); now.Status != "interrupted" {
						t.Errorf("manual recovery touched the job: %+v", now)
					}
					if _, stderr, code := cli(t, "jobs", "resume", "--data-dir", dir, j.JobID); code != 0 {
						t.Fatalf("resume exited %d: %s", code, stderr)
					}
				}
				now = s.until(j.JobID, "completed", completed)
				if now.Attempt != 2 || now.StepsDone != killPages || kept == killPages {
					t.Errorf("completed job: %+v (%d pages were kept)", now, kept)
				}
			})
		}
	}
}

// extract ends with 75 and goes on when given again.
func TestSignalInterruptsExtract(t *testing.T) {
	for _, sig := range stopSignals() {
		t.Run(sig.String(), func(t *testing.T) {
			dir, path := dataDir(t), write(t, textPDF(killPages, "signal"))
			p := launch(t, "extract", "--data-dir", dir, path)
			look := serve(t, dir, "--workers", "0")
			eventually(t, "some pages", 30*time.Second, func() bool {
				list := look.jobs()
				return len(list) == 1 && list[0].StepsDone > 5
			})
			code, took := p.signal(sig)
			if code != 75 || took > time.Second || p.stdout.Len() > 0 {
				t.Errorf("exit %d after %v, %d bytes on stdout", code, took, p.stdout.Len())
			}
			now := look.jobs()[0]
			if now.Status != "interrupted" || now.Cause != "shutdown" {
				t.Errorf("interrupted job: %+v", now)
			}
			out, stderr, code := cli(t, "extract", "--data-dir", dir, "--furniture", "all", path) // "Page 1 of" is at every page's head
			if code != 0 || !strings.Contains(out, fmt.Sprintf("Page %d of signal", killPages)) {
				t.Errorf("given again: exit %d, %s", code, stderr)
			}
			if now := look.jobs()[0]; now.Attempt != 2 || now.Status != "completed" {
				t.Errorf("completed job: %+v", now)
			}
		})
	}
}

// A service with nothing to do says so.
func TestSignalFindsNothing(t *testing.T) {
	s := serve(t, dataDir(t))
	if code, took := s.signal(syscall.SIGTERM); code != 0 || took > time.Second {
		t.Errorf("exit %d after %v", code, took)
	}
	inOrder(t, s.log(), "🛑 SERVICE INTERRUPTION DETECTED: SIGTERM (graceful shutdown)", "✅ No active jobs to interrupt",
		"🛑 SHUTDOWN INITIATED", "✅ No active jobs during shutdown", "🛑 SHUTDOWN COMPLETE")
}

// A start after a kill says which jobs it found, and statistics count them.
func TestStartTellsWhatItFound(t *testing.T) {
	dir := dataDir(t)
	s := serve(t, dir, "--recovery", "manual")
	j := s.upload(textPDF(killPages, "found"))
	s.until(j.JobID, "a page", func(now job) bool { return now.StepsDone > 0 })
	s.kill()
	s = serve(t, dir)
	inOrder(t, s.log(), "🔄 Initializing job recovery service...", "🛑 Marked 1 jobs as interrupted due to: Service restart detected", "   - Job "+j.JobID,
		"📊 Job statistics: {'total': 1, 'pending': 0, 'processing': 0, 'completed': 0, 'failed': 0, 'interrupted': 1}",
		"🧹 Cleaned up 0 old jobs", "✅ Job recovery service initialized successfully")
}

// With --drain a stop waits for the document.
func TestDrainWaits(t *testing.T) {
	s := serve(t, dataDir(t), "--drain", "60s")
	j := s.upload(textPDF(100, "drain"))
	s.until(j.JobID, "a page", func(now job) bool { return now.StepsDone > 0 })
	if code, _ := s.signal(syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d", code)
	}
	inOrder(t, s.log(), "⏳ Draining: …", "📋 BACKGROUND JOB FINISHED: "+j.JobID, "   Final status: completed", "🛑 SHUTDOWN INITIATED", "✅ No active jobs during shutdown")
}

// A signal ends a first start too, while the engine is being compiled.
func TestSignalDuringFirstStart(t *testing.T) {
	p := launch(t, "serve", "--data-dir", t.TempDir(), "--addr", "127.0.0.1:0")
	p.line("Compiling the PDF engine")
	if code, took := p.signal(syscall.SIGTERM); code != 0 || took > time.Second {
		t.Errorf("exit %d after %v", code, took)
	}
}

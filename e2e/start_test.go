//go:build linux

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// An address that is taken is named, with what to do.
func TestAddressInUse(t *testing.T) {
	t.Parallel()
	s := serve(t, dataDir(t))
	addr := strings.TrimPrefix(s.url, "http://")
	f := fails(t, 1, "serve", "--data-dir", dataDir(t), "--addr", addr)
	f.needsHint(t, "--addr")
	if !strings.Contains(f.Message, addr) {
		t.Errorf("the address is not named: %+v", f)
	}
}

// Nobody but this machine can reach the service, unless asked by a token, which
// this version has not: other addresses are a usage error, found before
// anything is made.
func TestOtherAddressesThanLoopback(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:8000", "example.org:80", "8000"} {
		dir := filepath.Join(t.TempDir(), "data")
		f := fails(t, 2, "serve", "--data-dir", dir, "--addr", addr)
		if !strings.Contains(f.Message, "--addr "+addr) {
			t.Errorf("%s: %+v", addr, f)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: the data dir was made", addr)
		}
	}
	s := serve(t, dataDir(t), "--addr", "localhost:0")
	if code := s.call("GET", "/health", nil, nil); code != 200 {
		t.Errorf("localhost: %d", code)
	}
}

// Everything that is wrong with the environment is told at once.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	with := func(env ...string) func(*exec.Cmd) {
		return func(cmd *exec.Cmd) { cmd.Env = cleanEnv(env...) }
	}
	f := failsWith(t, with("MIVAA_ADRESSE=127.0.0.1:0", "MIVAA_COLOUR=red", "MIVAA_WORKERS=many", "MIVAA_LEASE=soon", "MIVAA_RECOVERY=never", "MIVAA_MAX_UPLOAD=big"),
		2, "serve", "--data-dir", dataDir(t))
	for _, name := range []string{"MIVAA_ADRESSE", "MIVAA_COLOUR", "MIVAA_WORKERS", "MIVAA_LEASE", "MIVAA_RECOVERY", "MIVAA_MAX_UPLOAD"} {
		if !strings.Contains(f.Message, name) {
			t.Errorf("%s is not named: %s", name, f.Message)
		}
	}
	f = fails(t, 2, "serve", "--data-dir", dataDir(t), "--max-crashes", "0", "--page-timeout", "-1s", "--drain", "-1s")
	for _, flag := range []string{"--max-crashes", "--page-timeout", "--drain"} {
		if !strings.Contains(f.Message, flag) {
			t.Errorf("%s is not named: %s", flag, f.Message)
		}
	}

	// What is right is heard, and a flag wins over it.
	dir := dataDir(t)
	s := serveWith(t, with("MIVAA_WORKERS=7", "MIVAA_DATA_DIR=/nonexistent/data", "MIVAA_LOG_LEVEL=info"), dir)
	if line := s.line("Ready"); !strings.Contains(line, "workers=7") || !strings.Contains(line, "data_dir="+dir) {
		t.Error(line)
	}
}

// The first signal waits for the document; the second exits at once, and no
// reader stays.
func TestSecondSignalExitsAtOnce(t *testing.T) {
	t.Parallel()
	for _, second := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		dir := dataDir(t)
		s := serve(t, dir, "--drain", "10m", "--page-timeout", "10m")
		j := s.upload(loopPDF(3, 2))
		s.until(j.JobID, "page 1", func(now job) bool { return now.StepsDone == 1 })
		if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		s.line("Draining")
		readers := s.readers()
		asked := time.Now()
		// Those that come right behind the first belong to it: ask until it hears.
		eventually(t, "the end", 5*time.Second, func() bool {
			select {
			case <-s.ended:
				return true
			default:
				_ = s.cmd.Process.Signal(second) // it may be gone just now
				return false
			}
		})
		if code := s.wait(); code != 128+int(second) {
			t.Errorf("%v: exit %d after %v", second, code, time.Since(asked))
		}
		noneOutlives(t, readers)
		look := serve(t, dir, "--workers", "0")
		if now := look.job(j.JobID); now.Status != "processing" || now.StepsDone != 1 {
			t.Errorf("job: %+v", now)
		}
	}
}

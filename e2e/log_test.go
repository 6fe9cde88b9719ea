//go:build linux

package e2e

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// pipedService is a service whose log goes into a pipe that the test reads, or
// does not.
func pipedService(t *testing.T, dir string) (*service, *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	p := &process{t: t, cmd: exec.Command(binary, "serve", "--data-dir", dir, "--addr", "127.0.0.1:0"), ended: make(chan struct{}), change: make(chan struct{})}
	p.cmd.Env, p.cmd.Stderr = cleanEnv(), w
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.err = p.cmd.Wait(); close(p.ended) }()
	t.Cleanup(p.kill)
	const setPipeSize = 1031 // F_SETPIPE_SZ
	// The pipe holds less than the start's lines and a few jobs'.
	if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, r.Fd(), setPipeSize, 4096); errno != 0 {
		t.Fatal(errno)
	}
	var text strings.Builder
	buf := make([]byte, 512)
	address := regexp.MustCompile(`addr=(\S+) `)
	for address.FindStringSubmatch(text.String()) == nil {
		n, err := r.Read(buf)
		if err != nil {
			t.Fatalf("read log: %v: %s", err, text.String())
		}
		text.Write(buf[:n])
	}
	return &service{process: p, url: "http://" + address.FindStringSubmatch(text.String())[1]}, r
}

// Whoever reads the log may stand still, or die: the service works on, and
// stops when it is told to.
func TestLogReaderHoldsUpNobody(t *testing.T) {
	t.Parallel()
	for _, reader := range []string{"stands still", "dies"} {
		t.Run(reader, func(t *testing.T) {
			t.Parallel()
			s, r := pipedService(t, dataDir(t))
			if reader == "dies" {
				r.Close()
			} else {
				defer r.Close()
			}
			var last job
			for i := range 40 {
				last = s.upload(textPDF(1, "log "+string(rune('a'+i))))
			}
			s.until(last.JobID, "the last document", completed)
			if code, took := s.signal(syscall.SIGTERM); code != 0 || took > 3*time.Second {
				t.Errorf("exit %d after %v", code, took)
			}
		})
	}
}

// A terminal that is closed sends more than one signal: the stop stays polite.
func TestSignalsInAPairArePolite(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	s := serve(t, dir)
	j := s.upload(textPDF(killPages, "pair"))
	s.until(j.JobID, "a page", func(now job) bool { return now.StepsDone > 0 })
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code, _ := s.signal(syscall.SIGHUP); code != 0 {
		t.Errorf("exit %d", code)
	}
	look := serve(t, dir, "--workers", "0")
	if now := look.job(j.JobID); now.Status != "interrupted" || now.Cause != "shutdown" {
		t.Errorf("job: %+v", now)
	}
}

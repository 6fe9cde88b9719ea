package pdf

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// kill -9 of the service takes its readers along, also one that hangs.
func TestServiceKilled(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("/proc/self/exe", serviceCommand)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the reader hangs in the page", 20*time.Second, func() bool { return cpuTicks(pid) > 50 })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	eventually(t, "the reader is gone", time.Second, func() bool { return gone(pid) })
}

// byHand starts a reader without the kernel's help and has it hang in a page.
func byHand(t *testing.T) (*exec.Cmd, io.WriteCloser) {
	t.Helper()
	s, err := json.Marshal(settings{Parent: os.Getpid(), Sandbox: 1 << 30, Cache: filepath.Join(testCache(), engineVersion)})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe", ReaderCommand, string(s))
	cmd.Stderr = t.Output()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w := newWriter()
	w.loop(forever, 10)
	b := w.bytes()
	request, err := json.Marshal(openRequest{Size: int64(len(b)), Media: PDF})
	if err != nil {
		t.Fatal(err)
	}
	for {
		f, err := readFrame(out, nil)
		if err != nil {
			t.Fatal(err)
		}
		switch f.kind {
		case frameHello:
			err = writeFrame(in, frameOpen, request)
		case frameRead:
			var offset int64
			var length int
			if offset, length, err = decodeRead(f.payload, int64(len(b))); err == nil {
				err = writeFrame(in, frameData, b[offset:offset+int64(length)])
			}
		case frameInfo:
			if err := writeFrame(in, framePage, encodePage(1)); err != nil {
				t.Fatal(err)
			}
			before := cpuTicks(cmd.Process.Pid)
			eventually(t, "the reader hangs in the page", 20*time.Second, func() bool { return cpuTicks(cmd.Process.Pid) > before+30 })
			return cmd, in
		default:
			t.Fatalf("the reader said %q: %s", f.kind, f.payload)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A reader in mid-page notices that its standard input has ended.
func TestReaderEndsWithItsInput(t *testing.T) {
	t.Parallel()
	cmd, in := byHand(t)
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	// The race detector alone takes a second to end a process.
	eventually(t, "the reader is gone", slack*time.Second, func() bool { return gone(cmd.Process.Pid) })
	if err := cmd.Wait(); err != nil {
		t.Errorf("the reader ended with %v", err)
	}
}

// Signals for the service are none of a reader's business.
func TestReaderIgnoresSignals(t *testing.T) {
	t.Parallel()
	cmd, in := byHand(t)
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	before := cpuTicks(cmd.Process.Pid)
	eventually(t, "the reader goes on", 10*time.Second, func() bool { return cpuTicks(cmd.Process.Pid) > before+20 })
	_ = in.Close()
	_ = cmd.Wait()
}

// A reader whose parent is not the one that it was told is an orphan.
func TestOrphan(t *testing.T) {
	t.Parallel()
	s, _ := json.Marshal(settings{Parent: 1 << 30})
	err := exec.Command("/proc/self/exe", ReaderCommand, string(s)).Run()
	if e, ok := errors.AsType[*exec.ExitError](err); !ok || e.ExitCode() != exitOrphan {
		t.Errorf("ended with %v", err)
	}
}

func TestReadersOfTheirOwn(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{Readers: 1})
	if err := p.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	pid := p.pids(false)[0]
	if group, err := syscall.Getpgid(pid); err != nil || group != pid {
		t.Errorf("process group %d, %v", group, err)
	}
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil || len(env) > 0 {
		t.Errorf("environment %q, %v", env, err)
	}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		to, _ := os.Readlink(filepath.Join("/proc", fmt.Sprint(pid), "fd", f.Name()))
		// The Go runtime looks at the cgroup for the number of processors, wazero at nothing.
		if !strings.HasPrefix(to, "pipe:") && !strings.HasPrefix(to, "anon_inode:") && !strings.HasPrefix(to, "/sys/fs/cgroup/") && to != os.DevNull {
			t.Errorf("open file %s", to)
		}
	}
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil || !strings.Contains(strings.Join(strings.Fields(string(limits)), " "), "Max open files 0 0") {
		t.Errorf("limits %s, %v", limits, err)
	}
}

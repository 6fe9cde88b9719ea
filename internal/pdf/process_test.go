package pdf

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mivaa/mivaa/internal/layout"
)

const (
	liarCommand    = "test-liar"
	serviceCommand = "test-service"
)

// slack stretches the bounds of time where the machine may be busy with other tests.
const slack = 5

// lie is a reader that has been taken over by the document.
func lie(how string) int {
	in, out := bufio.NewReader(os.Stdin), os.Stdout
	say := func(kind byte, payload string) { _ = writeFrame(out, kind, []byte(payload)) }
	say(frameHello, "")
	for {
		f, err := readFrame(in, nil)
		if err != nil {
			return 0
		}
		switch {
		case f.kind == framePing:
			say(framePong, "")
		case f.kind == frameOpen && how == "info":
			say(frameInfo, "{")
		case f.kind == frameOpen:
			say(frameInfo, `{"page_count": 2}`)
		case how == "length":
			_, _ = out.Write([]byte{framePageRecord, 0xff, 0xff, 0xff, 0xff})
		case how == "noise":
			_, _ = out.Write(bytes.Repeat([]byte("noise"), 1000))
		case how == "number":
			say(framePageRecord, string(layout.Page{Version: 1, Number: 77, Status: layout.StatusOK}.Encode()))
		case how == "offsets":
			say(framePageRecord, `{"v":1,"page_number":1,"status":"ok","text":"a","lines":[{"start":0,"end":99}]}`)
		case how == "json":
			say(framePageRecord, "[")
		case how == "beyond":
			say(frameRead, string(encodeRead(1<<40, 10)))
		case how == "huge read":
			say(frameRead, string(encodeRead(0, 1<<30)))
		case how == "code":
			say(frameFailed, `{"code":"all_is_well"}`)
		case how == "kind":
			say('?', "")
		case how == "exit":
			fmt.Fprintln(os.Stderr, strings.Repeat("blah ", 10000)+"last words")
			return 1
		}
	}
}

func TestLyingReader(t *testing.T) {
	t.Parallel()
	b := []byte("%PDF-1.4 no more is needed")
	for _, how := range []string{"info", "length", "noise", "number", "offsets", "json", "beyond", "huge read", "code", "kind", "exit"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			p := newPool(t, Config{Readers: 1, Command: []string{"/proc/self/exe", liarCommand, how}, PageTimeout: 20 * time.Second})
			d, err := p.Open(t.Context(), bytes.NewReader(b), int64(len(b)), "")
			if how == "info" {
				wantCode(t, err, CodeReaderCrashed)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			pages, err := readAll(t, t.Context(), d, all(d))
			if err != nil {
				t.Fatal(err)
			}
			for _, page := range pages {
				if page.Code != CodeReaderCrashed {
					t.Errorf("page %d: %q %s", page.Number, page.Code, page.Error)
				}
				if how == "exit" && (!strings.HasSuffix(page.Error, "last words") || len(page.Error) > 2*tailSize) {
					t.Errorf("error %q", page.Error)
				}
			}
		})
	}
}

// service stands for the service that is killed: it reads a page that hangs, and tells its reader's id.
func service() int {
	w := newWriter()
	w.loop(forever, 10)
	b := w.bytes()
	p, err := New(Config{Readers: 1, CacheDir: testCache()})
	if err != nil {
		panic(err)
	}
	d, err := p.Open(context.Background(), bytes.NewReader(b), int64(len(b)), "")
	if err != nil {
		panic(err)
	}
	fmt.Println(p.pids(false)[0])
	for range d.Pages(context.Background(), []int{1}) {
	}
	return 0
}

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
	request, err := json.Marshal(openRequest{Size: int64(len(b))})
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
	eventually(t, "the reader is gone", time.Second, func() bool { return gone(cmd.Process.Pid) })
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
	if e, ok := err.(*exec.ExitError); !ok || e.ExitCode() != exitOrphan {
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

// Compiled code that was cut off by a power cut is made anew.
func TestSpoiledCache(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles PDFium")
	}
	t.Parallel()
	dir := t.TempDir()
	p := newPool(t, Config{Readers: 1, CacheDir: dir})
	if !p.Cold() {
		t.Error("an empty cache is not cold")
	}
	if err := os.CopyFS(filepath.Join(dir, engineVersion), os.DirFS(filepath.Join(warmCache(t), engineVersion))); err != nil {
		t.Fatal(err)
	}
	if p.Cold() {
		t.Error("a full cache is cold")
	}
	files, err := filepath.Glob(filepath.Join(dir, engineVersion, "*", "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := os.Truncate(files[0], 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := p.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s, err := os.Stat(files[0]); err != nil || s.Size() == 1<<20 {
		t.Error("the code was not made anew", err)
	}
}

// warmCache is a cache that holds PDFium.
func warmCache(t *testing.T) string {
	t.Helper()
	p := newPool(t, Config{Readers: 1})
	if err := p.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	return testCache()
}

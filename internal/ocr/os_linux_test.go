package ocr

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mivaa/mivaa/internal/layout"
)

func knowsMemory() bool { return true }

// running lists the processes that were started from a folder.
func running(t testing.TB, dir string) []string {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, file := range all {
		line, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(line), dir) && strings.Contains(string(line), "\x00stdin") {
			found = append(found, filepath.Base(filepath.Dir(file)))
		}
	}
	return found
}

// A reading that is told to stop leaves nothing behind, also where Tesseract has
// started something itself.
func TestStop(t *testing.T) {
	t.Parallel()
	for _, how := range []string{fakeHang, fakeBrood} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			e := newFake(t, how, Config{AtOnce: 1})
			dir, processes := filepath.Dir(e.path), 1
			if how == fakeBrood {
				processes = 2
				if err := os.Symlink("/proc/self/exe", filepath.Join(dir, fakePrefix+fakeHang)); err != nil {
					t.Fatal(err)
				}
			}
			stopping := errors.New("the worker stops")
			ctx, stop := context.WithCancelCause(t.Context())
			defer stop(nil)
			ended := make(chan error)
			for range 2 { // one runs, the other waits for it
				go func() {
					_, err := e.Reader(Auto, "").Recognise(ctx, blank(), picture)
					ended <- err
				}()
			}
			eventually(t, "Tesseract runs", 20*time.Second, func() bool { return len(running(t, dir)) == processes })
			stop(stopping)
			for range 2 {
				if err := <-ended; !errors.Is(err, stopping) {
					t.Errorf("error %v", err)
				}
			}
			eventually(t, "nothing is left", 5*time.Second, func() bool { return len(running(t, dir)) == 0 })
		})
	}
}

func TestCloseEndsIt(t *testing.T) {
	t.Parallel()
	e := newFake(t, fakeHang, Config{})
	dir := filepath.Dir(e.path)
	ended := make(chan error)
	go func() {
		_, err := e.Reader(Auto, "").Recognise(t.Context(), blank(), picture)
		ended <- err
	}()
	eventually(t, "Tesseract runs", 20*time.Second, func() bool { return len(running(t, dir)) == 1 })
	e.Close()
	if err := <-ended; !errors.Is(err, ErrClosed) {
		t.Errorf("error %v", err)
	}
	if left := running(t, dir); len(left) > 0 {
		t.Errorf("processes %v live", left)
	}
	if _, err := e.Reader(Auto, "").Recognise(t.Context(), blank(), picture); !errors.Is(err, ErrClosed) {
		t.Errorf("after it was closed: %v", err)
	}
	e.Close()
}

// doomed stands for a service that is killed while Tesseract hangs.
func doomed(path string) int {
	e, err := New(context.Background(), Config{Path: path, addressSpace: -1})
	if err != nil {
		panic(err)
	}
	_, err = e.Reader(Auto, "").Recognise(context.Background(), blank(), picture)
	panic(err)
}

// kill -9 of the service takes Tesseract along.
func TestServiceKilled(t *testing.T) {
	t.Parallel()
	path := fakePath(t, fakeHang)
	cmd := exec.Command("/proc/self/exe", doomedCommand, path)
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "Tesseract runs", 20*time.Second, func() bool { return len(running(t, filepath.Dir(path))) == 1 })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	eventually(t, "Tesseract is gone", 5*time.Second, func() bool { return len(running(t, filepath.Dir(path))) == 0 })
}

// What it may not, in the words of the kernel.
func TestConfined(t *testing.T) {
	t.Parallel()
	e := newFake(t, fakeHang, Config{})
	e.config.addressSpace = 1 << 46 // a Go program under the race detector has some terabytes
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan layout.Page)
	go func() {
		p, _ := e.Reader(Auto, "").Recognise(ctx, blank(), picture)
		ended <- p
	}()
	var pids []string
	eventually(t, "Tesseract runs confined", 20*time.Second, func() bool {
		if pids = running(t, filepath.Dir(e.path)); len(pids) != 1 {
			return false
		}
		b, err := os.ReadFile(filepath.Join("/proc", pids[0], "limits"))
		limits := strings.Join(strings.Fields(string(b)), " ")
		return err == nil && strings.Contains(limits, "Max file size 0 0") && strings.Contains(limits, "Max open files 64 64") &&
			strings.Contains(limits, "Max core file size 0 0") && strings.Contains(limits, "Max address space 70368744177664 70368744177664")
	})
	env, err := os.Open(filepath.Join("/proc", pids[0], "environ"))
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	lines := bufio.NewScanner(env)
	for lines.Scan() {
		for entry := range strings.SplitSeq(lines.Text(), "\x00") {
			name, _, _ := strings.Cut(entry, "=")
			if !strings.Contains(" OMP_THREAD_LIMIT LC_ALL TESSDATA_PREFIX LD_LIBRARY_PATH  ", " "+name+" ") {
				t.Errorf("it is told %s", entry)
			}
		}
	}
	group, err := os.ReadFile(filepath.Join("/proc", pids[0], "stat"))
	if err != nil || strings.Fields(string(group))[4] != pids[0] {
		t.Errorf("its group: %s, %v", group, err)
	}
	stop()
	<-ended
}

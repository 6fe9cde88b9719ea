package ocr

import (
	"bufio"
	"bytes"
	"fmt"
	"image/jpeg"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Kinds of fakes.
const (
	fakeGood    = "works"
	fakeOld     = "is-old"
	fakeStrange = "is-none"
	fakeBare    = "has-no-languages"
	fakeCrash   = "crashes"
	fakeOnce    = "crashes-once"
	fakeHang    = "hangs"
	fakeBrood   = "starts-another"
	fakeFlood   = "floods"
	fakeSwell   = "swells"
	fakeNoise   = "talks-nonsense"
	fakeBlank   = "sees-nothing"
)

// fakePath makes a program that behaves so.
func fakePath(t testing.TB, how string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), fakePrefix+how)
	if err := os.Symlink(self, path); err != nil {
		t.Skipf("SKIPPED: no symbolic links here: %v", err)
	}
	return path
}

// newFake is an engine that behaves so.
func newFake(t testing.TB, how string, c Config) *Engine {
	t.Helper()
	c.Path = fakePath(t, how)
	c.Logger = logger(t)
	c.addressSpace = -1 // a Go program under the race detector reserves a great deal
	e, err := New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// fake is a Tesseract of a kind.
func fake(how string) int {
	switch os.Args[1] {
	case "--version":
		version := map[string]string{fakeOld: "tesseract 3.05.02", fakeStrange: "cat (GNU coreutils) 9.1"}[how]
		if version == "" {
			version = "tesseract 5.9.9-rc1\n leptonica-1.99.0"
		}
		fmt.Fprintln(os.Stdout, version)
		return 0
	case "--list-langs":
		fmt.Fprintln(os.Stdout, "List of available languages in \"/somewhere/tessdata/\" (3):")
		if how != fakeBare {
			fmt.Fprintln(os.Stdout, "osd\neng\ndeu\nscript/Latin")
		}
		return 0
	}
	picture, err := io.ReadAll(os.Stdin)
	if err != nil {
		return 1
	}
	return misbehave(how, picture)
}

func misbehave(how string, picture []byte) int {
	switch how {
	case fakeCrash:
		fmt.Fprintln(os.Stderr, strings.Repeat("much before, ", 1000)+"last words")
		return 1
	case fakeOnce:
		if os.Mkdir(filepath.Join(filepath.Dir(os.Args[0]), "crashed"), 0o700) == nil {
			return 1
		}
	case fakeHang:
		forever()
	case fakeBrood:
		cmd := exec.Command(filepath.Join(filepath.Dir(os.Args[0]), fakePrefix+fakeHang), "stdin")
		cmd.Stdout = os.Stdout
		_ = cmd.Run()
		forever()
	case fakeFlood:
		out := bufio.NewWriterSize(os.Stdout, 1<<20)
		for {
			if _, err := out.WriteString(tsvHeader + "\n"); err != nil {
				return 1
			}
		}
	case fakeSwell:
		var kept [][]byte
		for {
			kept = append(kept, bytes.Repeat([]byte{1}, 1<<20))
			if len(kept) > 4<<10 {
				return 1
			}
		}
	case fakeNoise:
		fmt.Fprint(os.Stdout, tsvHeader+"\n5\t1\t1\t1\t1\t1\t-7\t0\t10\t10\t90\tword\n")
		return 0
	}
	size, err := jpeg.DecodeConfig(bytes.NewReader(picture))
	if err != nil {
		return 1
	}
	fmt.Fprintf(os.Stdout, "%s\n1\t1\t0\t0\t0\t0\t0\t0\t%d\t%d\t-1\t\n", tsvHeader, size.Width, size.Height)
	if how == fakeBlank {
		fmt.Fprintln(os.Stdout, "5\t1\t1\t1\t1\t1\t0\t0\t10\t10\t95\t ")
		return 0
	}
	fmt.Fprintln(os.Stdout, "2\t1\t1\t0\t0\t0\t10\t10\t90\t20\t-1\t")
	fmt.Fprintln(os.Stdout, "5\t1\t1\t1\t1\t1\t10\t10\t40\t12\t90.5\tHello")
	fmt.Fprintln(os.Stdout, "5\t1\t1\t1\t1\t2\t55\t10\t40\t12\t80\tworld")
	fmt.Fprintln(os.Stdout, "5\t1\t2\t1\t1\t1\t10\t30\t40\t12\t3\tdirt")
	return 0
}

// forever waits for what never comes.
func forever() {
	r, w, err := os.Pipe()
	if err != nil {
		return
	}
	defer w.Close()
	_, _ = r.Read(make([]byte, 1))
}

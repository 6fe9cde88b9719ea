package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/mivaa/mivaa/internal/extract"
)

func TestTarget(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cases := []struct {
		output, name string
		format       extract.Format
		several      bool
		want         string
	}{
		{"", "a.pdf", extract.Markdown, false, ""},
		{filepath.Join(dir, "out.md"), "a.pdf", extract.Markdown, false, filepath.Join(dir, "out.md")},
		{dir, "x/a.pdf", extract.Markdown, false, filepath.Join(dir, "a.md")},
		{dir + "/new/", "a.PDF", extract.JSON, false, filepath.Join(dir, "new", "a.json")},
		{filepath.Join(dir, "two"), "a.b.pdf", extract.Text, true, filepath.Join(dir, "two", "a.b.txt")},
		{dir, "-", extract.Chunks, false, filepath.Join(dir, "stdin.chunks.json")},
	}
	for _, c := range cases {
		x := &extraction{s: &extractSettings{output: c.output}, several: c.several}
		x.s.format.value = string(c.format)
		if got := x.target(c.name); got != c.want {
			t.Errorf("-o %q of %q: %q, want %q", c.output, c.name, got, c.want)
		}
	}
}

// A result that cannot be written whole leaves what was there as it was.
func TestWriteFileIsWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "out.md")
	if err := os.WriteFile(path, []byte("before"), 0o644); err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	err := writeFile(path, func(w io.Writer) error {
		_, err := io.WriteString(w, "half")
		return errors.Join(err, boom)
	})
	if !errors.Is(err, boom) {
		t.Errorf("write: %v", err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "before" {
		t.Errorf("%q, %v", got, err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	err = writeFile(path, func(w io.Writer) error {
		_, err := io.WriteString(w, "after")
		return err
	})
	if got, e := os.ReadFile(path); err != nil || e != nil || string(got) != "after" {
		t.Errorf("%q, %v, %v", got, err, e)
	}
}

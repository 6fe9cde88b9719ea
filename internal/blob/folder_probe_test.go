package blob

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/mivaa/mivaa/jobs"
)

func TestProbe(t *testing.T) {
	t.Parallel()
	f := open(t)
	if err := f.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	left, err := f.readDir(tmpDir)
	if err != nil || len(left) > 0 {
		t.Errorf("the probe left %v behind, %v", left, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Probe(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context: %v", err)
	}
}

func TestProbeFinds(t *testing.T) {
	t.Parallel()
	broken := errors.New("no such luck")
	for name, change := range map[string]func(*Folder){
		"file": func(f *Folder) { f.sys.syncFile = func(*os.File) error { return broken } },
		"dir":  func(f *Folder) { f.sys.syncDir = func(*os.Root, string) error { return broken } },
	} {
		f := open(t)
		change(f)
		if err := f.Probe(t.Context()); !errors.Is(err, broken) || !errors.Is(err, jobs.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
		if left, err := f.readDir(tmpDir); err != nil || len(left) > 0 {
			t.Errorf("%s: the probe left %v behind, %v", name, left, err)
		}
	}
	f := open(t)
	if err := os.RemoveAll(f.Path()); err != nil {
		t.Fatal(err)
	}
	if err := f.Probe(t.Context()); !errors.Is(err, jobs.ErrUnavailable) {
		t.Errorf("without a folder: %v", err)
	}
}

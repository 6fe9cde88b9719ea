package blob

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestSweep(t *testing.T) {
	t.Parallel()
	f := open(t)
	used, young, old := put(t, f, "used"), put(t, f, "young"), put(t, f, "old one")
	age(t, f.file(used), 100*time.Hour)
	age(t, f.file(old), 25*time.Hour)
	age(t, f.file(young), 23*time.Hour)
	asked := map[string]bool{}
	swept, err := f.Sweep(t.Context(), func(_ context.Context, shas []string) (map[string]bool, error) {
		for _, s := range shas {
			asked[s] = true
		}
		return map[string]bool{used.SHA256: true}, nil
	})
	if err != nil || swept != (Swept{Blobs: 1, Bytes: old.Size}) {
		t.Fatalf("Sweep: %+v, %v", swept, err)
	}
	if want := map[string]bool{used.SHA256: true, old.SHA256: true}; !maps.Equal(asked, want) {
		t.Errorf("asked about %v, want %v", asked, want)
	}
	for ref, want := range map[Ref]error{used: nil, young: nil, old: ErrMissing} {
		file, err := f.Open(t.Context(), ref.SHA256)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", ref.SHA256, err, want)
		}
		if err == nil {
			_ = file.Close()
		}
	}
}

// Nothing is removed when it cannot be told who refers to it.
func TestSweepAsksInVain(t *testing.T) {
	t.Parallel()
	f := open(t)
	ref := put(t, f, "old")
	age(t, f.file(ref), 25*time.Hour)
	down := errors.New("database is down")
	_, err := f.Sweep(t.Context(), func(context.Context, []string) (map[string]bool, error) { return nil, down })
	if !errors.Is(err, down) {
		t.Fatalf("got %v", err)
	}
	if _, err := os.Stat(f.file(ref)); err != nil {
		t.Error(err)
	}
}

// Bytes that are stored again between being found old and being removed stay.
func TestSweepAgainstPut(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "blobs")
	f, other := openAt(t, path), openAt(t, path)
	ref := put(t, f, "wanted again")
	age(t, f.file(ref), 25*time.Hour)
	swept, err := f.Sweep(t.Context(), func(context.Context, []string) (map[string]bool, error) {
		put(t, other, "wanted again")
		return nil, nil
	})
	if err != nil || swept.Blobs != 0 {
		t.Fatalf("Sweep: %+v, %v", swept, err)
	}
	file, err := f.Open(t.Context(), ref.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
}

func TestTempOfTheDead(t *testing.T) {
	t.Parallel()
	f := open(t)
	dead := filepath.Join(f.path, tmpDir, "put-OFTHEDEAD")
	if err := os.WriteFile(dead, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if !locksProve {
		age(t, dead, 25*time.Hour)
	}
	living, err := f.newTemp()
	if err != nil {
		t.Fatal(err)
	}
	defer living.drop()
	openAt(t, f.path) // starts: sweeps
	if _, err := os.Stat(dead); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("file of the dead: %v, want it gone", err)
	}
	if !living.stands() {
		t.Error("the file of a living writer was removed")
	}
}

package sqlite

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mivaa/mivaa/jobs"
)

func TestInspect(t *testing.T) {
	t.Parallel()
	known, err := SchemaVersion()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "data", "jobs.db")
	if _, err := Inspect(t.Context(), path); !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, jobs.ErrUnavailable) {
		t.Errorf("of no file: %v", err)
	}
	if _, err := os.Stat(filepath.Dir(path)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("looking made the folder: %v", err)
	}

	s := open(t, path)
	inspect := func(want map[string]int) {
		t.Helper()
		got, err := Inspect(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("versions (-want +got):\n%s", d)
		}
	}
	inspect(map[string]int{"jobs": known})
	if err := s.Migrate(t.Context(), "mail", slices.Repeat([]string{"SELECT 1"}, 3)); err != nil {
		t.Fatal(err)
	}
	inspect(map[string]int{"jobs": known, "mail": 3})
}

func TestInspectChangesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jobs.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Inspect(t.Context(), path)
	if err != nil || got["jobs"] != 0 {
		t.Errorf("of an empty file: %v, %v", got, err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != 0 {
		t.Errorf("the file was written: %v, %v", info, err)
	}
	foreign := filepath.Join(t.TempDir(), "other.db")
	if err := os.WriteFile(foreign, []byte(strings.Repeat("another program's bytes, no database\n", 40)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Inspect(t.Context(), foreign); !errors.Is(err, jobs.ErrUnavailable) {
		t.Errorf("of another program's file: %v", err)
	}
}

func TestCheckFindsDamage(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jobs.db")
	s := open(t, path)
	if err := s.Check(t.Context()); err != nil {
		t.Fatalf("of a sound file: %v", err)
	}
	// A value that the column's own CHECK forbids.
	const damage = `PRAGMA ignore_check_constraints = ON;
		INSERT INTO background_jobs (id, filename, status, progress) VALUES ('01a21441-71af-786a-b59f-001402da122b', 'a', 'pending', 300)`
	if _, err := person(t, path).ExecContext(t.Context(), damage); err != nil {
		t.Fatal(err)
	}
	err := s.Check(t.Context())
	var store *jobs.StoreError
	if !errors.Is(err, errDamaged) || !errors.As(err, &store) || store.Hint == "" {
		t.Errorf("of a damaged file: %v", err)
	}
}

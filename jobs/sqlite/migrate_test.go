package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mivaa/mivaa/jobs"
)

// version1 makes a file as the first version of the schema left it.
func version1(t *testing.T, path string) {
	t.Helper()
	steps, err := migrations()
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	db := person(t, path)
	for _, q := range []string{steps[0], fmt.Sprintf(`PRAGMA application_id = %d; PRAGMA user_version = 1`, applicationID)} {
		if _, err := db.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
}

// A file of the first version keeps its rows and their order, and its owners
// take turns from then on.
func TestMigrateFromVersion1(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jobs.db")
	version1(t, path)
	db := person(t, path)
	const row = `INSERT INTO background_jobs (id, filename, status, kind, owner, position, recovery, attempt, failed_at, error, error_code)
		VALUES (?, 'a', ?, 'work', ?, ?, 'auto', ?, ?, ?, ?)`
	var want []jobs.ID
	for i, owner := range []any{"alice", "alice", nil, "alice", nil} {
		id := jobs.NewID()
		want = append(want, id)
		if _, err := db.Exec(row, id.String(), "pending", owner, i+1, 0, nil, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	failed := jobs.NewID()
	if _, err := db.Exec(row, failed.String(), "failed", "alice", 6, 1, "2025-01-01 00:00:00.000", "it broke", "broken"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`UPDATE job_queue SET last_position = 6`); err != nil {
		t.Fatal(err)
	}

	s := open(t, path)
	if v, err := s.SchemaVersions(t.Context()); err != nil || v["jobs"] != 3 {
		t.Fatalf("schema %v, %v, want 3", v, err)
	}
	if j := get(t, s, failed); j.Status != jobs.Failed || j.ErrorCode != "broken" || j.MaxFailures != 0 || j.MaxCrashes != 0 || j.RetryDelayMS != 0 {
		t.Errorf("after the migration: %+v", j)
	}
	bob := insertOne(t, s, jobs.NewJob{Kind: "work", Owner: "bob", MaxFailures: 3})
	join(t, s, "a")
	got, err := s.Claim(t.Context(), claimParams("a", 9))
	if err != nil {
		t.Fatal(err)
	}
	var ids []jobs.ID
	for _, j := range got.Jobs {
		ids = append(ids, j.ID)
	}
	if order := slices.Insert(slices.Clone(want), 1, bob.ID); !slices.Equal(ids, order) { // beside the head of the line
		t.Errorf("claimed %v\nwant    %v", ids, order)
	}
	if _, err := db.Exec(`UPDATE background_jobs SET max_crashes = 0 WHERE id = ?`, bob.ID.String()); err == nil {
		t.Error("a budget of 0 by hand was accepted")
	}
}

package sqlite

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

func TestRowByHandHasItsTimesInAnyForm(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jobs.db")
	s := open(t, path)
	join(t, s, "a")
	db := person(t, path)
	want := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, text := range []string{"2026-01-02 03:04:05", "2026-01-02T03:04:05Z", "2026-01-02 04:04:05+01:00", "2026-01-02 03:04:05.000"} {
		id := jobs.NewID()
		_, err := db.Exec(`INSERT INTO background_jobs (id, filename, status, created_at, updated_at, started_at, progress, metadata)
			VALUES (?, 'a.pdf', 'pending', ?, ?, ?, NULL, NULL)`, id.String(), text, text, text)
		if err != nil {
			t.Fatal(err)
		}
		j := get(t, s, id)
		if !j.CreatedAt.Equal(want) || !j.UpdatedAt.Equal(want) || !j.StartedAt.Equal(want) {
			t.Errorf("%s: created %v, updated %v, started %v", text, j.CreatedAt, j.UpdatedAt, j.StartedAt)
		}
		if j.Kind != "extract" || string(j.Metadata) != "{}" || string(j.Payload) != "{}" || j.Progress != 0 || j.Recovery != "" {
			t.Errorf("defaults: %+v", j)
		}
	}
	got, err := s.Claim(t.Context(), jobs.ClaimParams{Instance: "a", Kinds: []string{"extract"}, Limit: 10})
	if err != nil || len(got.Jobs) != 4 || got.Jobs[0].Recovery != jobs.RecoveryAuto {
		t.Errorf("claimed %+v, %v", got.Jobs, err)
	}
}

func TestRowByHandThatMakesNoSenseIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jobs.db")
	s := open(t, path)
	db := person(t, path)
	for name, insert := range map[string]string{
		"an upper-case id":    `(id, filename, status) VALUES ('0191A2B3-0000-7000-8000-000000000000', 'a', 'pending')`,
		"an id that is none":  `(id, filename, status) VALUES ('abc-123', 'a', 'pending')`,
		"another status":      `(id, filename, status) VALUES ('0191a2b3-0000-7000-8000-000000000000', 'a', 'done')`,
		"a time that is none": `(id, filename, status, created_at) VALUES ('0191a2b3-0000-7000-8000-000000000000', 'a', 'pending', 'yesterday')`,
		"a time before all":   `(id, filename, status, created_at) VALUES ('0191a2b3-0000-7000-8000-000000000000', 'a', 'pending', '12')`,
		"no JSON":             `(id, filename, status, metadata) VALUES ('0191a2b3-0000-7000-8000-000000000000', 'a', 'pending', 'title')`,
		"progress":            `(id, filename, status, progress) VALUES ('0191a2b3-0000-7000-8000-000000000000', 'a', 'pending', 101)`,
		"no such document":    `(id, filename, status, document_id) VALUES ('0191a2b3-0000-7000-8000-000000000000', 'a', 'pending', '0191a2b3-0000-7000-8000-000000000001')`,
	} {
		if _, err := db.Exec(`INSERT INTO background_jobs ` + insert); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := db.Exec(`PRAGMA foreign_keys = OFF;
		INSERT INTO background_jobs (id, filename, status, document_id) VALUES ('0191a2b3-0000-7000-8000-000000000000', 'a', 'pending', 'doc-456')`); err == nil {
		t.Error("a document that is no UUID, foreign keys off: no error")
	}
	if st, err := s.Statistics(t.Context()); err != nil || st.Total != 0 {
		t.Errorf("counted %+v, %v", st, err)
	}
}

// TestRowsThatTheEngineRanMakeSense changes such rows by hand.
func TestRowsThatTheEngineRanMakeSense(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jobs.db")
	s := open(t, path)
	join(t, s, "a")
	insertOne(t, s, jobs.NewJob{Kind: "work"})
	if got, err := s.Claim(t.Context(), claimParams("a", 1)); err != nil || len(got.Jobs) != 1 {
		t.Fatal(err)
	}
	db := person(t, path)
	for _, set := range []string{
		`status = 'completed'`, `status = 'failed', failed_at = updated_at`, `status = 'interrupted', interrupted_at = updated_at`,
		`progress = 100`, `error = 'x'`, `cause = 'crash'`, `instance_id = NULL`, `started_at = NULL`, `steps_done = -1`, `steps_done = 2, steps_total = 1`, `attempt = -1`,
		`cause = 'boredom'`, `recovery = 'never'`, `crashes = -1`, `started_at = 'x'`,
	} {
		if _, err := db.Exec(`UPDATE background_jobs SET ` + set); err == nil {
			t.Errorf("%s: no error", set)
		}
	}
}

func TestDocumentTakesItsJobsWithIt(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jobs.db")
	s := open(t, path)
	join(t, s, "a")
	db := person(t, path)
	doc := jobs.NewID()
	if _, err := db.Exec(`INSERT INTO documents (id) VALUES (?)`, doc.String()); err != nil {
		t.Fatal(err)
	}
	j := insertOne(t, s, jobs.NewJob{Kind: "work", DocumentID: doc, Instance: "a"})
	if err := s.Checkpoint(t.Context(), j.Fence(), 1, jobs.Step{Seq: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`UPDATE documents SET content_job_id = ?`, j.ID.String()); err != nil {
		t.Fatal(err)
	}
	count := func(what string) (n int) {
		if err := db.QueryRow(`SELECT count(*) FROM ` + what).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if _, err := db.Exec(`DELETE FROM background_jobs`); err != nil {
		t.Fatal(err)
	}
	if count("job_steps") != 1 || count("job_events") != 0 {
		t.Errorf("after the job's row: %d steps, %d events, want the content alone", count("job_steps"), count("job_events"))
	}
	if _, err := db.Exec(`DELETE FROM documents`); err != nil {
		t.Fatal(err)
	}
	if count("job_steps") != 0 {
		t.Error("the content outlives its document")
	}
}

package postgres

import (
	"testing"

	"github.com/mivaa/mivaa/jobs"
)

func TestRowByHandMayHaveNullsWhereTheGuideDoes(t *testing.T) {
	t.Parallel()
	s, schema := fresh(t)
	id := jobs.NewID()
	_, err := person(t, schema).Exec(t.Context(), `INSERT INTO background_jobs (id, filename, status, created_at, updated_at, progress, metadata)
		VALUES ($1, 'a.pdf', 'pending', NULL, NULL, NULL, NULL)`, uuidOf(id))
	if err != nil {
		t.Fatal(err)
	}
	if j := get(t, s, id); j.CreatedAt.IsZero() || j.UpdatedAt.IsZero() || string(j.Metadata) != "{}" || j.Recovery != "" {
		t.Errorf("got %+v", j)
	}
	// What was set by hand may be taken away by hand.
	if _, err := person(t, schema).Exec(t.Context(), `UPDATE background_jobs SET created_at = NULL, metadata = NULL, progress = NULL, updated_at = NULL`); err != nil {
		t.Fatal(err)
	}
	if j := get(t, s, id); j.CreatedAt.IsZero() || j.UpdatedAt.IsZero() || string(j.Metadata) != "{}" {
		t.Errorf("got %+v", j)
	}
}

func TestRowByHandIsListedByTheTimeItSays(t *testing.T) {
	t.Parallel()
	s, schema := fresh(t)
	_, err := person(t, schema).Exec(t.Context(), `INSERT INTO background_jobs (id, filename, status, created_at, updated_at)
		SELECT gen_random_uuid(), i::text, 'completed', now() - i * interval '1 hour', '2026-01-01Z'::timestamptz + i * interval '1 hour' FROM generate_series(1, 5) AS i`)
	if err != nil {
		t.Fatal(err)
	}
	for order, want := range map[jobs.Order]string{jobs.NewestFirst: "12345", jobs.OldestFirst: "54321", jobs.UpdatedFirst: "54321", jobs.UpdatedLast: "12345"} {
		list, err := s.List(t.Context(), jobs.Filter{Order: order})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, j := range list {
			got += j.Filename
		}
		if got != want {
			t.Errorf("%s: %s, want %s", order, got, want)
		}
	}
}

func TestRowByHandThatMakesNoSenseIsRefused(t *testing.T) {
	t.Parallel()
	s, schema := fresh(t)
	by := person(t, schema)
	for name, insert := range map[string]string{
		"an id that is none":      `(id, filename, status) VALUES ('abc-123', 'a', 'pending')`,
		"another status":          `(id, filename, status) VALUES (gen_random_uuid(), 'a', 'done')`,
		"a time that is none":     `(id, filename, status, created_at) VALUES (gen_random_uuid(), 'a', 'pending', 'soon')`,
		"a time that never comes": `(id, filename, status, created_at) VALUES (gen_random_uuid(), 'a', 'pending', 'infinity')`,
		"a time before our era":   `(id, filename, status, updated_at) VALUES (gen_random_uuid(), 'a', 'pending', '0044-03-15 BC')`,
		"metadata, no object":     `(id, filename, status, metadata) VALUES (gen_random_uuid(), 'a', 'pending', '[]')`,
		"progress":                `(id, filename, status, progress) VALUES (gen_random_uuid(), 'a', 'pending', 101)`,
		"no such document":        `(id, filename, status, document_id) VALUES (gen_random_uuid(), 'a', 'pending', gen_random_uuid())`,
	} {
		if _, err := by.Exec(t.Context(), `INSERT INTO background_jobs `+insert); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if st, err := s.Statistics(t.Context()); err != nil || st.Total != 0 {
		t.Errorf("counted %+v, %v", st, err)
	}
}

// TestRowsThatTheEngineRanMakeSense changes such rows by hand.
func TestRowsThatTheEngineRanMakeSense(t *testing.T) {
	t.Parallel()
	s, schema := fresh(t)
	insertOne(t, s, jobs.NewJob{Kind: "work", Instance: "a"})
	by := person(t, schema)
	for _, set := range []string{
		`status = 'completed'`, `status = 'failed', failed_at = updated_at`, `status = 'interrupted', interrupted_at = updated_at`,
		`progress = 100`, `error = 'x'`, `cause = 'crash'`, `instance_id = NULL`, `started_at = NULL`, `steps_done = -1`, `steps_done = 2, steps_total = 1`, `attempt = -1`,
		`cause = 'boredom'`, `recovery = 'never'`, `crashes = -1`, `max_failures = 0`, `max_crashes = 0`, `retry_delay_ms = -1`,
	} {
		if _, err := by.Exec(t.Context(), `UPDATE background_jobs SET `+set); err == nil {
			t.Errorf("%s: no error", set)
		}
	}
}

func TestDocumentTakesItsJobsWithIt(t *testing.T) {
	t.Parallel()
	s, schema := fresh(t)
	by := person(t, schema)
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := by.Exec(t.Context(), query, args...); err != nil {
			t.Fatal(err)
		}
	}
	count := func(table string) (n int) {
		t.Helper()
		if err := by.QueryRow(t.Context(), `SELECT count(*) FROM `+table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	doc := jobs.NewID()
	exec(`INSERT INTO documents (id) VALUES ($1)`, uuidOf(doc))
	j := insertOne(t, s, jobs.NewJob{Kind: "work", DocumentID: doc, Instance: "a"})
	exec(`INSERT INTO job_steps (job_id, seq, data) VALUES ($1, 1, '1')`, uuidOf(j.ID))
	exec(`UPDATE documents SET content_job_id = $1`, uuidOf(j.ID))
	exec(`DELETE FROM background_jobs`)
	if count("job_steps") != 1 || count("job_events") != 0 {
		t.Errorf("after the job's row: %d steps, %d events, want the content alone", count("job_steps"), count("job_events"))
	}
	exec(`DELETE FROM documents`)
	if count("job_steps") != 0 {
		t.Error("the content outlives its document")
	}
	// With the document go its jobs, and with them their steps.
	exec(`INSERT INTO documents (id) VALUES ($1)`, uuidOf(doc))
	j = insertOne(t, s, jobs.NewJob{Kind: "work", DocumentID: doc, Instance: "a"})
	exec(`INSERT INTO job_steps (job_id, seq, data) VALUES ($1, 1, '1')`, uuidOf(j.ID))
	exec(`DELETE FROM documents`)
	if n := count("background_jobs") + count("job_steps") + count("job_events"); n != 0 {
		t.Errorf("%d rows outlive the document", n)
	}
}

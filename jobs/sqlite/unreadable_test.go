package sqlite

import (
	"bytes"
	"database/sql"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// careless is somebody who writes SQL with nothing checked.
func careless(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", dsn(path, []string{"busy_timeout(10000)", "ignore_check_constraints(ON)"}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestRowThatCannotBeReadStopsNobody(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]string{
		"document, pending":     `document_id = 'doc-456'`,
		"document, scheduled":   `document_id = 'doc-456', position = NULL, run_at = '2099-01-01 00:00:00.000'`,
		"document, running":     `document_id = 'doc-456', status = 'processing', attempt = 1, instance_id = NULL, started_at = updated_at`,
		"document, interrupted": `document_id = 'doc-456', status = 'interrupted', cause = 'crash', error = 'x', interrupted_at = updated_at`,
		"document, suspect":     `document_id = 'doc-456', crashes = 1`,
		"document, manual":      `document_id = 'doc-456', recovery = 'manual'`,
		"run_at":                `run_at = '-4713-11-24 12:00:00.000'`,
		"run_at, scheduled":     `run_at = '20260000', position = NULL`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "jobs.db")
			var log bytes.Buffer
			s, err := Open(t.Context(), Config{Path: path, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			join(t, s, "a")
			var bad []jobs.Job
			for range 2 {
				bad = append(bad, insertOne(t, s, jobs.NewJob{Kind: "work"}))
			}
			good := insertOne(t, s, jobs.NewJob{Kind: "work"})
			later := insertOne(t, s, jobs.NewJob{Kind: "work", RunAt: time.Now().Add(time.Hour)})
			db := careless(t, path)
			for _, j := range bad {
				// Without the trigger that would put times right.
				if _, err := db.Exec(`DROP TRIGGER IF EXISTS background_jobs_times_changed; UPDATE background_jobs SET `+spoil+` WHERE id = ?`, j.ID.String()); err != nil {
					t.Fatal(err)
				}
			}
			for i := range 2 {
				p := claimParams("a", 1)
				p.Starting = i == 0
				got, err := s.Claim(t.Context(), p)
				if err != nil || len(got.Jobs) != 1-i || i == 0 && got.Jobs[0].ID != good.ID {
					t.Fatalf("claim %d: %+v, %v", i, got, err)
				}
				if i == 1 && (got.NextDue < time.Minute || got.NextDue > time.Hour) {
					t.Errorf("next is due in %v, want an hour", got.NextDue)
				}
			}
			list, err := s.List(t.Context(), jobs.Filter{Limit: 2})
			if err != nil || len(list) != 2 || list[0].ID == list[1].ID || !slices.Contains([]jobs.ID{good.ID, later.ID}, list[0].ID) {
				t.Errorf("list: %d jobs, %v", len(list), err)
			}
			list, err = s.List(t.Context(), jobs.Filter{Status: jobs.Pending, Limit: 2})
			if err != nil || len(list) != 1 || list[0].ID != later.ID {
				t.Errorf("list of pending jobs: %d, %v", len(list), err)
			}
			if _, err := jobs.Get(t.Context(), s, bad[0].ID); !isScan(err) {
				t.Errorf("the row alone: %v", err)
			}
			for _, j := range bad {
				if n := strings.Count(log.String(), j.ID.String()); n != 1 {
					t.Errorf("%d lines of job %s in the log, want 1", n, j.ID)
				}
			}
		})
	}
}

func TestTimesChangedByHandAreKeptInOneForm(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jobs.db")
	s := open(t, path)
	join(t, s, "a")
	db := person(t, path)
	for text, want := range map[string]string{
		"18:30":                      "2000-01-01 18:30:00.000",
		"2461370.5":                  "2026-11-26 00:00:00.000",
		"2026-11-25T18:30:00 +01:00": "2026-11-25 17:30:00.000",
	} {
		j := insertOne(t, s, jobs.NewJob{Kind: "other"})
		for _, column := range []string{"run_at", "created_at", "updated_at", "started_at", "completed_at", "failed_at", "interrupted_at"} {
			if _, err := db.Exec(`UPDATE background_jobs SET `+column+` = ? WHERE id = ?`, text, j.ID.String()); err != nil {
				t.Fatal(err)
			}
			var got string
			if err := db.QueryRow(`SELECT ` + column + ` FROM background_jobs WHERE id = '` + j.ID.String() + `'`).Scan(&got); err != nil || got != want {
				t.Errorf("%s = %s: is %s, want %s (%v)", column, text, got, want, err)
			}
		}
	}
	if _, err := s.Claim(t.Context(), claimParams("a", 1)); err != nil {
		t.Error(err)
	}
}

func TestManyInterruptedAreResumedSomeAtATime(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jobs.db")
	s := open(t, path)
	join(t, s, "a")
	insertMany(t, s, mostResumed+100)
	_, err := person(t, path).Exec(`UPDATE background_jobs SET status = 'interrupted', cause = 'shutdown', error = 'x', interrupted_at = updated_at`)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{100, 0} {
		if _, err := s.Claim(t.Context(), jobs.ClaimParams{Instance: "a"}); err != nil {
			t.Fatal(err)
		}
		if st, err := s.Statistics(t.Context()); err != nil || st.Interrupted != want {
			t.Errorf("%d interrupted jobs are left, want %d (%v)", st.Interrupted, want, err)
		}
	}
}

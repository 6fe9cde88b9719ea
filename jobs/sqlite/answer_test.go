package sqlite

import (
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// TestAnswersAreTheRows: Insert and Claim make their answers from what they
// write; they must be what anyone reads.
func TestAnswersAreTheRows(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jobs.db")
	s := open(t, path)
	join(t, s, "a")
	same := func(what string, list []jobs.Job) {
		t.Helper()
		for _, j := range list {
			if now := get(t, s, j.ID); !reflect.DeepEqual(j, now) {
				t.Errorf("%s answered\n%+v, the row is\n%+v", what, j, now)
			}
		}
	}
	inserted, err := s.Insert(t.Context(),
		jobs.NewJob{Kind: "work"},
		jobs.NewJob{Kind: "work", RunAt: time.Now().Add(time.Hour), Priority: 3, Owner: "me", IdempotencyKey: "k", Metadata: []byte(` { "a" : 1 } `)},
		jobs.NewJob{Kind: "work", RunAt: time.Now().Add(-time.Hour), Recovery: jobs.RecoveryManual, Filename: "a.pdf", Payload: []byte("[1, 2]")},
		jobs.NewJob{Kind: "work", Instance: "a"},
		jobs.NewJob{Kind: "work", Owner: "me", IdempotencyKey: "k", Metadata: []byte(`{}`)},
	)
	if err != nil || len(inserted) != 5 || inserted[4].ID != inserted[1].ID {
		t.Fatal(inserted, err)
	}
	same("Insert", inserted)
	_, err = person(t, path).Exec(`INSERT INTO background_jobs (id, filename, status, progress, error, kind) VALUES (?, 'x', 'pending', 70, 'old', 'work')`, jobs.NewID().String())
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Claim(t.Context(), claimParams("a", 10))
	if err != nil || len(got.Jobs) != 3 {
		t.Fatal(len(got.Jobs), err)
	}
	same("Claim", got.Jobs)
	if got.NextDue <= 59*time.Minute || got.NextDue > time.Hour {
		t.Errorf("next due in %v", got.NextDue)
	}
	moved, err := s.Move(t.Context(), got.Jobs[0].ID, jobs.Cancel, "me")
	if err != nil {
		t.Fatal(err)
	}
	same("Move", []jobs.Job{moved})
}

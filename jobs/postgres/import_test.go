package postgres

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mivaa/mivaa/internal/pgtest"
	"github.com/mivaa/mivaa/jobs"
)

// elsewhere is a job as another store has it, with a history of n events.
func elsewhere(status jobs.Status, n int) Imported {
	at := time.Date(2026, 3, 1, 12, 0, 0, 123e6, time.UTC)
	j := jobs.Job{
		ID: jobs.NewID(), Filename: "a.pdf", Status: status, Progress: 30, Metadata: json.RawMessage(`{"a": 1}`),
		CreatedAt: at, UpdatedAt: at.Add(time.Hour), StartedAt: at.Add(time.Minute), Kind: "work", Payload: json.RawMessage(`{ "kept":  "as it is" }`),
		Priority: 2, RunAt: at, Attempt: 7, Failures: 1, Crashes: 2, Interruptions: 3, InstanceID: "theirs", StepsDone: 3, StepsTotal: 10,
		Recovery: jobs.RecoveryManual, Owner: "alice", MaxFailures: 5, RetryDelayMS: 1500,
	}
	switch status {
	case jobs.Interrupted:
		j.Cause, j.Error, j.InterruptedAt = jobs.CauseShutdown, "Service shutdown", at.Add(time.Hour)
	case jobs.Failed:
		j.ErrorCode, j.Error, j.FailedAt = "damaged", "it is", at.Add(time.Hour)
	case jobs.Completed:
		j.Progress, j.CompletedAt = 100, at.Add(time.Hour)
	case jobs.Pending, jobs.Processing:
	}
	out := Imported{Job: j}
	for i := range n {
		out.History = append(out.History, jobs.Event{
			JobID: j.ID, At: at.Add(time.Duration(i/3) * time.Second), Event: jobs.EventStarted, From: jobs.Pending, To: jobs.Processing,
			Instance: "theirs", Attempt: int64(i), Detail: fmt.Sprint("event ", i),
		})
	}
	return out
}

// A job arrives as it stands elsewhere, once, however often it is given.
func TestImport(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	for _, status := range []jobs.Status{jobs.Pending, jobs.Completed, jobs.Failed, jobs.Interrupted} {
		given := elsewhere(status, 2*mostInserted+10)
		for round := range 2 {
			done, err := s.Import(t.Context(), given)
			if err != nil || len(done.New) != 1-round || len(done.Keyless) != 0 {
				t.Fatalf("%s, round %d: %+v, %v", status, round, done, err)
			}
		}
		got, err := jobs.Get(t.Context(), s, given.ID)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(given.Job, got); d != "" {
			t.Errorf("%s (-given +got):\n%s", status, d)
		}
		var events []jobs.Event
		for after := int64(0); ; {
			page, err := s.Events(t.Context(), given.ID, after, 1000)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			events, after = append(events, page...), page[len(page)-1].ID
		}
		if d := cmp.Diff(given.History, events, cmpopts.IgnoreFields(jobs.Event{}, "ID")); d != "" {
			t.Errorf("%s: history (-given +got):\n%.2000s", status, d)
		}
	}
	if _, err := s.Import(t.Context(), elsewhere(jobs.Processing, 0)); err == nil || errors.Is(err, jobs.ErrUnavailable) {
		t.Errorf("a job in work: %v", err)
	}
}

// What waits elsewhere waits here, is claimed in the order of arrival, and gets
// an attempt of its own.
func TestImportedWaits(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	late, early := elsewhere(jobs.Pending, 0), elsewhere(jobs.Pending, 0)
	late.RunAt = late.RunAt.Add(time.Hour)
	late.Crashes, early.Crashes, late.Owner, early.Owner = 0, 0, "", ""
	if _, err := s.Import(t.Context(), late, early); err != nil {
		t.Fatal(err)
	}
	m, err := s.Join(t.Context(), jobs.Instance{ID: "i", Host: "h", PID: 1, Lease: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	got, err := s.Claim(t.Context(), jobs.ClaimParams{Instance: "i", Kinds: []string{"work"}, Limit: 2, Suspects: 2})
	if err != nil || len(got.Jobs) != 2 || got.Jobs[0].ID != early.ID || got.Jobs[0].Attempt != 8 {
		t.Errorf("%+v, %v", got.Jobs, err)
	}
}

// Steps come before their job, and never after it.
func TestImportSteps(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	given := elsewhere(jobs.Interrupted, 1)
	step := func(n int) jobs.Step {
		return jobs.Step{Seq: n, Data: json.RawMessage(fmt.Sprintf(`{ "n":%d,  "nul":"\u0000" }`, n))}
	}
	for _, want := range []int{2, 0} {
		if n, err := s.ImportSteps(t.Context(), given.ID, step(1), step(2)); n != want || err != nil {
			t.Errorf("%d steps, %v, want %d", n, err, want)
		}
	}
	if n, err := s.ImportSteps(t.Context(), given.ID, step(2), step(3)); n != 1 || err != nil {
		t.Errorf("%d steps, %v", n, err)
	}
	if _, err := s.Import(t.Context(), given); err != nil {
		t.Fatal(err)
	}
	if n, err := s.ImportSteps(t.Context(), given.ID, step(4)); n != 0 || err != nil {
		t.Errorf("behind the job: %d steps, %v", n, err)
	}
	got, err := s.Steps(t.Context(), given.ID, 0, 0)
	if d := cmp.Diff([]jobs.Step{step(1), step(2), step(3)}, got); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
}

// A key that is another job's stays that job's; another owner's is no matter.
func TestImportKeys(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	one, two, three := elsewhere(jobs.Pending, 0), elsewhere(jobs.Pending, 0), elsewhere(jobs.Pending, 0)
	one.IdempotencyKey, two.IdempotencyKey, three.IdempotencyKey, three.Owner = "k", "k", "k", ""
	done, err := s.Import(t.Context(), one, two, three)
	if err != nil || len(done.New) != 3 || len(done.Keyless) != 1 || done.Keyless[0] != two.ID {
		t.Errorf("%+v, %v", done, err)
	}
	for _, j := range []Imported{one, two, three} {
		got, err := jobs.Get(t.Context(), s, j.ID)
		if want := map[bool]string{true: "k"}[j.ID != two.ID]; err != nil || got.IdempotencyKey != want {
			t.Errorf("key %q, %v, want %q", got.IdempotencyKey, err, want)
		}
	}
}

// Metadata that JSONB does not take is kept as far as it can be.
func TestObjectOf(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		``:                         `{}`,
		` {"a":1} `:                `{"a":1}`,
		`[1,2]`:                    `{"metadata":[1,2]}`,
		`{"a":"\u0000b"}`:          `{"a":"\ufffdb"}`,
		`{"a":"\\u0000\u0000"}`:    `{"a":"\u005cu0000\ufffd"}`,
		`{"a":"\ud800","n":1.500}`: `{"a":"�","n":1.500}`,
	} {
		if got, err := objectOf(json.RawMessage(given)); got != want || err != nil {
			t.Errorf("%s becomes %s, %v, want %s", given, got, err, want)
		}
	}
}

func TestDiagnose(t *testing.T) {
	t.Parallel()
	s, schema := fresh(t)
	tx, err := person(t, schema).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }() // it is read alone
	if _, err := tx.Exec(t.Context(), `SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM background_jobs`); err != nil {
		t.Fatal(err)
	}
	d, err := s.Diagnose(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d.Version < 130000 || d.Server == "" || d.Schema == "" || d.Pooled != "" || d.Deaf != nil || d.Oldest.PID == 0 || d.Ahead.Abs() > 5*time.Second {
		t.Errorf("%+v", d)
	}
}

// A pooler that shares sessions is found, where no other way to the server is
// given. What a URL says of the pool of connections is no business of the server.
func TestDiagnosePooler(t *testing.T) {
	t.Parallel()
	url, schema := pgtest.Schema(t)
	s := open(t, Config{URL: few(pgtest.Pooler(t, url, pgtest.TransactionMode)), Schema: schema})
	if d, err := s.Diagnose(t.Context()); err != nil || d.Pooled == "" || d.Deaf != nil {
		t.Errorf("%+v, %v", d, err)
	}
}

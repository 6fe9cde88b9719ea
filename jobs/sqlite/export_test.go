package sqlite

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mivaa/mivaa/jobs"
)

// exported are the jobs that are about no document.
func exported(t *testing.T, s *Store) []Exported {
	t.Helper()
	var all []Exported
	for e, err := range s.Export(t.Context(), jobs.ID{}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// A file is opened alone or not at all, and nobody opens it beside.
func TestOpenAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jobs.db")
	s, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	insertOne(t, s, jobs.NewJob{Kind: "work", Recovery: jobs.RecoveryManual})
	if _, err := OpenAlone(t.Context(), path); !errors.Is(err, ErrInUse) {
		t.Errorf("beside a store of this process: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	other := spawn(t, "other", path) // idle by now: it has nothing but its connections
	if _, err := OpenAlone(t.Context(), path); !errors.Is(err, ErrInUse) {
		t.Errorf("beside another process: %v", err)
	}
	if err := other.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = other.cmd.Wait()

	alone, err := OpenAlone(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := childCommand(t, "open", path).CombinedOutput(); err == nil || !strings.Contains(string(out), "locked") {
		t.Errorf("a process opened it beside: %v: %s", err, out)
	}
	if _, err := alone.Insert(t.Context(), jobs.NewJob{Kind: "work"}); !errors.Is(err, jobs.ErrUnavailable) {
		t.Errorf("insert: %v", err)
	}
	if err := alone.Migrate(t.Context(), "mine", []string{"CREATE TABLE mine (a)"}); !errors.Is(err, jobs.ErrUnavailable) || errors.Is(err, jobs.ErrNewerSchema) {
		t.Errorf("migrate: %v", err)
	}
	marked := exported(t, alone)
	if err := alone.Close(); err != nil {
		t.Fatal(err)
	}

	// What a start makes of the same job.
	s = open(t, path)
	m, err := s.Join(t.Context(), jobs.Instance{ID: "start", Boot: jobs.BootID(), Lease: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	p := claimParams("start", 0)
	p.Starting = true
	if _, err := s.Claim(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	want := get(t, s, marked[0].ID)
	when := cmpopts.IgnoreFields(jobs.Job{}, "UpdatedAt", "InterruptedAt")
	if d := cmp.Diff(want, marked[0].Job, when); d != "" {
		t.Errorf("exported (-as a start has it +got):\n%s", d)
	}
	events, err := s.Events(t.Context(), want.ID, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(events, marked[0].History, cmpopts.IgnoreFields(jobs.Event{}, "ID", "At", "Detail")); d != "" {
		t.Errorf("history (-as a start has it +got):\n%s", d)
	}
}

// Jobs are exported whole, in the order of their ids, each once.
func TestExport(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jobs.db")
	s, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	insertMany(t, s, exportedAtOnce+5)
	first := insertOne(t, s, jobs.NewJob{Kind: "work", Priority: 1, Metadata: json.RawMessage(`{"a":1}`), RetryDelay: time.Second})
	document := jobs.NewID()
	if _, err := person(t, path).ExecContext(t.Context(), `INSERT INTO documents (id) VALUES (?)`, document.String()); err != nil {
		t.Fatal(err)
	}
	about := insertOne(t, s, jobs.NewJob{Kind: "work", DocumentID: document})
	totals, err := s.Totals(t.Context())
	if err != nil || totals != (Totals{Jobs: exportedAtOnce + 7, Events: exportedAtOnce + 7}) {
		t.Errorf("%+v, %v", totals, err)
	}
	all := exported(t, s)
	if len(all) != exportedAtOnce+6 {
		t.Fatalf("%d jobs", len(all))
	}
	last := jobs.ID{}
	for _, e := range all {
		if e.ID.String() <= last.String() || len(e.History) != 1 {
			t.Fatalf("%s after %s, %d events", e.ID, last, len(e.History))
		}
		last = e.ID
		if e.ID == first.ID {
			if d := cmp.Diff(get(t, s, first.ID), e.Job); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		}
	}
	n := 0
	for e, err := range s.Export(t.Context(), document) {
		if n++; err != nil || e.ID != about.ID {
			t.Errorf("of the document: %v, %v", e.ID, err)
		}
	}
	if n != 1 {
		t.Errorf("%d jobs of the document", n)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// An older schema is left as it is, and named.
func TestOpenAloneOlderSchema(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jobs.db")
	s, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := person(t, path).ExecContext(t.Context(), `PRAGMA user_version = 1`); err != nil {
		t.Fatal(err)
	}
	_, err = OpenAlone(t.Context(), path)
	if e, ok := errors.AsType[*jobs.StoreError](err); !ok || !strings.Contains(e.Hint, "mivaa migrate") {
		t.Errorf("%v", err)
	}
}

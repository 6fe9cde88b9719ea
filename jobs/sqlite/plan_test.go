package sqlite

import (
	"cmp"
	"database/sql"
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// TestNoStatementScansTheJobs runs every method, and then asks SQLite how it
// goes about each statement that ran.
func TestNoStatementScansTheJobs(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jobs.db")
	s := open(t, path)
	everything(t, s)
	var queries []string
	for q := range s.stmts {
		queries = append(queries, q)
	}
	s.reads.Range(func(q, _ any) bool {
		queries = append(queries, q.(string))
		return true
	})
	if len(queries) < 50 {
		t.Fatalf("only %d statements ran", len(queries))
	}
	db := person(t, path)
	for _, q := range queries {
		if strings.Contains(q, "SAVEPOINT") || strings.HasPrefix(q, "R") {
			continue
		}
		for _, step := range plan(t, db, q) {
			if !allowed(q, step) {
				t.Errorf("%s\n%s", step, strings.ReplaceAll(q, jobColumns, "..."))
			}
		}
	}
}

// scan is a step that walks a table, or the whole of an index.
var scan = regexp.MustCompile(`^SCAN (background_jobs|j|job_events|job_steps|documents)\b(.* USING (COVERING )?INDEX (\w+))?`)

func allowed(query, step string) bool {
	m := scan.FindStringSubmatch(step)
	if m == nil {
		return true
	}
	switch m[4] {
	case "jobs_resumable", "jobs_manual", "jobs_scheduled", "jobs_processing":
		return true // they hold nothing but what is asked for, and few
	case "jobs_failed_by_updated", "jobs_interrupted_by_updated":
		return strings.Contains(query, "GROUP BY") // it counts what ended badly
	case "jobs_by_position", "jobs_owned", "jobs_suspect":
		return strings.Contains(query, "min(kind)") // the first entry
	case "":
		// All jobs' history is read in the order of its ids.
		return m[1] == "job_events" && strings.Contains(query, "FROM job_events WHERE id >")
	}
	return strings.Contains(query, "(SELECT count(*) FROM background_jobs)") // Statistics counts pages
}

func plan(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	var steps []string
	var err error
	for args := range 60 { // as many as it takes
		if steps, err = explain(t, db, query, args); err == nil {
			return steps
		}
	}
	t.Fatalf("%v: %s", err, query)
	return nil
}

func explain(t *testing.T, db *sql.DB, query string, args int) (steps []string, err error) {
	rows, err := db.QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+query, make([]any, args)...)
	if err != nil {
		return nil, err
	}
	defer func() { err = cmp.Or(err, rows.Close()) }()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			return nil, err
		}
		steps = append(steps, detail)
	}
	return steps, rows.Err()
}

// everything calls every method in every way that has a statement of its own.
func everything(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	join(t, s, "a")
	leaver, err := s.Join(ctx, jobs.Instance{ID: "b", Lease: time.Minute})
	must(err)
	var ids []jobs.ID
	for range 12 {
		ids = append(ids, insertOne(t, s, jobs.NewJob{Kind: "work"}).ID)
	}
	insertOne(t, s, jobs.NewJob{Kind: "work", RunAt: time.Now().Add(time.Hour)})
	insertOne(t, s, jobs.NewJob{Kind: "work", Recovery: jobs.RecoveryManual})
	for _, owner := range []string{"me", "", "me", "you"} {
		insertOne(t, s, jobs.NewJob{Kind: "work", Owner: owner})
	}
	keyed := jobs.NewJob{ID: jobs.NewID(), Kind: "work", IdempotencyKey: "k", Instance: "b"}
	insertOne(t, s, keyed)
	insertOne(t, s, keyed)
	keyed.ID = jobs.ID{}
	insertOne(t, s, keyed)
	must(s.held.drop("b"))
	for _, p := range []jobs.ClaimParams{
		{Instance: "a", Starting: true},
		{Instance: "a", Kinds: []string{"work"}, Limit: 1, Only: ids[:1]},
		{Instance: "a", Kinds: []string{"work", "other"}, Limit: 100, Suspects: 1, Limits: map[string]int{"work": 100}},
	} {
		_, err := s.Claim(ctx, p)
		must(err)
	}
	must(leaver.Close())
	fences := make([]jobs.Fence, len(ids))
	for i, id := range ids {
		fences[i] = get(t, s, id).Fence()
	}
	for _, steps := range [][]jobs.Step{nil, {{Seq: 1, Data: json.RawMessage("1")}}, {{Seq: 1, Data: json.RawMessage("1")}}} {
		must(s.Checkpoint(ctx, fences[0], 10, steps...))
	}
	_, err = s.Renew(ctx, jobs.Renewal{Instance: "a", Held: fences})
	must(err)
	for i, st := range []jobs.Status{jobs.Completed, jobs.Failed, jobs.Interrupted, jobs.Pending, jobs.Completed} {
		o := jobs.Outcome{Fence: fences[i], Status: st, Delay: time.Duration(i) * time.Second}
		if st == jobs.Interrupted {
			o.Cause = jobs.CauseShutdown
		}
		for range 2 {
			_, err := s.Finish(ctx, o)
			must(err)
		}
	}
	for i, m := range []jobs.Move{jobs.Cancel, jobs.Interrupt, jobs.Cancel, jobs.Cancel} {
		_, err := s.Move(ctx, ids[5+i], m, "me")
		must(err)
	}
	for i, m := range map[int]jobs.Move{5: jobs.Resume, 7: jobs.Restart} {
		_, err := s.Move(ctx, ids[i], m, "me")
		must(err)
	}
	_, err = s.Claim(ctx, jobs.ClaimParams{Instance: "a"})
	must(err)
	last := get(t, s, ids[1])
	for _, st := range append(jobs.Statuses(), "") {
		for _, o := range jobs.Orders() {
			for _, after := range []*jobs.Job{nil, &last} {
				for _, f := range []jobs.Filter{
					{}, {IDs: ids[:3]}, {IDPrefix: "01"}, {Kind: "work"}, {DocumentID: ids[0]}, {Owner: "me"}, {Key: "k"}, {Key: "k", Owner: "me"},
					{Cause: jobs.CauseCancelled}, {ErrorCode: "broken"}, {Instance: "a"}, {Search: "a"}, {Search: "report"}, {Search: "ä"}, {Search: "a", IDs: ids[:1]},
				} {
					f.Status, f.Order, f.After = st, o, after
					_, err := s.List(ctx, f)
					must(err)
					_, err = s.Count(ctx, f, 100)
					must(err)
					_, err = s.Groups(ctx, f)
					must(err)
				}
			}
		}
	}
	for _, id := range []jobs.ID{{}, ids[0]} {
		_, err := s.Events(ctx, id, 0, 10)
		must(err)
	}
	_, err = s.Steps(ctx, ids[0], 0, 10)
	must(err)
	for _, id := range append(ids, insertOne(t, s, jobs.NewJob{Kind: "work", RunAt: time.Now().Add(time.Hour)}).ID) {
		_, err := s.Ahead(ctx, id)
		must(err)
	}
	_, err = s.Statistics(ctx)
	must(err)
	_, err = s.Instances(ctx, 0)
	must(err)
	_, err = s.InstancesByID(ctx, "a", "b")
	must(err)
	must(s.Drain(ctx, "test"))
	must(s.Undrain(ctx))
	_, err = s.Figures(ctx, time.Now().Add(-time.Hour), time.Minute, 61)
	must(err)
	must(s.Delete(ctx, ids[7]))
	_, err = s.Cleanup(ctx, time.Now().Add(time.Hour), 1)
	must(err)
}

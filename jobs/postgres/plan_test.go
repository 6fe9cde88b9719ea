package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/mivaa/mivaa/internal/pgtest"
	"github.com/mivaa/mivaa/jobs"
)

// TestNoStatementReadsAllOfATable runs every method, and then asks the server
// how it goes about each statement that ran: with the values it ran with, and
// with any.
func TestNoStatementReadsAllOfATable(t *testing.T) {
	t.Parallel()
	s, schema := fresh(t)
	history(t, schema)
	ran := record(t, s)
	useAll(t, s)
	conn, err := pgx.Connect(t.Context(), pgtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), `SET plan_cache_mode = force_generic_plan`); err != nil {
		t.Fatal(err)
	}
	if len(ran.statements) < 40 {
		t.Fatalf("only %d statements ran", len(ran.statements))
	}
	for query, args := range ran.statements {
		for _, plan := range []func(*testing.T, *pgx.Conn, string, []any) string{planned, generic} {
			text := plan(t, conn, query, args)
			if m := scan.FindString(text); m != "" && !allowed(query) {
				t.Errorf("%s\n%s\n%s", m, strings.ReplaceAll(query, jobColumns, "..."), text)
			}
		}
	}
}

var scan = regexp.MustCompile(`Seq Scan on (background_jobs|job_steps|job_events|documents)\b`)

// allowed: Statistics counts every row there is. In a large table the server
// does so in an index, by itself.
func allowed(query string) bool { return strings.Contains(query, `SELECT status, count(*)`) }

// planned is how a statement runs with the values given.
func planned(t *testing.T, conn *pgx.Conn, query string, args []any) string {
	t.Helper()
	rows, err := conn.Query(t.Context(), `EXPLAIN `+query, append([]any{pgx.QueryExecModeDescribeExec}, args...)...)
	return text(t, query, rows, err)
}

// generic is how it runs once the server has given up to plan for the values.
func generic(t *testing.T, conn *pgx.Conn, query string, args []any) string {
	t.Helper()
	if _, err := conn.Exec(t.Context(), `PREPARE asked AS `+query, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatalf("%v: %s", err, query)
	}
	defer func() {
		if _, err := conn.Exec(t.Context(), `DEALLOCATE asked`); err != nil {
			t.Error(err)
		}
	}()
	execute := `EXPLAIN EXECUTE asked`
	if len(args) > 0 {
		execute += `(` + strings.TrimSuffix(strings.Repeat(`NULL,`, len(args)), `,`) + `)`
	}
	rows, err := conn.Query(t.Context(), execute, pgx.QueryExecModeSimpleProtocol)
	return text(t, query, rows, err)
}

func text(t *testing.T, query string, rows pgx.Rows, err error) string {
	t.Helper()
	if err == nil {
		var lines []string
		if lines, err = pgx.CollectRows(rows, pgx.RowTo[string]); err == nil {
			return strings.Join(lines, "\n")
		}
	}
	t.Fatalf("%v: %s", err, query)
	return ""
}

// recorder keeps the statements that name our tables.
type recorder struct {
	mu         sync.Mutex
	schema     string
	statements map[string][]any
}

func (r *recorder) keep(query string, args []any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.statements[query]; !known && strings.Contains(query, r.schema+".") {
		r.statements[query] = args
	}
}

func (r *recorder) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	r.keep(data.SQL, data.Args)
	return ctx
}
func (r *recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
func (r *recorder) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}
func (r *recorder) TraceBatchQuery(_ context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	r.keep(data.SQL, data.Args)
}
func (r *recorder) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// record has a store's pool tell what it runs.
func record(t *testing.T, s *Store) *recorder {
	t.Helper()
	r := &recorder{schema: s.schema, statements: map[string][]any{}}
	c, err := poolConfig(few(s.config.URL))
	if err != nil {
		t.Fatal(err)
	}
	c.ConnConfig.Tracer = r
	pool, err := pgxpool.NewWithConfig(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	s.pool.Close()
	s.pool = pool
	return r
}

// history fills the tables with what ran long ago, so that reading all of them
// would cost more than any index.
func history(t *testing.T, schema string) {
	t.Helper()
	by := person(t, schema)
	for _, query := range []string{
		fmt.Sprintf(strings.ReplaceAll(finished, "$1", "%d"), 20_000),
		`INSERT INTO background_jobs (id, filename, status, kind, owner, position, idempotency_key, recovery)
			SELECT gen_random_uuid(), 'waits.pdf', 'pending', 'other', CASE WHEN i % 2 = 0 THEN 'owner ' || i % 50 END, nextval('job_positions'), 'key ' || i, 'auto' FROM generate_series(1, 3000) AS i`,
		`INSERT INTO background_jobs (id, filename, status, error, error_code, failed_at) SELECT gen_random_uuid(), 'bad.pdf', 'failed', 'x', 'x', now() FROM generate_series(1, 3000)`,
		`INSERT INTO background_jobs (id, filename, status, error, cause, interrupted_at, recovery) SELECT gen_random_uuid(), 'cut.pdf', 'interrupted', 'x', 'cancelled', now(), 'auto' FROM generate_series(1, 3000)`,
		`INSERT INTO job_events (job_id, event, to_status, attempt) SELECT id, 'accepted', 'pending', 0 FROM background_jobs, generate_series(1, 2)`,
		`INSERT INTO job_steps (job_id, seq, data) SELECT id, n, '{"page": 1}' FROM background_jobs, generate_series(1, 2) AS n WHERE status = 'completed'`,
		`INSERT INTO documents (id, content_job_id) SELECT gen_random_uuid(), id FROM background_jobs`,
		`VACUUM ANALYZE background_jobs, job_events, job_steps, documents`,
	} {
		if _, err := by.Exec(t.Context(), query); err != nil {
			t.Fatalf("%v: %s", err, query)
		}
	}
}

// useAll calls every method in every way that has a statement of its own.
func useAll(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	join(t, s, "a")
	var ids []jobs.ID
	for range 12 {
		ids = append(ids, insertOne(t, s, jobs.NewJob{Kind: "work"}).ID)
	}
	must(second(s.Insert(ctx, jobs.NewJob{Kind: "work"}, jobs.NewJob{Kind: "work", RunAt: time.Now().Add(time.Hour)})))
	keyed := jobs.NewJob{ID: jobs.NewID(), Kind: "work", IdempotencyKey: "k", Instance: "b", Owner: "me"}
	insertOne(t, s, keyed)
	insertOne(t, s, keyed)
	keyed.ID = jobs.ID{}
	insertOne(t, s, keyed)
	for _, p := range []jobs.ClaimParams{
		{Instance: "a", Starting: true},
		{Instance: "a", Kinds: []string{"work"}, Limit: 1, Only: ids[:1]},
		{Instance: "a", Kinds: []string{"work", "third"}, Limit: 100, Suspects: 1, Limits: map[string]int{"third": 3}},
	} {
		must(second(s.Claim(ctx, p)))
	}
	fences := make([]jobs.Fence, len(ids))
	for i, id := range ids {
		fences[i] = get(t, s, id).Fence()
	}
	for range 2 {
		must(s.Checkpoint(ctx, fences[0], 10, jobs.Step{Seq: 1, Data: json.RawMessage("1")}))
	}
	must(second(s.Renew(ctx, jobs.Renewal{Instance: "a", Held: fences})))
	for i, st := range []jobs.Status{jobs.Completed, jobs.Failed, jobs.Interrupted, jobs.Pending, jobs.Completed} {
		o := jobs.Outcome{Fence: fences[i], Status: st, Delay: time.Duration(i) * time.Second, Error: "x", Code: "x"}
		if st == jobs.Interrupted {
			o.Cause = jobs.CauseShutdown
		}
		for range 2 {
			must(second(s.Finish(ctx, o)))
		}
	}
	for i, m := range []jobs.Move{jobs.Cancel, jobs.Interrupt, jobs.Cancel, jobs.Cancel, jobs.Resume, jobs.Restart} {
		must(second(s.Move(ctx, ids[[]int{5, 6, 7, 8, 5, 7}[i]], m, "me")))
	}
	must(second(s.Claim(ctx, jobs.ClaimParams{Instance: "a"})))
	last := get(t, s, ids[1])
	for _, st := range append(jobs.Statuses(), "") {
		for _, o := range jobs.Orders() {
			for _, after := range []*jobs.Job{nil, &last} {
				for _, f := range []jobs.Filter{
					{}, {IDs: ids[:3]}, {IDPrefix: "019a0"}, {Kind: "work"}, {DocumentID: ids[0]}, {Owner: "me"}, {Key: "k"}, {Key: "k", Owner: "me"},
					{Cause: jobs.CauseCancelled}, {ErrorCode: "broken"}, {Search: "a", IDs: ids[:1]},
				} {
					f.Status, f.Order, f.After = st, o, after
					must(second(s.List(ctx, f)))
					must(second(s.Count(ctx, f, 100)))
				}
			}
		}
	}
	for _, id := range []jobs.ID{{}, ids[0]} {
		must(second(s.Events(ctx, id, 60_000, 10)))
	}
	must(second(s.Steps(ctx, ids[0], 0, 10)))
	must(second(s.Ahead(ctx, ids[5])))
	must(second(s.Statistics(ctx)))
	for _, f := range []jobs.Filter{{}, {Cause: jobs.CauseCancelled}, {ErrorCode: "x"}} {
		must(second(s.Groups(ctx, f)))
	}
	must(second(s.Instances(ctx, 0)))
	must(second(s.InstancesByID(ctx, "a")))
	must(s.Drain(ctx, "test"))
	must(s.Undrain(ctx))
	must(second(s.Figures(ctx, time.Now().AddDate(1, 0, 0), time.Minute, 61)))
	must(s.Delete(ctx, ids[7]))
	must(second(s.Cleanup(ctx, time.Date(2026, 1, 2, 0, 0, 1, 0, time.UTC), 1)))
}

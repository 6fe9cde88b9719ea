package documents

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/internal/pgtest"
	"github.com/mivaa/mivaa/jobs"
)

// No statement of ours, nor a trigger's, reads a whole table: the server itself
// counts them. Sessions report what they counted when they end.
func TestPostgresReadsByIndex(t *testing.T) {
	t.Parallel()
	serverURL, schema := pgtest.Schema(t)
	named := pgtest.With(serverURL, "application_name", schema, "search_path", schema)
	observer, err := pgx.Connect(t.Context(), serverURL)
	if err != nil {
		t.Fatal(err)
	}
	defer observer.Close(t.Context())
	one := func(stmt string) (text string) {
		t.Helper()
		if err := observer.QueryRow(t.Context(), stmt, schema).Scan(&text); err != nil {
			t.Fatal(err)
		}
		return text
	}
	// counted returns how often each table was read whole, once all sessions of
	// the test have reported.
	counted := func() string {
		for one(`SELECT count(*)::text FROM pg_stat_activity WHERE application_name = $1`) != "0" {
		}
		return one(`SELECT string_agg(relname || ' ' || seq_scan, ', ' ORDER BY relname) FROM pg_stat_user_tables
			WHERE schemaname = $1 AND relname IN ('documents', 'background_jobs', 'job_steps', 'job_requests', 'webhook_deliveries')`)
	}
	use := func(do func(*Postgres)) {
		t.Helper()
		docs := (&postgresDatabase{url: named, schema: schema}).open(t)
		do(docs)
		if err := docs.db.Close(); err != nil {
			t.Error(err)
		}
	}
	use(func(*Postgres) {})
	pgtest.Exec(t, named,
		`INSERT INTO documents (id, owner, source_sha256, record_key, dedup_key, created_at, updated_at, content_job_id)
			SELECT md5('d' || n)::uuid, 'owner ' || n % 100, md5('s' || n) || md5(n::text), md5(n::text), md5(n::text),
				now() - n * interval '1 minute', now() - n * interval '1 minute', md5('j' || n)::uuid FROM generate_series(1, 5000) n`,
		`INSERT INTO background_jobs (id, document_id, filename, status, attempt, error, error_code, failed_at, created_at)
			SELECT md5('j' || n)::uuid, md5('d' || n)::uuid, 'x', 'failed', 1, 'x', 'x', now(), now() - n * interval '1 minute' FROM generate_series(1, 5000) n`,
		`INSERT INTO job_steps (job_id, seq, data) SELECT md5('j' || n / 4)::uuid, n % 4 + 1,
			json_build_object('status', CASE WHEN n % 50 = 0 THEN 'failed' ELSE 'ok' END, 'text', repeat('x', 200)) FROM generate_series(4, 20003) n`,
		`INSERT INTO job_requests (job_id, callback_url) SELECT md5('j' || n)::uuid, 'http://a/' FROM generate_series(1, 5000) n`,
		`INSERT INTO webhook_deliveries (job_id, document_id, event, payload, url, status, created_at)
			SELECT md5('j' || n)::uuid, md5('d' || n)::uuid, 'job.failed', '{}', 'http://a/', 'delivered', now() FROM generate_series(1, 5000) n`,
		`INSERT INTO webhook_deliveries (job_id, event, payload, url, status, created_at)
			SELECT md5('j' || n)::uuid, 'job.failed', '{}', 'http://a/', CASE WHEN n % 2 = 0 THEN 'pending' ELSE 'given_up' END, now() - interval '40 days'
			FROM generate_series(1, 20) n`,
		`ANALYZE documents, background_jobs, job_steps, job_requests, webhook_deliveries`)
	before := counted()
	use(func(docs *Postgres) { everything(t, docs) })
	if after := counted(); after != before {
		t.Errorf("whole tables were read: %s; before %s", after, before)
	}
	pgtest.Exec(t, named, `SELECT count(*) FROM documents WHERE filename = 'x'`)
	if after := counted(); after == before {
		t.Errorf("reading a whole table is not seen: %s", after)
	}
}

func everything(t *testing.T, s *Postgres) {
	t.Helper()
	ctx := t.Context()
	must := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	list, err := s.List(ctx, Filter{Limit: 10})
	must("list", err)
	_, err = s.List(ctx, Filter{Limit: 10, After: &list[9], Owner: list[3].Owner})
	must("list", err)
	_, err = s.List(ctx, Filter{Limit: 10, Owner: "owner 7"})
	must("list", err)
	_, err = s.ByPrefix(ctx, "0a", 10)
	must("prefix", err)
	hashes := []string{list[0].SourceSHA256}
	for i := range 1500 {
		hashes = append(hashes, fmt.Sprintf("%064x", i))
	}
	_, err = s.SourcesInUse(ctx, hashes)
	must("sources", err)
	for _, d := range list[:3] {
		_, err = s.Get(ctx, d.ID)
		must("get", err)
		c, err := s.Content(ctx, d.ID)
		must("content", err)
		_, err = s.FailedPages(ctx, c.JobID)
		must("failed pages", err)
		_, err = s.Recorded(ctx, c.JobID)
		must("recorded", err)
		_, err = s.Password(ctx, d.ID)
		must("password", err)
		_, err = s.Reprocess(ctx, d.ID, Reprocess{})
		must("reprocess", err)
		must("delete", s.Delete(ctx, d.ID, "test"))
	}
	sub := numberedSource(1)
	sub.Password, sub.Callback = "pw", "http://a/"
	out, err := s.Submit(ctx, sub)
	must("submit", err)
	sub.Fresh = true
	_, err = s.Submit(ctx, sub)
	must("fresh", err)
	_, err = s.Reprocess(ctx, out.Document.ID, Reprocess{})
	must("reprocess", err)
	instance := jobs.NewID().String()
	proof, err := s.db.Join(ctx, jobs.Instance{ID: instance, Host: "test", PID: 1, Lease: time.Hour})
	must("join", err)
	sub.Instance = instance
	out, err = s.Submit(ctx, sub)
	must("born claimed", err)
	must("facts", s.SetFacts(ctx, out.Job.Fence(), json.RawMessage(`{}`)))
	must("publish", s.Publish(ctx, out.Job.Fence(), json.RawMessage(`{}`)))
	_, err = s.db.Finish(ctx, jobs.Outcome{Fence: out.Job.Fence(), Status: jobs.Completed})
	must("finish", err)
	must("leave", proof.Close())
	due, err := s.DueDeliveries(ctx, 5, time.Hour)
	must("due deliveries", err)
	if len(due) != 5 {
		t.Fatalf("%d due", len(due))
	}
	must("delivered", s.Delivered(ctx, due[0].ID, 1))
	must("delivery failed", s.DeliveryFailed(ctx, due[1].ID, 1, 500, "x", 0, false))
	_, err = s.Deliveries(ctx, due[0].JobID, 10)
	must("deliveries", err)
	_, err = s.Deliveries(ctx, jobs.ID{}, 10)
	must("deliveries", err)
	_, err = s.TraceParent(ctx, due[0].JobID)
	must("trace", err)
	n, err := s.Cleanup(ctx, time.Now().Add(-4990*time.Minute), 5)
	must("cleanup", err)
	if n != 5 {
		t.Errorf("cleanup: %d", n)
	}
}

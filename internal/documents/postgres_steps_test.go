package documents

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/jobs"
)

// A PDF's text may hold NUL, which no text of PostgreSQL can: that page, and all
// others, are read.
func TestPagesWithNUL(t *testing.T) {
	t.Parallel()
	e := newPostgresEnv(t)
	s := e.submit(Submission{})
	j := e.claim()
	for i, data := range []string{
		`{"page_number":1,"status":"ok","text":"a\u0000b"}`,
		`{"page_number":2,"status":"ok","text":"no NUL: \\u0000, one: \\\u0000, none: \\\\u0000 \n \"\\"}`,
		`{"page_number":3,"status":"ok","text":"\ud83d, \uDC00, \ud83d\ude00, \ud83d\ud83d\uDE00, \\ud83d"}`,
		`{"page_number":4,"status":"failed","error_code":"page_crashed","error":"at \u0000","text":""}`,
		`{"page_number":"five","status":{},"text":null}`,
		`[1, "\u0000"]`, `"\u0000"`, `null`, `8`,
	} {
		e.ok(e.jobs.Checkpoint(t.Context(), j.Fence(), 9, jobs.Step{Seq: i + 1, Data: json.RawMessage(data)}))
	}
	e.ok(e.docs.Publish(t.Context(), j.Fence(), json.RawMessage(`{}`)))
	e.ok(e.docs.SetFacts(t.Context(), j.Fence(), json.RawMessage(`{"title":"\u0000\ud83d"}`)))
	if d := e.get(s.Document.ID); string(d.Facts) != `{"title":"\u0000\ud83d"}` {
		t.Errorf("facts: %s", d.Facts)
	}
	rows, err := e.db.(*postgresDatabase).pool.Query(t.Context(), `SELECT page_number, status, text FROM document_pages ORDER BY page_number, status`)
	e.ok(err)
	type page struct {
		Number       *int
		Status, Text *string
	}
	got, err := pgx.CollectRows(rows, pgx.RowToStructByPos[page])
	e.ok(err)
	if len(got) != 9 {
		t.Fatalf("%d pages", len(got))
	}
	for i, want := range []string{"a\ufffdb", "no NUL: \\u0000, one: \\\ufffd, none: \\\\u0000 \n \"\\", "\ufffd, \ufffd, 😀, \ufffd😀, \\ud83d", ""} {
		if p := got[i]; *p.Number != i+1 || *p.Text != want {
			t.Errorf("page %d: %d %q, want %q", i+1, *p.Number, *p.Text, want)
		}
	}
	failed, err := e.docs.FailedPages(t.Context(), j.ID)
	if err != nil || len(failed) != 1 || failed[0] != (FailedPage{4, "page_crashed", "at \ufffd"}) {
		t.Errorf("failed pages: %v, %v", failed, err)
	}
}

// Metadata is JSONB, which has no place for some JSON: that is the submitter's
// to know, and nothing is made.
func TestMetadataThatIsNotKept(t *testing.T) {
	t.Parallel()
	e := newPostgresEnv(t)
	for _, metadata := range []string{`{"a":"\u0000"}`, `{"a":"\ud83d"}`, `{"a":1e999999}`} {
		_, err := e.docs.Submit(t.Context(), Submission{Source: source('a'), Metadata: json.RawMessage(metadata)})
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("%.20s: %v", metadata, err)
		}
		_, err = e.docs.Submit(t.Context(), Submission{Source: source('a'), Metadata: json.RawMessage(metadata), Fresh: true})
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("%.20s, fresh: %v", metadata, err)
		}
	}
	if n := e.count(`SELECT count(*) FROM documents`); n != 0 {
		t.Errorf("%d documents", n)
	}
	first := e.submit(Submission{})
	_, err := e.docs.Submit(t.Context(), Submission{Source: source('a'), Metadata: json.RawMessage(`{"a":"\u0000"}`), Fresh: true})
	if !errors.Is(err, ErrInvalid) || e.count(liveJobs, first.Document.ID.String()) != 1 {
		t.Errorf("fresh: %v", err)
	}
}

func TestPostgresRowsByHand(t *testing.T) {
	t.Parallel()
	e := newPostgresEnv(t)
	id := jobs.NewID()
	e.exec(`INSERT INTO documents (id) VALUES (?)`, id.String())
	if d := e.get(id); d.CreatedAt.IsZero() || d.UpdatedAt.IsZero() || string(d.Metadata) != "{}" || string(d.Options) != "{}" || d.MediaType != "application/pdf" {
		t.Errorf("document: %+v", d)
	}
	next := jobs.NewID()
	e.exec(`INSERT INTO documents (id, created_at, updated_at) VALUES (?, '2020-01-01 12:00+01', NULL)`, next.String())
	if d := e.get(next); d.CreatedAt.Hour() != 11 || !d.UpdatedAt.Equal(d.CreatedAt) {
		t.Errorf("document: %+v", d)
	}
	for _, set := range []string{`created_at = 'infinity'`, `updated_at = '-infinity'`, `updated_at = '20000-01-01'`, `profile = '{'`, `metadata = '[]'`, `options = '1'`, `facts = 'null'`, `source_sha256 = 'x'`, `source_size = -1`} {
		if err := e.db.exec(t.Context(), `UPDATE documents SET `+set); err == nil {
			t.Errorf("%s: no error", set)
		}
	}
}

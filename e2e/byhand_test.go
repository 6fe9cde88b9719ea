//go:build linux

package e2e

import (
	"fmt"
	"testing"
)

// insertByHand adds a row as a person does who knows the guide and nothing
// else. An empty document is NULL.
func insertByHand(t *testing.T, dir, id, document, status string) {
	t.Helper()
	const insert = `
		INSERT INTO background_jobs (id, document_id, filename, status, progress, metadata, error, created_at, updated_at,
			started_at, completed_at, failed_at, interrupted_at)
		VALUES (?, nullif(?, ''), 'by-hand.pdf', ?, ?, '{"title": "By hand"}', ?, datetime('now'), datetime('now'), ?, ?, ?, ?)`
	var at [4]any
	progress, reason := 0, any(nil)
	const moment = "2026-10-21T14:00:00Z"
	switch status {
	case "processing":
		at[0], progress = moment, 50
	case "completed":
		at[0], at[1], progress = moment, moment, 100
	case "failed":
		at[2], reason = moment, "Something went wrong"
	case "interrupted":
		at[3], reason = moment, "Service restart detected"
	}
	exec1(t, database(t, dir), insert, id, document, status, progress, reason, at[0], at[1], at[2], at[3])
}

// Rows that people insert with the guide's columns, beside a running service,
// are jobs: pending ones are run, processing ones that nobody runs are
// recovered and charged with nothing, ended ones stay as they are.
func TestRowsByHand(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	s := serve(t, dir)
	uploaded := s.upload(textPDF(3, "by hand"))
	s.until(uploaded.JobID, "completed", completed)
	text := s.content(uploaded.DocumentID, "text")
	id := func(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }
	for n, status := range []string{"pending", "processing", "completed", "failed", "interrupted"} {
		insertByHand(t, dir, id(n), "", status)
		insertByHand(t, dir, id(10+n), uploaded.DocumentID, status)
	}

	for _, n := range []int{0, 1} { // about no document
		now := s.end(id(n))
		if now.Status != "failed" || now.ErrorCode != "source_missing" || now.Error == "" || now.Crashes != 0 || now.Attempt != 1 {
			t.Errorf("without a document: %+v", now)
		}
	}
	for _, n := range []int{10, 11} { // about the uploaded one
		now := s.end(id(n))
		if now.Status != "completed" || now.StepsDone != 3 || now.Crashes != 0 || now.Attempt != 1 || now.Progress != 100 {
			t.Errorf("with a document: %+v", now)
		}
	}
	if got := happened(history(t, dir, id(11))); got != "interrupted(crash) resumed started completed" {
		t.Errorf("history of a row that claimed to be processing: %s", got)
	}
	if s.content(uploaded.DocumentID, "text") != text {
		t.Error("the document has changed")
	}
	for n, status := range map[int]string{2: "completed", 3: "failed", 4: "interrupted"} {
		for _, id := range []string{id(n), id(10 + n)} {
			now := s.job(id)
			if now.Status != status || now.Attempt != 0 || now.Filename != "by-hand.pdf" {
				t.Errorf("%s by hand: %+v", status, now)
			}
			if len(history(t, dir, id)) != 0 {
				t.Errorf("%s by hand has a history", status)
			}
		}
	}
	// They take the moves that their status allows.
	move(t, dir, "resume", id(14))
	s.until(id(14), "the interrupted row is resumed by a person", completed)
	if p := s.refused("POST", "/api/rag/documents/job/"+id(12)+"/resume", "", nil); p.Status != 409 || p.CurrentStatus != "completed" {
		t.Errorf("resume of a completed row: %+v", p)
	}
	monitoring(t, s, dir)
}

// monitoring runs the guide's three queries, the third with SQLite's own date
// arithmetic, and compares them with what the service says.
func monitoring(t *testing.T, s *service, dir string) {
	t.Helper()
	conn := database(t, dir)
	ids := func(query string) []string {
		rows, err := conn.QueryContext(t.Context(), query)
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		defer rows.Close()
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for rows.Next() {
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(any)
			}
			if err := rows.Scan(values...); err != nil {
				t.Fatal(err)
			}
			found = append(found, fmt.Sprint(*values[0].(*any)))
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return found
	}
	interrupted := ids("SELECT * FROM background_jobs WHERE status = 'interrupted' ORDER BY created_at DESC")
	if len(interrupted) != 1 || interrupted[0] != "00000000-0000-4000-8000-000000000004" {
		t.Errorf("interrupted: %v", interrupted)
	}
	failures := ids("SELECT * FROM background_jobs WHERE status = 'failed' AND created_at > datetime('now', '-24 hours')")
	if len(failures) != 4 {
		t.Errorf("recent failures: %v", failures)
	}
	if old := ids("SELECT * FROM background_jobs WHERE status = 'failed' AND created_at > datetime('now', '+1 minute')"); len(old) != 0 {
		t.Errorf("failures of the future: %v", old)
	}

	counted := map[string]int{}
	rows, err := conn.QueryContext(t.Context(), "SELECT status, COUNT(*) FROM background_jobs GROUP BY status")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var status string
		var n int
		if err := rows.Scan(&status, &n); err != nil {
			t.Fatal(err)
		}
		counted[status] = n
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	var admin struct {
		Statistics map[string]int `json:"statistics"`
	}
	s.call("GET", "/api/rag/admin/jobs", nil, &admin)
	total := 0
	for status, n := range counted {
		total += n
		if admin.Statistics[status] != n {
			t.Errorf("%s: SQL counts %d, the service %d", status, n, admin.Statistics[status])
		}
	}
	if admin.Statistics["total"] != total || total != 11 {
		t.Errorf("total: SQL counts %d, the service %d", total, admin.Statistics["total"])
	}
}

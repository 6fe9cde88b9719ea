//go:build linux

package e2e

import "testing"

// Pages that a death left half removed are removed by the next start, although
// everything is to be kept.
func TestStartFinishesWhatADeathLeft(t *testing.T) {
	t.Parallel()
	dir, _ := stopped(t)
	db := database(t, dir)
	exec1(t, db, `INSERT INTO document_replaced (job_id, document_id) SELECT content_job_id, id FROM documents`)
	exec1(t, db, `UPDATE documents SET content_job_id = NULL`)
	serve(t, dir, "--workers", "0", "--retention", "0", "--document-retention", "0")
	var left int
	if err := db.QueryRowContext(t.Context(), `SELECT (SELECT count(*) FROM job_steps) + (SELECT count(*) FROM document_replaced)`).Scan(&left); err != nil {
		t.Fatal(err)
	}
	if left > 0 {
		t.Errorf("%d rows are left", left)
	}
}

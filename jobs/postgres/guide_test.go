package postgres

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/internal/pgtest"
	"github.com/mivaa/mivaa/jobs"
)

// guideTable is the guide's table, and guideQueries its queries for monitoring,
// to the letter.
const guideTable = `CREATE TABLE background_jobs (
  id UUID PRIMARY KEY,
  document_id UUID REFERENCES documents(id) ON DELETE CASCADE,
  filename TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'processing', 'completed', 'failed', 'interrupted')),
  progress INTEGER DEFAULT 0 CHECK (progress >= 0 AND progress <= 100),
  metadata JSONB DEFAULT '{}'::jsonb,
  error TEXT,
  created_at TIMESTAMPTZ DEFAULT NOW(),
  updated_at TIMESTAMPTZ DEFAULT NOW(),
  started_at TIMESTAMPTZ,
  completed_at TIMESTAMPTZ,
  failed_at TIMESTAMPTZ,
  interrupted_at TIMESTAMPTZ
);`

var guideQueries = []string{
	`SELECT * FROM background_jobs WHERE status = 'interrupted' ORDER BY created_at DESC;`,
	`SELECT status, COUNT(*) FROM background_jobs GROUP BY status;`,
	`SELECT * FROM background_jobs WHERE status = 'failed' AND created_at > NOW() - INTERVAL '24 hours';`,
}

// column is what the catalogue says of one.
type column struct{ Name, Type, Default, Nullable string }

func columnsOf(t *testing.T, schema string) []column {
	t.Helper()
	rows, err := person(t, schema).Query(t.Context(), `
		SELECT column_name::text, data_type::text, coalesce(column_default, '')::text, is_nullable::text FROM information_schema.columns
		WHERE table_schema = $1 AND table_name = 'background_jobs' ORDER BY ordinal_position`, schema)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[column])
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// rules returns the table's checks and references, as the server writes them.
func rules(t *testing.T, schema string) []string {
	t.Helper()
	rows, err := person(t, schema).Query(t.Context(), `
		SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'background_jobs'::regclass ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestGuidesColumnsAreOurs(t *testing.T) {
	t.Parallel()
	url, theirs := pgtest.Schema(t)
	pgtest.Exec(t, pgtest.With(url, "search_path", theirs), `CREATE TABLE documents (id UUID PRIMARY KEY)`, guideTable)
	_, ours := fresh(t)
	want := columnsOf(t, theirs)
	if len(want) != 13 {
		t.Fatalf("%d columns in the guide", len(want))
	}
	if d := cmp.Diff(want, columnsOf(t, ours)[:len(want)]); d != "" {
		t.Errorf("columns (-guide +ours):\n%s", d)
	}
	have := map[string]bool{}
	for _, rule := range rules(t, ours) {
		have[rule] = true
	}
	for _, rule := range rules(t, theirs) {
		if !have[rule] {
			t.Errorf("of the guide, and not ours: %s", rule)
		}
	}
}

// TestGuideSaysSo compares what stands above with the guide itself.
func TestGuideSaysSo(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "e2e", "testdata", "guide.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range append([]string{guideTable}, guideQueries...) {
		if !strings.Contains(string(text), part) {
			t.Errorf("not in the guide: %s", part)
		}
	}
}

// TestRowsWithTheGuidesColumnsAlone inserts one in each status, and asks the
// guide's questions of them with psql.
func TestRowsWithTheGuidesColumnsAlone(t *testing.T) {
	t.Parallel()
	s, schema := fresh(t)
	by := person(t, schema)
	for _, st := range jobs.Statuses() {
		id := jobs.NewID()
		if _, err := by.Exec(t.Context(), `INSERT INTO background_jobs (id, filename, status) VALUES ($1, 'a.pdf', $2)`, uuidOf(id), string(st)); err != nil {
			t.Fatalf("%s: %v", st, err)
		}
		if j := get(t, s, id); j.Status != st || j.Kind != "extract" || string(j.Metadata) != "{}" || string(j.Payload) != "{}" || j.CreatedAt.IsZero() {
			t.Errorf("%s: %+v", st, j)
		}
	}
	path, err := exec.LookPath("psql")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("SKIPPED: no psql: %v", err)
	}
	for i, query := range guideQueries {
		cmd := exec.CommandContext(t.Context(), path, "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", pgtest.URL(t), "-c", query)
		cmd.Env = append(os.Environ(), "PGOPTIONS=-c search_path="+schema)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", query, err, out)
		}
		lines := 0
		for scan := bufio.NewScanner(strings.NewReader(string(out))); scan.Scan(); {
			lines++
		}
		if want := []int{1, 5, 1}[i]; lines != want {
			t.Errorf("%s: %d rows, want %d\n%s", query, lines, want, out)
		}
	}
}

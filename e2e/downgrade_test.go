//go:build linux

package e2e

import (
	"encoding/json"
	"testing"

	"github.com/mivaa/mivaa/internal/pgtest"
)

// A PostgreSQL that a newer version has migrated is refused by every command, in
// words that say what to do, and is left as it is. What runs already goes on: that
// is how the old version and the new one meet during a deploy.
func TestPostgresDowngradeIsRefused(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	s := c.serve(t, "--workers", "1")
	s.until(s.upload(textPDF(2, "before")).JobID, "read before", completed)
	url := pgtest.With(pgtest.URL(t), "search_path", c.schema)
	for _, component := range []string{"jobs", "documents", "blob"} {
		pgtest.Exec(t, url, "UPDATE schema_versions SET version = version + 1000 WHERE component = '"+component+"'")
		for name, args := range map[string][]string{
			"serve": {"serve", "--addr", "127.0.0.1:0"}, "list": {"jobs", "list"}, "migrate": {"migrate"},
		} {
			if component == "blob" && name == "list" {
				continue // it looks at no source
			}
			_, stderr, code := c.cli(t, append(args, "--json", "--data-dir", dataDir(t))...)
			var f struct {
				Error struct{ Code, Message, Hint string }
			}
			if err := json.Unmarshal([]byte(stderr), &f); err != nil || code != 6 || f.Error.Code != "newer_schema" || f.Error.Hint == "" {
				t.Errorf("%s of a newer %s exits %d: %s", name, component, code, stderr)
			}
		}
		pgtest.Exec(t, url, "UPDATE schema_versions SET version = version - 1000 WHERE component = '"+component+"'")
	}
	pgtest.Exec(t, url, "UPDATE schema_versions SET version = version + 1000")
	s.until(s.upload(textPDF(2, "after")).JobID, "read after", completed)
	if n := ask[int](t, c, `SELECT count(*) FROM background_jobs`); n != 2 {
		t.Errorf("%d jobs, two were uploaded", n)
	}
}

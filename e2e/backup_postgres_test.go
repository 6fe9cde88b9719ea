//go:build linux

package e2e

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/internal/pgtest"
)

// A PostgreSQL that is dumped while a service works on it, by the command that
// `mivaa backup` names, goes on in another database: nothing that was accepted
// before the dump is lost, wherever the sources are.
func TestPostgresBackupUnderLoad(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"pg_dump", "pg_restore"} {
		needs(t, program)
	}
	for _, in := range []string{"database", "folder"} {
		t.Run("sources in the "+in, func(t *testing.T) {
			t.Parallel()
			c, dir, copied := newCluster(t), dataDir(t), dataDir(t)
			args := func(dir string) (more []string) {
				if in == "folder" {
					more = []string{"--blob-url", "file://" + filepath.Join(dir, "blobs")}
				}
				return more
			}
			l := underLoad(t, c.serveIn(t, dir, args(dir)...))
			dump := filepath.Join(copied, "mivaa.dump")
			hint := failsWith(t, c.setup, 2, append(args(dir), "backup", "--data-dir", dir, dump)...).Hint
			command, _, ok := strings.Cut(hint, " (the password in PGPASSWORD")
			if !ok || strings.Contains(command, password) || in == "folder" != strings.Contains(hint, filepath.Join(dir, "blobs")) {
				t.Fatalf("the hint names no command, a password, or not what else to copy: %s", hint)
			}
			before := l.while(withPGPassword, "sh", "-c", command)
			if in == "folder" {
				copySources(t, dir, copied)
			}

			elsewhere := &cluster{url: c.restore(t, dump), schema: c.schema}
			l.kept(elsewhere.serveIn(t, copied, args(copied)...), before)
			if out, stderr, code := elsewhere.cli(t, "check", "--data-dir", copied); code != 0 {
				t.Errorf("check of what was restored exited %d: %s%s", code, out, stderr)
			}
		})
	}
}

func withPGPassword(cmd *exec.Cmd) { cmd.Env = append(os.Environ(), "PGPASSWORD="+password) }

// restore puts a dump into a database of its own, and returns its URL.
func (c *cluster) restore(t *testing.T, dump string) string {
	t.Helper()
	u, err := url.Parse(c.url)
	if err != nil {
		t.Fatal(err)
	}
	name := "restored_" + c.schema
	pgtest.Exec(t, c.url, "CREATE DATABASE "+name)
	t.Cleanup(func() { pgtest.Exec(t, c.url, "DROP DATABASE "+name+" WITH (FORCE)") })
	u.Path = "/" + name
	cmd := exec.CommandContext(t.Context(), "pg_restore", "--exit-on-error", "--no-owner", "--dbname="+u.String(), dump)
	withPGPassword(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return u.String()
}

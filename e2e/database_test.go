//go:build linux

package e2e

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	_ "modernc.org/sqlite" // people's own access to the database
)

// database is a person at the database of a data dir: one connection of their
// own, as the sqlite3 command has.
func database(t testing.TB, dir string) *sql.Conn {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "mivaa.db")+"?_pragma=busy_timeout(10000)&_pragma=foreign_keys(ON)")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // twice is no harm
		_ = conn.Close()
		_ = db.Close()
	})
	return conn
}

func exec1(t testing.TB, conn *sql.Conn, query string, args ...any) {
	t.Helper()
	if _, err := conn.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// stopped returns a data dir with one completed job, and nobody in it.
func stopped(t *testing.T) (dir string, done job) {
	t.Helper()
	dir = dataDir(t)
	s := serve(t, dir)
	j := s.upload(textPDF(30, "stopped"))
	done = s.until(j.JobID, "completed", completed)
	if code, _ := s.signal(syscall.SIGTERM); code != 0 {
		t.Fatalf("exit %d", code)
	}
	if _, err := os.Stat(filepath.Join(dir, "mivaa.db-wal")); err == nil {
		t.Fatal("the log of a stopped service was left behind")
	}
	return dir, done
}

func readDB(t *testing.T, dir string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "mivaa.db"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func writeDB(t *testing.T, dir string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "mivaa.db"), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// commands are ways to open a store: the service, a document, an operator who
// looks and one who changes something.
func commands(t *testing.T, id string) map[string][]string {
	return map[string][]string{
		"serve":   {"serve", "--addr", "127.0.0.1:0"},
		"extract": {"extract", write(t, textPDF(2, "command"))},
		"list":    {"jobs", "list"},
		"cancel":  {"jobs", "cancel", "--yes", id},
	}
}

// A database that this program may not use, or cannot, is refused by every
// command, named, explained, and left as it is.
func TestUnusableDatabase(t *testing.T) {
	t.Parallel()
	dir, done := stopped(t)
	sound := readDB(t, dir)
	for name, tt := range map[string]struct {
		spoil func(t *testing.T, dir string)
		code  string
		hint  string
	}{
		"header overwritten": {func(t *testing.T, dir string) {
			writeDB(t, dir, append(bytes.Repeat([]byte{0xA5}, 100), sound[100:]...))
		}, "unavailable", "backup"},
		"cut short": {func(t *testing.T, dir string) { writeDB(t, dir, sound[:len(sound)/2]) }, "unavailable", "backup"},
		"not a database": {func(t *testing.T, dir string) {
			writeDB(t, dir, bytes.Repeat([]byte("notes to myself\n"), 1000))
		}, "unavailable", "backup"},
		"newer schema": {func(t *testing.T, dir string) {
			exec1(t, database(t, dir), "PRAGMA user_version = 999")
		}, "newer_schema", "newer version"},
		"newer schema of documents": {func(t *testing.T, dir string) {
			exec1(t, database(t, dir), "UPDATE schema_versions SET version = 999 WHERE component = 'documents'")
		}, "newer_schema", "newer version"},
		"another program's": {func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "mivaa.db")); err != nil {
				t.Fatal(err)
			}
			conn := database(t, dir)
			exec1(t, conn, "CREATE TABLE background_jobs (id INTEGER PRIMARY KEY, what TEXT)")
			exec1(t, conn, "INSERT INTO background_jobs (what) VALUES ('precious')")
			exec1(t, conn, "PRAGMA application_id = 1196444487")
		}, "unavailable", "left as it is"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := dataDir(t)
			writeDB(t, dir, sound)
			tt.spoil(t, dir)
			before := readDB(t, dir)
			for command, args := range commands(t, done.JobID) {
				f := fails(t, 6, append(args, "--data-dir", dir)...)
				f.needsHint(t, tt.hint)
				if f.Code != tt.code || !strings.Contains(f.Message, dir) && !strings.Contains(f.Hint, dir) {
					t.Errorf("%s: code %s, want %s: %+v", command, f.Code, tt.code, f)
				}
				if !bytes.Equal(readDB(t, dir), before) {
					t.Fatalf("%s changed the file", command)
				}
			}
		})
	}
}

// rootPage is where a table begins in the file.
func rootPage(t *testing.T, dir, name string) (page, size int) {
	t.Helper()
	conn := database(t, dir)
	err := conn.QueryRowContext(t.Context(), "SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_schema WHERE name = ?", name).Scan(&page, &size)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	return page, size
}

// Damage in the middle is found where it is met, and is never taken for an
// empty answer: damaged jobs make the service unhealthy, damaged pages of
// documents cost those who read them.
func TestDatabaseDamagedInTheMiddle(t *testing.T) {
	t.Parallel()
	dir, done := stopped(t)
	sound := readDB(t, dir)
	damaged := func(t *testing.T, table string) string {
		page, size := rootPage(t, dir, table)
		spoiled := dataDir(t)
		data := bytes.Clone(sound)
		copy(data[(page-1)*size:page*size], bytes.Repeat([]byte{0xA5}, size))
		writeDB(t, spoiled, data)
		return spoiled
	}
	t.Run("jobs", func(t *testing.T) {
		t.Parallel()
		dir := damaged(t, "background_jobs")
		for _, args := range [][]string{{"jobs", "list"}, {"jobs", "cancel", "--yes", done.JobID}, {"extract", write(t, textPDF(2, "damaged"))}} {
			fails(t, 6, append(args, "--data-dir", dir)...).needsHint(t, "damaged", "backup")
		}
		s := serve(t, dir)
		var health string
		if code := s.call("GET", "/health", nil, &health); code != 503 || !strings.Contains(health, `"unhealthy"`) || !strings.Contains(health, "damaged") {
			t.Errorf("health: %d %s", code, health)
		}
		if p := s.refused("GET", "/api/rag/documents/jobs", "", nil); p.Status != 503 || !strings.Contains(p.Detail, "damaged") {
			t.Errorf("list: %+v", p)
		}
		if p := s.refusedUpload(textPDF(2, "damaged")); p.Status != 503 || !strings.Contains(p.Detail, "damaged") {
			t.Errorf("upload: %+v", p)
		}
		if code, _ := s.signal(syscall.SIGTERM); code != 0 {
			t.Errorf("exit %d", code)
		}
	})
	t.Run("pages", func(t *testing.T) {
		t.Parallel()
		dir := damaged(t, "job_steps")
		s := serve(t, dir)
		if p := s.refused("GET", "/api/rag/documents/"+done.DocumentID+"/content", "", nil); p.Status != 503 || !strings.Contains(p.Detail, "damaged") {
			t.Errorf("content: %+v", p)
		}
		if list := s.jobs(); len(list) != 1 || list[0].Status != "completed" {
			t.Errorf("jobs: %+v", list)
		}
		if code, _ := s.signal(syscall.SIGTERM); code != 0 {
			t.Errorf("exit %d", code)
		}
		fails(t, 6, "documents", "export", "--data-dir", dir, done.DocumentID).needsHint(t, "damaged", "backup")
	})
}

// While somebody else holds the write lock the service says 503 and commands
// exit with 6; what only reads goes on, and so does everything once the lock is
// released.
func TestLockedDatabase(t *testing.T) {
	t.Parallel()
	pdf := textPDF(killPages, "locked")
	want, _ := undisturbed(t, pdf)
	dir := dataDir(t)
	s := serve(t, dir)
	j := s.upload(pdf)
	s.until(j.JobID, "a page", func(now job) bool { return now.StepsDone > 0 })

	conn := database(t, dir)
	exec1(t, conn, "BEGIN IMMEDIATE")
	var asks sync.WaitGroup
	asks.Go(func() {
		p := s.refusedUpload(textPDF(3, "not now"))
		if p.Status != 503 || p.Code != "unavailable" || !strings.Contains(p.Detail, "lock") {
			t.Errorf("upload: %+v", p)
		}
	})
	asks.Go(func() {
		p := s.refused("POST", "/api/rag/jobs/"+j.JobID+"/cancel", "", nil)
		if p.Status != 503 || p.Code != "unavailable" {
			t.Errorf("cancel: %+v", p)
		}
	})
	for _, args := range [][]string{{"jobs", "cancel", "--yes", j.JobID}, {"extract", write(t, textPDF(3, "nor this"))}} {
		asks.Go(func() { fails(t, 6, append(args, "--data-dir", dir)...).needsHint(t, "lock", "try again") })
	}
	if now := s.job(j.JobID); now.Status != "processing" || now.StepsDone == killPages {
		t.Errorf("job under the lock: %+v", now)
	}
	if code := s.call("GET", "/health", nil, nil); code != 200 {
		t.Errorf("health under the lock: %d", code)
	}
	asks.Wait()
	exec1(t, conn, "ROLLBACK")
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}

	done := s.until(j.JobID, "completed", completed)
	if done.StepsDone != killPages || done.Crashes != 0 || s.content(j.DocumentID, "markdown") != want {
		t.Errorf("job after the lock: %+v, or another document", done)
	}
	next := s.upload(textPDF(3, "not now"))
	s.until(next.JobID, "uploads go on", completed)
	if n := len(s.jobs()); n != 2 {
		t.Errorf("%d jobs, want 2: what was refused was not done", n)
	}
}

package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// unavailable checks an error of a store that cannot be used, and that it says
// what to do.
func unavailable(t *testing.T, err error, hint string) {
	t.Helper()
	e, ok := errors.AsType[*jobs.StoreError](err)
	if !errors.Is(err, jobs.ErrUnavailable) || !ok {
		t.Fatalf("got error %v, want a StoreError", err)
	}
	if !strings.Contains(e.Hint, hint) {
		t.Errorf("hint %q, want %q in it (error: %v)", e.Hint, hint, err)
	}
}

func TestOpenMakesPrivateFiles(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a folder?with#odd%20name", "data")
	s := open(t, filepath.Join(dir, "jobs.db"))
	insertOne(t, s, jobs.NewJob{Kind: "work"})
	for name, mode := range map[string]os.FileMode{"": 0o700, "jobs.db": 0o600, "jobs.db-wal": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != mode {
			t.Errorf("%q has mode %v, want %v", name, info.Mode().Perm(), mode)
		}
	}
}

func TestEveryConnectionHasThePragmas(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "jobs.db"))
	for name, db := range map[string]*sql.DB{"reader": s.reader, "writer": s.writer} {
		var conns []*sql.Conn
		for range db.Stats().MaxOpenConnections {
			conn, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, conn)
			var mode string
			var timeout, keys, readOnly, sync int
			err = conn.QueryRowContext(t.Context(), `SELECT (SELECT journal_mode FROM pragma_journal_mode), (SELECT timeout FROM pragma_busy_timeout),
				(SELECT foreign_keys FROM pragma_foreign_keys), (SELECT query_only FROM pragma_query_only), (SELECT synchronous FROM pragma_synchronous)`).
				Scan(&mode, &timeout, &keys, &readOnly, &sync)
			if err != nil {
				t.Fatal(err)
			}
			if mode != "wal" || timeout != int(busyTimeout/time.Millisecond) || keys != 1 || readOnly != map[string]int{"reader": 1}[name] || sync != 2 {
				t.Errorf("%s: journal_mode %s, busy_timeout %d, foreign_keys %d, query_only %d, synchronous %d", name, mode, timeout, keys, readOnly, sync)
			}
		}
		for _, conn := range conns {
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestOpenRefusesAnotherProgramsFile(t *testing.T) {
	t.Parallel()
	for _, script := range []string{
		`CREATE TABLE notes (text TEXT)`,
		`PRAGMA application_id = 7`,
		`CREATE TABLE background_jobs (id TEXT PRIMARY KEY)`,
	} {
		path := filepath.Join(t.TempDir(), "other.db")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		db := person(t, path)
		if _, err := db.Exec(script + `; CREATE TABLE IF NOT EXISTS mine (a TEXT)`); err != nil {
			t.Fatal(err)
		}
		_, err := Open(t.Context(), Config{Path: path})
		unavailable(t, err, "was not made by this program")
		var mode string
		if err := db.QueryRow(`PRAGMA journal_mode`).Scan(&mode); err != nil || mode == "wal" {
			t.Errorf("the file was changed: journal_mode %s, %v", mode, err)
		}
	}
}

func TestOpenRefusesANewerSchema(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jobs.db")
	open(t, path)
	if _, err := person(t, path).Exec(`PRAGMA user_version = 1000`); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), Config{Path: path})
	unavailable(t, err, "newer version")
	if !errors.Is(err, jobs.ErrNewerSchema) {
		t.Errorf("got %v, want ErrNewerSchema", err)
	}
}

func TestOpenSaysWhatIsWrongWithTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	noise := filepath.Join(dir, "noise.db")
	if err := os.WriteFile(noise, []byte(strings.Repeat("this is no database. ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), Config{Path: noise})
	unavailable(t, err, "no SQLite database")

	damaged := filepath.Join(dir, "damaged.db")
	s, err := Open(t.Context(), Config{Path: damaged})
	if err != nil {
		t.Fatal(err)
	}
	insertMany(t, s, 2000)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(damaged, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	for at := int64(4096); at < info.Size(); at += 4096 { // every page but the first
		if _, err := f.WriteAt([]byte(strings.Repeat("\xff", 200)), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	s, err = Open(t.Context(), Config{Path: damaged})
	if err == nil {
		t.Cleanup(func() { _ = s.Close() })
		_, err = s.List(t.Context(), jobs.Filter{})
	}
	unavailable(t, err, "is damaged")

	_, err = Open(t.Context(), Config{Path: dir})
	unavailable(t, err, "")
	_, err = Open(t.Context(), Config{})
	unavailable(t, err, "")
}

func TestManyOpenANewFileAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jobs.db")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, err := Open(t.Context(), Config{Path: path})
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := s.Insert(t.Context(), jobs.NewJob{Kind: "work"}); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if out, err := childCommand(t, "open", path).CombinedOutput(); err != nil || !strings.Contains(string(out), "opened") {
				t.Errorf("child: %v: %s", err, out)
			}
		})
	}
	wg.Wait()
	st, err := open(t, path).Statistics(t.Context())
	if err != nil || st.Pending != 4 {
		t.Errorf("counted %+v, %v", st, err)
	}
}

func TestLocksAreFoundThroughALink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "real", "jobs.db")
	a := open(t, path)
	link := filepath.Join(dir, "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Skip(err)
	}
	b := open(t, link)
	if a.locks != b.locks {
		t.Errorf("locks in %s and %s: the living would look dead", a.locks, b.locks)
	}
}

func TestMigrateOfAComponent(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jobs.db")
	s := open(t, path)
	ctx := t.Context()
	steps := []string{`CREATE TABLE pets (name TEXT) STRICT`, `ALTER TABLE documents ADD COLUMN pet TEXT`}
	for range 2 {
		if err := s.Migrate(ctx, "pets", steps[:1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Migrate(ctx, "pets", append(steps, `CREATE TABLE broken (`)); err == nil {
		t.Error("no error of a broken step")
	}
	var wg sync.WaitGroup
	for range 4 {
		other := open(t, path)
		wg.Go(func() {
			if err := other.Migrate(ctx, "pets", steps); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	versions, err := s.SchemaVersions(ctx)
	if err != nil || versions["pets"] != 2 || versions["jobs"] < 1 {
		t.Errorf("versions %v, %v", versions, err)
	}
	if err := s.Migrate(ctx, "pets", steps[:1]); !errors.Is(err, jobs.ErrNewerSchema) || !errors.Is(err, jobs.ErrUnavailable) {
		t.Errorf("got %v, want ErrNewerSchema", err)
	}
}

func TestBackup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "jobs.db"))
	insertMany(t, s, 500)
	copied := filepath.Join(dir, "backup's copy.db")
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { // it is made while others write
		for {
			select {
			case <-done:
				return
			default:
				insertMany(t, s, 10)
			}
		}
	})
	for range 3 {
		if err := s.Backup(t.Context(), copied); err != nil {
			t.Error(err)
		}
	}
	close(done)
	wg.Wait()
	b := open(t, copied)
	st, err := b.Statistics(t.Context())
	if err != nil || st.Pending < 500 || st.Pending%10 != 0 {
		t.Errorf("the copy has %+v, %v: want whole inserts", st, err)
	}
	if info, err := os.Stat(copied); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*.tmp")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	err = s.Backup(t.Context(), filepath.Join(dir, "no such folder", "copy.db"))
	unavailable(t, err, "")
}

func TestTimes(t *testing.T) {
	t.Parallel()
	want := time.Date(2026, 3, 4, 5, 6, 7, 8e6, time.UTC)
	if got := FormatTime(want.In(time.FixedZone("", 3600)).Add(999 * time.Microsecond)); got != "2026-03-04 05:06:07.008" {
		t.Errorf("formatted %q", got)
	}
	for _, text := range []string{"2026-03-04 05:06:07.008", "2026-03-04T05:06:07.008Z", "2026-03-04 06:06:07.008+01:00", "2026-03-04T05:06:07.008", "2026-03-04 06:06:07.008 +01:00"} {
		if got, err := ParseTime(text); err != nil || !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("ParseTime(%q) = %v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{"2026-03-04": "2026-03-04 00:00:00.000", "2026-03-04 05:06": "2026-03-04 05:06:00.000", "2026-03-04 05:06:07": "2026-03-04 05:06:07.000"} {
		if got, err := ParseTime(text); err != nil || FormatTime(got) != want {
			t.Errorf("ParseTime(%q) = %v, %v", text, got, err)
		}
	}
	if got, err := ParseTime(""); err != nil || !got.IsZero() {
		t.Errorf(`ParseTime("") = %v, %v`, got, err)
	}
	if _, err := ParseTime("yesterday"); err == nil {
		t.Error("no error")
	}
}

func TestHints(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]string{os.ErrPermission: "writable", errClosed: "stopping", errors.New("other"): ""} {
		if got := hint("x.db", fmt.Errorf("wrapped: %w", err)); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("hint of %v: %q", err, got)
		}
	}
}

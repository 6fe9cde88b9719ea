package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/ocr"
	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/sqlite"
)

func TestMigrate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	w := &world{TB: t, dir: dir}
	known, err := sqlite.SchemaVersion()
	w.ok(err)
	fresh := []schema{{"jobs", 0, known, known}, {"documents", 0, documents.SchemaVersion(), documents.SchemaVersion()}}
	current := []schema{{"jobs", known, known, 0}, {"documents", documents.SchemaVersion(), documents.SchemaVersion(), 0}}

	for _, args := range [][]string{{"migrate", "status"}, {"migrate", "--dry-run"}} {
		if d := cmp.Diff(fresh, lines[schema](w.run(append(args, "--json")...).exits(exitOK).silent())); d != "" {
			t.Errorf("%v (-want +got):\n%s", args, d)
		}
	}
	w.run("migrate", "--dry-run").exits(exitOK).silent().says("SCHEMA", "FROM", "TO", "jobs", "0", "would be migrated", "documents", "0")
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("looking made the folder: %v", err)
	}
	w.run("migrate").exits(exitOK).silent().says("jobs", "0", "migrated", "documents", "0", "migrated")
	w.run("migrate", "status").exits(exitOK).silent().says("jobs", "up to date", "documents", "up to date")
	if d := cmp.Diff(current, lines[schema](w.run("migrate", "--json").exits(exitOK).silent())); d != "" {
		t.Errorf("again (-want +got):\n%s", d)
	}
	a := w.run("migrate", "status", "--json")
	if got, want := keys(t, a.out), []string{"component", "version", "known", "pending"}; !slices.Equal(got, want) {
		t.Errorf("keys %v, want %v", got, want)
	}
}

// TestNewerSchema: a database of a newer version is left alone.
func TestNewerSchema(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ok(w.store.Migrate(t.Context(), "documents", slices.Repeat([]string{"SELECT 1"}, documents.SchemaVersion()+3)))
	for _, args := range []string{"migrate", "migrate status", "migrate --dry-run", "jobs list", "documents list"} {
		w.run(strings.Split(args, " ")...).exits(exitUnavailable).warns("newer schema", "hint: ")
	}
	code, _, _ := w.run("jobs", "list", "--json").exits(exitUnavailable).problem()
	if code != "newer_schema" {
		t.Errorf("code %q", code)
	}
	k := &checker{s: &storeSettings{dataDir: w.dir}, engine: noEngine, free: plenty, now: time.Now}
	if f := k.store(t.Context()); f.State != stateFail || f.exit != exitUnavailable || !strings.Contains(f.Detail, "newer schema") {
		t.Errorf("found %+v", f)
	}
}

// TestForeignFile: the file of another program is refused, and stays as it is.
func TestForeignFile(t *testing.T) {
	t.Parallel()
	w := &world{TB: t, dir: t.TempDir()}
	path := filepath.Join(w.dir, "mivaa.db")
	w.ok(os.WriteFile(path, []byte(strings.Repeat("not a database, but long enough for one\n", 50)), 0o600))
	before, err := os.ReadFile(path)
	w.ok(err)
	for _, args := range []string{"migrate", "migrate status", "jobs list", "jobs cleanup --yes", "backup " + filepath.Join(t.TempDir(), "b")} {
		w.run(strings.Split(args, " ")...).exits(exitUnavailable).warns("error: ", "hint: ")
	}
	after, err := os.ReadFile(path)
	if w.ok(err); string(after) != string(before) {
		t.Error("the file was changed")
	}
}

func TestBackup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	done := w.complete("done.pdf", 3)
	w.in(jobs.Processing)
	copied := filepath.Join(t.TempDir(), "mivaa.db")
	w.run("backup", copied, "--dry-run").exits(exitOK).silent().says("would copy the database to " + copied)
	if _, err := os.Stat(copied); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a dry run wrote: %v", err)
	}
	w.run("backup", copied).exits(exitOK).silent().says("copied the database to "+copied, "KiB")
	info, err := os.Stat(copied)
	w.ok(err)
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the copy has mode %v", info.Mode())
	}

	// The copy is a data dir's database.
	restored := &world{TB: t, dir: filepath.Dir(copied)}
	restored.run("documents", "export", done.Document.ID.String()).exits(exitOK).says("This is page 3.")
	if got, want := restored.run("jobs", "stats", "--json").out, w.run("jobs", "stats", "--json").out; got != want {
		t.Errorf("the copy has %s, want %s", got, want)
	}

	w.run("backup", copied).exits(exitUsage).warns("nobody can be asked: Replace "+copied+"?", "mivaa backup "+copied, "--yes")
	got := object[backupResult](w.run("backup", copied, "--yes", "--json").exits(exitOK).silent())
	if got.Output != copied || got.Bytes == 0 {
		t.Errorf("got %+v", got)
	}
	for _, test := range []struct{ path, says string }{
		{filepath.Join(w.dir, "mivaa.db"), "is the database itself"},
		{filepath.Join(w.dir, "mivaa.db-wal"), "is the database itself"},
		{w.dir, "is not a file"},
		{filepath.Join(t.TempDir(), "none", "b.db"), "there is no such folder"},
	} {
		w.run("backup", test.path, "--yes").exits(exitUsage).warns(test.says)
	}
	w.run("jobs", "stats").exits(exitOK) // still the database
}

func noEngine(context.Context, string) (bool, error) { return false, nil }

func someOCR(context.Context, string, string) (foundOCR, error) {
	return foundOCR{"5.3.0", []string{"deu", "eng"}}, nil
}

// noOCR is a machine that has none, for a reason.
func noOCR(err error) func(*checker) {
	return func(k *checker) {
		k.ocr = func(context.Context, string, string) (foundOCR, error) { return foundOCR{}, err }
	}
}

func plenty(string) (uint64, error) { return 100 << 30, nil }

// check runs the checks with an engine and a machine of the test's.
func (w *world) check(json bool, change func(*checker)) answer {
	w.Helper()
	var out, errw pipe
	c := &console{in: strings.NewReader(""), out: &out, err: &errw, json: json}
	k := &checker{s: &storeSettings{dataDir: w.dir}, lookup: c.lookup, engine: noEngine, ocr: someOCR, free: plenty, now: time.Now}
	if change != nil {
		change(k)
	}
	code := c.exit(c.check(w.Context(), k))
	return answer{w.TB, code, out.String(), errw.String()}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.in(jobs.Pending)
	a := w.check(false, nil).exits(exitOK).silent()
	a.says("ok    environment", "ok    access       no token", "ok    data-dir     "+w.dir, "ok    store        opens, sound, schema jobs 3, documents 3", "ok    sources      written, read and deleted",
		"ok    engine       a reader starts and stops", "ok    ocr          tesseract 5.3.0, languages deu, eng", "ok    disk         100 GiB left", "ok    clock        ")
	a = w.check(true, nil).exits(exitOK).silent()
	all := lines[finding](a)
	if len(all) != 9 {
		t.Errorf("got %s", a.out)
	}
	for line := range strings.Lines(a.out) {
		if got, want := keys(t, line), []string{"check", "state", "detail", "hint"}; !slices.Equal(got, want) {
			t.Errorf("keys %v, want %v", got, want)
		}
	}
	left, err := os.ReadDir(filepath.Join(w.dir, "blobs", "tmp"))
	if w.ok(err); len(left) > 0 {
		t.Errorf("the probe left %v behind", left)
	}
}

func TestCheckFinds(t *testing.T) {
	t.Parallel()
	broken := errors.New("no such luck")
	for _, test := range []struct {
		name   string
		change func(*checker)
		exit   int
		says   string
	}{
		{"engine", func(k *checker) { k.engine = func(context.Context, string) (bool, error) { return false, broken } }, exitFailure,
			"fail  engine       no such luck -> the readers are processes"},
		{"cold engine", func(k *checker) { k.engine = func(context.Context, string) (bool, error) { return true, nil } }, exitOK, "ok    engine       compiled"},
		{"no tesseract", noOCR(ocr.ErrNotInstalled), exitOK, "ok    ocr          tesseract is not installed: scans stay without text"},
		{"broken tesseract", noOCR(broken), exitOK, "warn  ocr          no such luck -> scans stay without text"},
		{"no such language", noOCR(&ocr.Error{Code: ocr.CodeLanguages, Err: broken}), exitFailure, "fail  ocr          no such luck -> install them"},
		{"little space", func(k *checker) { k.free = func(string) (uint64, error) { return 500 << 20, nil } }, exitOK, "warn  disk         500 MiB left -> make room"},
		{"unknown space", func(k *checker) { k.free = func(string) (uint64, error) { return 0, errors.ErrUnsupported } }, exitOK, "warn  disk         how much"},
		{"no space known", func(k *checker) { k.free = func(string) (uint64, error) { return 0, broken } }, exitFailure, "fail  disk         no such luck"},
		{"clock", func(k *checker) { k.now = func() time.Time { return time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC) } }, exitFailure,
			"fail  clock        2020-01-01T00:00:00Z is before the newest job's last change"},
		{"environment", func(k *checker) { k.environment = errors.Join(broken, broken) }, exitFailure, "fail  environment  no such luck; no such luck -> mend"},
		{"access", func(k *checker) { k.lookup = func(string) (string, bool) { return "", true } }, exitFailure, "MIVAA_TOKEN: the token is empty"},
		{"no folder", func(k *checker) { k.s.dataDir += "/none" }, exitUnavailable, "fail  data-dir"},
		{"a file", func(k *checker) { k.s.dataDir += "/mivaa.db" }, exitUnavailable, "is not a folder -> name another one"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.in(jobs.Pending)
			a := w.check(false, test.change).exits(test.exit).says(test.says)
			if test.exit == exitOK {
				a.silent()
			} else {
				a.warns("error: not well: ")
			}
		})
	}
}

func TestCheckStore(t *testing.T) {
	t.Parallel()
	t.Run("damaged", func(t *testing.T) {
		t.Parallel()
		w := &world{TB: t, dir: t.TempDir()}
		w.ok(os.Chmod(w.dir, 0o700))
		w.run("migrate").exits(exitOK)
		path := filepath.Join(w.dir, "mivaa.db")
		info, err := os.Stat(path)
		w.ok(err)
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		w.ok(err)
		_, err = f.WriteAt([]byte(strings.Repeat("x", int(info.Size())-8192)), 8192)
		w.ok(errors.Join(err, f.Close()))
		w.check(false, nil).exits(exitUnavailable).says("fail  store", "->").warns("not well: store")
	})
	t.Run("no sources", func(t *testing.T) {
		t.Parallel()
		w := &world{TB: t, dir: t.TempDir()}
		w.ok(os.Chmod(w.dir, 0o700))
		w.run("migrate").exits(exitOK)
		w.ok(os.RemoveAll(filepath.Join(w.dir, "blobs", "tmp")))
		w.ok(os.WriteFile(filepath.Join(w.dir, "blobs", "tmp"), nil, 0o600))
		w.check(false, nil).exits(exitUnavailable).says("fail  sources")
	})
	t.Run("open to others", func(t *testing.T) {
		t.Parallel()
		if runtime.GOOS == "windows" {
			t.Skip("mode bits say nothing on Windows")
		}
		w := newWorld(t)
		w.ok(os.Chmod(w.dir, 0o755))
		w.check(false, nil).exits(exitFailure).says("fail  data-dir", "has mode 0755: others can look into it -> chmod 700 "+w.dir).warns("not well: data-dir")
	})
}

// TestCheckEnvironment: what keeps every other command from starting is one
// line of check's.
func TestCheckEnvironment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	env := []string{"MIVAA_WORKERS=many", "MIVAA_COLOUR=red"}
	w.runIn(t.Context(), env, "jobs", "list").exits(exitUsage)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out, errw pipe
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"check"}, append(env, "MIVAA_DATA_DIR="+w.dir), strings.NewReader(""), &out, &errw)
	}()
	eventually(t, "the store is looked at", func() bool { return strings.Contains(out.String(), "ok    sources") })
	cancel() // the engine comes next, which has to be compiled first
	a := answer{t, <-code, out.String(), errw.String()}
	a.exits(exitInterrupted).says("fail  environment  unknown environment variable MIVAA_COLOUR; MIVAA_WORKERS: invalid argument", "-> mend or unset it", "ok    store")
}

func TestFreeSpace(t *testing.T) {
	t.Parallel()
	free, err := freeSpace(t.TempDir())
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("not known on this system")
	}
	if err != nil || free == 0 {
		t.Errorf("%d bytes, %v", free, err)
	}
	if _, err := freeSpace(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("no error for a folder that is not there")
	}
}

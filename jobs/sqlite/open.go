package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite"

	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/internal/watch"
)

// applicationID marks a file as ours: "MIVA".
const applicationID = 0x4d495641

// How long a statement waits for another process's write before it gives up.
const busyTimeout = 5 * time.Second

// readers is how many reads run at once in a process.
const readers = 4

// Config says where the store is.
type Config struct {
	// Path of the database file. Its folder is created with mode 0700, the
	// file with 0600; the locks of instances stand in instances/ beside it.
	Path   string
	Logger *slog.Logger // nil: nothing is logged
	// Now is the clock of this process, for tests of clocks that are wrong.
	// Nil: time.Now.
	Now func() time.Time
}

// Store is a jobs.Store in a file. Close it after everything that uses it.
type Store struct {
	path   string // without symbolic links
	locks  string // the folder of the instances' locks
	log    *slog.Logger
	writer *sql.DB // one connection, used by the writer goroutine alone
	reader *sql.DB
	now    func() time.Time

	queue      opQueue
	stmts      map[string]*sql.Stmt // the writer goroutine's
	batch      *batch               // the writer goroutine's: what runs now
	reads      sync.Map             // SQL text -> *sql.Stmt
	watchers   watch.Group
	silence    silence
	unreadable sync.Map // rows whose warning was logged
	held       held
	spans      jobs.Spans // figures of what is over
	workers    sync.WaitGroup
	alone      bool // of OpenAlone: there is no writer
}

var _ jobs.Store = (*Store)(nil)

// Open opens the store, creating and migrating it where needed. Errors are
// *jobs.StoreError; one with ErrNewerSchema inside where a newer version of
// the program has migrated the file.
func Open(ctx context.Context, c Config) (*Store, error) {
	op := "open " + c.Path
	if c.Path == "" {
		return nil, &jobs.StoreError{Op: "open store", Err: errors.New("no path given")}
	}
	path, err := createFile(c.Path)
	if err != nil {
		return nil, storeError(op, c.Path, err)
	}
	// Half the cost of a commit on a journaling file system, and as durable;
	// it is what SQLite's own builds use on Linux.
	if _, err := sqlite.Fdatasync(true); err != nil && !errors.Is(err, sqlite.ErrFdatasyncUnavailable) {
		return nil, storeError(op, path, err)
	}
	s := &Store{
		path:  path,
		locks: filepath.Join(filepath.Dir(path), "instances"),
		log:   c.Logger,
		now:   c.Now,
		stmts: map[string]*sql.Stmt{},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.queue.init()
	if err := s.prepare(ctx); err != nil {
		return nil, storeError(op, path, err)
	}
	if s.writer, err = sql.Open("sqlite", dsn(path, writerPragmas)); err != nil {
		return nil, storeError(op, path, err)
	}
	s.writer.SetMaxOpenConns(1)
	s.writer.SetMaxIdleConns(1)
	if s.reader, err = sql.Open("sqlite", dsn(path, readerPragmas)); err != nil {
		return nil, errors.Join(storeError(op, path, err), s.writer.Close())
	}
	s.reader.SetMaxOpenConns(readers + 1) // one watches
	s.reader.SetMaxIdleConns(readers + 1)
	s.workers.Go(s.write)
	return s, nil
}

var writerPragmas = []string{
	"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)",
	"journal_size_limit(67108864)", "wal_autocheckpoint(4000)", "cache_size(-65536)", "temp_store(MEMORY)",
	"secure_delete(FAST)", // what is deleted is overwritten where its page is written anyway
}

var readerPragmas = []string{
	"busy_timeout(5000)", "query_only(ON)", "foreign_keys(ON)", "cache_size(-16384)", "temp_store(MEMORY)",
}

// dsn names the file as a URI, so that no character of the path is taken for
// a parameter and a file that went away is not made anew.
func dsn(path string, pragmas []string) string {
	q := url.Values{"mode": {"rw"}, "_txlock": {"immediate"}, "_dqs": {"0"}, "_pragma": pragmas}
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/data/mivaa.db
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}

// createFile makes the folder and an empty file where there is none, and
// returns the path without symbolic links: the locks must be in the same
// folder for every process, whatever name it knows the file by.
//
// A file that exists is not opened: see the package comment.
func createFile(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return "", err
		}
		if err == nil {
			if err := f.Close(); err != nil {
				return "", err
			}
		}
	} else if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}

// prepare checks whose file it is, before anything is written into it, and
// migrates it. Where several processes open a new file at once, all but one
// may find it locked at any step; they try again.
func (s *Store) prepare(ctx context.Context) error {
	deadline := time.Now().Add(busyTimeout)
	for {
		err := s.prepareOnce(ctx)
		if err == nil || !isBusy(err) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *Store) prepareOnce(ctx context.Context) (err error) {
	plain, err := sql.Open("sqlite", dsn(s.path, []string{"busy_timeout(5000)"}))
	if err != nil {
		return err
	}
	err = s.check(ctx, plain)
	if e := plain.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite", dsn(s.path, writerPragmas))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	defer func() {
		if e := db.Close(); err == nil {
			err = e
		}
	}()
	return migrate(ctx, db, s.path)
}

// check refuses a file that is another program's.
func (s *Store) check(ctx context.Context, db *sql.DB) error {
	var id, version, tables, ours int
	err := db.QueryRowContext(ctx, `
		SELECT (SELECT application_id FROM pragma_application_id),
		       (SELECT user_version FROM pragma_user_version),
		       (SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'sqlite\_%' ESCAPE '\'),
		       (SELECT count(*) FROM sqlite_schema WHERE name = 'background_jobs')`).Scan(&id, &version, &tables, &ours)
	if err != nil {
		return err
	}
	if id == applicationID || id == 0 && tables == 0 {
		return nil
	}
	return &jobs.StoreError{
		Op:   "open " + s.path,
		Err:  fmt.Errorf("file belongs to another program (application_id %#x, %d tables)", uint32(id), tables),
		Hint: fmt.Sprintf("%s was not made by this program and is left as it is: name another file or folder.", s.path),
	}
}

// Close finishes what waits, gives up the locks of instances still joined, and
// closes the file.
func (s *Store) Close() error {
	if !s.queue.close() {
		return nil
	}
	s.watchers.Close()
	s.workers.Wait()
	var errs []error
	s.reads.Range(func(_, st any) bool {
		errs = append(errs, st.(*sql.Stmt).Close())
		return true
	})
	for _, st := range s.stmts {
		errs = append(errs, st.Close())
	}
	errs = append(errs, s.reader.Close(), s.writer.Close(), s.held.release())
	if err := errors.Join(errs...); err != nil {
		return storeError("close "+s.path, s.path, err)
	}
	return nil
}

// Reader returns a pool of read-only connections, for packages that keep
// tables of their own in the file. Read answers whole and at once: a snapshot
// that is held keeps the log from being checkpointed.
func (s *Store) Reader() *sql.DB { return s.reader }

// Path returns the file's path without symbolic links.
func (s *Store) Path() string { return s.path }

package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is a PostgreSQL of the test's own, which it may stop, start and kill.
type Server struct {
	bin      string // folder of postgres and initdb
	dir      string
	port     int
	settings []string
	process  *os.Process
	ended    chan struct{}
}

// Start starts a server for one test and removes it at the end. Settings are of
// postgresql.conf ("fsync=off"); without any it is as durable as by default.
func Start(tb testing.TB, settings ...string) *Server {
	tb.Helper()
	return StartIn(tb, "", settings...)
}

// StartIn is Start in a folder of its own within a given one, which whoever the
// server runs as must be able to reach: on a disk that can be filled up, say.
func StartIn(tb testing.TB, parent string, settings ...string) *Server {
	tb.Helper()
	s, err := start(tb.Logf, parent, settings...)
	if err != nil {
		missing(tb, err)
	}
	tb.Cleanup(func() {
		if err := s.close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// A Mode is how a server is stopped: pg_ctl's words.
type Mode string

const (
	Fast      Mode = "fast"      // sessions are ended, then the server stops in order
	Immediate Mode = "immediate" // as a crash: it recovers at the next start
)

func start(logf func(string, ...any), parent string, settings ...string) (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(parent, "pgtest-")
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, dir: dir, settings: settings}
	if err := s.init(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := s.Up(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	logf("PostgreSQL of this test process: %s", s.URL())
	return s, nil
}

// programs finds the newest server installed.
func programs() (string, error) {
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil && fileExists(filepath.Join(filepath.Dir(path), "initdb")) {
			return filepath.Dir(path), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", fmt.Errorf("no postgres on PATH or in /usr/lib/postgresql: install a PostgreSQL server (on Debian: apt-get install postgresql), or name a running one in %s", Env)
	}
	slices.SortFunc(found, func(a, b string) int { return version(a) - version(b) })
	return filepath.Dir(found[len(found)-1]), nil
}

// version is the number in /usr/lib/postgresql/15/bin/postgres.
func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) // 0: before all others
	return n
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (s *Server) init() error {
	if err := s.own(); err != nil {
		return err
	}
	out, err := s.command(context.Background(), "initdb", "-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync").CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	s.port, err = freePort()
	return err
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// Up starts the server, unless it runs, and waits until it answers.
func (s *Server) Up() error {
	if s.running() {
		return s.answers()
	}
	args := []string{
		"-D", s.data(), "-p", strconv.Itoa(s.port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=" + s.dir,
		"-c", "max_connections=300", "-c", "log_min_messages=warning", "-c", "log_line_prefix=%m [%p] %a ",
	}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := s.command(context.Background(), "postgres", args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := StartWithUs(cmd); err != nil {
		return err
	}
	s.process, s.ended = cmd.Process, make(chan struct{})
	go func() { defer close(s.ended); _ = cmd.Wait() }() // how it ended stands in its log
	return s.answers()
}

func (s *Server) running() bool {
	if s.process == nil {
		return false
	}
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

// answers waits until the server takes connections.
func (s *Server) answers() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.URL())
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.ended:
			return fmt.Errorf("postgres ended: %s", s.Log())
		case <-ctx.Done():
			return fmt.Errorf("postgres does not answer: %w\n%s", err, s.Log())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Down stops the server.
func (s *Server) Down(mode Mode) error {
	sig := os.Interrupt // of postgres: fast
	if mode == Immediate {
		sig = quit
	}
	if err := s.process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	late := time.NewTimer(time.Minute)
	defer late.Stop()
	select {
	case <-s.ended:
		return nil
	case <-late.C:
		return fmt.Errorf("postgres does not stop: %s", s.Log())
	}
}

// URL returns how to reach the server by TCP.
func (s *Server) URL() string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", s.port)
}

// Addr returns the server's host and port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Log returns what the server logged.
func (s *Server) Log() string {
	text, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Terminate ends the server's sessions that match a condition on
// pg_stat_activity, and returns how many there were.
func (s *Server) Terminate(ctx context.Context, where string) (n int, err error) {
	conn, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	err = conn.QueryRow(ctx, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND (`+where+`)`).Scan(&n)
	return n, err
}

// close stops the server and removes it.
func (s *Server) close() error {
	return errors.Join(s.Down(Immediate), os.RemoveAll(s.dir))
}

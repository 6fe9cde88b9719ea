package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// A PoolMode is when pgbouncer gives a server's connection to somebody else: its
// own words.
type PoolMode string

const (
	TransactionMode PoolMode = "transaction" // with each transaction
	SessionMode     PoolMode = "session"     // when the client leaves
)

// Pooler starts pgbouncer before a server for one test, and returns the URL that
// leads through it. Where pgbouncer is not installed the test is skipped, under
// CI it fails. Where tests run as root it runs as the user who runs a server.
func Pooler(tb testing.TB, serverURL string, mode PoolMode) string {
	tb.Helper()
	path, err := exec.LookPath("pgbouncer")
	if err != nil {
		const what = "no pgbouncer: install it (on Debian: apt-get install pgbouncer)"
		if os.Getenv("CI") != "" {
			tb.Fatal(what)
		}
		tb.Skip("SKIPPED: " + what)
	}
	pooled, err := pooler(tb, path, serverURL, mode)
	if err != nil {
		tb.Fatalf("pgbouncer: %v", err)
	}
	return pooled
}

func pooler(tb testing.TB, path, serverURL string, mode PoolMode) (string, error) {
	u, err := url.Parse(serverURL)
	if err != nil {
		return "", err
	}
	port, err := freePort()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "pgtest-pooler-") //nolint:usetesting // its user may not enter the test's
	if err != nil {
		return "", err
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	s := &Server{bin: filepath.Dir(path), dir: dir}
	password, _ := u.User.Password()
	files := map[string]string{
		"users.txt": fmt.Sprintf("\"%s\" \"%s\"\n", u.User.Username(), password),
		"pgbouncer.ini": fmt.Sprintf(`[databases]
* = host=%s port=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = trust
auth_file = %s
pool_mode = %s
max_client_conn = 2000
default_pool_size = 40
ignore_startup_parameters = extra_float_digits
log_connections = 0
log_disconnections = 0
`, u.Hostname(), u.Port(), port, filepath.Join(dir, "users.txt"), mode),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil { //nolint:gosec // read by another user
			return "", err
		}
	}
	if err := s.own(); err != nil {
		return "", err
	}
	u.Host = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	if err := runPooler(tb, s); err != nil {
		return "", err
	}
	return u.String(), answers(u.String())
}

// runPooler starts it, and ends it with the test.
func runPooler(tb testing.TB, s *Server) error {
	cmd := s.command(context.Background(), "pgbouncer", filepath.Join(s.dir, "pgbouncer.ini")) //nolint:usetesting // it outlives the test's context by its cleanup
	var log buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := StartWithUs(cmd); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }() // how it ended stands in its log
	tb.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			tb.Error(err)
		}
		<-ended
		if tb.Failed() {
			tb.Logf("pgbouncer's log ends with:\n%s", log.tail())
		}
	})
	return nil
}

func answers(url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, url)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func freePort() (int, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// buffer is what a process wrote, while it writes.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) tail() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := b.text.Bytes()
	return bytes.Clone(text[max(0, len(text)-4000):])
}

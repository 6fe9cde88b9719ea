package pgtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Env names the server to test with. Its role must be allowed to create schemas.
const Env = "MIVAA_TEST_POSTGRES"

var shared struct {
	once   sync.Once
	url    string
	server *Server
	err    error
}

// Main runs a package's tests and ends the server that they started. A package
// whose tests use the shared server calls it from TestMain.
func Main(m *testing.M) int {
	code := m.Run()
	if s := shared.server; s != nil {
		if err := s.close(); err != nil {
			fmt.Fprintln(os.Stderr, "pgtest:", err)
			return 1
		}
	}
	return code
}

// URL returns the server that the tests of this process share. Its durability
// is off where pgtest started it: nothing here outlives the machine.
func URL(tb testing.TB) string {
	tb.Helper()
	shared.once.Do(func() {
		if given := os.Getenv(Env); given != "" {
			shared.url = given
			return
		}
		shared.server, shared.err = start(tb.Logf, "", "fsync=off", "synchronous_commit=off", "full_page_writes=off")
		if shared.err == nil {
			shared.url = shared.server.URL()
		}
	})
	if shared.err != nil {
		missing(tb, shared.err)
	}
	return shared.url
}

// missing skips a test, or fails it under CI.
func missing(tb testing.TB, err error) {
	tb.Helper()
	if os.Getenv("CI") != "" {
		tb.Fatalf("PostgreSQL is missing: %v", err)
	}
	tb.Skipf("SKIPPED: no PostgreSQL: %v", err)
}

// Schema creates a schema of the test's own on the shared server and drops it at
// the end. It returns the server's URL and the schema's name.
func Schema(tb testing.TB) (serverURL, schema string) {
	tb.Helper()
	serverURL = URL(tb)
	schema = "test_" + strings.ToLower(rand.Text()[:16])
	Exec(tb, serverURL, "CREATE SCHEMA "+schema)
	tb.Cleanup(func() { Exec(tb, serverURL, "DROP SCHEMA "+schema+" CASCADE") })
	return serverURL, schema
}

// Exec runs statements on a connection of its own.
func Exec(tb testing.TB, serverURL string, statements ...string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) //nolint:usetesting // also while the test's own context has ended
	defer cancel()
	conn, err := pgx.Connect(ctx, serverURL)
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			tb.Fatalf("%s: %v", s, err)
		}
	}
}

// With returns a URL with parameters added: With(u, "search_path", schema).
func With(serverURL string, pairs ...string) string {
	u, err := url.Parse(serverURL)
	if err != nil {
		panic(fmt.Sprintf("pgtest: %s: %v", Env, err)) // a mistake in how the tests are run
	}
	q := u.Query()
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	u.RawQuery = q.Encode()
	return u.String()
}

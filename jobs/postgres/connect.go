package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/mivaa/mivaa/jobs"
)

const (
	connectTimeout = 5 * time.Second
	// silence is how long a connection may not acknowledge what was sent, or
	// not answer probes, until the system takes it for broken.
	silence = 10 * time.Second
)

// poolConfig reads a URL and fills in what it does not say. A password in it
// never comes back in an error.
//
// Statements are short, so few connections carry many workers: as many as there
// are processors, at least 4 and at most 16 (pool_max_conns in the URL says
// otherwise). With the two of an instance that proves its life, a server of 100
// connections serves a dozen machines.
func poolConfig(url string) (*pgxpool.Config, error) {
	c, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, unreadable(err)
	}
	if strings.Contains(c.ConnConfig.Host, "@") { // the end of a password, taken for a host
		return nil, unreadable(errors.New("the password holds an @"))
	}
	if !strings.Contains(url, "pool_max_conns") {
		c.MaxConns = int32(min(max(runtime.GOMAXPROCS(0), 4), 16))
	}
	complete(c.ConnConfig)
	return c, nil
}

// connConfig reads a URL for one connection beside the pool.
func connConfig(url string) (*pgx.ConnConfig, error) {
	c, err := poolConfig(url)
	if err != nil {
		return nil, err
	}
	return c.ConnConfig, nil
}

// complete fills in what a URL does not say of a connection.
func complete(c *pgx.ConnConfig) {
	if _, given := c.RuntimeParams["application_name"]; !given {
		c.RuntimeParams["application_name"] = "mivaa"
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connectTimeout
	}
	dialer := net.Dialer{
		Timeout:         c.ConnectTimeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: silence / 2, Interval: silence / 5, Count: 3},
		ControlContext:  giveUp,
	}
	c.DialFunc = dialer.DialContext
}

// unreadable is the error of a URL, without the URL: what cannot be read may
// hold the password anywhere.
func unreadable(err error) error {
	why := err.Error()
	if i := strings.LastIndex(why, "`: "); i >= 0 {
		why = why[i+len("`: "):]
	}
	if strings.HasPrefix(why, "failed to parse") {
		why, _, _ = strings.Cut(why, " (") // what follows quotes the URL
	}
	return &jobs.StoreError{
		Op: "open store", Err: errors.New("the URL of the database cannot be read: " + why),
		Hint: "Write it as postgres://user:password@host:5432/database?sslmode=verify-full, with any of :/?#[]@% in the password as %XX.",
	}
}

// describe names a database without its password.
func describe(c *pgx.ConnConfig) string {
	if strings.HasPrefix(c.Host, "/") {
		return fmt.Sprintf("PostgreSQL database %s at %s", c.Database, c.Host)
	}
	return fmt.Sprintf("postgres://%s/%s", net.JoinHostPort(c.Host, fmt.Sprint(c.Port)), c.Database)
}

// behindPooler reports whether something stands between us and the server: the
// process that the protocol names is not the one that answers.
func behindPooler(ctx context.Context, c *pgx.ConnConfig) (bool, error) {
	c = c.Copy()
	c.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return false, err
	}
	defer closeConn(conn)
	var pid uint32
	if err := conn.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&pid); err != nil {
		return false, err
	}
	return pid != conn.PgConn().PID(), nil
}

// closeConn ends a connection politely, and in any case.
func closeConn(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx) // it is closed, whatever the server says
}

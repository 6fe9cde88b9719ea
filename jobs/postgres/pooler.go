package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
)

// checkTimeout bounds each question of the check at the start: a pooler whose
// connections are all in use makes a client wait.
const checkTimeout = 3 * time.Second

// whyPooled says why session locks cannot be trusted; "": they can.
func (s *Store) whyPooled(ctx context.Context) (string, error) {
	var pair [2]*pgx.Conn
	for i := range pair {
		conn, err := s.connectDirect(ctx)
		if err != nil {
			return "", fmt.Errorf("connect directly: %w", err)
		}
		defer closeConn(conn) //nolint:gocritic // there are two
		pair[i] = conn
	}
	pooled, err := onePooled(ctx, pair[0], pair[1])
	if err == nil && !pooled {
		var works bool
		works, err = locksExclude(ctx, pair[0], pair[1])
		if err == nil && !works {
			return "two sessions got the same lock", nil
		}
	}
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		return "asking about sessions failed: " + err.Error(), nil
	case pooled:
		return "a pooler shares sessions between clients", nil
	}
	return "", nil
}

// onePooled reports whether two connections are not each a session of their
// own. That the server process stays the same from one statement to the next
// proves nothing: an idle pooler gives the same one again. The process that the
// protocol named at the start does, if it is the one that answers. If not, there
// is a pooler, and it hands out sessions for longer than a statement only if a
// client keeps its process while another is in a transaction.
func onePooled(ctx context.Context, a, b *pgx.Conn) (bool, error) {
	first, err := backend(ctx, a)
	if err != nil || first == a.PgConn().PID() {
		return false, err
	}
	if err := statement(ctx, b, "BEGIN"); err != nil {
		return false, err
	}
	other, err := backend(ctx, b)
	if err != nil {
		return false, err
	}
	again, err := backend(ctx, a)
	if err != nil {
		return false, err
	}
	if err := statement(ctx, b, "ROLLBACK"); err != nil {
		return false, err
	}
	return first == other || again == other || first != again, nil
}

// locksExclude tries the locks themselves: some engines that speak PostgreSQL's
// protocol accept the calls and lock nothing.
func locksExclude(ctx context.Context, a, b *pgx.Conn) (bool, error) {
	key := rand.Int64()
	held, err := tryLock(ctx, a, "pg_try_advisory_lock", key)
	if err != nil || !held {
		return false, err
	}
	second, err := tryLock(ctx, b, "pg_try_advisory_xact_lock_shared", key)
	if err != nil {
		return false, err
	}
	if _, err := tryLock(ctx, a, "pg_advisory_unlock", key); err != nil {
		return false, err
	}
	third, err := tryLock(ctx, b, "pg_try_advisory_xact_lock_shared", key)
	return !second && third, err
}

func tryLock(ctx context.Context, c *pgx.Conn, function string, key int64) (got bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	err = c.QueryRow(ctx, `SELECT `+function+`($1)`, pgx.QueryExecModeExec, key).Scan(&got)
	return got, err
}

func backend(ctx context.Context, c *pgx.Conn) (pid uint32, err error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	err = c.QueryRow(ctx, `SELECT pg_backend_pid()`, pgx.QueryExecModeExec).Scan(&pid)
	return pid, err
}

func statement(ctx context.Context, c *pgx.Conn, sql string) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	_, err := c.Exec(ctx, sql, pgx.QueryExecModeExec)
	return err
}

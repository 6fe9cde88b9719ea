package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Diagnosis is how a server and the ways to it are, for an operator.
type Diagnosis struct {
	Server  string // its version, as it says it
	Version int    // the same as a number: 150004; below 130000 it is too old
	Schema  string // quoted where it has to be
	// Ahead is how far the server's clock is ahead of this machine's, within half
	// of Took.
	Ahead time.Duration
	Took  time.Duration // of one question
	// Pooled says why session locks cannot prove that instances live, which
	// leaves it to their leases. Empty: they can.
	Pooled string
	Deaf   error // why notices do not arrive; nil: they do
	// Oldest is the oldest snapshot that somebody holds open in this database,
	// which keeps every row that was changed since from being removed. Its zero
	// value: none, or none that the role may see.
	Oldest Snapshot
}

// Snapshot is a transaction that somebody holds open.
type Snapshot struct {
	Age         time.Duration
	PID         int    // of the server's process; 0: a prepared transaction
	Application string // or the prepared transaction's name
}

// Diagnose looks at the server. Nothing is changed.
func (s *Store) Diagnose(ctx context.Context) (Diagnosis, error) {
	d := Diagnosis{Schema: s.schema}
	if err := s.call(ctx, "look at the server", func(ctx context.Context, q querier) error { return s.examine(ctx, q, &d) }); err != nil {
		return d, err
	}
	var err error
	if d.Pooled, err = s.whyPooled(ctx); err != nil {
		return d, s.fail("look at the server", err)
	}
	if d.Pooled == "" { // else it is not listened to
		d.Deaf = s.hears(ctx)
	}
	return d, ctx.Err()
}

func (s *Store) examine(ctx context.Context, q querier, d *Diagnosis) error {
	const server = `SELECT current_setting('server_version'), current_setting('server_version_num')::integer, clock_timestamp()`
	const oldest = `
		SELECT extract(epoch FROM clock_timestamp() - since)::float8, pid, coalesce(name, '') FROM (
			SELECT xact_start AS since, pid, application_name AS name FROM pg_stat_activity
			WHERE backend_xmin IS NOT NULL AND xact_start IS NOT NULL AND pid <> pg_backend_pid() AND datname = current_database()
			UNION ALL
			SELECT prepared, 0, gid FROM pg_prepared_xacts WHERE database = current_database()) AS held
		ORDER BY since LIMIT 1`
	for range 2 { // the first may have to connect
		began := time.Now()
		var now time.Time
		if err := q.QueryRow(ctx, server).Scan(&d.Server, &d.Version, &now); err != nil {
			return err
		}
		d.Took = time.Since(began)
		d.Ahead = now.Sub(began.Add(d.Took / 2))
	}
	var age float64
	err := q.QueryRow(ctx, oldest).Scan(&age, &d.Oldest.PID, &d.Oldest.Application)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	d.Oldest.Age = time.Duration(age * float64(time.Second))
	return err
}

// hears sends a notice and waits for it on another connection.
func (s *Store) hears(ctx context.Context) error {
	conn, err := s.connectDirect(ctx)
	if err != nil {
		return err
	}
	defer closeConn(conn)
	channel := "check_" + strings.ToLower(rand.Text())
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if _, err := conn.Exec(ctx, `LISTEN `+channel, pgx.QueryExecModeExec); err != nil {
		return err
	}
	if _, err := s.pool.Exec(ctx, `SELECT pg_notify($1, '')`, channel); err != nil {
		return err
	}
	if _, err := conn.WaitForNotification(ctx); err != nil {
		return fmt.Errorf("a notice did not arrive: %w", err)
	}
	return nil
}

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"github.com/mivaa/mivaa/jobs"
)

// errSilent: the server took a statement, or a connection, and did not answer.
var errSilent = errors.New("the server does not answer")

// Codes that the program itself reacts to.
const (
	codeSerialization = "40001"
	codeDeadlock      = "40P01"
	codeForeignKey    = "23503"
	codeUnprepared    = "26000" // the server has forgotten a prepared statement; pgx then does too
	codeUndefined     = "42P01" // of a table
	codeIdle          = "25P03" // a transaction whose client was not heard of
)

// refusal is an error that is an answer: nothing was written, and nothing is
// wrong with the store.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

func refuse(err error) error { return refusal{err} }

func isRefusal(err error) bool {
	_, ok := errors.AsType[refusal](err)
	return ok
}

// fail turns an error of the database into what callers are promised: a
// *jobs.StoreError with a hint, unless the error is an answer, or the caller's
// own.
func (s *Store) fail(op string, err error) error {
	if err == nil {
		return nil
	}
	if r, ok := errors.AsType[refusal](err); ok {
		return r.error
	}
	if errors.Is(err, jobs.ErrUnavailable) {
		return err
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && ownFault(e.Code) {
		return fmt.Errorf("%s: %w", op, statementError(err, e))
	}
	if _, connecting := errors.AsType[*pgconn.ConnectError](err); !connecting && !hasCode(err) {
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("%s: %w", op, err)
		}
		if _, scan := errors.AsType[pgx.ScanArgError](err); scan {
			return fmt.Errorf("%s: %w", op, err)
		}
	}
	return storeError(op, err)
}

// Explain turns an error of a statement that another package ran on this store
// into what this store's own methods return: a *jobs.StoreError with a hint
// where the server is at fault.
func (s *Store) Explain(op string, err error) error { return s.fail(op, err) }

// ownFault reports whether a statement is at fault, and not the store: its data,
// a constraint, a transaction that it ended, or its syntax. A table that is not
// there, or that the role may not use, is the store's.
func ownFault(code string) bool {
	switch code {
	case codeUndefined, "42501", "25006", codeIdle: // no such table; no permission; read-only
		return false
	}
	switch class(code) {
	case "21", "22", "23", "25", "42", "44", "54", "P0": // 54: nested too deep, or too long for an index
		return true
	}
	return false
}

// statementError says what PostgreSQL says in two places in one. Trying again
// with the same data changes nothing.
func statementError(err error, e *pgconn.PgError) error {
	if e.Detail != "" {
		err = fmt.Errorf("%w: %s", err, e.Detail)
	}
	if class(e.Code) == "22" || class(e.Code) == "54" {
		return jobs.Permanent(err)
	}
	return err
}

// storeError says what a person can do about an error of the database.
func storeError(op string, err error) *jobs.StoreError {
	if known, ok := errors.AsType[*jobs.StoreError](err); ok {
		return known
	}
	return &jobs.StoreError{Op: op, Err: lineError{err}, Hint: hint(err)}
}

// lineError is an error of pgx, which tells each address that it tried in a line
// of its own, for logs.
type lineError struct{ error }

func (e lineError) Error() string {
	return strings.Join(strings.FieldsFunc(e.error.Error(), func(r rune) bool { return r == '\n' || r == '\t' }), " ")
}
func (e lineError) Unwrap() error { return e.error }

func hint(err error) string {
	if code := code(err); code != "" {
		return hintFor(code)
	}
	text := err.Error() // of pgx, which has no types for these
	dns, unnamed := errors.AsType[*net.DNSError](err)
	switch {
	case errors.Is(err, puddle.ErrClosedPool):
		return "The program is stopping."
	case errors.Is(err, errSilent), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT):
		return "The database server does not answer: check that it is up and not overloaded, and that no firewall drops the connection."
	case strings.Contains(text, "server refused TLS connection"):
		return "The server offers no TLS: add sslmode=disable to the URL if the network is trusted, or set ssl = on in its postgresql.conf."
	case strings.Contains(text, "tls:"), strings.Contains(text, "x509:"):
		return "The server's certificate is not trusted: name its authority by sslrootcert in the URL, and the host as the certificate does."
	case unnamed:
		return fmt.Sprintf("No host is called %s: check the host in the URL of the database.", dns.Name)
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, os.ErrNotExist):
		return "No database server listens there: check host and port in the URL, and that the server is up."
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "The database server's host cannot be reached: check the network and the host in the URL."
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed),
		strings.Contains(text, "conn closed"):
		return "The connection to the database broke: check that the server is up. What was not confirmed may be asked for again."
	}
	return "Check that the database server is up and can be reached."
}

// hintFor says what to do about a SQLSTATE.
func hintFor(code string) string {
	switch code {
	case "28P01":
		return "The server refuses the password: correct it in the URL, or in ~/.pgpass."
	case "28000":
		return "The server refuses this role, host or way to connect: check the role in the URL and pg_hba.conf (a line hostssl wants sslmode=require)."
	case "3D000":
		return "The database is not there: create it (createdb), or correct its name in the URL."
	case "3F000":
		return "The schema is not there, and the role may not create it: have it created, or name another one."
	case "42501":
		return "The role may not use the schema or its tables: grant it USAGE and CREATE on the schema and let it own the tables, name a schema of its own, or connect as the role that made them."
	case codeUndefined:
		return "The tables are not there: they were dropped, or the schema was renamed. Opening the store again creates them empty; a backup brings them back."
	case "25006":
		return "The server is read-only, a standby as a rule: name the primary in the URL, or several hosts and target_session_attrs=read-write."
	case "53300", "53400":
		return "The server has no connection left: raise its max_connections, use a pooler, or lower pool_max_conns in the URL."
	case "53100":
		return "The disk of the database server is full: free some space there, then try again. Nothing recorded was lost."
	case "53200":
		return "The database server ran out of memory: give it more, or lower its work_mem."
	case "57P01", "57P02":
		return "The server stopped or ended the connection: it is tried again as soon as the server is up."
	case codeIdle:
		return "The program was stopped, or far too slow, in the middle of a transaction, which the server ended: nothing of it was written. Try again."
	case "57P03":
		return "The server is starting or stopping: try again when it is up."
	case "57014":
		return "The server cancelled the statement: its statement_timeout is too short, or somebody cancelled it."
	case "55P03":
		return "Another transaction holds a lock on the tables: end it (pg_stat_activity says which), then try again."
	case codeSerialization, codeDeadlock:
		return "The server was too busy with the same rows: try again."
	case "XX001", "XX002":
		return "The server found its files damaged: stop it, keep a copy, and restore a backup."
	case "08P01":
		return "Server and program do not understand each other: check that the URL leads to PostgreSQL or a pooler that speaks for it."
	}
	switch class(code) {
	case "08":
		return "The connection to the database broke: check that the server is up."
	case "53":
		return "The database server lacks a resource: its log says which."
	case "58":
		return "The database server's system reported an error: check its disk and its log."
	}
	return "The log of the database server says more."
}

// code returns the SQLSTATE of an error of the server, else "".
func code(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

func hasCode(err error) bool { return code(err) != "" }

// class is the first two characters of a SQLSTATE.
func class(code string) string { return code[:min(2, len(code))] }

// ofDatabase reports whether an error is of the server or of the way to it.
func ofDatabase(err error) bool {
	if hasCode(err) || pgconn.SafeToRetry(err) || pgconn.Timeout(err) {
		return true
	}
	_, broken := errors.AsType[net.Error](err)
	return broken || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, pgx.ErrTxClosed) || errors.Is(err, pgx.ErrTxCommitRollback)
}

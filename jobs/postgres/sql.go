package postgres

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// schemaName stands before the name of every object of ours in a statement, and
// is replaced by the name of the schema: a search_path would not survive a
// transaction pooler.
const schemaName = "jobs_schema."

// SQL returns a statement as it is sent: with the store's schema in the place of
// "jobs_schema.". Packages that keep tables of their own in the same schema
// write theirs the same way.
func (s *Store) SQL(text string) string {
	if known, ok := s.texts.Load(text); ok {
		return known.(string)
	}
	sent := strings.ReplaceAll(text, schemaName, s.schema+".")
	s.texts.Store(text, sent)
	return sent
}

// querier is a pool, a connection, or a transaction.
type querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

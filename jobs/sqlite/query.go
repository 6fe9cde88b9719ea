package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/mivaa/mivaa/jobs"
)

// stmt returns a prepared statement of the transaction, which closes it.
func (b *batch) stmt(query string) (*sql.Stmt, error) {
	if st, ok := b.s.stmts[query]; ok {
		return b.tx.StmtContext(noCancel, st), nil
	}
	if !slices.Contains(b.missing, query) {
		b.missing = append(b.missing, query)
	}
	return b.tx.PrepareContext(noCancel, query)
}

// keep prepares statements for the next transactions: with one connection,
// database/sql can only do so outside of one. They are closed with the store.
func (s *Store) keep(queries []string) {
	for _, q := range queries {
		st, err := s.writer.PrepareContext(noCancel, q) //nolint:sqlclosecheck // Close closes it
		if err != nil {
			s.log.Warn("cannot prepare statement", jobs.KeyError, err)
			return
		}
		s.stmts[q] = st
	}
}

// exec runs a statement and returns how many rows it changed.
func (b *batch) exec(query string, args ...any) (int64, error) {
	st, err := b.stmt(query) //nolint:sqlclosecheck // the transaction closes it
	if err != nil {
		return 0, err
	}
	res, err := st.ExecContext(noCancel, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// each calls scan for every row of a query in the transaction.
func (b *batch) each(query string, args []any, scan func(*sql.Rows) error) (err error) {
	st, err := b.stmt(query) //nolint:sqlclosecheck // the transaction closes it
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(noCancel, args...)
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// get scans one row; found is false where there is none.
func (b *batch) get(query string, args []any, dest ...any) (found bool, err error) {
	st, err := b.stmt(query) //nolint:sqlclosecheck // the transaction closes it
	if err != nil {
		return false, err
	}
	err = st.QueryRowContext(noCancel, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// column returns the one column of a query.
func column[T any](b *batch, query string, args ...any) ([]T, error) {
	var list []T
	err := b.each(query, args, func(rows *sql.Rows) error {
		var v T
		err := rows.Scan(&v)
		list = append(list, v)
		return err
	})
	return list, err
}

// each calls scan for every row of a query on the reading pool, by a statement
// that is kept.
func (s *Store) each(ctx context.Context, query string, args []any, scan func(*sql.Rows) error) (err error) {
	st, err := s.kept(ctx, query) //nolint:sqlclosecheck // the store closes it
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// get scans the first row of a query on the reading pool.
func (s *Store) get(ctx context.Context, query string, args []any, dest ...any) (found bool, err error) {
	err = s.each(ctx, query, args, func(rows *sql.Rows) error {
		found = true
		return rows.Scan(dest...)
	})
	return found, err
}

// kept returns a statement of the reading pool that is closed with the store.
func (s *Store) kept(ctx context.Context, query string) (*sql.Stmt, error) {
	if st, ok := s.reads.Load(query); ok {
		return st.(*sql.Stmt), nil
	}
	made, err := s.reader.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if st, other := s.reads.LoadOrStore(query, made); other {
		return st.(*sql.Stmt), made.Close() //nolint:sqlclosecheck // nobody else has it
	}
	return made, nil
}

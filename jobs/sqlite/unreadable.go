package sqlite

import (
	"database/sql"
	"errors"

	"github.com/mivaa/mivaa/jobs"
)

// A row that somebody wrote by hand may hold what cannot be read: a time or an
// identifier of a form of its own. It is left alone until it is corrected, and
// must not stand in the way of all others: whatever reads many rows passes over
// it. What asks for that row alone gets the error.

// skip reports whether err is that of a row that cannot be read. The log has
// one line for each such row.
func (s *Store) skip(err error) bool {
	bad, ok := errors.AsType[*scanError](err)
	if !ok {
		return false
	}
	if _, known := s.unreadable.LoadOrStore(bad.row, nil); !known {
		s.log.Warn("a row of the database cannot be read; it is passed over until it is corrected", jobs.KeyError, bad)
	}
	return true
}

// errEnough ends the reading of a query's rows.
var errEnough = errors.New("enough rows")

// readable calls use with the jobs of a query of jobColumns, except those that
// cannot be read, until it returns false. What else the query selects goes to
// more.
func (b *batch) readable(query string, args []any, use func(jobs.Job) bool, more ...any) error {
	r := newRow(more...)
	err := b.each(query, args, func(rows *sql.Rows) error {
		j, err := r.scan(rows)
		switch {
		case b.s.skip(err):
			return nil
		case err != nil:
			return err
		case !use(j):
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/jobs"
)

// Update runs fn in a transaction: this is how a package with tables of its own
// in the same database writes, beside InsertTx and MoveTx. What fn wrote is
// durable when Update returns nil; where fn returns an error, nothing of it
// remains. Errors of fn that are none of the database's are returned as they
// are.
//
// fn may be called again, after everything it wrote was undone. It must use the
// tx alone and not end it, and should be short: rows that it changed, and jobs
// it inserted, hold up others.
func (s *Store) Update(ctx context.Context, fn func(ctx context.Context, tx pgx.Tx) error) error {
	err := s.inTx(ctx, "update", func(ctx context.Context, tx pgx.Tx) error {
		err := fn(ctx, tx)
		if err != nil && !ofDatabase(err) && ctx.Err() == nil {
			return refuse(err)
		}
		return err
	})
	if err == nil {
		s.changed(jobs.HintChanged)
	}
	return err
}

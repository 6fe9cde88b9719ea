package documents

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/postgres"
)

// Imported is what Import did.
type Imported struct {
	New       bool    // the document was not here
	Answering jobs.ID // the other document here that answers for its bytes, so that it does not; zero: none does
	Jobs      postgres.Imports
}

// Import takes in a document of another store with its jobs, all in one
// transaction, as Restore and postgres.Store.ImportTx do: what is here stays as
// it is, and doing it again is harmless. The steps of its jobs are imported
// before.
func (s *Postgres) Import(ctx context.Context, f Full, list ...postgres.Imported) (Imported, error) {
	var done Imported
	err := s.update(ctx, func(ctx context.Context, tx pgx.Tx) (err error) {
		done = Imported{}
		if done.New, err = s.Restore(ctx, tx, f); err != nil {
			return err
		}
		if done.New && f.DedupKey != "" {
			if done.Answering, err = s.answering(ctx, tx, f); err != nil {
				return err
			}
		}
		done.Jobs, err = s.db.ImportTx(ctx, tx, list...)
		return err
	})
	if err != nil {
		return Imported{}, fmt.Errorf("import document %s: %w", f.ID, err)
	}
	return done, nil
}

// answering returns the other document that answers for the bytes of one.
func (s *Postgres) answering(ctx context.Context, tx pgx.Tx, f Full) (jobs.ID, error) {
	found, err := pgQuery(ctx, s, tx, pgScanID, `
SELECT id FROM jobs_schema.documents WHERE dedup_key = $1::text AND id <> $2::uuid`, f.DedupKey, pgUUID(f.ID))
	if err != nil || len(found) == 0 {
		return jobs.ID{}, err
	}
	return found[0], nil
}

package blob

import (
	"context"
	"iter"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// walkPage is how many blobs are listed at once.
const walkPage = 1000

// Walk is that of Store.
func (d *Database) Walk(ctx context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		after := ""
		for {
			page, err := d.page(ctx, after)
			if err != nil {
				yield(Entry{}, because(ctx, err))
				return
			}
			for _, e := range page {
				if !yield(e, nil) {
					return
				}
			}
			if len(page) < walkPage {
				return
			}
			after = page[len(page)-1].SHA256
		}
	}
}

func (d *Database) page(ctx context.Context, after string) ([]Entry, error) {
	const query = `SELECT sha256, size, stored_at FROM jobs_schema.blobs WHERE sha256 > $1 ORDER BY sha256 LIMIT $2`
	return collect(ctx, d, "list blobs", query, []any{after, walkPage}, func(row pgx.CollectableRow) (Entry, error) {
		var e Entry
		err := row.Scan(&e.SHA256, &e.Size, &e.Stored)
		return e, err
	})
}

func collect[T any](ctx context.Context, d *Database, op, query string, args []any, scan pgx.RowToFunc[T]) ([]T, error) {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	rows, err := d.db.Pool().Query(ctx, d.db.SQL(query), args...)
	if err != nil {
		return nil, d.explain(ctx, op, err)
	}
	all, err := pgx.CollectRows(rows, scan)
	return all, d.explain(ctx, op, err)
}

// Remove is that of Store. The blob loses its name in one statement, then its
// chunks go, a few at a time.
func (d *Database) Remove(ctx context.Context, sha256 string) (bool, error) {
	if !isHash(sha256) {
		return false, missing(sha256)
	}
	const statement = `
UPDATE jobs_schema.blobs SET sha256 = NULL, dropped = true
WHERE sha256 = $1 AND stored_at <= now() - $2::interval RETURNING id`
	var id pgtype.UUID
	err := d.row(ctx, "remove blob "+sha256, statement, []any{sha256, MinAge}, &id)
	switch {
	case isNoRows(err):
		return false, nil
	case err != nil:
		return false, because(ctx, err)
	}
	return true, because(ctx, d.clear(ctx, id))
}

// clear deletes what was dropped. It can be repeated, by others too.
func (d *Database) clear(ctx context.Context, id pgtype.UUID) error {
	const op = "delete chunks"
	const chunks = `
DELETE FROM jobs_schema.blob_chunks WHERE blob = $1
	AND seq IN (SELECT seq FROM jobs_schema.blob_chunks WHERE blob = $1 ORDER BY seq LIMIT $2)
	AND EXISTS (SELECT 1 FROM jobs_schema.blobs WHERE id = $1 AND dropped)`
	const row = `
DELETE FROM jobs_schema.blobs WHERE id = $1 AND dropped
	AND NOT EXISTS (SELECT 1 FROM jobs_schema.blob_chunks WHERE blob = $1)`
	for {
		n, err := d.exec(ctx, op, chunks, id, chunkSlice)
		if err != nil {
			return err
		}
		if n == 0 {
			_, err := d.exec(ctx, op, row, id)
			return err
		}
	}
}

// Sweep is that of Store. What dead processes leave behind is uploads for which
// nothing came any more, and chunks that were being deleted.
func (d *Database) Sweep(ctx context.Context, inUse InUse) (Swept, error) {
	if err := d.sweepUploads(ctx); err != nil {
		return Swept{}, because(ctx, err)
	}
	if err := d.tmp.sweep(); err != nil {
		return Swept{}, trouble("sweep temporary copies", err)
	}
	return sweep(ctx, d, inUse)
}

func (d *Database) sweepUploads(ctx context.Context) error {
	const op = "sweep uploads"
	const dead = `
UPDATE jobs_schema.blobs SET dropped = true
WHERE sha256 IS NULL AND NOT dropped AND stored_at <= now() - $1::interval`
	if _, err := d.exec(ctx, op, dead, MinAge); err != nil {
		return err
	}
	const query = `SELECT id FROM jobs_schema.blobs WHERE sha256 IS NULL AND dropped`
	ids, err := collect(ctx, d, op, query, nil, pgx.RowTo[pgtype.UUID])
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := d.clear(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

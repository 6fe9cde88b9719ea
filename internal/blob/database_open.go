package blob

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5/pgtype"
)

// Open is that of Store; the file is a copy that ends when it is closed.
func (d *Database) Open(ctx context.Context, sha256 string) (*File, error) {
	if !isHash(sha256) {
		return nil, missing(sha256)
	}
	var last pgtype.UUID
	for {
		id, err := d.find(ctx, sha256)
		if err != nil {
			return nil, because(ctx, err)
		}
		if id == nil {
			return nil, missing(sha256)
		}
		file, err := d.tmp.fetch(ctx, sha256, func(ctx context.Context, w io.Writer) error { return d.read(ctx, sha256, *id, w) })
		// Whoever stored the bytes again may have replaced them, or a sweep
		// removed them, while they were read: then they are no longer the same.
		if !errors.Is(err, ErrChanged) || *id == last {
			return file, err
		}
		last = *id
	}
}

// read writes the chunks of a blob to w.
func (d *Database) read(ctx context.Context, sha256 string, id pgtype.UUID, w io.Writer) error {
	for seq := int32(0); ; {
		n, err := d.readSlice(ctx, sha256, id, seq, w)
		if err != nil || n < chunkSlice {
			return err
		}
		seq += n
	}
}

// readSlice writes the next few chunks and returns how many there were.
func (d *Database) readSlice(ctx context.Context, sha256 string, id pgtype.UUID, from int32, w io.Writer) (int32, error) {
	const query = `SELECT seq, data FROM jobs_schema.blob_chunks WHERE blob = $1 AND seq >= $2 ORDER BY seq LIMIT $3`
	op := "read blob " + sha256
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	rows, err := d.db.Pool().Query(ctx, d.db.SQL(query), id, from, chunkSlice)
	if err != nil {
		return 0, d.explain(ctx, op, err)
	}
	defer rows.Close()
	var n int32
	for rows.Next() {
		var seq int32
		var data pgtype.DriverBytes // valid until the next row: nothing is copied
		if err := rows.Scan(&seq, &data); err != nil {
			return n, d.explain(ctx, op, err)
		}
		if seq != from+n {
			return n, changed(sha256, fmt.Sprintf("its chunk %d is missing", from+n))
		}
		if _, err := w.Write(data); err != nil {
			return n, err
		}
		n++
	}
	return n, d.explain(ctx, op, rows.Err())
}

// Probe is that of Store: it sends a chunk, reads it back and deletes it.
func (d *Database) Probe(ctx context.Context) error {
	return probe(ctx, func(want []byte) ([]byte, error) {
		up := d.newUpload(ctx)
		defer up.drop()
		up.buf = append(up.buf, want...)
		if err := up.send(); err != nil {
			return nil, err
		}
		const query = `SELECT data FROM jobs_schema.blob_chunks WHERE blob = $1 AND seq = 0`
		var got []byte
		err := d.row(ctx, opProbe, query, []any{up.id}, &got)
		return got, err
	})
}

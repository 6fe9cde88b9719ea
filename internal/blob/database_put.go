package blob

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

const opStore = "store blob in the database"

// Put is that of Store.
func (d *Database) Put(ctx context.Context, r io.Reader, limit int64) (Ref, error) {
	up := d.newUpload(ctx)
	ref, err := up.take(r, limit)
	if err == nil {
		err = up.publish(ref)
	}
	if err != nil {
		up.drop()
		return Ref{}, because(ctx, err)
	}
	return ref, nil
}

// upload is a blob that has no name yet.
type upload struct {
	ctx  context.Context //nolint:containedctx // an io.Writer has no other way to be told
	d    *Database
	id   pgtype.UUID
	buf  []byte // what is not sent yet: less than a chunk
	sent int32  // chunks
}

func (d *Database) newUpload(ctx context.Context) *upload {
	up := &upload{ctx: ctx, d: d, id: pgtype.UUID{Valid: true}, buf: make([]byte, 0, chunkSize)}
	_, _ = rand.Read(up.id.Bytes[:]) // never fails
	return up
}

func (up *upload) take(r io.Reader, limit int64) (Ref, error) {
	ref, err := fill(up.ctx, up, r, limit)
	if err == nil && (len(up.buf) > 0 || up.sent == 0) {
		err = up.send()
	}
	return ref, err
}

// Write sends full chunks and keeps the rest.
func (up *upload) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		part := min(len(p), chunkSize-len(up.buf))
		up.buf, p = append(up.buf, p[:part]...), p[part:]
		if len(up.buf) == chunkSize {
			if err := up.send(); err != nil {
				return n - len(p), err
			}
		}
	}
	return n, nil
}

// send writes one chunk, and renews the age by which uploads of the dead are
// told. It can be repeated.
func (up *upload) send() error {
	const statement = `
WITH up AS (
	INSERT INTO jobs_schema.blobs AS b (id) VALUES ($1)
	ON CONFLICT (id) DO UPDATE SET stored_at = now() WHERE b.sha256 IS NULL AND NOT b.dropped
	RETURNING id
)
INSERT INTO jobs_schema.blob_chunks (blob, seq, data) SELECT id, $2::integer, $3::bytea FROM up
ON CONFLICT (blob, seq) DO UPDATE SET data = excluded.data`
	n, err := up.d.exec(up.ctx, opStore, statement, up.id, up.sent, up.buf)
	if err != nil {
		return err
	}
	if n == 0 {
		return errSwept
	}
	up.sent++
	up.buf = up.buf[:0]
	return nil
}

var errSwept = fmt.Errorf("%s: nothing came for %v and what was there was removed", opStore, MinAge)

// publishTries bounds how often a name changes hands while it is being taken.
const publishTries = 20

// publish gives the upload its name, or finds that sound bytes have it.
func (up *upload) publish(ref Ref) error {
	for range publishTries {
		there, err := up.d.find(up.ctx, ref.SHA256)
		if err != nil {
			return err
		}
		var done bool
		switch {
		case there == nil:
			done, err = up.name(ref)
		default:
			done, err = up.join(ref, *there)
		}
		if done || err != nil {
			return err
		}
	}
	return trouble(opStore, fmt.Errorf("the name %s is given and taken all the time", ref.SHA256))
}

// find returns who has a name; nil: nobody.
func (d *Database) find(ctx context.Context, sha256 string) (*pgtype.UUID, error) {
	const query = `SELECT id FROM jobs_schema.blobs WHERE sha256 = $1`
	var id pgtype.UUID
	err := d.row(ctx, "look for blob "+sha256, query, []any{sha256}, &id)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // there is none
	}
	return &id, err
}

// whole is what has to be true of an upload that gets a name.
const whole = `id = $1 AND sha256 IS NULL AND NOT dropped
	AND $3 = (SELECT coalesce(sum(octet_length(data)), 0) FROM jobs_schema.blob_chunks WHERE blob = $1)`

// name gives the upload a name that nobody has, and reports whether it did:
// another may have been faster.
func (up *upload) name(ref Ref) (bool, error) {
	const statement = `UPDATE jobs_schema.blobs SET sha256 = $2, size = $3, stored_at = now() WHERE ` + whole
	n, err := up.d.exec(up.ctx, opStore, statement, up.id, ref.SHA256, ref.Size)
	if isUnique(err) {
		return false, nil
	}
	if err == nil && n == 0 {
		err = errSwept
	}
	return n == 1, err
}

// join makes the one that has the name young, or takes the name from it where
// its bytes are not those of the upload.
func (up *upload) join(ref Ref, there pgtype.UUID) (bool, error) {
	same, err := up.same(there)
	if err != nil {
		return false, err
	}
	if same {
		const statement = `UPDATE jobs_schema.blobs SET stored_at = now() WHERE id = $1 AND sha256 = $2`
		n, err := up.d.exec(up.ctx, opStore, statement, there, ref.SHA256)
		if n == 1 && err == nil {
			up.drop()
		}
		return n == 1, err
	}
	const statement = `
WITH damaged AS (
	UPDATE jobs_schema.blobs SET sha256 = NULL, dropped = true WHERE id = $4 AND sha256 = $2 RETURNING id
)
UPDATE jobs_schema.blobs SET sha256 = $2, size = $3, stored_at = now()
WHERE EXISTS (SELECT 1 FROM damaged) AND ` + whole
	n, err := up.d.exec(up.ctx, opStore, statement, up.id, ref.SHA256, ref.Size, there)
	if isUnique(err) {
		return false, nil
	}
	if n == 1 && err == nil {
		err = up.d.clear(up.ctx, there)
	}
	return n == 1, err
}

// same compares the chunks of a blob with those of the upload, byte for byte,
// where both are: in the database.
func (up *upload) same(there pgtype.UUID) (bool, error) {
	const query = `
SELECT count(*) FILTER (WHERE theirs.data = ours.data) = count(*)
FROM (SELECT seq, data FROM jobs_schema.blob_chunks WHERE blob = $1 AND seq >= $3 AND seq < $4) ours
FULL JOIN (SELECT seq, data FROM jobs_schema.blob_chunks WHERE blob = $2 AND seq >= $3 AND ($5 OR seq < $4)) theirs USING (seq)`
	for from := int32(0); from < up.sent; from += chunkSlice {
		var same bool
		last := from+chunkSlice >= up.sent // what comes after ours is too much as well
		if err := up.d.row(up.ctx, opStore, query, []any{up.id, there, from, from + chunkSlice, last}, &same); err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

// drop deletes the upload. What cannot be deleted now is left to a sweep.
func (up *upload) drop() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(up.ctx), cleanupTimeout)
	defer cancel()
	if up.sent == 0 && up.ctx.Err() == nil {
		return
	}
	const statement = `UPDATE jobs_schema.blobs SET dropped = true WHERE id = $1 AND sha256 IS NULL`
	if n, err := up.d.exec(ctx, opStore, statement, up.id); err == nil && n == 1 {
		_ = up.d.clear(ctx, up.id)
	}
}

func isUnique(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == "23505"
}

package documents

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Restore inserts a document as it stands, with its id, times, content job and
// secret, and returns false if a document with that id is there: that one stays
// as it is. Where another document answers for its bytes, that goes on to. NUL
// and halves of surrogate pairs in metadata become U+FFFD, because JSONB has no
// place for them.
func (s *Postgres) Restore(ctx context.Context, tx pgx.Tx, f Full) (bool, error) {
	inserted, err := s.restore(ctx, tx, f)
	if err != nil {
		return false, fmt.Errorf("restore document %s: %w", f.ID, s.explain("insert", err))
	}
	return inserted, nil
}

func (s *Postgres) restore(ctx context.Context, tx pgx.Tx, f Full) (bool, error) {
	metadata, err := storable(f.Metadata)
	if err != nil {
		return false, err
	}
	const insert = `
INSERT INTO jobs_schema.documents (` + postgresColumns + `, record_key, dedup_key)
VALUES ($1::uuid, $2::uuid, $3::text, $4::text, nullif($5::text, ''), $6::bigint, $7::text, $8::jsonb, $9::json, $10::json, $11::json,
	$12::timestamptz, $13::timestamptz, nullif($14::text, ''),
	(SELECT nullif($15::text, '') WHERE NOT EXISTS (SELECT FROM jobs_schema.documents WHERE dedup_key = $15::text)))
ON CONFLICT (id) DO NOTHING`
	n, err := s.exec(ctx, tx, insert, pgUUID(f.ID), pgUUID(f.ContentJobID), f.Owner, f.Filename, f.SourceSHA256, f.SourceSize, f.MediaType,
		metadata, string(f.Options), string(f.Facts), pgJSON(f.Profile), f.CreatedAt, f.UpdatedAt, f.RecordKey, f.DedupKey)
	if err != nil || n == 0 {
		return false, err
	}
	if f.Password != "" {
		if err := s.setPassword(ctx, tx, f.ID, f.Password); err != nil {
			return false, err
		}
	}
	for _, job := range f.Replaced {
		_, err := s.exec(ctx, tx, `
INSERT INTO jobs_schema.document_replaced (job_id, document_id) VALUES ($1::uuid, $2::uuid) ON CONFLICT (job_id) DO NOTHING`, pgUUID(job), pgUUID(f.ID))
		if err != nil {
			return false, err
		}
	}
	return true, s.restoreTold(ctx, tx, f)
}

// pgJSON is NULL for nil.
func pgJSON(data json.RawMessage) *string {
	if data == nil {
		return nil
	}
	text := string(data)
	return &text
}

// storable returns JSON that JSONB takes.
func storable(data json.RawMessage) (string, error) {
	if !bytes.Contains(data, []byte(`\u`)) {
		return string(data), nil
	}
	d := json.NewDecoder(bytes.NewReader(data)) // halves of pairs become U+FFFD by reading
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return "", err
	}
	out, err := json.Marshal(withoutNUL(v))
	return string(out), err
}

func withoutNUL(v any) any {
	switch v := v.(type) {
	case string:
		return strings.ReplaceAll(v, "\x00", "\ufffd")
	case []any:
		for i := range v {
			v[i] = withoutNUL(v[i])
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, value := range v {
			out[strings.ReplaceAll(key, "\x00", "\ufffd")] = withoutNUL(value)
		}
		return out
	}
	return v
}

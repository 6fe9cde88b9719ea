package documents

import (
	"context"
	"fmt"

	"github.com/mivaa/mivaa/jobs"
)

// SourcesAt refuses a process whose sources are elsewhere than those of the
// others on this database: what it stored they would not find. Until there is a
// document with a source, the last to ask says where they are.
func (s *Postgres) SourcesAt(ctx context.Context, where string) error {
	const note = `
		INSERT INTO jobs_schema.document_sources (location) VALUES ($1::text)
		ON CONFLICT (only_one) DO UPDATE SET location = excluded.location
		WHERE document_sources.location <> excluded.location
			AND NOT EXISTS (SELECT FROM jobs_schema.documents WHERE source_sha256 IS NOT NULL)`
	const op = "open sources"
	if _, err := s.db.Pool().Exec(ctx, s.db.SQL(note), where); err != nil {
		return s.db.Explain(op, err)
	}
	var known string
	if err := s.db.Pool().QueryRow(ctx, s.db.SQL(`SELECT location FROM jobs_schema.document_sources`)).Scan(&known); err != nil {
		return s.db.Explain(op, err)
	}
	if known == where {
		return nil
	}
	return &jobs.StoreError{
		Op: op, Err: fmt.Errorf("the sources of this database are in %s, and this process was told %s", known, where),
		Hint: "Give every process the same --blob-url or MIVAA_BLOB_URL. If all sources were moved: UPDATE document_sources SET location = '" + where + "'.",
	}
}

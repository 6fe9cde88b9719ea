package documents_test

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"path/filepath"
	"testing"

	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/sqlite"
)

// Rows that people insert with the guide's columns alone are run, and it is
// said why nothing came of them.
func TestRowsByHand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(dir, "mivaa.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	docs, err := documents.NewSQLite(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := blob.OpenFolder(t.Context(), filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	defer blobs.Close()
	extractor := &extract.Extractor{Documents: docs, Jobs: store, Blobs: blobs, Open: func(context.Context, io.ReaderAt, int64, string) (extract.Document, error) {
		return nil, errors.New("there is nothing to open")
	}}
	document := jobs.NewID()
	for name, row := range map[string]struct{ document any }{
		"no document":               {nil},
		"document without a source": {document.String()},
	} {
		id := jobs.NewID()
		err := store.Update(t.Context(), func(tx *sql.Tx) error {
			if _, err := tx.Exec(`INSERT INTO documents (id) VALUES (?) ON CONFLICT DO NOTHING`, document.String()); err != nil {
				return err
			}
			_, err := tx.Exec(`INSERT INTO background_jobs (id, document_id, filename, status) VALUES (?, ?, 'by hand.pdf', 'pending')`, id.String(), row.document)
			return err
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		w := &jobs.Worker{Store: store, Handlers: map[string]jobs.Handler{extract.Kind: extractor.Handle}}
		j, err := w.Do(t.Context(), id)
		if err != nil || j.Status != jobs.Failed || j.ErrorCode != "source_missing" {
			t.Errorf("%s: %s %s (%s), %v", name, j.Status, j.ErrorCode, j.Error, err)
		}
	}
}

package api

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/pgtest"
	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/postgres"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// onStores are an API on a store of either kind. What they have in common is
// reached through api.jobs.
func onStores() map[string]func(*testing.T) *env {
	return map[string]func(*testing.T) *env{
		"sqlite":   func(t *testing.T) *env { t.Helper(); return newEnv(t) },
		"postgres": newPostgresEnv,
	}
}

func newPostgresEnv(t *testing.T) *env {
	t.Helper()
	e := &env{TB: t, log: &logged{}}
	url, schema := pgtest.Schema(t)
	store, err := postgres.Open(t.Context(), postgres.Config{URL: url, Schema: schema})
	e.ok(err)
	t.Cleanup(func() { e.ok(store.Close()) })
	e.docs, err = documents.NewPostgres(t.Context(), store)
	e.ok(err)
	e.blobs, err = blob.OpenFolder(t.Context(), filepath.Join(t.TempDir(), "blobs"))
	e.ok(err)
	t.Cleanup(func() { e.ok(e.blobs.Close()) })
	e.api, err = New(Config{Jobs: store, Documents: e.docs, Blobs: e.blobs})
	e.ok(err)
	server := httptest.NewServer(e.api.Handler())
	t.Cleanup(server.Close)
	e.url, e.client = server.URL, server.Client()
	return e
}

// add inserts a pending job into a store of either kind.
func (e *env) add(filename string) jobs.Job {
	e.Helper()
	inserted, err := e.api.jobs.Insert(e.Context(), jobs.NewJob{Kind: documents.Kind, Filename: filename})
	e.ok(err)
	return inserted[0]
}

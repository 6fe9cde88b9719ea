package documents

import (
	"errors"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/jobs"
)

// A machine whose sources are elsewhere would accept what nobody else can read.
func TestSourcesAt(t *testing.T) {
	t.Parallel()
	e := newPostgresEnv(t)
	docs := e.docs.(*Postgres)
	for _, where := range []string{"the database", "s3://bucket/prefix", "s3://bucket/prefix"} { // nothing is stored yet
		if err := docs.SourcesAt(t.Context(), where); err != nil {
			t.Errorf("%s: %v", where, err)
		}
	}
	e.submit(Submission{})
	err := docs.SourcesAt(t.Context(), "the database")
	known, ok := errors.AsType[*jobs.StoreError](err)
	if !ok || !strings.Contains(err.Error(), "s3://bucket/prefix") || !strings.Contains(known.Hint, "--blob-url") {
		t.Errorf("another place: %v", err)
	}
	if err := docs.SourcesAt(t.Context(), "s3://bucket/prefix"); err != nil {
		t.Error(err)
	}
}

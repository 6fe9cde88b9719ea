package documents

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/sqlite"
)

// env is a store in a file, and an instance that runs its jobs.
type env struct {
	*testing.T
	jobs     *sqlite.Store
	docs     *Store
	instance string
	path     string
}

func newEnv(t *testing.T) *env {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mivaa.db")
	store, err := sqlite.Open(t.Context(), sqlite.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	docs, err := New(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	e := &env{T: t, jobs: store, docs: docs, instance: jobs.NewID().String(), path: path}
	proof, err := store.Join(t.Context(), jobs.Instance{ID: e.instance, Host: "test", PID: 1, Lease: time.Hour})
	e.ok(err)
	t.Cleanup(func() { _ = proof.Close() }) // the store is closed before or after, either is fine
	return e
}

func (e *env) ok(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

// source is a made-up hash; nothing here looks at bytes.
func source(c byte) blob.Ref {
	return blob.Ref{SHA256: strings.Repeat(string(c), 64), Size: 1000}
}

func (e *env) submit(s Submission) Submitted {
	e.Helper()
	if s.Source.SHA256 == "" {
		s.Source = source('a')
	}
	out, err := e.docs.Submit(e.Context(), s)
	e.ok(err)
	return out
}

func (e *env) claim() jobs.Job {
	e.Helper()
	got, err := e.jobs.Claim(e.Context(), jobs.ClaimParams{Instance: e.instance, Kinds: []string{Kind}, Limit: 1, Suspects: 1})
	e.ok(err)
	if len(got.Jobs) != 1 {
		e.Fatalf("claimed %d jobs, want 1", len(got.Jobs))
	}
	return got.Jobs[0]
}

// record records pages; the numbers given are of failed ones.
func (e *env) record(j jobs.Job, total int, failed ...int) {
	e.Helper()
	bad := map[int]bool{}
	for _, n := range failed {
		bad[n] = true
	}
	for n := 1; n <= total; n++ {
		data := fmt.Sprintf(`{"v":1,"page_number":%d,"status":"ok","text":"text of page %d"}`, n, n)
		if bad[n] {
			data = fmt.Sprintf(`{"v":1,"page_number":%d,"status":"failed","error_code":"page_timeout","error":"page %d: too slow","text":""}`, n, n)
		}
		e.ok(e.jobs.Checkpoint(e.Context(), j.Fence(), total, jobs.Step{Seq: n, Data: json.RawMessage(data)}))
	}
}

func (e *env) finish(j jobs.Job, o jobs.Outcome) {
	e.Helper()
	o.Fence = j.Fence()
	lost, err := e.jobs.Finish(e.Context(), o)
	e.ok(err)
	if len(lost) > 0 {
		e.Fatalf("lost %v", lost)
	}
}

// complete claims the next job and runs it to its end.
func (e *env) complete(total int) jobs.Job {
	e.Helper()
	j := e.claim()
	e.record(j, total)
	e.ok(e.docs.Publish(e.Context(), j.Fence(), json.RawMessage(`{"v":1}`)))
	e.finish(j, jobs.Outcome{Status: jobs.Completed})
	return j
}

func (e *env) fail() jobs.Job {
	e.Helper()
	j := e.claim()
	e.finish(j, jobs.Outcome{Status: jobs.Failed, Error: "damaged", Code: "damaged"})
	return j
}

func (e *env) count(query string, args ...any) int {
	e.Helper()
	var n int
	e.ok(e.jobs.Reader().QueryRowContext(e.Context(), query, args...).Scan(&n))
	return n
}

func (e *env) exec(query string, args ...any) {
	e.Helper()
	e.ok(e.docs.update(context.Background(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	}))
}

func (e *env) get(id jobs.ID) Document {
	e.Helper()
	d, err := e.docs.Get(e.Context(), id)
	e.ok(err)
	return d
}

package documents

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/jobs"
)

// A document is the same in the other store, and copying it again changes
// nothing.
func TestDumpAndRestore(t *testing.T) {
	t.Parallel()
	from, to := newSQLiteEnv(t), newPostgresEnv(t)
	s := from.submit(Submission{Filename: "a.pdf", Owner: "me", Password: "pw", Metadata: json.RawMessage(`{"x":1.50,"y":"é"}`), Options: json.RawMessage(`{"pages": "1-5"}`)})
	replaced := from.replacedAndKilled(s)
	from.exec(`UPDATE documents SET facts = '{"title":"\u0000"}', profile = '{ "v": 1 }', created_at = '2020-01-01 10:00:00.123'`)
	byHand := jobs.NewID()
	from.exec(`INSERT INTO documents (id, metadata) VALUES (?, '{"a\u0000":["\ud83d","\u0000","\\u0000"],"n":1e400}')`, byHand.String())
	for i := range 2 * dumpedAtOnce {
		from.exec(`INSERT INTO documents (id, owner) VALUES (?, ?)`, jobs.NewID().String(), i)
	}

	docs := to.docs.(*Postgres)
	restore := func() (dumped []Full, inserted int) {
		t.Helper()
		for f, err := range from.docs.(*SQLite).Dump(t.Context()) {
			from.ok(err)
			dumped = append(dumped, f)
			to.ok(docs.db.Update(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
				did, err := docs.Restore(ctx, tx, f)
				if did {
					inserted++
				}
				return err
			}))
		}
		return dumped, inserted
	}
	dumped, inserted := restore()
	if len(dumped) != 2*dumpedAtOnce+2 || inserted != len(dumped) {
		t.Fatalf("dumped %d, inserted %d", len(dumped), inserted)
	}
	for _, f := range dumped {
		if f.ID == byHand {
			n := to.count(`SELECT count(*) FROM documents WHERE metadata = '{"a` + "\ufffd" + `":["` + "\ufffd" + `","` + "\ufffd" + `","\\u0000"],"n":1e400}'`)
			if n != 1 {
				t.Errorf("metadata: %s", to.get(byHand).Metadata)
			}
			continue
		}
		if diff := cmp.Diff(f.Document, to.get(f.ID)); diff != "" {
			t.Fatal(diff)
		}
	}
	if pw, err := docs.Password(t.Context(), s.Document.ID); pw != "pw" || err != nil {
		t.Errorf("password: %q, %v", pw, err)
	}
	if n := to.count(`SELECT count(*) FROM document_replaced WHERE job_id = ? AND document_id = ?`, replaced.String(), s.Document.ID.String()); n != 1 {
		t.Error("the pages that were replaced are forgotten")
	}
	if again := to.submit(Submission{Owner: "me", Password: "pw"}); again.Document.ID != s.Document.ID {
		t.Error("the copy does not answer for its bytes")
	}
	to.exec(`UPDATE documents SET filename = 'changed.pdf'`)
	if _, inserted := restore(); inserted != 0 || to.get(s.Document.ID).Filename != "changed.pdf" {
		t.Errorf("again: %d inserted", inserted)
	}

	// Where another answers for its bytes, that goes on to.
	to = newPostgresEnv(t)
	docs = to.docs.(*Postgres)
	other := to.submit(Submission{Owner: "me"})
	if _, inserted := restore(); inserted != len(dumped) {
		t.Errorf("inserted %d", inserted)
	}
	if again := to.submit(Submission{Owner: "me"}); again.Document.ID != other.Document.ID {
		t.Error("another answers now")
	}
}

package documents

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/jobs"
)

// An attempt that is being cancelled waits to learn whether it still owns its
// job, and then writes nothing.
func TestFenceIsHeld(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(Store, jobs.Fence) error{
		"facts": func(s Store, f jobs.Fence) error {
			return s.SetFacts(t.Context(), f, json.RawMessage(`{"x":1}`))
		},
		"publish": func(s Store, f jobs.Fence) error { return s.Publish(t.Context(), f, json.RawMessage(`{}`)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newPostgresEnv(t)
			s := e.submit(Submission{})
			j := e.claim()
			written := make(chan error, 1)
			docs := e.docs.(*Postgres)
			e.ok(docs.db.Update(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
				if _, err := docs.db.MoveTx(ctx, tx, j.ID, jobs.Cancel, "test"); err != nil {
					return err
				}
				go func() { written <- write(docs, j.Fence()) }()
				for len(written) == 0 && e.count(`SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%' || current_schema() || '%'`) == 0 {
				}
				return nil
			}))
			if err := <-written; !errors.Is(err, jobs.ErrLeaseLost) {
				t.Errorf("got %v", err)
			}
			if d := e.get(s.Document.ID); string(d.Facts) != "{}" || !d.ContentJobID.IsZero() {
				t.Errorf("a cancelled attempt wrote: %+v", d)
			}
		})
	}
}

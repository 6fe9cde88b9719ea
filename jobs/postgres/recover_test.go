package postgres

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/jobs"
)

// late is a transaction in which something happens between the moment a
// statement sees its rows and the moment it locks them.
type late struct {
	pgx.Tx
	between func()
}

func (l *late) Query(ctx context.Context, query string, args ...any) (pgx.Rows, error) {
	if l.between == nil || !strings.Contains(query, "SKIP LOCKED") {
		return l.Tx.Query(ctx, query, args...)
	}
	if _, err := l.Exec(ctx, `DECLARE seen CURSOR FOR `+query, args...); err != nil {
		return nil, err
	}
	l.between()
	l.between = nil
	return l.Tx.Query(ctx, `FETCH ALL FROM seen`)
}

// A job of a dead instance may be recovered and claimed by a living one while
// another process is about to recover it too: then it is that one's no more.
func TestRecoveryBesideClaim(t *testing.T) {
	t.Parallel()
	s, schema := fresh(t)
	join(t, s, "alive")
	const declared = `INSERT INTO job_instances (id, host, pid, version, boot, lease_until, lease_ms, state)
		VALUES ('gone', 'host', 1, 'test', 'boot', now(), 1000, 'dead')`
	if _, err := person(t, schema).Exec(t.Context(), declared); err != nil {
		t.Fatal(err)
	}
	insertOne(t, s, jobs.NewJob{Kind: "work", Instance: "gone"})
	p := jobs.ClaimParams{Instance: "alive", Kinds: []string{"work"}, Limit: 1, Suspects: 1}
	var claimed jobs.Job
	tx := &late{Tx: begin(t, s.pool), between: func() {
		found, err := s.Claim(t.Context(), p)
		if err != nil || len(found.Jobs) != 1 || len(found.Recovered) != 1 {
			t.Fatalf("%+v, %v", found, err)
		}
		claimed = found.Jobs[0]
	}}
	r := recovery{s: s, q: tx, p: p}
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if j := get(t, s, claimed.ID); j.Status != jobs.Processing || j.Fence() != claimed.Fence() || len(r.events) != 0 {
		t.Errorf("a job of a living instance was taken from it: %+v, %+v", j, r.events)
	}
}

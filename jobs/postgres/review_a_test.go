package postgres

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/internal/pgtest"
	"github.com/mivaa/mivaa/jobs"
)

// EPQ of the LEFT JOIN.
func TestReviewRecoverySnapshot(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	ctx := t.Context()
	join(t, s, "live")
	dead, err := s.Join(ctx, jobs.Instance{ID: "zdead", Lease: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	insertOne(t, s, jobs.NewJob{Kind: "k"})
	c, err := s.Claim(ctx, jobs.ClaimParams{Instance: "zdead", Kinds: []string{"k"}, Limit: 1})
	if err != nil || len(c.Jobs) != 1 {
		t.Fatal(err, c)
	}
	dead.(*membership).end()
	s.proof.remove("zdead")
	if _, err := s.pool.Exec(ctx, s.SQL(`UPDATE jobs_schema.job_instances SET state='dead' WHERE id='zdead'`)); err != nil {
		t.Fatal(err)
	}
	tx := begin(t, s.pool)
	if _, err := tx.Exec(ctx, s.SQL(`DECLARE c CURSOR FOR SELECT j.id::text, j.instance_id, i.id FROM jobs_schema.background_jobs AS j LEFT JOIN jobs_schema.job_instances AS i ON i.id = j.instance_id
			LEFT JOIN jobs_schema.job_instances AS me ON me.id = 'live'
		WHERE j.status = 'processing' AND (i.id IS NULL OR i.state NOT IN ('live', 'stopping')) AND (NULL::uuid[] IS NULL OR j.id = ANY(NULL::uuid[]))
		LIMIT 2000 FOR UPDATE OF j SKIP LOCKED`)); err != nil {
		t.Fatal(err)
	}
	c, err = s.Claim(ctx, jobs.ClaimParams{Instance: "live", Kinds: []string{"k"}, Limit: 1, Suspects: 1})
	if err != nil || len(c.Jobs) != 1 {
		t.Fatal(err, c)
	}
	var id string
	var inst, i *string
	err = tx.QueryRow(ctx, `FETCH ALL FROM c`).Scan(&id, &inst, &i)
	t.Log(err, id, inst, i)
	if err != pgx.ErrNoRows {
		t.Error("a job of a living instance would be interrupted", *inst)
	}
}

func TestReviewLimitsRepeatableRead(t *testing.T) {
	t.Parallel()
	for _, iso := range []string{"read committed", "repeatable read", "serializable"} {
		t.Run(iso, func(t *testing.T) {
			t.Parallel()
			url, schema := pgtest.Schema(t)
			s := open(t, Config{URL: strings.ReplaceAll(pgtest.With(url, "pool_max_conns", "8", "default_transaction_isolation", iso), "+", "%20"), DirectURL: url, Schema: schema})
			ctx := t.Context()
			join(t, s, "a")
			var list []jobs.NewJob
			for range 400 {
				list = append(list, jobs.NewJob{Kind: "k"})
			}
			if _, err := s.Insert(ctx, list...); err != nil {
				t.Fatal(err)
			}
			var got atomic.Int64
			var wg sync.WaitGroup
			var errs atomic.Int64
			for range 8 {
				wg.Go(func() {
					for range 30 {
						c, err := s.Claim(ctx, jobs.ClaimParams{Instance: "a", Kinds: []string{"k"}, Limit: 1, Limits: map[string]int{"k": 20}})
						if err != nil {
							errs.Add(1)
							t.Log(err)
							continue
						}
						got.Add(int64(len(c.Jobs)))
					}
				})
			}
			wg.Wait()
			t.Log(iso, got.Load(), errs.Load())
			if got.Load() != 20 {
				t.Errorf("%d claimed with a limit of 20", got.Load())
			}
		})
	}
}

func TestReviewSchemaNames(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	for _, name := range []string{"my schema", "UPPER", "o'brien", `a"b`, "my$$x", "a.b", `back\slash`, "jobs_schema", "jobs_schema.x", "ünï%d", fmt.Sprintf("%070d", 7), "x -- y", "/* x"} {
		t.Run(name, func(t *testing.T) {
			t.Cleanup(func() { pgtest.Exec(t, url, "DROP SCHEMA IF EXISTS "+pgx.Identifier{name}.Sanitize()+" CASCADE") })
			s, err := Open(t.Context(), Config{URL: few(url), Schema: name})
			if err != nil {
				t.Errorf("open: %v", err)
				return
			}
			defer s.Close()
			s.lookEvery = 0
			join(t, s, "i")
			j := insertOne(t, s, jobs.NewJob{Kind: "k", Owner: "o"})
			c, err := s.Claim(t.Context(), jobs.ClaimParams{Instance: "i", Kinds: []string{"k"}, Limit: 1, Limits: map[string]int{"k": 2}})
			if err != nil || len(c.Jobs) != 1 {
				t.Fatalf("%v %+v", err, c)
			}
			if err := s.Checkpoint(t.Context(), c.Jobs[0].Fence(), 1, jobs.Step{Seq: 1}); err != nil {
				t.Error(err)
			}
			if lost, err := s.Finish(t.Context(), jobs.Outcome{Fence: c.Jobs[0].Fence(), Status: jobs.Completed}); err != nil || len(lost) > 0 {
				t.Error(err, lost)
			}
			if e, err := s.Events(t.Context(), jobs.ID{}, 0, 10); err != nil || len(e) != 3 {
				t.Error(err, e)
			}
			if n, err := s.Cleanup(t.Context(), time.Now().Add(time.Hour), 10); err != nil || n != 1 {
				t.Error(err, n)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			two, err := Open(t.Context(), Config{URL: few(url), Schema: name})
			if err != nil {
				t.Fatal(err)
			}
			defer two.Close()
			w := two.Watch(ctx)
			<-w
			insertOne(t, s, jobs.NewJob{Kind: "k", Owner: "o"})
			if _, ok := <-w; !ok || ctx.Err() != nil {
				t.Error("deaf")
			}
			_ = j
		})
	}
}

func TestReviewIdleTx(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	var d string
	err := s.Update(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SHOW idle_in_transaction_session_timeout`).Scan(&d)
	})
	if err != nil || d == "0" {
		t.Errorf("%v %q", err, d)
	}
}

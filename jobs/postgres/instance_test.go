package postgres

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

func TestJoinOfAKnownID(t *testing.T) {
	t.Parallel()
	e := newSite(t)
	e.join(e.s, "a", time.Minute)
	if _, err := e.open(e.Config).Join(t.Context(), jobs.Instance{ID: "a", Lease: time.Minute}); err == nil || errors.Is(err, jobs.ErrUnavailable) {
		t.Errorf("joined again: %v", err)
	}
	if state, _ := e.state("a"); state != stateLive || e.locks("a") != 1 {
		t.Errorf("the one that lives is %s", state)
	}
	for _, in := range []jobs.Instance{{ID: "", Lease: time.Minute}, {ID: "b"}} {
		if _, err := e.s.Join(t.Context(), in); err == nil {
			t.Errorf("joined %+v", in)
		}
	}
}

// Whoever leaves with nothing in work has stopped; one that leaves jobs behind is
// found as a dead one is.
func TestLeaving(t *testing.T) {
	t.Parallel()
	e := newSite(t)
	e.node("a", time.Minute)
	b, c := e.join(e.s, "b", time.Minute), e.join(e.s, "c", time.Minute)
	_, err := e.pool.Exec(t.Context(), e.s.SQL(`INSERT INTO jobs_schema.background_jobs (id, filename, status, attempt, instance_id, started_at, updated_at, status_at)
		VALUES (gen_random_uuid(), 'x.pdf', 'processing', 1, 'c', now(), now(), now())`))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := errors.Join(b.Close(), c.Close()); err != nil {
			t.Error(err)
		}
	}
	if state, _ := e.state("b"); state != stateStopped || e.locks("b") != 0 {
		t.Errorf("b left and is %s", state)
	}
	if state, _ := e.state("c"); state != stateLive {
		t.Errorf("c left with a job and is %s", state)
	}
	if death := e.dies("c"); strings.HasPrefix(death, "lease") {
		t.Errorf("death: %s", death)
	}
	if _, err := e.s.Renew(t.Context(), jobs.Renewal{Instance: "c"}); !errors.Is(err, jobs.ErrInstanceGone) {
		t.Errorf("Renew of the dead: %v", err)
	}
}

// Renew names what was lost, by a session and without.
func TestRenewNamesTheLost(t *testing.T) {
	t.Parallel()
	e := newSite(t)
	mine, others, over := jobs.NewID(), jobs.NewID(), jobs.NewID()
	for id, of := range map[jobs.ID]string{mine: "a", others: "b"} {
		_, err := e.pool.Exec(t.Context(), e.s.SQL(`INSERT INTO jobs_schema.background_jobs (id, filename, status, attempt, instance_id, started_at, updated_at, status_at)
			VALUES ($1, 'x.pdf', 'processing', 3, $2, now(), now(), now())`), id.String(), of)
		if err != nil {
			t.Fatal(err)
		}
	}
	a := e.join(e.s, "a", time.Minute)
	held := []jobs.Fence{{Job: others, Attempt: 3}, {Job: mine, Attempt: 3}, {Job: mine, Attempt: 2}, {Job: over, Attempt: 1}}
	renew := func() {
		t.Helper()
		lost, err := e.s.Renew(t.Context(), jobs.Renewal{Instance: "a", Held: held})
		if err != nil || len(lost) != 3 || lost[0] != held[0] || lost[1] != held[2] || lost[2] != held[3] {
			t.Errorf("lost %v, %v", lost, err)
		}
	}
	renew()
	e.s.proof.remove("a")
	renew()
	e.s.proof.add(a)
}

// A renewal ends with its context, however the database hangs, and never says
// that it succeeded when it did not.
func TestRenewEndsWithItsContext(t *testing.T) {
	t.Parallel()
	e := newSite(t)
	way, proxy := through(t, e.URL)
	s := e.open(Config{URL: way})
	e.join(s, "a", time.Minute)
	e.join(s, "b", time.Minute)
	before := e.seen("a")
	proxy.Hang()
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		start := time.Now()
		_, err := s.Renew(ctx, jobs.Renewal{Instance: "a"})
		cancel()
		if err == nil || errors.Is(err, jobs.ErrInstanceGone) {
			t.Errorf("silent server: %v", err)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("it took %v", took)
		}
	}
	if !e.seen("a").Equal(before) {
		t.Error("it was renewed: the proxy lets through")
	}
	proxy.Resume()
	eventually(t, "it renews again", func() bool {
		_, err := s.Renew(t.Context(), jobs.Renewal{Instance: "a"})
		return err == nil
	})
}

func (e *site) seen(id string) (at time.Time) {
	e.Helper()
	e.row(`SELECT seen_at FROM jobs_schema.job_instances WHERE id = $1`, []any{id}, &at)
	return at
}

// Whoever starts long after a death does not watch the dead for a lease: it let
// its lease run out before, and its lock is free.
func TestLongDeadIsFoundAtTheStart(t *testing.T) {
	t.Parallel()
	e := newSite(t)
	old := e.node("old", time.Minute)
	alive := e.node("alive", time.Minute)
	old.kill()
	alive.silence() // as one that hangs: its lock is held
	_, err := e.pool.Exec(t.Context(), e.s.SQL(`UPDATE jobs_schema.job_instances SET seen_at = seen_at - interval '1 hour'`))
	if err != nil {
		t.Fatal(err)
	}
	s := e.open(e.Config)
	e.join(s, "new", time.Minute)
	if err := s.bury(t.Context(), "new"); err != nil {
		t.Fatal(err)
	}
	if state, death := e.state("old"); state != stateDead {
		t.Errorf("old is %s: %s", state, death)
	}
	if state, death := e.state("alive"); state != stateLive {
		t.Errorf("alive is %s: %s", state, death)
	}
}

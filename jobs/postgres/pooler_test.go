package postgres

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mivaa/mivaa/internal/pgtest"
	"github.com/mivaa/mivaa/jobs"
)

// A pooler that gives sessions to others between transactions breaks locks
// silently: whoever tries a living process's lock gets it. Nobody may be taken
// for dead by that; leases decide.
func TestTransactionPoolerMeansLeases(t *testing.T) {
	t.Parallel()
	const lease = 2 * time.Second
	e := newSite(t)
	pooled := pgtest.Pooler(t, e.URL, pgtest.TransactionMode)
	var book logbook
	behind := func(c *Config) { c.URL, c.DirectURL, c.Logger = pooled, "", book.logger() }
	a, b := e.node("a", lease, behind), e.node("b", lease, func(c *Config) { c.URL, c.DirectURL = pooled, "" })
	if a.s.direct() || b.s.direct() {
		t.Fatal("the pooler was not noticed")
	}
	if n := strings.Count(book.String(), "session locks cannot be trusted"); n != 1 || !strings.Contains(book.String(), "--direct-url") {
		t.Errorf("%d warnings:\n%s", n, book.String())
	}
	direct := e.node("direct", lease) // on the same schema, without the pooler
	if !direct.s.direct() {
		t.Fatal("no pooler, and one was noticed")
	}
	passes(t, lease+tryEvery+secondLook, func() { alive(t, a, b, direct) })
	b.kill()
	if death := e.dies("b"); !strings.HasPrefix(death, "lease") {
		t.Errorf("death: %s", death)
	}
	alive(t, a, direct)
}

func TestDirectURLBesideThePooler(t *testing.T) {
	t.Parallel()
	e := newSite(t)
	pooled := pgtest.Pooler(t, e.URL, pgtest.TransactionMode)
	beside := func(c *Config) { c.URL, c.DirectURL = pooled, e.URL }
	a, b := e.node("a", time.Minute, beside), e.node("b", time.Minute, beside)
	b.kill()
	if death := e.dies("b"); strings.HasPrefix(death, "lease") {
		t.Errorf("death: %s", death)
	}
	alive(t, a)
}

func TestSessionPoolerKeepsLocks(t *testing.T) {
	t.Parallel()
	e := newSite(t)
	pooled := pgtest.Pooler(t, e.URL, pgtest.SessionMode)
	behind := func(c *Config) { c.URL, c.DirectURL = pgtest.With(pooled, "pool_max_conns", "2"), pooled }
	a, b := e.node("a", time.Minute, behind), e.node("b", time.Minute, behind)
	if !a.s.direct() {
		t.Fatal("locks work through it")
	}
	passes(t, tryEvery+secondLook, func() { alive(t, a, b) })
	b.kill()
	if death := e.dies("b"); strings.HasPrefix(death, "lease") {
		t.Errorf("death: %s", death)
	}
	alive(t, a)
}

// An engine that accepts the calls and locks nothing, made by functions that
// stand before PostgreSQL's own.
func TestLocksThatLockNothingMeanLeases(t *testing.T) {
	t.Parallel()
	const lease = 2 * time.Second
	e := newSite(t)
	name := e.Schema + "_shadow"
	pgtest.Exec(t, e.URL, `CREATE SCHEMA `+name,
		`CREATE FUNCTION `+name+`.pg_advisory_lock(bigint) RETURNS void LANGUAGE sql AS ''`,
		`CREATE FUNCTION `+name+`.pg_try_advisory_lock(bigint) RETURNS boolean LANGUAGE sql AS 'SELECT true'`,
		`CREATE FUNCTION `+name+`.pg_advisory_unlock(bigint) RETURNS boolean LANGUAGE sql AS 'SELECT true'`,
		`CREATE FUNCTION `+name+`.pg_try_advisory_xact_lock_shared(bigint) RETURNS boolean LANGUAGE sql AS 'SELECT true'`)
	t.Cleanup(func() { pgtest.Exec(t, e.URL, `DROP SCHEMA `+name+` CASCADE`) })
	shadowed := func(c *Config) { c.URL, c.DirectURL = pgtest.With(e.URL, "search_path", name+",pg_catalog,public"), "" }
	a, b := e.node("a", lease, shadowed), e.node("b", lease, shadowed)
	if a.s.direct() {
		t.Fatal("it was not noticed that locks lock nothing")
	}
	passes(t, lease, func() { alive(t, a, b) })
	b.kill()
	if death := e.dies("b"); !strings.HasPrefix(death, "lease") {
		t.Errorf("death: %s", death)
	}
	alive(t, a)
}

// An instance that joined elsewhere would be unknown where its jobs are.
func TestDirectURLOfAnotherDatabase(t *testing.T) {
	t.Parallel()
	e := newSite(t)
	other := "other_" + e.Schema
	pgtest.Exec(t, e.URL, "CREATE DATABASE "+other)
	t.Cleanup(func() { pgtest.Exec(t, e.URL, "DROP DATABASE "+other+" WITH (FORCE)") })
	there := strings.Replace(e.URL, "/postgres?", "/"+other+"?", 1)
	if there == e.URL {
		t.Skip("the server given has another database by default")
	}
	for _, name := range []string{"no schema there", "the same schema there"} {
		c := e.Config
		c.DirectURL = there
		s, err := Open(t.Context(), c)
		if err == nil {
			_ = s.Close()
		}
		if known, ok := errors.AsType[*jobs.StoreError](err); !ok || !strings.Contains(err.Error(), "another database") || known.Hint == "" {
			t.Errorf("%s: %v", name, err)
		}
		s, err = Open(t.Context(), Config{URL: there, Schema: e.Schema})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

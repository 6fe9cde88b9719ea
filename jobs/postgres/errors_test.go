package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/internal/pgtest"
	"github.com/mivaa/mivaa/jobs"
)

// unavailable checks an error of a store that cannot be used, and that it says
// what to do.
func unavailable(t *testing.T, err error, hint string) {
	t.Helper()
	e, ok := errors.AsType[*jobs.StoreError](err)
	if !errors.Is(err, jobs.ErrUnavailable) || !ok {
		t.Fatalf("got error %v, want a StoreError", err)
	}
	if !strings.Contains(e.Hint, hint) {
		t.Errorf("hint %q, want %q in it (error: %v)", e.Hint, hint, err)
	}
}

// password stands in every URL below, and must stand nowhere else.
const password = "s3cret"

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, "fsync=off")
	host := server.Addr()
	pgtest.Exec(t, server.URL(),
		`CREATE ROLE poor LOGIN PASSWORD '`+password+`'`, `CREATE ROLE lone LOGIN CONNECTION LIMIT 0`, `CREATE SCHEMA closed`,
		`REVOKE CREATE ON SCHEMA public FROM PUBLIC`, `REVOKE CREATE ON DATABASE postgres FROM PUBLIC`)
	silent := listen(t)
	for name, c := range map[string]struct{ url, schema, hint string }{
		"nobody listens":      {"postgres://u:" + password + "@127.0.0.1:1/d", "", "No database server listens"},
		"no such host":        {"postgres://u:" + password + "@host.invalid/d", "", "host.invalid"},
		"no such database":    {"postgres://postgres:" + password + "@" + host + "/nowhere", "", "createdb"},
		"no such role":        {"postgres://nobody:" + password + "@" + host + "/postgres", "", "role"},
		"no more connections": {"postgres://lone:" + password + "@" + host + "/postgres", "", "no connection left"},
		"TLS is required":     {"postgres://postgres:" + password + "@" + host + "/postgres?sslmode=require", "", "sslmode=disable"},
		"may not create":      {"postgres://poor:" + password + "@" + host + "/postgres", "", "grant"},
		"may not use":         {"postgres://poor:" + password + "@" + host + "/postgres", "closed", "grant"},
		"may not make schema": {"postgres://poor:" + password + "@" + host + "/postgres", "new", "grant"},
		"read-only":           {"postgres://postgres:" + password + "@" + host + "/postgres?default_transaction_read_only=on", "", "read-only"},
		"it does not answer":  {"postgres://u:" + password + "@" + silent + "/d?connect_timeout=1&sslmode=disable", "", "does not answer"},
		"no URL at all":       {"postgres://u:" + password + "/x@h:5432/d", "", "Write it as"},
		"no port":             {"postgres://u:" + password + "@h:" + password + "/d", "", "Write it as"},
		"no number":           {"postgres://u:" + password + "@h/d?pool_max_conns=many", "", "Write it as"},
		"a bad word":          {"host=h password=" + password + " sslmode=maybe", "", "Write it as"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Open(t.Context(), Config{URL: c.url, Schema: c.schema})
			unavailable(t, err, c.hint)
			e, _ := errors.AsType[*jobs.StoreError](err)
			if said := fmt.Sprintf("%v %+v %s", err, e, e.Hint); strings.Contains(said, password) {
				t.Errorf("the password is in it: %s", said)
			}
		})
	}
}

// listen returns the address of a server that takes connections and says nothing.
func listen(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

func TestHints(t *testing.T) {
	t.Parallel()
	for c, hint := range map[string]string{"28P01": "refuses the password", "53100": "disk", "57P03": "starting", "58030": "disk", "08006": "broke", "53999": "lacks", "XX000": "log"} {
		if got := hintFor(c); !strings.Contains(got, hint) {
			t.Errorf("%s: %q, want %q in it", c, got, hint)
		}
	}
}

func TestAServerThatStopsIsUnavailableAndComesBack(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, "fsync=off")
	s := open(t, Config{URL: few(server.URL()), DirectURL: server.URL()})
	insertOne(t, s, jobs.NewJob{Kind: "work"})
	if err := server.Down(pgtest.Immediate); err != nil {
		t.Fatal(err)
	}
	for range 4 { // also of connections that broke while nobody used them
		_, err := s.Insert(t.Context(), jobs.NewJob{Kind: "work"})
		unavailable(t, err, "server")
	}
	if err := server.Up(); err != nil {
		t.Fatal(err)
	}
	insertOne(t, s, jobs.NewJob{Kind: "work"})
}

// TestAnswersAreNoTrouble: what is said about a job, or about a statement, does
// not say that the store is down.
func TestAnswersAreNoTrouble(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	own := errors.New("my own")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct{ got, want error }{
		"not found":      {second(s.Move(t.Context(), jobs.NewID(), jobs.Cancel, "me")), jobs.ErrNotFound},
		"its own":        {s.Update(t.Context(), func(context.Context, pgx.Tx) error { return own }), own},
		"an ended ctx":   {second(s.List(ended, jobs.Filter{})), context.Canceled},
		"a bad document": {second(s.Insert(t.Context(), jobs.NewJob{Kind: "work", DocumentID: jobs.NewID()})), nil},
		"bad syntax": {s.Update(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `SELEC`)
			return err
		}), nil},
	} {
		if c.got == nil || errors.Is(c.got, jobs.ErrUnavailable) || c.want != nil && !errors.Is(c.got, c.want) {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	if err := s.Update(t.Context(), func(context.Context, pgx.Tx) error { return own }); err != own { //nolint:errorlint // as it is
		t.Errorf("got %v, want %v as it is", err, own)
	}
}

func second[T any](_ T, err error) error { return err }

// TestACallEndsWithItsContext waits for a row that another transaction holds.
func TestACallEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s, schema := fresh(t)
	j := insertOne(t, s, jobs.NewJob{Kind: "work"})
	tx := begin(t, person(t, schema))
	if _, err := tx.Exec(t.Context(), `SELECT FROM background_jobs FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := s.Move(ctx, j.ID, jobs.Cancel, "me")
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, jobs.ErrUnavailable) {
		t.Errorf("got %v, want the context's own error", err)
	}
}

// TestStatementsAreForgotten: what was prepared on a connection may be gone, by
// DISCARD ALL of somebody in between.
func TestStatementsAreForgotten(t *testing.T) {
	t.Parallel()
	url, schema := pgtest.Schema(t)
	s := open(t, Config{URL: pgtest.With(url, "pool_max_conns", "1"), DirectURL: url, Schema: schema})
	join(t, s, "a")
	p := jobs.ClaimParams{Instance: "a", Kinds: []string{"work"}, Limit: 1, Limits: map[string]int{"work": 9}}
	for range 2 {
		if _, err := s.pool.Exec(t.Context(), `DISCARD ALL`); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Insert(t.Context(), jobs.NewJob{Kind: "work"}, jobs.NewJob{Kind: "work"}); err != nil {
			t.Error(err)
		}
		if c, err := s.Claim(t.Context(), p); err != nil || len(c.Jobs) != 1 {
			t.Errorf("%+v, %v", c, err)
		}
	}
}

// TestListOfNoStatus: whatever is given as a status becomes no part of a query.
func TestListOfNoStatus(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	insertOne(t, s, jobs.NewJob{Kind: "work"})
	for _, status := range []jobs.Status{"running", "x' OR TRUE --", `\' OR TRUE --`, "\x00"} {
		if found, err := s.List(t.Context(), jobs.Filter{Status: status}); err != nil || len(found) > 0 {
			t.Errorf("%q: %v, %v", status, found, err)
		}
		s.texts.Range(func(text, _ any) bool {
			if strings.Contains(text.(string), string(status)) {
				t.Errorf("%q is kept in a query", status)
			}
			return true
		})
	}
}

// TestTransactionOfAStoppedProcess: the server ends a transaction whose client
// says nothing any more, so that its rows are free. Whoever wakes up may try
// again.
func TestTransactionOfAStoppedProcess(t *testing.T) {
	t.Parallel()
	s, schema := fresh(t)
	j := insertOne(t, s, jobs.NewJob{Kind: "work"})
	by := person(t, schema)
	err := s.Update(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		var limit string
		if err := tx.QueryRow(ctx, `SHOW idle_in_transaction_session_timeout`).Scan(&limit); err != nil || limit != "10s" {
			t.Errorf("a transaction may be idle for %q, %v", limit, err)
		}
		if _, err := tx.Exec(ctx, `SET LOCAL idle_in_transaction_session_timeout = '50ms'`); err != nil {
			return err
		}
		if _, err := s.MoveTx(ctx, tx, j.ID, jobs.Cancel, "me"); err != nil {
			return err
		}
		if _, err := by.Exec(ctx, `SELECT FROM background_jobs FOR UPDATE`); err != nil { // it waits for us
			t.Error(err)
		}
		_, err := tx.Exec(ctx, `SELECT 1`)
		return err
	})
	unavailable(t, err, "")
	if j := get(t, s, j.ID); j.Status != jobs.Pending {
		t.Errorf("%+v", j)
	}
}

// TestWhatCannotBeStored is refused before the server sees it, for good.
func TestWhatCannotBeStored(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	var long strings.Builder // which no compression makes short
	for range 400 {
		long.WriteString(rand.Text())
	}
	for name, n := range map[string]jobs.NewJob{
		"a NUL in the kind":             {Kind: "a\x00b"},
		"an owner that is no text":      {Kind: "work", Owner: "\xff"},
		"a key with a NUL":              {Kind: "work", IdempotencyKey: "\x00"},
		"a NUL escaped in the metadata": {Kind: "work", Metadata: []byte(`{"a":["x\u0000"]}`)},
		"half a pair":                   {Kind: "work", Metadata: []byte(`{"a":"\ud83d"}`)},
		"the other half":                {Kind: "work", Metadata: []byte(`{"a":"\ude00\ud83d"}`)},
		"half a pair before another":    {Kind: "work", Metadata: []byte(`{"a":"\ud83d\n\ude00"}`)},
		"bytes that are no text":        {Kind: "work", Payload: []byte("{\"a\":\"\xff\"}")},
		"a number beyond all":           {Kind: "work", Metadata: []byte(`{"a":1e999999}`)},
		"a priority beyond an integer":  {Kind: "work", Priority: 1 << 40},
		"an owner too long to be found": {Kind: "work", Owner: long.String()},
	} {
		_, err := s.Insert(t.Context(), n)
		if err == nil || errors.Is(err, jobs.ErrUnavailable) {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
	// And this is taken: a pair, an escaped backslash before a u, a NUL in JSON
	// that is kept as text, and a file's name of whatever bytes.
	j := insertOne(t, s, jobs.NewJob{Kind: "work", Filename: "a\x00\xffb", Payload: []byte(`{"a":"\u0000\ud83d"}`), Metadata: []byte(`{"a":"\ud83d\ude00 \\u0000 \\"}`)})
	if j.Filename != "a\uFFFDb" || string(j.Payload) != `{"a":"\u0000\ud83d"}` || string(j.Metadata) != `{"a": "😀 \\u0000 \\"}` {
		t.Errorf("stored %q, %s, %s", j.Filename, j.Payload, j.Metadata)
	}
	if _, err := s.Move(t.Context(), j.ID, jobs.Cancel, "me\x00\xff"); err != nil {
		t.Error(err)
	}
}

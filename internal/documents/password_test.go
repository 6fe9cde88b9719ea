package documents

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/jobs"
)

// Whoever has the bytes and not the password gets nothing of what it opened.
func TestDocumentAnswersToItsPasswordAlone(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		for _, fresh := range []bool{false, true} {
			for _, c := range []struct{ stored, given string }{{"secret", ""}, {"secret", "other"}, {"secret", "secre"}, {"", "secret"}} {
				e := newEnv(t)
				first := e.submit(Submission{Password: c.stored})
				e.complete(2)
				key := func() string {
					var key string
					e.ok(e.db.row(t.Context(), `SELECT dedup_key FROM documents WHERE id = ?`, first.Document.ID.String()).Scan(&key))
					return key
				}
				held := key()
				other := e.submit(Submission{Password: c.given, Fresh: fresh})
				if other.Deduplicated || other.Document.ID == first.Document.ID || other.Job.ID == first.Job.ID {
					t.Fatalf("%q answers to %q (fresh: %t)", c.stored, c.given, fresh)
				}
				for id, want := range map[jobs.ID]string{first.Document.ID: c.stored, other.Document.ID: c.given} {
					if got, err := e.docs.Password(t.Context(), id); got != want || err != nil {
						t.Errorf("password %q, %v; want %q", got, err, want)
					}
				}
				if now := key(); now != held || e.count(`SELECT count(*) FROM documents WHERE dedup_key IS NOT NULL`) != 1 {
					t.Error("another document took the key")
				}
				again := e.submit(Submission{Password: c.stored})
				if !again.Deduplicated || again.Document.ID != first.Document.ID {
					t.Errorf("%q does not answer to itself: %+v", c.stored, again)
				}
			}
		}
	})
}

func TestIdempotencyKeyWithAnotherPassword(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		const secret = "corréct-horse"
		for _, fresh := range []bool{false, true} {
			e := newEnv(t)
			keyed := Submission{Source: source('a'), Password: secret, IdempotencyKey: "k", Fresh: fresh}
			first := e.submit(keyed)
			e.complete(2)
			if again := e.submit(keyed); !again.Deduplicated || again.Job.ID != first.Job.ID {
				t.Errorf("the same again: %+v", again)
			}
			for _, other := range []string{"", "other"} {
				keyed.Password = other
				_, err := e.docs.Submit(t.Context(), keyed)
				if !errors.Is(err, jobs.ErrKeyReused) || errors.Is(err, jobs.ErrUnavailable) || strings.Contains(err.Error(), secret) {
					t.Errorf("%q: %v, want ErrKeyReused", other, err)
				}
			}
			// The document that answers for the bytes has the password, the one of
			// the key has not.
			plain := Submission{Source: source('b'), IdempotencyKey: "l"}
			e.submit(Submission{Source: source('b'), Password: secret})
			e.submit(plain)
			plain.Password, plain.Fresh = secret, fresh
			if _, err := e.docs.Submit(t.Context(), plain); !errors.Is(err, jobs.ErrKeyReused) {
				t.Errorf("beside a document with the password: %v", err)
			}
			if n := e.count(`SELECT count(*) FROM documents`); n != 3 {
				t.Errorf("%d documents, want 3", n)
			}
		}
	})
}

// The password stands in no key by which it could be guessed.
func TestPasswordIsOutsideEveryKey(t *testing.T) {
	t.Parallel()
	s := Submission{Source: source('a'), Options: json.RawMessage(`{}`)}
	plain := s.recordKey()
	s.Password = "secret"
	if s.recordKey() != plain {
		t.Error("the password is in the key")
	}
}

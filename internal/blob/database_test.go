package blob

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/internal/pgtest"
)

// openRaw opens a database store with a way to its tables.
func openRaw(t *testing.T) (d *Database, exec func(string), ask func(string) []string) {
	t.Helper()
	url, schema := pgtest.Schema(t)
	d = openTestDatabase(t, url, schema)
	exec = func(sql string) { t.Helper(); pgtest.Exec(t, url, "SET search_path = "+schema+"; "+sql) }
	ask = func(sql string) []string { t.Helper(); return column(t, url, schema, sql) }
	return d, exec, ask
}

// While a client sends, slowly, nothing is open in the database.
func TestDatabaseHoldsNothing(t *testing.T) {
	t.Parallel()
	d, _, ask := openRaw(t)
	looked := false
	look := readerFunc(func([]byte) (int, error) {
		looked = true
		if n := d.db.Pool().Stat().AcquiredConns(); n > 0 {
			t.Errorf("%d connections are held", n)
		}
		if got := ask(`SELECT count(*)::text FROM blob_chunks`); got[0] != "3" {
			t.Errorf("%s chunks were sent, want 3: it does not stream", got[0])
		}
		return 0, io.EOF
	})
	if _, err := d.Put(t.Context(), io.MultiReader(bytes.NewReader(noise(3*chunkSize+5)), look), 0); err != nil || !looked {
		t.Fatal(err)
	}
}

func TestDatabaseStorage(t *testing.T) {
	t.Parallel()
	d, _, ask := openRaw(t)
	store(t, d, make([]byte, 2*chunkSize)) // zeros: compressed, they would be small
	if got := ask(`SELECT attstorage::text FROM pg_attribute WHERE attrelid = 'blob_chunks'::regclass AND attname = 'data'`); got[0] != "e" {
		t.Errorf("storage %q, want external", got[0])
	}
	if got := ask(`SELECT sum(pg_column_size(data))::text FROM blob_chunks`); got[0] != "2097152" {
		t.Errorf("%s bytes stored, want 2097152", got[0])
	}
}

// An upload that died is deleted after a day, one that goes on is not.
func TestDatabaseSweepsTheDead(t *testing.T) {
	t.Parallel()
	d, exec, ask := openRaw(t)
	begin := func() *upload {
		up := d.newUpload(t.Context())
		if _, err := up.Write(noise(10 * chunkSize)); err != nil {
			t.Fatal(err)
		}
		return up
	}
	dead := begin()
	exec(`UPDATE blobs SET stored_at = now() - interval '25 hours'`)
	living := begin()
	if _, err := d.Sweep(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got := ask(`SELECT DISTINCT blob::text FROM blob_chunks UNION SELECT id::text FROM blobs`); len(got) != 1 {
		t.Errorf("left: %v, want the living upload alone", got)
	}
	data := noise(10 * chunkSize)
	if err := living.publish(refOf(data)); err != nil {
		t.Fatal(err)
	}
	holds(t, d, data)
	// The dead one wakes: it sends on, but is never taken for a whole.
	err := dead.send()
	if err == nil {
		err = dead.publish(Ref{SHA256: strings.Repeat("a", 64), Size: 10 * chunkSize})
	}
	if !errors.Is(err, errSwept) {
		t.Errorf("an upload that was swept: %v", err)
	}
	dead.drop()
	fails(t, d, Ref{SHA256: strings.Repeat("a", 64)}, ErrMissing, CodeMissing)
}

// What is being deleted takes no more chunks and no name.
func TestDatabaseDropped(t *testing.T) {
	t.Parallel()
	d, exec, _ := openRaw(t)
	data := noise(chunkSize)
	up := d.newUpload(t.Context())
	if _, err := up.Write(data); err != nil {
		t.Fatal(err)
	}
	exec(`UPDATE blobs SET dropped = true`)
	if err := up.send(); !errors.Is(err, errSwept) {
		t.Errorf("send: %v", err)
	}
	if err := up.publish(refOf(data)); !errors.Is(err, errSwept) {
		t.Errorf("publish: %v", err)
	}
	fails(t, d, refOf(data), ErrMissing, CodeMissing)
}

// A removal that died is finished by the next sweep; the blob is gone at once.
func TestDatabaseRemovalDied(t *testing.T) {
	t.Parallel()
	d, exec, ask := openRaw(t)
	data := noise(3 * chunkSize)
	store(t, d, data)
	exec(`UPDATE blobs SET sha256 = NULL, dropped = true; DELETE FROM blob_chunks WHERE seq = 0`)
	fails(t, d, refOf(data), ErrMissing, CodeMissing)
	store(t, d, data)
	if _, err := d.Sweep(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	holds(t, d, data)
	if got := ask(`SELECT id::text FROM blobs`); len(got) != 1 {
		t.Errorf("rows %v, want one", got)
	}
}

// Whoever reads while a damaged blob is replaced gets the new bytes.
func TestDatabaseReplacedWhileRead(t *testing.T) {
	t.Parallel()
	d, exec, _ := openRaw(t)
	data := noise(3 * chunkSize)
	store(t, d, data)
	exec(`UPDATE blob_chunks SET data = set_byte(data, 7, 255 - get_byte(data, 7)) WHERE seq = 1`)
	healed := false
	d.db = &hooked{tables: d.db, before: func(statement string) {
		if !healed && strings.Contains(statement, "SELECT seq, data") && strings.Contains(statement, "LIMIT") {
			healed = true
			store(t, d, data)
		}
	}}
	holds(t, d, data)
	if !healed {
		t.Error("nothing was replaced")
	}
}

// hooked calls before each statement.
type hooked struct {
	tables
	before func(statement string)
}

func (h *hooked) SQL(text string) string {
	h.before(text)
	return h.tables.SQL(text)
}

func TestDatabaseKeepsOrder(t *testing.T) {
	t.Parallel()
	d, _, ask := openRaw(t)
	data := noise(20*chunkSize + 3) // more than one slice to compare
	store(t, d, data)
	before := ask(`SELECT id::text FROM blobs`)
	store(t, d, data)
	if after := ask(`SELECT id::text FROM blobs`); !slices.Equal(before, after) {
		t.Error("sound bytes were replaced")
	}
	longer := append(slices.Clone(data), noise(3*chunkSize)...)
	store(t, d, longer)
	holds(t, d, longer)
	holds(t, d, data)
}

// Of two that give the same bytes their name at the same moment one is faster,
// and both succeed.
func TestDatabaseNamedAtOnce(t *testing.T) {
	t.Parallel()
	d, _, ask := openRaw(t)
	faster := &Database{db: d.db, tmp: d.tmp}
	data := noise(2 * chunkSize)
	met := false
	d.db = &hooked{tables: d.db, before: func(statement string) {
		if !met && strings.Contains(statement, "SET sha256 = $2") {
			met = true
			store(t, faster, data)
		}
	}}
	store(t, d, data)
	if got := ask(`SELECT id::text FROM blobs`); len(got) != 1 || !met {
		t.Errorf("rows %v, want one", got)
	}
	holds(t, d, data)
}

package documents

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/sqlite"
)

func TestList(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		var want []jobs.ID // newest first
		for i := range 25 {
			owner := "me"
			if i%5 == 0 {
				owner = "you"
			}
			s := e.submit(Submission{Source: source("0123456789abcdef"[i%16]), Owner: owner, RecordOptions: string(rune('a' + i))})
			if owner == "me" {
				want = append(want, s.Document.ID)
			}
		}
		// Several of one millisecond: the id decides.
		e.exec(`UPDATE documents SET created_at = '2024-01-01 00:00:00.000' WHERE source_sha256 < ?`, source('8').SHA256)
		var got []jobs.ID
		f := Filter{Owner: "me", Limit: 3}
		for {
			page, err := e.docs.List(t.Context(), f)
			e.ok(err)
			if len(page) == 0 {
				break
			}
			for _, d := range page {
				if d.Owner != "me" || d.Facts != nil {
					t.Errorf("document: %+v", d)
				}
				got = append(got, d.ID)
			}
			f.After = &page[len(page)-1]
		}
		all, err := e.docs.List(t.Context(), Filter{Owner: "me", Limit: 1000})
		e.ok(err)
		for i, d := range all {
			if d.ID != got[i] {
				t.Fatalf("paged and whole lists differ at %d", i)
			}
		}
		sorted := func(ids []jobs.ID) []string {
			var s []string
			for _, id := range ids {
				s = append(s, id.String())
			}
			slices.Sort(s)
			return s
		}
		if !slices.Equal(sorted(got), sorted(want)) {
			t.Errorf("got %d documents, want %d", len(got), len(want))
		}
		for _, owner := range []string{"m\x00e", "\xff", "nobody"} {
			if none, err := e.docs.List(t.Context(), Filter{Owner: owner}); err != nil || len(none) > 0 {
				t.Errorf("of owner %q: %v, %v", owner, none, err)
			}
		}
		offset, err := e.docs.List(t.Context(), Filter{Owner: "me", Offset: 4, Limit: 1})
		e.ok(err)
		if len(offset) != 1 || offset[0].ID != got[4] {
			t.Errorf("offset 4: %v", offset)
		}
	})
}

func TestByPrefix(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, newEnv makeEnv) {
		e := newEnv(t)
		for _, id := range []string{"0190aaaa-0000-7000-8000-000000000001", "0190aaab-0000-7000-8000-000000000002", "ff000000-0000-7000-8000-000000000003"} {
			e.exec(`INSERT INTO documents (id) VALUES (?)`, id)
		}
		for prefix, want := range map[string]int{
			"0190aaa": 2, "0190AAAA": 1, "0190aaaa-0000-7000-8000-000000000001": 1, "ff": 1, "f": 1, "2": 0, "": 3, "0190%": 0, "_": 0, "zz": 0,
		} {
			got, err := e.docs.ByPrefix(t.Context(), prefix, 10)
			if err != nil || len(got) != want {
				t.Errorf("%q: %d ids, %v; want %d", prefix, len(got), err, want)
			}
		}
		if got, err := e.docs.ByPrefix(t.Context(), "0190", 1); err != nil || len(got) != 1 {
			t.Errorf("limit: %v, %v", got, err)
		}
	})
}

// A store that already had documents and jobs of another program's making is
// brought up to date, and a second start finds nothing to do.
func TestMigrateFilled(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mivaa.db")
	store, err := sqlite.Open(t.Context(), sqlite.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	e := &env{T: t, jobs: store, db: &sqliteDatabase{store: store}}
	id := jobs.NewID()
	e.exec(`INSERT INTO documents (id) VALUES (?)`, id.String())
	e.exec(`INSERT INTO background_jobs (id, document_id, filename, status) VALUES (?, ?, 'x', 'pending')`, jobs.NewID().String(), id.String())
	for range 2 {
		if e.docs, err = NewSQLite(t.Context(), store); err != nil {
			t.Fatal(err)
		}
	}
	d := e.get(id)
	if d.CreatedAt.IsZero() || d.UpdatedAt.IsZero() || d.SourceSHA256 != "" || string(d.Metadata) != "{}" {
		t.Errorf("document: %+v", d)
	}
	if _, err := d.Source(); err == nil {
		t.Error("it has no source")
	}
	// The first row by hand that says nothing but its id.
	next := jobs.NewID()
	e.exec(`INSERT INTO documents (id) VALUES (?)`, next.String())
	if d := e.get(next); d.CreatedAt.IsZero() || d.UpdatedAt.IsZero() {
		t.Errorf("document by hand: %+v", d)
	}
}

package blob

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/internal/pgtest"
	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/postgres"
)

// site is where a test keeps blobs, and what it may do there behind a store's
// back.
type site struct {
	open   func(t testing.TB) Store                   // each call is as another process
	damage func(t testing.TB, ref Ref)                // changes one byte, not the length
	lose   func(t testing.TB, ref Ref)                // cuts off the end
	age    func(t testing.TB, r Ref, d time.Duration) // makes it look as old as d
	beside func(t testing.TB) []string                // what is there beside whole blobs
}

func sites(t testing.TB) map[string]func(t testing.TB) site {
	t.Helper()
	return map[string]func(testing.TB) site{"folder": folderSite, "database": databaseSite, "s3": s3Site}
}

func folderSite(t testing.TB) site {
	path := filepath.Join(t.TempDir(), "blobs")
	file := func(ref Ref) string { return filepath.Join(path, ref.SHA256[:2], ref.SHA256[2:]) }
	return site{
		open: func(t testing.TB) Store {
			f, err := OpenFolder(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = f.Close() })
			return f
		},
		damage: func(t testing.TB, ref Ref) { flip(t, file(ref)) },
		lose:   func(t testing.TB, ref Ref) { cut(t, file(ref), ref.Size/2) },
		age: func(t testing.TB, ref Ref, d time.Duration) {
			at := time.Now().Add(-d)
			if err := os.Chtimes(file(ref), at, at); err != nil {
				t.Fatal(err)
			}
		},
		beside: func(t testing.TB) []string { return names(t, filepath.Join(path, tmpDir)) },
	}
}

func databaseSite(t testing.TB) site {
	url, schema := pgtest.Schema(t)
	exec := func(t testing.TB, sql string) {
		t.Helper()
		pgtest.Exec(t, url, "SET search_path = "+schema+"; "+sql)
	}
	chunks := func(ref Ref) string {
		return " WHERE blob = (SELECT id FROM blobs WHERE sha256 = '" + ref.SHA256 + "') AND seq = (SELECT max(seq) FROM blob_chunks c WHERE c.blob = blob_chunks.blob)"
	}
	return site{
		open: func(t testing.TB) Store { return openTestDatabase(t, url, schema) },
		damage: func(t testing.TB, ref Ref) {
			exec(t, "UPDATE blob_chunks SET data = set_byte(data, 0, 255 - get_byte(data, 0))"+chunks(ref))
		},
		lose: func(t testing.TB, ref Ref) { exec(t, "DELETE FROM blob_chunks"+chunks(ref)) },
		age: func(t testing.TB, ref Ref, d time.Duration) {
			exec(t, "UPDATE blobs SET stored_at = now() - interval '"+d.String()+"' WHERE sha256 = '"+ref.SHA256+"'")
		},
		beside: func(t testing.TB) []string {
			return column(t, url, schema, `SELECT 'blob ' || id FROM blobs WHERE sha256 IS NULL
				UNION ALL SELECT 'chunk of ' || blob FROM blob_chunks WHERE blob NOT IN (SELECT id FROM blobs WHERE sha256 IS NOT NULL)`)
		},
	}
}

func openTestDatabase(t testing.TB, url, schema string) *Database {
	t.Helper()
	store, err := postgres.Open(t.Context(), postgres.Config{URL: url, Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	d, err := OpenDatabase(t.Context(), store, filepath.Join(t.TempDir(), "tmp"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = d.Close(), store.Close() })
	return d
}

func column(t testing.TB, url, schema, query string) []string {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url) //nolint:usetesting // also at the end of a test
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:usetesting // as above
	if _, err := conn.Exec(t.Context(), "SET search_path = "+schema); err != nil {
		t.Fatal(err)
	}
	rows, err := conn.Query(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func s3Site(t testing.TB) site { return s3SiteOn(t, sharedS3(t)) }

func s3SiteOn(t testing.TB, server *s3Server) site {
	l := server.bucket(t)
	file := func(ref Ref) string {
		return server.file(l, l.Prefix+"/"+ref.SHA256[:2]+"/"+ref.SHA256)
	}
	return site{
		open:   func(t testing.TB) Store { return server.open(t, l) },
		damage: func(t testing.TB, ref Ref) { flip(t, file(ref)) },
		lose:   func(t testing.TB, ref Ref) { cut(t, file(ref), ref.Size/2) },
		age: func(t testing.TB, ref Ref, d time.Duration) {
			at := time.Now().Add(-d)
			if err := os.Chtimes(file(ref), at, at); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(file(ref)+storedMark, at, at); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
		},
		beside: func(t testing.TB) []string {
			var found []string
			err := filepath.WalkDir(server.file(l, ""), func(path string, d os.DirEntry, err error) error {
				if err == nil && !d.IsDir() && !isHash(d.Name()) && !strings.HasSuffix(path, storedMark) {
					found = append(found, path)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return found
		},
	}
}

func flip(t testing.TB, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 0xff
	write(t, path, data)
}

func cut(t testing.TB, path string, size int64) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, data[:size])
}

// write changes a file in place: what is known of it stays.
func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func names(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, e := range entries {
		found = append(found, e.Name())
	}
	return found
}

// noise is bytes that nothing compresses.
func noise(size int64) []byte {
	data := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(size), byte(size >> 8), byte(size >> 16)}).Read(data)
	return data
}

func refOf(data []byte) Ref {
	h := sha256.Sum256(data)
	return Ref{SHA256: hexSum(h[:]), Size: int64(len(data))}
}

func store(t testing.TB, s Store, data []byte) Ref {
	t.Helper()
	ref, err := s.Put(t.Context(), bytes.NewReader(data), 0)
	if err != nil {
		t.Fatal(err)
	}
	if want := refOf(data); ref != want {
		t.Fatalf("Put: %v, want %v", ref, want)
	}
	return ref
}

func holds(t testing.TB, s Store, data []byte) {
	t.Helper()
	file, err := s.Open(t.Context(), refOf(data).SHA256)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	got, err := io.ReadAll(file)
	if err != nil || !bytes.Equal(got, data) || file.Size() != int64(len(data)) {
		t.Fatalf("Open: %d bytes, size %d, %v; want %d bytes", len(got), file.Size(), err, len(data))
	}
	// Readers want any piece at any time.
	if n := len(data); n > 10 {
		piece := make([]byte, 5)
		if _, err := file.ReadAt(piece, int64(n/2)); err != nil || !bytes.Equal(piece, data[n/2:n/2+5]) {
			t.Fatalf("ReadAt: %x, %v", piece, err)
		}
	}
}

func fails(t testing.TB, s Store, ref Ref, want error, code string) {
	t.Helper()
	file, err := s.Open(t.Context(), ref.SHA256)
	if err == nil {
		_ = file.Close()
	}
	if !errors.Is(err, want) || jobs.Code(err) != code {
		t.Fatalf("Open: %v, want %v", err, want)
	}
}

func nothingBeside(t testing.TB, p site) {
	t.Helper()
	if left := p.beside(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func walk(t testing.TB, s Store) []Ref {
	t.Helper()
	var found []Ref
	for e, err := range s.Walk(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if d := time.Since(e.Stored); d < -time.Minute || d > 1000*time.Hour {
			t.Errorf("%s is %v old", e.SHA256, d)
		}
		found = append(found, e.Ref)
	}
	return found
}

// TestStores holds each kind of store to the contract of Store.
func TestStores(t *testing.T) {
	t.Parallel()
	contract := map[string]func(t *testing.T, p site){
		"put and open": testPutAndOpen, "limit": testLimit, "large": testLarge, "at once": testAtOnce,
		"damaged": testDamaged, "lost": testLost, "missing": testMissing, "remove": testRemove, "renewed": testRenewed,
		"sweep": testSweep, "sweep against put": testSweepAgainstPut, "walk": testWalk, "probe": testProbe,
		"cancelled": testCancelled, "reader fails": testReaderFails,
	}
	for kind, at := range sites(t) {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			for name, test := range contract {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(t, at(t))
				})
			}
		})
	}
}

func testPutAndOpen(t *testing.T, p site) {
	s := p.open(t)
	for _, size := range []int64{0, 1, 1000, chunkSize - 1, chunkSize, chunkSize + 1, 9*chunkSize + 17} {
		data := noise(size)
		store(t, s, data)
		holds(t, p.open(t), data)
	}
	nothingBeside(t, p)
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if s.Location().String() == "" {
		t.Error("no location for messages")
	}
}

func testLimit(t *testing.T, p site) {
	s := p.open(t)
	for _, size := range []int64{5, 2*chunkSize + 1} {
		data := noise(size)
		if _, err := s.Put(t.Context(), bytes.NewReader(data), size); err != nil {
			t.Fatalf("at the limit: %v", err)
		}
		endless := io.MultiReader(bytes.NewReader(noise(size)), strings.NewReader("x"), iotest.ErrReader(errors.New("read too far")))
		if _, err := s.Put(t.Context(), endless, size); !errors.Is(err, ErrTooLarge) || jobs.Code(err) != CodeTooLarge {
			t.Fatalf("over the limit: %v", err)
		}
	}
	nothingBeside(t, p)
}

func testLarge(t *testing.T, p site) {
	s := p.open(t)
	data := noise(40 << 20)
	store(t, s, data)
	holds(t, s, data)
	store(t, s, data) // there already
	nothingBeside(t, p)
}

func testAtOnce(t *testing.T, p site) {
	data := noise(3*chunkSize + 1)
	var wg sync.WaitGroup
	for range 4 {
		s := p.open(t)
		for range 2 {
			wg.Go(func() {
				if ref, err := s.Put(t.Context(), bytes.NewReader(data), 0); err != nil || ref != refOf(data) {
					t.Errorf("%v, %v", ref, err)
				}
			})
		}
	}
	wg.Wait()
	s := p.open(t)
	holds(t, s, data)
	if found := walk(t, s); len(found) != 1 {
		t.Errorf("kept %d times", len(found))
	}
	nothingBeside(t, p)
}

func testDamaged(t *testing.T, p site) {
	s := p.open(t)
	data := noise(3*chunkSize + 100)
	ref := store(t, s, data)
	p.damage(t, ref)
	fails(t, s, ref, ErrChanged, CodeChanged)
	store(t, s, data)
	holds(t, s, data)
	nothingBeside(t, p)
}

func testLost(t *testing.T, p site) {
	s := p.open(t)
	data := noise(3*chunkSize + 100)
	ref := store(t, s, data)
	p.lose(t, ref)
	fails(t, s, ref, ErrChanged, CodeChanged)
	store(t, s, data)
	holds(t, s, data)
	nothingBeside(t, p)
}

func testMissing(t *testing.T, p site) {
	s := p.open(t)
	hash := refOf([]byte("x")).SHA256
	for _, name := range []string{"", "..", "../" + hash[:61], hash[:63], hash + "0", strings.ToUpper(hash), strings.Repeat("g", 64), strings.Repeat("\x00", 64), hash} {
		fails(t, s, Ref{SHA256: name}, ErrMissing, CodeMissing)
		if removed, err := s.Remove(t.Context(), name); removed || (err == nil) != (name == hash) {
			t.Errorf("Remove(%q): %v, %v", name, removed, err)
		}
	}
}

func testRemove(t *testing.T, p site) {
	s := p.open(t)
	young, old := noise(100), noise(10*chunkSize)
	store(t, s, young)
	p.age(t, refOf(young), 23*time.Hour)
	p.age(t, store(t, s, old), 25*time.Hour)
	for _, data := range [][]byte{young, old} {
		want := &data[0] == &old[0]
		if removed, err := s.Remove(t.Context(), refOf(data).SHA256); removed != want || err != nil {
			t.Fatalf("Remove: %v, %v, want %v", removed, err, want)
		}
	}
	holds(t, s, young)
	fails(t, s, refOf(old), ErrMissing, CodeMissing)
	if removed, err := s.Remove(t.Context(), refOf(old).SHA256); removed || err != nil {
		t.Errorf("again: %v, %v", removed, err)
	}
	nothingBeside(t, p)
	store(t, s, old)
	holds(t, s, old)
}

func testRenewed(t *testing.T, p site) {
	s := p.open(t)
	data := noise(2 * chunkSize)
	for range 2 { // the second time there is more to renew
		p.age(t, store(t, s, data), 48*time.Hour)
	}
	ref := store(t, s, data)
	if removed, err := s.Remove(t.Context(), ref.SHA256); removed || err != nil {
		t.Fatalf("Remove right after Put: %v, %v", removed, err)
	}
	for e, err := range s.Walk(t.Context()) {
		if err != nil || time.Since(e.Stored) > time.Hour {
			t.Errorf("Walk: %v, %v", e, err)
		}
	}
}

func testSweep(t *testing.T, p site) {
	s := p.open(t)
	used, young, old := noise(10), noise(11), noise(2*chunkSize)
	p.age(t, store(t, s, used), 100*time.Hour)
	p.age(t, store(t, s, young), 23*time.Hour)
	p.age(t, store(t, s, old), 25*time.Hour)
	var asked []string
	swept, err := s.Sweep(t.Context(), func(_ context.Context, hashes []string) (map[string]bool, error) {
		asked = append(asked, hashes...)
		return map[string]bool{refOf(used).SHA256: true}, nil
	})
	if err != nil || swept != (Swept{Blobs: 1, Bytes: int64(len(old))}) {
		t.Fatalf("Sweep: %+v, %v", swept, err)
	}
	want := []string{refOf(used).SHA256, refOf(old).SHA256}
	if slices.Sort(want); !slices.Equal(asked, want) {
		t.Errorf("asked about %v, want %v", asked, want)
	}
	holds(t, s, used)
	holds(t, s, young)
	fails(t, s, refOf(old), ErrMissing, CodeMissing)

	down := errors.New("nobody can tell who refers to it")
	if _, err := s.Sweep(t.Context(), func(context.Context, []string) (map[string]bool, error) { return nil, down }); !errors.Is(err, down) {
		t.Errorf("Sweep: %v", err)
	}
	holds(t, s, used)
}

func testSweepAgainstPut(t *testing.T, p site) {
	s, other := p.open(t), p.open(t)
	data := noise(chunkSize + 1)
	p.age(t, store(t, s, data), 25*time.Hour)
	swept, err := s.Sweep(t.Context(), func(context.Context, []string) (map[string]bool, error) {
		store(t, other, data)
		return nil, nil
	})
	if err != nil || swept.Blobs != 0 {
		t.Fatalf("Sweep: %+v, %v", swept, err)
	}
	holds(t, s, data)
}

func testWalk(t *testing.T, p site) {
	s := p.open(t)
	var want []Ref
	for size := range int64(30) {
		data := noise(size)
		want = append(want, store(t, s, data))
		if size%3 == 0 {
			store(t, s, data) // stored again
		}
	}
	slices.SortFunc(want, func(a, b Ref) int { return strings.Compare(a.SHA256, b.SHA256) })
	if got := walk(t, s); !slices.Equal(got, want) {
		t.Errorf("Walk: %v, want %v", got, want)
	}
	for _, err := range s.Walk(t.Context()) {
		if err != nil {
			t.Error(err)
		}
		break // a walk may end early
	}
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	for _, err := range s.Walk(ctx) {
		if !errors.Is(err, stop) {
			t.Errorf("cancelled: %v", err)
		}
	}
}

func testProbe(t *testing.T, p site) {
	s := p.open(t)
	if err := s.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	nothingBeside(t, p)
	if found := walk(t, s); len(found) > 0 {
		t.Errorf("the probe left %v", found)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Probe(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func testCancelled(t *testing.T, p site) {
	s := p.open(t)
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	r := io.MultiReader(bytes.NewReader(noise(3*chunkSize)), readerFunc(func([]byte) (int, error) { cancel(stop); return 1, nil }))
	if _, err := s.Put(ctx, r, 0); !errors.Is(err, stop) {
		t.Fatalf("Put: %v, want the cause", err)
	}
	ref := store(t, s, noise(10))
	if _, err := s.Open(ctx, ref.SHA256); !errors.Is(err, stop) {
		t.Errorf("Open: %v, want the cause", err)
	}
	nothingBeside(t, p)
}

func testReaderFails(t *testing.T, p site) {
	s := p.open(t)
	gone := errors.New("client went away")
	for _, size := range []int64{0, 10, 3*chunkSize + 10} {
		r := io.MultiReader(bytes.NewReader(noise(size)), iotest.ErrReader(gone))
		if _, err := s.Put(t.Context(), r, 0); !errors.Is(err, gone) || errors.Is(err, jobs.ErrUnavailable) {
			t.Errorf("Put: %v, want the reader's own error", err)
		}
	}
	if found := walk(t, s); len(found) > 0 {
		t.Errorf("stored %v", found)
	}
	nothingBeside(t, p)
}

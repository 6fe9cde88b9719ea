package blob

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

func open(t *testing.T) *Folder {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "deep", "blobs"))
}

func openAt(t *testing.T, path string) *Folder {
	t.Helper()
	f, err := OpenFolder(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func put(t *testing.T, f *Folder, data string) Ref {
	t.Helper()
	ref, err := f.Put(t.Context(), strings.NewReader(data), 0)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func (f *Folder) file(ref Ref) string {
	return filepath.Join(f.path, ref.SHA256[:2], ref.SHA256[2:])
}

func sum(data string) string {
	h := sha256.Sum256([]byte(data))
	return hexSum(h[:])
}

// age makes a file look as old as d.
func age(t *testing.T, path string, d time.Duration) {
	t.Helper()
	at := time.Now().Add(-d)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func noTemp(t *testing.T, f *Folder) {
	t.Helper()
	left, err := os.ReadDir(filepath.Join(f.path, tmpDir))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range left {
		t.Errorf("temporary file left: %s", e.Name())
	}
}

func TestPutAndOpen(t *testing.T) {
	t.Parallel()
	f := open(t)
	for _, data := range []string{"", "a", strings.Repeat("long ", 200_000)} {
		ref := put(t, f, data)
		if want := (Ref{SHA256: sum(data), Size: int64(len(data))}); ref != want {
			t.Fatalf("Put: got %v, want %v", ref, want)
		}
		file, err := f.Open(t.Context(), ref.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(file)
		if err != nil || string(got) != data || file.Size() != ref.Size {
			t.Fatalf("Open: %d bytes, size %d, error %v; want %d bytes", len(got), file.Size(), err, len(data))
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	noTemp(t, f)
	var n int
	for _, err := range f.Walk(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 3 {
		t.Errorf("Walk found %d blobs, want 3", n)
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	f := open(t)
	ref := put(t, f, "secret")
	err := filepath.WalkDir(f.path, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: mode %v is open to others", path, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(f.file(ref)); err != nil {
		t.Fatal(err)
	}
}

func TestPutAgainRenews(t *testing.T) {
	t.Parallel()
	f := open(t)
	ref := put(t, f, "twice")
	age(t, f.file(ref), 48*time.Hour)
	if again := put(t, f, "twice"); again != ref {
		t.Fatalf("got %v, want %v", again, ref)
	}
	if removed, err := f.Remove(t.Context(), ref.SHA256); removed || err != nil {
		t.Fatalf("Remove right after Put: %v, %v", removed, err)
	}
	noTemp(t, f)
}

func TestPutReplacesDamaged(t *testing.T) {
	t.Parallel()
	f := open(t)
	ref := put(t, f, "whole")
	if err := os.WriteFile(f.file(ref), []byte("wrong"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Open(t.Context(), ref.SHA256); !errors.Is(err, ErrChanged) || jobs.Code(err) != CodeChanged {
		t.Fatalf("Open of changed bytes: %v", err)
	}
	put(t, f, "whole")
	file, err := f.Open(t.Context(), ref.SHA256)
	if err != nil {
		t.Fatalf("after storing again: %v", err)
	}
	_ = file.Close()
}

func TestPutLimit(t *testing.T) {
	t.Parallel()
	f := open(t)
	if _, err := f.Put(t.Context(), strings.NewReader("12345"), 5); err != nil {
		t.Fatalf("at the limit: %v", err)
	}
	endless := io.MultiReader(strings.NewReader("123456"), iotest.ErrReader(errors.New("read too far")))
	_, err := f.Put(t.Context(), endless, 5)
	if !errors.Is(err, ErrTooLarge) || jobs.Code(err) != CodeTooLarge {
		t.Fatalf("over the limit: %v", err)
	}
	noTemp(t, f)
}

func TestPutFaults(t *testing.T) {
	t.Parallel()
	gone := errors.New("client went away")
	tests := []struct {
		name   string
		damage func(f *Folder)
		from   io.Reader
		want   error
		store  bool // a *jobs.StoreError with a hint
	}{
		{name: "reader", from: io.MultiReader(strings.NewReader("half"), iotest.ErrReader(gone)), want: gone},
		{name: "fsync of the file", damage: func(f *Folder) { f.sys.syncFile = func(*os.File) error { return syscall.ENOSPC } }, want: syscall.ENOSPC, store: true},
		{name: "rename", damage: func(f *Folder) { f.sys.rename = func(*os.Root, string, string) error { return syscall.EROFS } }, want: syscall.EROFS, store: true},
		{name: "fsync of the folder", damage: func(f *Folder) { f.sys.syncDir = func(*os.Root, string) error { return syscall.EDQUOT } }, want: syscall.EDQUOT, store: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := open(t)
			if tt.damage != nil {
				tt.damage(f)
			}
			if tt.from == nil {
				tt.from = strings.NewReader("data")
			}
			_, err := f.Put(t.Context(), tt.from, 0)
			if !errors.Is(err, tt.want) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			se, ok := errors.AsType[*jobs.StoreError](err)
			if ok != tt.store || ok && (se.Hint == "" || !errors.Is(err, jobs.ErrUnavailable)) {
				t.Errorf("error %#v: want a store error with a hint: %v", err, tt.store)
			}
			noTemp(t, f)
		})
	}
}

// The order of what makes a blob durable: bytes, name, folder, folder above.
func TestPutOrder(t *testing.T) {
	t.Parallel()
	f := open(t)
	var got []string
	f.sys.syncFile = func(*os.File) error { got = append(got, "file"); return nil }
	f.sys.syncDir = func(_ *os.Root, name string) error { got = append(got, "dir "+name); return nil }
	f.sys.rename = func(root *os.Root, from, to string) error { got = append(got, "rename"); return root.Rename(from, to) }
	ref := put(t, f, "ordered")
	dir := "dir " + ref.SHA256[:2]
	if want := "file,rename," + dir + ",dir ."; strings.Join(got, ",") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	got = nil
	put(t, f, "ordered")
	if want := dir + ",dir ."; strings.Join(got, ",") != want {
		t.Errorf("bytes that were there: got %v, want %s", got, want)
	}
}

func TestPutCancelled(t *testing.T) {
	t.Parallel()
	f := open(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	r := io.MultiReader(strings.NewReader("first"), readerFunc(func([]byte) (int, error) { cancel(stop); return 1, nil }))
	if _, err := f.Put(ctx, r, 0); !errors.Is(err, stop) {
		t.Fatalf("got %v, want the cause", err)
	}
	noTemp(t, f)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestPutAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "blobs")
	a, b := openAt(t, path), openAt(t, path)
	data := bytes.Repeat([]byte("same "), 10_000)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			f := a
			if i%2 == 0 {
				f = b
			}
			if _, err := f.Put(t.Context(), bytes.NewReader(data), 0); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	file, err := a.Open(t.Context(), sum(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
	noTemp(t, a)
}

func TestHostileNames(t *testing.T) {
	t.Parallel()
	f := open(t)
	outside := filepath.Join(filepath.Dir(f.path), "outside")
	if err := os.WriteFile(outside, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	hash := sum("x")
	for _, name := range []string{
		"", "..", "../outside", "/etc/passwd", hash[:63], hash + "0", strings.ToUpper(hash), strings.Repeat("g", 64),
		"../" + hash[:61], hash[:2] + "/" + hash[:61], strings.Repeat(".", 64), strings.Repeat("\x00", 64), strings.Repeat("é", 32), hash,
	} {
		_, err := f.Open(t.Context(), name)
		if !errors.Is(err, ErrMissing) || jobs.Code(err) != CodeMissing {
			t.Errorf("Open(%q): %v, want ErrMissing", name, err)
		}
		if removed, err := f.Remove(t.Context(), name); removed || name != hash && err == nil {
			t.Errorf("Remove(%q): %v, %v", name, removed, err)
		}
	}
	// A link that leads out of the folder is not followed.
	if err := os.Mkdir(filepath.Join(f.path, hash[:2]), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, f.file(Ref{SHA256: hash})); err != nil {
		t.Skip("no symbolic links:", err)
	}
	if file, err := f.Open(t.Context(), hash); err == nil {
		_ = file.Close()
		t.Error("a link out of the folder was followed")
	}
	if put(t, f, "x"); t.Failed() {
		return
	}
	file, err := f.Open(t.Context(), hash)
	if err != nil {
		t.Fatalf("the link was not replaced: %v", err)
	}
	_ = file.Close()
}

func TestOpenFaults(t *testing.T) {
	t.Parallel()
	if _, err := OpenFolder(t.Context(), "/dev/null/blobs"); !errors.Is(err, jobs.ErrUnavailable) {
		t.Errorf("a folder that cannot be: %v", err)
	}
	f := open(t)
	ref := put(t, f, "data")
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	cancel(stop)
	if _, err := f.Open(ctx, ref.SHA256); !errors.Is(err, stop) {
		t.Errorf("cancelled: %v", err)
	}
}

// A folder that cannot be written says so, says what to do, and can still be
// read.
func TestReadOnlyFolder(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere: run the tests as another user to see this one")
	}
	f := open(t)
	ref := put(t, f, "there before")
	for _, dir := range []string{filepath.Join(f.path, tmpDir), f.path} {
		if err := os.Chmod(dir, 0o500); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	}
	again := openAt(t, f.path)
	_, err := again.Put(t.Context(), strings.NewReader("new"), 0)
	se, ok := errors.AsType[*jobs.StoreError](err)
	if !ok || !strings.Contains(se.Hint, "owner") || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("Put: %v", err)
	}
	file, err := again.Open(t.Context(), ref.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
}

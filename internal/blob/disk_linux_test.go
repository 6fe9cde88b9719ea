package blob

import (
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mivaa/mivaa/jobs"
)

// A disk that is full loses nothing and says what to do.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=1m"); err != nil {
		t.Skip("mounting is refused; TestPutFaults has the injected fault:", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	f := openAt(t, filepath.Join(disk, "blobs"))
	ref := put(t, f, "there before")
	_, err := f.Put(t.Context(), io.LimitReader(rand.NewChaCha8([32]byte{}), 4<<20), 0)
	se, ok := errors.AsType[*jobs.StoreError](err)
	if !ok || !errors.Is(err, syscall.ENOSPC) || !strings.Contains(se.Hint, "full") {
		t.Fatalf("Put on a full disk: %v", err)
	}
	noTemp(t, f)
	file, err := f.Open(t.Context(), ref.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
	put(t, f, "room again")
	if _, err := os.Stat(f.file(ref)); err != nil {
		t.Error(err)
	}
}

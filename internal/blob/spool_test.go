package blob

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// What a death left of copies goes when the folder is opened; what others keep
// there does not.
func TestSpoolSweepsItsOwn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"copy-OLD", "letter.txt"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, fileMode); err != nil {
			t.Fatal(err)
		}
		age(t, path, MinAge+time.Hour)
	}
	s, err := openSpool(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if _, err := os.Stat(filepath.Join(dir, "copy-OLD")); !os.IsNotExist(err) {
		t.Errorf("an old copy is there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "letter.txt")); err != nil {
		t.Errorf("another's file is gone: %v", err)
	}
}

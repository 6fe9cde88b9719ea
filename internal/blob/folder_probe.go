package blob

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
)

// Probe writes a few bytes as Put does, reads them back and deletes them, to
// tell whether the folder works. Errors are *jobs.StoreError; what ctx says.
func (f *Folder) Probe(ctx context.Context) error {
	const op = "probe blob store"
	t, err := f.newTemp()
	if err != nil {
		return trouble(op, err)
	}
	defer t.drop()
	want := []byte(rand.Text())
	if _, err := fill(ctx, t.file, bytes.NewReader(want), 0); err != nil {
		return err
	}
	if err := f.sys.syncFile(t.file); err != nil {
		return trouble(op, err)
	}
	if err := f.sys.syncDir(f.root, tmpDir); err != nil {
		return trouble(op, err)
	}
	got := make([]byte, len(want))
	if _, err := t.file.ReadAt(got, 0); err != nil && err != io.EOF {
		return trouble(op, err)
	}
	if !bytes.Equal(got, want) {
		return trouble(op, fmt.Errorf("read other bytes than were written"))
	}
	if err := f.root.Remove(t.name); err != nil && !closesBeforeRename {
		return trouble(op, err)
	}
	return nil
}
